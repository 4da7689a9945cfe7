"""Show the share of files with a known session, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from codec.shown_text import counted
from pipelines.cli.output import table
from pipelines.report.percentages import in_percent
from pipelines.search.evidence.attribution import Attribution

_MEANINGS: Final = {
    "blob": "the content that a session's diff leaves is in the file's history",
    "commit": "a session recorded a commit of the file",
    "hunk": "a session's diff adds the lines of a commit",
    "time": "only the time of a session fits: a guess",
    "none": "no session is known",
}


def attribution_lines(found: Attribution) -> Iterator[str]:
    """Return the sentences and the table."""
    yield from attribution_sentences(found)
    for line in table(attribution_rows(found), frozenset({1, 2})):
        yield f"  {line}"


def attribution_sentences(found: Attribution) -> Iterator[str]:
    """Return sentences that state what was counted, and what could not be counted."""
    if found.problem:
        yield f"attribution: not counted: {found.problem}"
    else:
        files = counted(found.files, "tracked file")
        yield f"attribution: {files}, each by the best evidence for a session"
    if found.missing:
        yield f"missing locally, and not compared: {counted(found.missing, 'diff')}"


def attribution_rows(found: Attribution) -> list[tuple[str, ...]]:
    """Return a header and one row for each grade."""
    return [
        ("grade", "files", "share", "evidence"),
        *(
            (grade, f"{count:,}", _share(count, found.files), _MEANINGS[grade])
            for grade, count in _counts(found).items()
        ),
    ]


def attribution_json(found: Attribution) -> dict[str, Any]:
    """Return the counts as JSON."""
    return {
        "files": found.files,
        "grades": _counts(found),
        "missing": found.missing,
        "problem": found.problem or None,
    }


def _counts(found: Attribution) -> dict[str, int]:
    return {**{str(g): n for g, n in found.grades.items()}, "none": found.unknown}


def _share(count: int, files: int) -> str:
    return in_percent(100 * count / files) if files else "-"
