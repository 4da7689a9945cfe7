"""Collect the evidence for a file or a line, and grade it.

Lines are those of the file in the working tree. An uncommitted line is searched for in the diffs of
sessions.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from difflib import SequenceMatcher
from typing import NamedTuple

from codec.errors import CodecError
from codec.patches.changes import FileChange, changes_of
from codec.records import Session
from codec.shown_text import valid_text
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound, StorageError
from pipelines.search.evidence.file_history import blame, file_history, graph_with, names_of
from pipelines.search.evidence.grades import Evidence, of_file, of_line, of_new_line
from pipelines.search.evidence.hunks import Candidate
from pipelines.search.evidence.recorded import Recorded, ends_of
from pipelines.search.refresh import ask_index
from pipelines.system.fs.files import read_bytes, regular_size
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.git_queries import commit_of, repository_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest


class Place(NamedTuple):
    """A file, or a line of it.

    Attributes:
        path: the path relative to the top of the repository, with `/`.
        line: its number in the working tree, from 1; None for the whole file.
    """

    path: str
    line: int | None = None


class Why(NamedTuple):
    """The sessions behind a place.

    Attributes:
        place: the place in question.
        evidence: the best evidence of each session.
        commit: the commit that added the line; empty for a file or an uncommitted line.
        missing: the number of sessions whose diff is missing locally, and so cannot be compared.
    """

    place: Place
    evidence: list[Evidence]
    commit: str
    missing: int


def why(workspace: Workspace, place: Place) -> Why:
    """Return the sessions behind a file or a line.

    Raises:
        NotFound: there is no repository, no commit, or no such file or line.
        Denied, Unavailable: git cannot run.
    """
    repository = repository_of(workspace)
    head = commit_of(repository, "HEAD")
    if head is None:
        raise NotFound(f"HEAD: no commit yet in {repository.top}", hint="Commit first")
    number, text = _committed_line(workspace, place, head)
    history = file_history(repository, head, place.path)
    names = names_of(valid_text(place.path), history)
    manifest = read_manifest(workspace)
    candidates, missing = _candidates(workspace, manifest, names)
    sessions = list(manifest.sessions.values())
    recorded = Recorded(sessions, graph_with(repository, head, ends_of(sessions)), head)
    if place.line is not None and number is None:
        return Why(place, of_new_line(candidates, history, recorded, text), "", missing)
    if not history:
        is_folder = os.path.isdir(os.path.join(repository.top, *place.path.split("/")))
        hint = "It is a folder: name a file in it" if is_folder else None
        raise NotFound(f"{place.path}: no commit of HEAD has this file", hint=hint)
    if number is None:
        return Why(place, of_file(candidates, history, recorded), "", missing)
    line = blame(repository, head, place.path, number)
    evidence = of_line(candidates, history, recorded, line)
    return Why(place, evidence, line.commit, missing)


def _committed_line(workspace: Workspace, place: Place, head: str) -> tuple[int | None, bytes]:
    """Return the number that a line has at HEAD (None if it is new), and its text.

    Raises:
        NotFound: the file does not have the line.
    """
    if place.line is None:
        return None, b""
    repository = repository_of(workspace)
    path = os.path.join(repository.top, *place.path.split("/"))
    committed = read_blob(repository, f"{head}:{place.path}", plain=True)
    is_here = not os.path.islink(path) and regular_size(path) is not None
    if committed is None and not is_here:
        raise NotFound(
            f"{place.path}: no such file in the working tree or in HEAD",
            hint="Name it without a line to see the sessions that changed it",
        )
    before = _lines(committed or b"")
    now = _lines(read_bytes(path)) if is_here else before
    if not 1 <= place.line <= len(now):
        raise NotFound(
            f"{place.path} has no line {place.line}",
            hint=f"Use the number of an existing line; the file has {len(now)}",
        )
    text = now[place.line - 1]
    if now == before:
        return place.line, text
    for tag, start, _, new, end in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag == "equal" and new < place.line <= end:
            return start + place.line - new, text
    return None, text


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of a file without their ends, which git may convert."""
    lines = data.split(b"\n")
    return [x.removesuffix(b"\r") for x in (lines[:-1] if lines[-1] == b"" else lines)]


def _candidates(
    workspace: Workspace, manifest: Manifest, names: Collection[str]
) -> tuple[list[Candidate], int]:
    """Return the changes of a file in sessions' diffs, and the number of missing diffs.

    Args:
        workspace: the workspace of the sessions.
        manifest: the manifest of the workspace.
        names: the names that the file has or had.
    """
    touching, known = ask_index(workspace, lambda c: _touching(c, names), with_lines=False)
    store = Store(workspace, manifest=manifest)
    found: list[Candidate] = []
    missing = 0
    for session in manifest.sessions.values():
        sha256 = session.patch.sha256 if session.patch is not None else ""
        missing += bool(sha256) and sha256 not in known
        if sha256 in touching:
            found += [Candidate(session, c) for c in _changes(store, session, names)]
    return found, missing


def _touching(connection: sqlite3.Connection, names: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the diffs that change a file under one of its names, and all known diffs."""
    found: set[str] = set()
    query = "SELECT sha256 FROM patches JOIN paths ON patch = id WHERE path = ?"
    for name in names:
        found.update(sha256 for (sha256,) in connection.execute(query, (name,)))
    known = connection.execute("SELECT sha256 FROM patches")
    return found, {sha256 for (sha256,) in known}


def _changes(store: Store, session: Session, names: Collection[str]) -> list[FileChange]:
    """Return the changes of a file in a session's diff."""
    assert session.patch is not None
    try:
        data = store.read(session.key, session.patch)
    except (StorageError, CodecError):
        return []
    return [change for change in changes_of(data) if {change.old, change.new} & set(names)]
