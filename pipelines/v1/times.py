"""Report on the times of a v1 log: zones and dates that are assumed, ambiguous or unknown."""

from __future__ import annotations

from collections.abc import Iterator

from codec.shown_text import counted
from codec.v1.dates import Clues
from codec.v1.mapping import Mapped
from codec.v1.text import LineNumbers
from pipelines.outcomes.findings import Finding


class Times:
    """Collects the findings on the times of one log."""

    def __init__(self, name: str, clues: Clues) -> None:
        self._name = name
        self._clues = clues
        self._assumed = 0
        self._unread: dict[str, list[int]] = {}  # by zone: where the sessions begin
        self.ambiguous: list[int] = []

    def add(self, mapped: Mapped, start: int) -> None:
        """Add a session and the position of its heading."""
        self._assumed += mapped.assumed_zone
        if mapped.unread_zone:
            self._unread.setdefault(mapped.unread_zone, []).append(start)

    def findings(self, lines: LineNumbers) -> Iterator[Finding]:
        """Yield a finding for each assumption, and for each time that could not be read."""
        if self._assumed:
            yield Finding(
                code="assumed-zone",
                message=f"{counted(self._assumed, 'time')} without a zone,"
                f" read as {self._clues.zone}",
                level="note",
                file=self._name,
                hint="Pass another with --timezone",
            )
        told = [(starts[0], zone, len(starts)) for zone, starts in self._unread.items()]
        told += [(self.ambiguous[0], "", len(self.ambiguous))] if self.ambiguous else []
        for start, zone, number in sorted(told):
            line = lines.at(start)
            if zone:
                yield Finding(
                    code="unread-zone",
                    message=f"{counted(number, 'time')} in the zone {zone}, read as "
                    f"{self._clues.zone} because {zone} is unknown or ambiguous",
                    file=self._name,
                    line=line,
                    hint=f"Pass --zone {zone}=+HH:MM, or --timezone Region/City",
                )
            else:
                yield Finding(
                    code="ambiguous-date",
                    message=f"{counted(number, 'session')} with an ambiguous date"
                    " (day or month first), kept as text only",
                    file=self._name,
                    line=line,
                    hint="Pass --dates dmy or --dates mdy",
                )
