"""Write pending sessions to the tracked files, in one transaction.

1. The content is what verbs read (`workspace.reading`). If lines are only added, they are appended,
   else all files are replaced.
2. New sessions are put into the pending store when everything else is prepared, right before the
   transaction is committed. Failures come before that, and a recorded session is not lost with the
   tracked files. Outside of git, sessions are only in the tracked files.
3. A session stays in the store until it is committed (`recording.committed`). A verb that writes
   tracked files starts with `begin_writing`, so that the files contain everything that it read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterator, Sequence
from typing import Final, NamedTuple

from codec.errors import IntegrityError
from codec.manifest.fact_lines import read_fact
from codec.manifest.facts import Fact, Revision
from codec.manifest.jsonl import fact_digest
from codec.records import Session
from pipelines.outcomes.findings import Finding, torn_finding
from pipelines.recording.committed import release
from pipelines.system.fs.files import mapped, read_bytes, write_new
from pipelines.workspace import pending
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.journal import recover
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, Workspace
from pipelines.workspace.purged_diffs import purged_times
from pipelines.workspace.reading import (
    Overlay,
    head_of,
    read_overlay,
    rows_of,
    with_overlay,
)
from pipelines.workspace.tracked_files import at_end
from pipelines.workspace.transaction import Append, Replace, Transaction

#: The order in which files are written: a session exists once its delta line is written.
_FILES: Final = (MANIFEST, PROGRESS, METRICS, DELTAS)


class Flushed(NamedTuple):
    """The result of a flush.

    Attributes:
        sessions: new or changed sessions, as the manifest has them now.
        findings: the findings.
    """

    sessions: tuple[Session, ...] = ()
    findings: tuple[Finding, ...] = ()


def begin_writing(workspace: Workspace) -> str | None:
    """Complete an interrupted verb, then write pending sessions; return the name of that verb.

    The caller must hold the workspace's lock.

    Raises:
        Conflict: a journal or a store came with a clone, or belongs to another user.
        FormatError: this version cannot complete the journal.
    """
    recovered = recover(workspace)
    flush(workspace)
    return recovered


def flush(
    workspace: Workspace,
    new: Sequence[Session] = (),
    patches: Sequence[bytes] = (),
    exceptions: Sequence[Append] = (),
) -> Flushed:
    """Write pending sessions and new ones to the tracked files, under the lock.

    Args:
        workspace: the workspace of the files.
        new: sessions to record, with unique ids and keys.
        patches: the patches of the new sessions, without purged ones.
        exceptions: other appends in the same transaction.

    Raises:
        Conflict: a file is a link, or the store came with a clone or belongs to another user.
        Denied, Unavailable: a file cannot be written; nothing was recorded.
    """
    overlay = _overlay(workspace, new)
    if not overlay.lines:
        return Flushed()
    appends, replaces = _changes(workspace, overlay, {session.key for session in new})
    with Transaction(workspace, "record" if new else "flush") as transaction:
        _stage(workspace, transaction.staging, overlay, patches)
        transaction.prepare([*exceptions, *appends], replaces)
        if new and pending.shared_folder(workspace) is not None:
            pending.put(workspace, new, patches)
        transaction.commit()
    release(workspace)
    sessions = (*overlay.sessions, *(pair.becomes for pair in overlay.settled))
    torn = tuple(torn_finding(append.path) for append in appends if append.torn)
    return Flushed(sessions=sessions, findings=torn)


def keep_until_committed(
    workspace: Workspace, facts: Sequence[Fact], erased: frozenset[str] = frozenset()
) -> None:
    """Store the facts that are about to be written, and remove erased facts from the store.

    Outside of git, nothing is put into the store.

    Args:
        workspace: the workspace of the facts.
        facts: the facts to write; those about sessions are stored.
        erased: digests of the erased facts.
    """
    if pending.shared_folder(workspace) is not None:
        pending.put(workspace, [f for f in facts if isinstance(f, Session | Revision)])

    def without_erased(line: bytes) -> bytes | None:
        fact = read_fact(line)
        return None if fact is not None and fact_digest(fact) in erased else line

    if erased:
        pending.rewrite(workspace, without_erased)


def _overlay(workspace: Workspace, new: Sequence[Session]) -> Overlay:
    """Return the pending facts to write, without those that another branch has."""
    release(workspace)
    if read_overlay(workspace).lines:
        release(workspace, everywhere=True)
    return read_overlay(workspace, new)


def _changes(
    workspace: Workspace, overlay: Overlay, new: Container[str]
) -> tuple[list[Append], list[Replace]]:
    """Return the lines to append to the tracked files, or the files' replacements."""
    known = [s.key.encode() for s in overlay.sessions if s.key not in new]
    if overlay.settled or overlay.has_revisions or _have_rows(workspace, known):
        before = {name: read_bytes(workspace.path(name)) for name in _FILES}
        edits = [Replace(n, d, with_overlay(workspace, n, d, overlay)) for n, d in before.items()]
        return [], [edit for edit in edits if edit.before != edit.after]
    manifest = at_end(workspace, MANIFEST, "", b"".join(overlay.lines).decode())
    rows = (
        at_end(workspace, n, head_of(n), b"".join(rows_of(n, overlay.sessions)).decode())
        for n in _FILES[1:]
    )
    return [manifest, *rows], []


