"""Name the sessions behind a file or a line."""

from __future__ import annotations

import os
from collections.abc import Iterator

from codec.shown_text import counted
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.search.evidence.why import Place, Why
from pipelines.search.evidence.why import why as evidence_of
from pipelines.workspace.git_queries import repository_of
from pipelines.workspace.location import Workspace


def why(workspace: Workspace, path: str) -> tuple[Why, tuple[Finding, ...]]:
    """Return the sessions behind `PATH` or `PATH:LINE`, and notes on missing evidence.

    Args:
        workspace: the workspace of the sessions.
        path: the absolute path; with `:` and a number for a line, unless a file has that name.

    Raises:
        NotFound: there is no repository, no such file or no such line.
    """
    found = evidence_of(workspace, _place(workspace, path))
    return found, tuple(_notes(found))


def _place(workspace: Workspace, path: str) -> Place:
    """Return the place that a user named.

    Raises:
        NotFound: it is not in the repository.
    """
    name, colon, number = path.rpartition(":")
    is_line = bool(colon) and number.isascii() and number.isdecimal() and not os.path.exists(path)
    top = os.path.realpath(repository_of(workspace).top)
    folder, base = os.path.split(name if is_line else path)
    real = os.path.join(os.path.realpath(folder), base)
    if os.path.commonpath([top, real]) != top:
        raise NotFound(f"{path}: not in the repository {top}")
    relative = os.path.relpath(real, top).replace(os.sep, "/")
    return Place(relative, int(number) if is_line else None)


def _notes(found: Why) -> Iterator[Finding]:
    if not found.evidence:
        where = f"commit {found.commit[:12]}" if found.commit else "the file or line"
        yield Finding(code="no-match", message=f"no session is known for {where}", level="note")
    if found.missing:
        yield Finding(
            code="absent",
            message=f"diffs of {counted(found.missing, 'session')} are missing"
            " and were not compared",
            level="note",
            hint="'session-codec restore --only diffs' gets them from a copy",
        )
