"""Two clones whose sessions have one time, and so one key, until they are merged."""

from __future__ import annotations

import os
from pathlib import Path

from codec.archive.snapshot import Snapshot, SnapshotName
from codec.manifest.jsonl import identity_of
from pipelines.recording.session import Recording, record_session, session_of
from pipelines.transfer.snapshots import MERGED_FILES, Found, tracked_files, united
from pipelines.workspace import pending
from pipelines.workspace.location import Workspace, at
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import PATCH, git
from tests.pipelines.verbs.test_purge import holding

T = "2025-01-05T10:00:00Z"
LATER = "2025-01-06T10:00:00Z"
FEBRUARY = "2025-02-06T10:00:00Z"


def diff(marker: str) -> bytes:
    """Return a patch whose size does not depend on its marker of five letters."""
    return PATCH.replace(b"new", marker.encode())


def repository(root: Path) -> Path:
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    return root


def manifest_of(root: Path) -> Manifest:
    return read_manifest(workspace_of(root))


def workspace_of(root: Path) -> Workspace:
    return at(str(root))


def recording(marker: str, time: str, name: str) -> Recording:
    return Recording(agent="a", task="t", patch=diff(marker), id=name, time=time)


def record(root: Path, marker: str, time: str, name: str = "") -> str:
    """Record a session with a diff, which is not pending any more, and return its key."""
    workspace = workspace_of(root)
    key = record_session(workspace, recording(marker, time, name or marker)).session.key
    pending.rewrite(workspace, lambda _: None)
    return key


def key_of(root: Path, marker: str) -> str:
    """Return the key of the session whose diff has a marker."""
    import hashlib

    digest = hashlib.sha256(diff(marker)).hexdigest()
    every = manifest_of(root).every_session()
    return next(s.key for s in every if s.patch is not None and s.patch.sha256 == digest)


def record_at_once(one: Path, other: Path, markers: tuple[str, str], loser: str) -> None:
    """Record in two clones at one time; the session of one of them loses its key in a merge."""
    names = ["x", "y"]
    for number in range(100):
        names = [f"{marker}-{number}" for marker in markers]
        digests = {
            marker: identity_of(session_of(recording(marker, T, name), {}))
            for marker, name in zip(markers, names, strict=True)
        }
        if max(digests, key=digests.__getitem__) == loser:
            break
    for root, marker, name in zip((one, other), markers, names, strict=True):
        record(root, marker, T, name)


def merge(root: Path, other: Path) -> None:
    """Merge the tracked files of another clone, as the merge driver does."""
    name, nothing = SnapshotName("0" * 8, 1, "0" * 16), Snapshot({}, (), ())
    sides = [Found(name, nothing, tracked_files(workspace_of(r))) for r in (other, root)]
    files, _ = united(sides)
    for path in MERGED_FILES:
        os.makedirs((root / path).parent, exist_ok=True)
        (root / path).write_bytes(files[path])


def held(root: Path, marker: str) -> list[str]:
    """Return the files that hold a diff, compressed or not."""
    return holding(root, diff(marker))
