"""What a question is answered with: a table."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.findings import Finding

Cell = str | int | float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The names of the columns, the rows, and what was noticed."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    findings: tuple[Finding, ...] = ()
