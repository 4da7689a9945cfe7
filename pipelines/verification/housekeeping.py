"""Find problems of a workspace outside of the lines of its files; only damage is harmful.

These are missing lines for git, diffs under another name, unfinished files, an interrupted verb,
and damage that can be repaired byte for byte: the end of an archive, a diff that git has.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Container, Iterator, Mapping
from contextlib import nullcontext
from typing import Final, NamedTuple

from codec.agents.guide_block import BEGIN, GUIDE, block_state
from codec.errors import CodecError, FormatError, IntegrityError
from codec.kinds import Key
from codec.manifest.facts import Archive
from codec.records import Session
from pipelines.diffs.local_archives import (
    UNFINISHED,
    archive_folder,
    archive_names,
    ranges_of,
    shown,
)
from pipelines.diffs.store import Store, commits_of, patch_in
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.system.fs.files import read_bytes
from pipelines.system.fs.locks import unchanging
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.git_patches import remade
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.journal import is_pending
from pipelines.workspace.location import V1_LOG, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.tracked_files import git_appends
from pipelines.workspace.transaction import Replace

#: The files of agents to which `install` adds the block.
_TOLD: Final = ("AGENTS.md", "CLAUDE.md")
_BLOCK: Final = 1 << 20
_LEFTOVER: Final = re.compile(
    r"\.(?:manifest\.jsonl|SESSION_DELTAS\.log|PROJECT_METRICS\.tsv|AGENT_PROGRESS_LOG_v2\.md"
    r"|\d{4}-\d{2}-\d{2}.*\.diff)\.\d+\.tmp|journal(?:-[0-9a-f]{16})?\.tmp(?:\.payload)?"
)


class Rename(NamedTuple):
    """A diff under the name that its session had before a merge changed the key."""

    old: str
    new: str
    key: Key


class StoredRepair(NamedTuple):
    """A damaged file that can be repaired: the intact bytes, and a new end.

    Attributes:
        path: the absolute path of the file.
        file: the file, as a user would name it.
        start: the number of its bytes that stay.
        tail: the bytes after them.
        key: the key of the diff's session; None for an archive.
    """

    path: str
    file: str
    start: int
    tail: bytes
    key: Key | None = None


class Upkeep(NamedTuple):
    """The repairs outside of the lines of the tracked files.

    Attributes:
        git_edits: the edits of `.gitignore` and `.gitattributes`.
        renames: the renames of diffs.
        leftovers: the paths of files of interrupted runs, relative to the workspace.
        pending: a verb was interrupted after its commit; it is completed first.
        repairs: the repairs of stored files.
    """

    git_edits: tuple[Replace, ...]
    renames: tuple[Rename, ...]
    leftovers: tuple[str, ...]
    pending: bool
    repairs: tuple[StoredRepair, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to do."""
        return not any(self)

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each problem."""
        for edit in self.git_edits:
            yield _finding("git-lines", edit.path, "lacks lines for git", "adds them")
        for old, new, key in self.renames:
            message = f"is the diff of {key}, which is found by its hash"
            yield _finding("misnamed-diff", f".diffs/{old}", message, f"renames it to .diffs/{new}")
        for path in self.leftovers:
            yield _finding("leftover", path, "half of a file of a stopped run", "makes it a backup")
        if self.pending:
            message = "a verb was stopped half-way; the next one that writes completes it"
            yield _finding("unfinished", ".session-codec/journal", message, "completes it")
        for repair in self.repairs:
            what = ("does not match the recorded diff, but git has its commits" if repair.key
                    else "its end is damaged, but its frames are whole")  # fmt: skip
            found = _finding("mendable", repair.file, what, "repairs it")
            yield found._replace(level="finding", key=repair.key or None)


def upkeep_of(
    workspace: Workspace, manifest: Manifest, *, repairs: bool = False, alone: bool = False
) -> Upkeep:
    """Return the possible repairs outside of the lines of the tracked files.

    Args:
        workspace, manifest: the workspace and its manifest.
        repairs: search for damage as well, which reads all stored files.
        alone: the caller holds the lock.
    """
    # Files that a running verb is writing are not leftovers.
    with nullcontext() if alone else unchanging(workspace.lock):
        leftovers, pending = tuple(_leftovers(workspace)), is_pending(workspace)
    return Upkeep(
        git_edits=tuple(_git_edits(workspace, manifest)),
        renames=tuple(_renames(workspace, manifest)),
        leftovers=leftovers,
        pending=pending,
        repairs=(*_archives(workspace, manifest), *_diffs(workspace, manifest)) if repairs else (),
    )


def agent_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield a note for each agent's file that lost the block, or has only half of it."""
    for name in _TOLD:
        path = workspace.path(name)
        if os.path.islink(path):
            continue  # the target of a link is checked under its own name
        data = read_bytes(path)
        try:
            lost = block_state(data, GUIDE) == "absent" and BEGIN in content_at(
                workspace, "HEAD", name
            )
        except FormatError as e:
            yield Finding(
                code="agent-block", message=e.problem, file=name, line=e.line, hint=e.hint
            )
            continue
        if lost:
            yield Finding(
                code="agent-block",
                message="does not contain the block for agents that was committed",
                level="note",
                file=name,
                hint="'session-codec install' adds it; if it was removed on purpose, commit the "
                "removal",
            )


