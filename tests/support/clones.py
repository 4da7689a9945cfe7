"""Clones and worktrees that record, for the tests of what merging them comes to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from codec.manifest.jsonl import encode_fact, identity_of
from codec.names import diff_name, session_key
from pipelines.recording.session import Recording, record_session, session_of
from pipelines.verification.integrity import Integrity, check_integrity
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, Workspace, find
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.merge_driver_setup import configure_merge
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import read_tracked, session_appends
from pipelines.workspace.transaction import Append
from tests.pipelines.conftest import git

MANY = 50


def record_together(workspace: Workspace, recordings: Iterable[Recording]) -> None:
    """Record sessions one after the other without syncing each to disk."""
    manifest = read_manifest(workspace)
    sessions = dict(manifest.sessions)
    os.makedirs(workspace.diffs, exist_ok=True)
    lines = []
    for recording in recordings:
        new = session_of(recording, {})
        diff = Path(workspace.diffs, diff_name(new.key))
        taken = {*sessions, *([new.key] if diff.exists() else [])}
        new = new._replace(key=session_key(new.time, identity_of(new), taken))
        sessions[new.key] = new
        lines.append(f"{encode_fact(new)}\n".encode())
        if recording.patch:
            Path(workspace.diffs, diff_name(new.key)).write_bytes(recording.patch)
    ordered = sorted(sessions.values(), key=lambda s: (s.time, s.key))
    appends = [Append(path=MANIFEST, chunks=lines), *session_appends(workspace, ordered)]
    for append in appends:
        with open(workspace.path(append.path), "ab") as f:
            f.writelines(append.chunks)


def second(n: int) -> str:
    """Return the nth second of an hour in which every clone records."""
    return f"2026-03-01T10:{n // 60:02d}:{n % 60:02d}Z"


TIMES = [second(n) for n in range(MANY)]


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone or a worktree that sessions are recorded in."""

    root: Path

    def record(
        self,
        who: str,
        times: Iterable[str],
        *,
        notes: str = "",
        bare: bool = False,
        one_by_one: bool = False,
    ) -> None:
        """Record a session of somebody at each time, with a patch of their own, and commit.

        Args:
            who: an agent.
            times: the times of the sessions.
            notes: the notes of all of them; else each has its own.
            bare: without patches and notes.
            one_by_one: append to the files one by one, as `record` does.
        """
        recordings = [
            Recording(
                agent=who,
                task=f"task-{number}",
                status="PASS",
                notes="" if bare else notes or f"{who} learned {number}",
                patch=None if bare else f"diff --git a/{who} b/{who}\n+{number}\n".encode(),
                time=time,
            )
            for number, time in enumerate(times)
        ]
        if one_by_one:
            for recording in recordings:
                record_session(self.workspace, recording)
        else:
            record_together(self.workspace, recordings)
        self.commit(who)

    def commit(self, message: str) -> None:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", message)

    @property
    def workspace(self) -> Workspace:
        return find(str(self.root))

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.workspace)

    def check(self) -> Integrity:
        tracked = read_tracked(self.workspace)
        return check_integrity(self.workspace, tracked, self.manifest, lambda _: None)

    def sessions(self) -> set[tuple[str, str, str]]:
        """Agent, task and notes of every session in the manifest."""
        return {(s.agent, s.task, s.notes) for s in self.manifest.sessions.values()}

    def keys(self, name: str) -> list[str]:
        """Return the keys of a file in file order."""
        lines = (self.root / name).read_text().splitlines()
        if name == PROGRESS:
            return [line[9:].rsplit(":", 2)[0] for line in lines if line.startswith("### [REF:")]
        return [line.replace("\t", " | ").split(" | ")[0] for line in lines][name == METRICS :]


def clone_of(origin: Clone, name: str, *, driver: bool = True) -> Clone:
    """Clone a repository on a branch of its own."""
    root = origin.root.parent / name
    git(origin.root.parent, "clone", "-q", str(origin.root), str(root))
    git(root, "config", "user.name", name)
    git(root, "config", "user.email", f"{name}@example.org")
    git(root, "checkout", "-qb", name)
    clone = Clone(root)
    if driver:
        assert configure_merge(clone.workspace)
    return clone


def worktree_of(origin: Clone, name: str) -> Clone:
    """Add a linked worktree on a branch of its own."""
    root = origin.root.parent / name
    git(origin.root, "worktree", "add", "-qb", name, str(root))
    return Clone(root)


def assert_whole(clone: Clone, whose: Iterable[str], each: int = MANY) -> None:
    """Assert that all files have every clone's sessions once, and that they agree."""
    found = clone.check()
    assert [f for f in found.findings if f.level == "finding"] == []
    assert not found.damaged
    for who in whose:
        mine = {(s, t) for a, s, t in clone.sessions() if a == who}
        assert len(mine) == each
    keys = clone.keys(DELTAS)
    assert len(keys) == len(set(keys)) == len(clone.sessions())
    assert set(keys) == set(clone.keys(METRICS)) == set(clone.keys(PROGRESS))


def pull(clone: Clone, other: Clone, how: str = "--no-rebase", branch: str = "HEAD") -> None:
    git(clone.root, "pull", "-q", "--no-edit", how, str(other.root), branch)
