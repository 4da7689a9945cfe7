"""The scaling table of the specification, measured.

1. Workspaces of 10 to 10,000 sessions are the beginnings of one log of real patches, each with the
   files from which the sample's references are built: a context without them would look cheap.
2. The figures are those that `verify` prints. v1 is the whole log, v2 what `context` prints.
3. With `--write` they go into docs/tokens.md, with tokenizer and day, beside the figures of the
   specification; a promise that is not met is listed.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.claude import ClaudeCounter, is_installed
from bench.corpus import ORIGIN, SHARED, beginning
from bench.process import apart
from bench.table import Text
from bench.verbs import Setting, verb

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs") / "tokens.md"
SIZES: Final = (10, 100, 1_000, 10_000)
#: SCALE_CODEC.md, scaling projections: v1 and v2 tokens, per cent, dollars.
SPECIFIED: Final = {
    10: (5_000, 250, 95.0, 0.71),
    100: (50_000, 300, 99.4, 7.43),
    1_000: (500_000, 500, 99.9, 74.78),
    10_000: (5_000_000, 1_000, 99.98, 747.85),
}
#: The same, token analysis: what the last 5 sessions save, per cent.
SPECIFIED_WINDOW: Final = 90.0
_LOG: Final = "AGENT_PROGRESS_LOG.md"
_FINDINGS: Final = 3
_PART = re.compile(r"(<!-- measured: scaling -->\n).*?(<!-- end of the measured scaling -->)", re.S)


class Price(NamedTuple):
    """What a million input tokens of a model cost, in dollars; where and when that was read."""

    model: str
    usd: float
    source: str
    read: str
    seen_in: str

    def of(self, tokens: int) -> float:
        """Dollars for so many tokens."""
        return self.usd * tokens / 1e6


class Measured(NamedTuple):
    """A workspace, measured with one tokenizer.

    Attributes:
        name: the name of the log.
        sessions: how many it has.
        tokenizer: what counted.
        v1, v2: tokens of the whole log, and of what `context` prints.
        references: tokens of what is in that of the references.
        saved: per cent by baseline; only by `log` where `verify` has no such tokenizer.
    """

    name: str
    sessions: int
    tokenizer: str
    v1: int
    v2: int
    references: int
    saved: Mapping[str, float]


def scaling(setting: Setting) -> Iterator[Text]:
    """Measure; print the tables, and write them into the page where that was asked for."""
    price = prices()[0]
    found: list[Measured] = []
    for name, log, sessions in _logs(setting):
        folder = _workspace(setting, log)
        found.append(_by_verify(folder, name, sessions))
        if is_installed() and name != ORIGIN.name:
            found.append(apart(_by_claude, folder, name, sessions))
        yield Text(f"scaling      {name}, {sessions:,} sessions: measured")
    text = page(found, price, datetime.now(UTC).date().isoformat())
    yield Text(f"\n{text}")
    if setting.write:
        write(text)
        yield Text(f"written into {PAGE}")


def prices() -> list[Price]:
    """Read the prices of `prices.toml`."""
    tables = tomllib.loads((Path(__file__).parent / "prices.toml").read_text(encoding="utf-8"))
    return [Price(**table) for table in tables["price"]]


def page(found: Sequence[Measured], price: Price, day: str) -> str:
    """Return the measured part of the page."""
    counted = [m for m in found if m.sessions in SPECIFIED]
    names = list(dict.fromkeys(m.tokenizer for m in counted))
    claude = "" if len(names) > 1 else " Claude's own counter was not installed."
    made_up = "" if SHARED.exists() else " The patches are made up: the shared corpus was not here."
    return "\n".join(
        [
            f"Measured on {day} by `make bench-scaling`; tokens by {' and by '.join(names)}."
            f"{claude}{made_up} v1 is the whole log, v2 what `context` prints, with the sample's"
            f" references of {found[0].references:,} tokens in each. The cost is what one reading"
            f" saves at ${price.usd:g} for a million input tokens of {price.model}"
            f" ([list price]({price.source}), {price.read}).",
            "",
            *_scaling_table(counted, price),
            "",
            f"By baseline, as `verify` prints them, tokens by {found[0].tokenizer}:",
            "",
            *_baseline_table([m for m in found if len(m.saved) > 1]),
            "",
            *_not_reached(found, price),
        ]
    )


def write(text: str) -> None:
    """Write the text into the page, between its marks."""
    path = ROOT / PAGE
    before = path.read_text(encoding="utf-8")
    after, times = _PART.subn(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", before)
    if times != 1:
        raise ValueError(f"{path}: has no place for the measured scaling")
    path.write_text(after, encoding="utf-8", newline="\n")


def percent(value: float) -> str:
    """Per cent with two decimals, cut: what is not whole is never shown as 100."""
    return f"{math.floor(value * 100 + 1e-9) / 100:.2f} %"


def _logs(setting: Setting) -> Iterator[tuple[str, Path, int]]:
    """Yield the logs to measure: name, file, sessions."""
    if ORIGIN.exists():
        yield ORIGIN.name, ORIGIN, ORIGIN.read_bytes().count(b"\n### 20")
    for size in SIZES:
        path = setting.folder / f"scaling-{size}.md"
        beginning(setting.log, path, size)
        yield f"first {size:,}", path, size


def _workspace(setting: Setting, log: Path) -> Path:
    """Make a migrated workspace with the references of the sample."""
    folder = setting.fresh()
    subprocess.run(["git", "init", "-q", folder], check=True)
    shutil.copytree(ROOT / "fixtures" / "sample", folder, dirs_exist_ok=True)
    os.unlink(folder / _LOG)
    shutil.copy(log, folder / _LOG)
    verb("migrate", cwd=folder, good=(0, _FINDINGS))
    return folder


def _by_verify(folder: Path, name: str, sessions: int) -> Measured:
    output = folder / "verify.json"
    verb("verify", "--json", cwd=folder, output=output, good=(0, _FINDINGS))
    said: dict[str, Any] = json.loads(output.read_bytes())
    if said["sessions"] != sessions:
        raise ValueError(f"{name}: {said['sessions']} sessions instead of {sessions}")
    tokens = said["tokens"]
    by_name = {b["name"]: b for b in tokens["baselines"]}
    return Measured(
        name=name,
        sessions=sessions,
        tokenizer=tokens["tokenizer"],
        v1=by_name["log"]["before"],
        v2=by_name["log"]["after"],
        references=tokens["references"],
        saved={n: _saved(b["before"], b["after"]) for n, b in by_name.items()},
    )


def _by_claude(folder: Path, name: str, sessions: int) -> Measured:
    context = folder / "context.txt"
    verb("context", cwd=folder, output=context)
    counter = ClaudeCounter()
    paths = (folder / _LOG, context, folder / "PROJECT_REFERENCES.yaml")
    v1, v2, references = counter.count([path.read_text(errors="replace") for path in paths])
    return Measured(name, sessions, counter.name, v1, v2, references, {"log": _saved(v1, v2)})


def _saved(before: int, after: int) -> float:
    return 100 * (before - after) / before


def _scaling_table(found: Sequence[Measured], price: Price) -> Iterator[str]:
    yield ("| sessions | tokens by | v1 | v2 | saved | cost | specified: v1 | v2 | saved | cost |")
    yield "| ---: | --- |" + " ---: |" * 8
    for m in found:
        v1, v2, saved, cost = SPECIFIED[m.sessions]
        yield (
            f"| {m.sessions:,} | {m.tokenizer.partition(',')[0]} | {m.v1:,} | {m.v2:,}"
            f" | {percent(m.saved['log'])} | ${price.of(m.v1 - m.v2):,.2f}"
            f" | {v1:,} | {v2:,} | {saved:g} % | ${cost:,.2f} |"
        )


def _baseline_table(found: Sequence[Measured]) -> Iterator[str]:
    names = list(found[0].saved)
    yield f"| log | sessions | {' | '.join(f'`{name}`' for name in names)} |"
    yield "| --- |" + " ---: |" * (len(names) + 1)
    for m in found:
        log = f"the real {m.name}" if m.name == ORIGIN.name else m.name
        cells = " | ".join(percent(m.saved[name]) for name in names)
        yield f"| {log} | {m.sessions:,} | {cells} |"


def _not_reached(found: Sequence[Measured], price: Price) -> Iterator[str]:
    """Return the sentences on figures of the specification that were not reached."""
    lines = []
    for m in found:
        missed = "; ".join(_missed(m))
        if missed:
            name = "" if m.name == ORIGIN.name else f", {m.tokenizer.partition(',')[0]}"
            lines.append(f"- {m.name} ({m.sessions:,} sessions{name}): {missed}.")
    costs = [
        (price.of(m.v1 - m.v2), SPECIFIED[m.sessions][3]) for m in found if m.sessions in SPECIFIED
    ]
    missed_costs = [(cost, wanted) for cost, wanted in costs if cost < wanted]
    if missed_costs:
        (least, low), (most, high) = min(missed_costs), max(missed_costs)
        lines.append(
            f"- cost: ${least:,.2f} to ${most:,.2f} instead of ${low:,.2f} to ${high:,.2f}."
        )
    yield "Not reached, of what the specification promises:"
    yield ""
    yield from lines or ["- nothing."]


def _missed(m: Measured) -> Iterator[str]:
    window = m.saved.get("window", SPECIFIED_WINDOW)
    if window < SPECIFIED_WINDOW:
        yield f"`window` saves {percent(window)} instead of {SPECIFIED_WINDOW:g} %"
    if m.sessions not in SPECIFIED:
        return
    _, v2, saved, _ = SPECIFIED[m.sessions]
    if m.v2 > v2:
        yield f"v2 costs {m.v2:,} tokens instead of {v2:,}"
    if m.saved["log"] < saved:
        yield f"{percent(m.saved['log'])} saved instead of {saved:g} %"