def repaired_end(path: str, fact: Archive) -> tuple[int, bytes]:
    """Return the intact size of a damaged archive, and its rebuilt index and seek table.

    Only the recorded size of a file is read.

    Raises:
        IntegrityError: more than its end is damaged.
    """
    from codec.archive.recovery import rebuild_tail

    start, tail = rebuild_tail(ranges_of(path), min(os.path.getsize(path), fact.size))
    digest = hashlib.sha256()
    for block in with_end(path, start, tail):
        digest.update(block)
    if digest.hexdigest() != fact.sha256:
        raise IntegrityError("its frames are intact, but differ from the recorded ones")
    return start, tail


def with_end(path: str, start: int, tail: bytes) -> Iterator[bytes]:
    """Yield the first bytes of a file, and a new end."""
    with open(path, "rb") as f:
        while start > 0 and (block := f.read(min(start, _BLOCK))):
            start -= len(block)
            yield block
    yield tail


def _finding(code: str, file: str, message: str, done: str) -> Finding:
    hint = f"'session-codec doctor --repair' {done}"
    return Finding(code=code, message=message, level="note", file=file, hint=hint)


def _git_edits(workspace: Workspace, manifest: Manifest) -> Iterator[Replace]:
    """Yield the missing lines of .gitignore and .gitattributes."""
    here = [V1_LOG] if os.path.exists(workspace.path(V1_LOG)) else []
    for append in git_appends(workspace, [*here, *manifest.sources()]):
        before = read_bytes(workspace.path(append.path))
        added = b"".join((b"\n" if append.torn else b"", *append.chunks))
        yield Replace(append.path, before, before + added)


def _renames(workspace: Workspace, manifest: Manifest) -> Iterator[Rename]:
    """Yield diffs under the name of another session; a rename can free a name for the next one."""
    store = Store(workspace)
    loose = store.loose_names()
    owners = {name: s for s in manifest.sessions.values() for name in names_of(s.key)}
    sessions = [s for s in manifest.sessions.values() if s.patch is not None]
    moved: set[str] = set()
    count = -1
    while count < len(moved):
        count = len(moved)
        for session in [s for s in sessions if loose.isdisjoint(names_of(s.key))]:
            rename = _rename(workspace, store, owners, session, moved)
            if rename is not None:  # of sessions with equal diffs, the first gets the file
                loose.remove(rename.old)
                loose.add(rename.new)
                moved.add(rename.old)
                yield rename


def _rename(
    workspace: Workspace,
    store: Store,
    owners: Mapping[str, Session],
    session: Session,
    moved: Container[str],
) -> Rename | None:
    """Return the rename that gives a session's diff its own name; None if it is not loose."""
    if session.patch is None:
        return None
    for name in store.names_near(session.key):
        owner = owners.get(name)
        if name in moved or (owner is not None and owner.patch == session.patch):
            continue
        if patch_in(os.path.join(workspace.diffs, name), {session.patch.size}) == session.patch:
            return Rename(name, names_of(session.key)[0], session.key)
    return None


def _leftovers(workspace: Workspace) -> Iterator[str]:
    """Yield unfinished files of interrupted runs, relative to the workspace."""
    for folder in (workspace.root, workspace.path(".session-codec"), workspace.diffs):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in sorted(filter(_LEFTOVER.fullmatch, names)):
            yield os.path.relpath(os.path.join(folder, name), workspace.root)
    folder = archive_folder(workspace)
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        if name.startswith(UNFINISHED) and not name.endswith(".bak"):
            yield os.path.relpath(os.path.join(folder, name), workspace.root)


def _archives(workspace: Workspace, manifest: Manifest) -> Iterator[StoredRepair]:
    """Yield archives with an unreadable index that can be rebuilt."""
    from codec.archive.container import ArchiveReader

    facts = manifest.every_archive()
    for name in archive_names(archive_folder(workspace)):
        path = os.path.join(archive_folder(workspace), name)
        if name not in facts:
            continue
        try:
            list(ArchiveReader(ranges_of(path), os.path.getsize(path)).index.entries())
        except CodecError:
            try:
                yield StoredRepair(path, shown(name), *repaired_end(path, facts[name]))
            except IntegrityError:
                continue  # the check of stored files reports the damage


def _diffs(workspace: Workspace, manifest: Manifest) -> Iterator[StoredRepair]:
    """Yield damaged loose diffs that git can recompute."""
    store = Store(workspace)
    loose = store.loose_names()
    for session in manifest.sessions.values():
        commits = commits_of(session)
        if not commits or session.patch is None or loose.isdisjoint(names_of(session.key)):
            continue
        if session.patch.sha256 in manifest.purged:
            continue
        try:
            store.read(session.key, session.patch)
        except IntegrityError as e:
            data = remade(workspace, commits, session.patch)
            if data is not None and e.file and e.file.endswith(".diff"):
                path = os.path.join(workspace.diffs, os.path.basename(e.file))
                yield StoredRepair(path, e.file, 0, data, session.key)
        except NotFound:
            continue
