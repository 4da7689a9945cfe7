"""One line per benchmark, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple, Protocol

from bench.process import Cost

#: A measured run and the run of its yardstick beside it.
Pair = tuple[Cost, Cost]

_COLUMNS: Final = "{:<13} {:<46} {:<44} {:>6}  {:<13} {}"
HEADER: Final = _COLUMNS.format("", "measured", "yardstick", "ratio", "min-max", "target")


class Line(Protocol):
    """What a benchmark gives."""

    def line(self) -> str:
        """As it is printed."""
        ...


class Text(NamedTuple):
    """Lines that stand as they are."""

    text: str

    def line(self) -> str:
        """Return the printed line."""
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: the benchmark.
        measured, yardstick: the two commands and their times.
        ratios: measured to yardstick, pair by pair.
        target: what it should be, `-` where nothing is promised.
        met: whether it is; None where nothing is promised.
    """

    name: str
    measured: str
    yardstick: str
    ratios: Sequence[float]
    target: str = "-"
    met: bool | None = None

    def line(self) -> str:
        """Return the row as it is printed."""
        spread = f"{min(self.ratios):.2f}-{max(self.ratios):.2f}"
        verdict = {None: "", True: "  met", False: "  MISSED"}[self.met]
        ratio = f"{median(self.ratios):.2f}"
        target = self.target + verdict
        return _COLUMNS.format(self.name, self.measured, self.yardstick, ratio, spread, target)


def compared(
    name: str,
    measured: str,
    yardstick: str,
    pairs: Sequence[Pair],
    *,
    most: float | None = None,
    seconds: float | None = None,
    peak: int | None = None,
) -> Row:
    """Return the row of two programs that ran in turn.

    Args:
        name: the benchmark.
        measured, yardstick: names of the programs.
        pairs: what each pair of runs took.
        most: what the ratio of the wall times should not exceed.
        seconds: what the measured wall time should not exceed.
        peak: megabytes that no measured run should reach.
    """
    ratios = [a.wall / b.wall for a, b in pairs]
    targets = []
    met = []
    if most is not None:
        targets.append(f"<= {most:g}")
        met.append(median(ratios) <= most)
    if seconds is not None:
        targets.append(f"<= {seconds:g} s")
        met.append(median(a.wall for a, _ in pairs) <= seconds)
    if peak is not None:
        targets.append(f"< {peak} MB")
        met.append(max(a.peak for a, _ in pairs) < peak * 1_000_000)
    return Row(
        name=name,
        measured=f"{measured} {_took([a for a, _ in pairs])}",
        yardstick=f"{yardstick} {_time(median(b.wall for _, b in pairs))}",
        ratios=ratios,
        target=", ".join(targets) or "-",
        met=all(met) if met else None,
    )


def _took(costs: Sequence[Cost]) -> str:
    wall, cpu = median(c.wall for c in costs), median(c.cpu for c in costs)
    peak = max(c.peak for c in costs)
    memory = f", {peak / 1e6:.0f} MB" if peak else ""
    return f"{_time(wall)}, cpu {_time(cpu)}{memory}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
