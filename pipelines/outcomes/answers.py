"""The answer to a question, as a table."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.outcomes.findings import Finding

Cell = str | int | float | None


class Answer(NamedTuple):
    """The names of the columns, the rows, and findings."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    findings: tuple[Finding, ...] = ()
