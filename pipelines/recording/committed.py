"""Find the pending facts that are committed, and remove them from the pending store.

1. In git, a fact leaves the store once the manifest of a local branch has it. The working tree, the
   index, stashes and a detached HEAD do not count: `checkout`, `stash`, an aborted rebase or the
   removal of a worktree would lose it. Without git, the manifest itself counts.
2. git runs only after a branch has moved. The branch of HEAD is read first, because it nearly
   always has everything. Manifests of other branches are read once: their ids are stored.
3. A session stays while hooks wait to record another one that ran at the same time: a manifest of
   another branch has it, but commits and ids are compared with this branch's and with the store.
   The end of a session that a hook completed later is unknown, so it stays while any session waits.
4. Before a session leaves, its patch is in `.diffs`, or in an archive there.
"""

from __future__ import annotations

import json
import mmap
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from codec.manifest.fact_lines import erased_digests, read_fact, split_lines
from codec.manifest.facts import Fact, Revision
from codec.manifest.jsonl import fact_digest, identity_of
from codec.records import Session
from pipelines.outcomes.errors import Denied, NotFound, Unavailable
from pipelines.recording.spool import oldest_waiting, spool_of
from pipelines.system.fs.files import keep_file, make_folder, mapped, read_bytes, sync_directory
from pipelines.system.git.worktree import head_of
from pipelines.workspace import pending
from pipelines.workspace.diff_files import put_diff
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.purged_diffs import purged_times
from pipelines.workspace.reading import ERASED, is_held

#: The file with the last question to git, next to the facts.
_ASKED: Final = "asked.json"
_SECOND: Final = 10**9

#: A pending line and its fact.
Pending = tuple[bytes, Fact]


class _Asked(NamedTuple):
    """The answer of git when it was last asked.

    Attributes:
        head: the commit of HEAD.
        branches: a value that identifies the state of all local branches.
        manifests: the ids of the branches' manifests.
    """

    head: str = ""
    branches: str = ""
    manifests: tuple[str, ...] = ()


def release(workspace: Workspace, *, everywhere: bool = False) -> None:
    """Remove the facts that are committed from the pending store.

    If git cannot run, everything stays.

    Args:
        workspace: the workspace of the store.
        everywhere: read all local branches, not only that of HEAD.

    Raises:
        Conflict: the store is tracked by git, or belongs to another user.
        WorkspaceLocked: another process was writing to the store for too long.
    """
    lines = pending.read_lines(workspace)
    if not lines:
        return
    store = pending.shared_folder(workspace)
    every = _decoded(lines)
    if store is None:
        with mapped(workspace.path(MANIFEST)) as manifest:
            _leave(workspace, _held_by(manifest, every))
        return
    facts = _not_needed(workspace, every)
    if not facts:
        return
    known = asked = _read_asked(store)
    held: dict[bytes, Fact] = {}
    try:
        head, branch = head_of(str(workspace.repository))
        if branch and head and head != asked.head:
            from pipelines.workspace.git_queries import content_at

            held = _held_by(content_at(workspace, head, MANIFEST), facts)
            asked = asked._replace(head=head)
        if everywhere and len(held) < len(facts):
            from pipelines.recording.branches import read_moved

            moved = read_moved(workspace, asked.branches, asked.manifests)
            if moved is not None:
                for manifest in moved.contents:
                    held |= _held_by(manifest, facts)
                asked = asked._replace(branches=moved.state, manifests=moved.manifests)
    except (Denied, NotFound, Unavailable):
        return
    _leave(workspace, held)
    # The answer is kept only if git was asked about all facts.
    if len(held) < len(facts) == len(every) and asked != known:
        keep_file(os.path.join(store, _ASKED), json.dumps(asked).encode())


def _decoded(lines: Sequence[bytes]) -> list[Pending]:
    """Return the facts on lines; a line that is not a fact stays in the store."""
    return [(line, fact) for line in lines if (fact := read_fact(line)) is not None]


def _not_needed(workspace: Workspace, facts: Sequence[Pending]) -> list[Pending]:
    """Return the facts without those of sessions that may overlap a waiting one."""
    oldest = oldest_waiting(spool_of(workspace.home))
    if oldest is None:
        return [*facts]
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(oldest // _SECOND))
    needed = {identity_of(f) for _, f in facts if isinstance(f, Session) and f.time >= begun}
    needed |= {f.of for _, f in facts if isinstance(f, Revision) and f.by == "hook"}
    return [(line, fact) for line, fact in facts if _session_of(fact) not in needed]


def _session_of(fact: Fact) -> str:
    """Return the identity of the session of a fact; empty for other facts."""
    if isinstance(fact, Session):
        return identity_of(fact)
    return fact.of if isinstance(fact, Revision) else ""


def _held_by(manifest: mmap.mmap | bytes, facts: Sequence[Pending]) -> dict[bytes, Fact]:
    """Return the pending facts that a manifest has, or whose text it erased, by line."""
    erased = _erased_in(manifest)
    return {
        line: fact
        for line, fact in facts
        if is_held(manifest, line, fact) or fact_digest(fact) in erased
    }


def _erased_in(manifest: mmap.mmap | bytes) -> frozenset[str]:
    """Return the digests of the facts that a manifest lists as erased."""
    if manifest.find(ERASED) < 0:
        return frozenset()
    lines = split_lines(manifest[:])
    return erased_digests(f for x in lines if ERASED in x and (f := read_fact(x)) is not None)


def _leave(workspace: Workspace, held: Mapping[bytes, Fact]) -> None:
    """Remove facts from the store after storing their patches in `.diffs`."""
    if not held:
        return
    from pipelines.diffs.local_archives import Archives

    files = pending.patch_files(workspace)
    archives, purged = Archives(workspace), purged_times(workspace)
    for fact in held.values():
        patch = fact.patch if isinstance(fact, Session) else None
        if patch is None or patch.sha256 in purged or not isinstance(fact, Session):
            continue
        paths = files.pop(patch.sha256, ())
        if paths and archives.holder(fact.key, patch, archives.names()) is None:
            make_folder(workspace.diffs)
            put_diff(paths[0], workspace.diffs, names_of(fact.key)[0])
            sync_directory(workspace.diffs)
    pending.rewrite(workspace, lambda line: None if line in held else line)


def _read_asked(store: str) -> _Asked:
    """Return the last answer of git; an empty one if it cannot be read."""
    try:
        head, branches, manifests = json.loads(read_bytes(os.path.join(store, _ASKED)))
        return _Asked(str(head), str(branches), tuple(map(str, manifests)))
    except (OSError, ValueError, TypeError, RecursionError):
        return _Asked()