def _have_rows(workspace: Workspace, keys: Sequence[bytes]) -> bool:
    """Return True if a v2 file has a row of a given session, as after a partial checkout."""
    for name in _FILES[1:] if keys else ():
        with mapped(workspace.path(name)) as data:
            if any(data.find(key) >= 0 for key in keys):
                return True
    return False


def _stage(workspace: Workspace, staging: str, overlay: Overlay, patches: Sequence[bytes]) -> None:
    """Write the patches of sessions to a staging folder, except purged ones."""
    given = {hashlib.sha256(data).hexdigest(): data for data in patches}
    sessions = (*overlay.sessions, *(pair.becomes for pair in overlay.settled))
    named = [(s.key, s.patch) for s in sessions if s.patch is not None]
    # A merge may have added tombstones since a session was put into the store.
    purged = purged_times(workspace) if any(p.sha256 not in given for _, p in named) else {}
    for key, patch in named:
        if patch.sha256 in purged:
            continue
        data = given.get(patch.sha256) or pending.read_patch(workspace, patch.sha256, patch.size)
        name = names_of(key)[0]
        if data and not write_new(os.path.join(staging, name), data):
            raise IntegrityError("the diff does not read back as it was written", file=name)


def pending_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield notes on pending sessions, and a finding for each broken line in the store."""
    overlay = read_overlay(workspace)
    count = len(overlay.sessions) + len(overlay.settled)
    folders = [folder for folder in pending.folders(workspace) if pending.lines_in(folder)]
    if count:
        where = " and ".join(_shown(workspace, folder) for folder in folders)
        yield Finding(
            code="pending",
            message=f"sessions wait in {where} to be written to the tracked files: {count}",
            level="note",
            hint="'session-codec flush --commit' writes and commits them",
        )
    for folder in folders:
        for number, line in enumerate(pending.lines_in(folder), 1):
            if read_fact(line) is None:
                yield Finding(
                    code="pending-broken",
                    message="a line of the pending store is not a fact",
                    file=os.path.join(_shown(workspace, folder), pending.FACTS),
                    line=number,
                    hint="Record its session with 'session-codec record', and remove the line",
                )


def _shown(workspace: Workspace, folder: str) -> str:
    """Return the folder of a store as users name it: relative to the workspace, if it is inside."""
    inside = os.path.relpath(folder, workspace.root)
    return folder if inside.startswith(os.pardir) else inside.replace(os.sep, "/")
