"""Store the last snapshot that this workspace wrote to a remote.

It counts only if the remote has that snapshot: if it is missing there, or was copied with the
workspace, a new writer starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from codec.archive.snapshot import (
    Snapshot,
    SnapshotName,
    decode_snapshot,
    decode_snapshot_name,
    encode_snapshot,
)
from codec.errors import FormatError
from codec.kinds import sha256_of
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import make_folder, read_bytes, replace_file
from pipelines.system.fs.locks import unchanging
from pipelines.system.git.local_state import is_planted
from pipelines.workspace.cache import CACHE
from pipelines.workspace.location import Workspace


class Last(NamedTuple):
    """The snapshot that this workspace wrote last.

    Attributes:
        name: the name of the snapshot.
        snapshot: the content of the snapshot.
        archives: the sizes of the archives that the manifest named, by name; None if the remote did
            not get everything that the manifest names.
    """

    name: SnapshotName
    snapshot: Snapshot
    archives: Mapping[str, int] | None


def read_last(workspace: Workspace, remote: Remote) -> Last | None:
    """Return the snapshot that this workspace wrote last to a remote; None if unknown.

    Call it after listing the remote's objects, so that a snapshot that another process of this
    workspace uploads meanwhile is not mistaken for that of another writer.

    Raises:
        WorkspaceLocked: another process was putting a snapshot for too long.
    """
    with unchanging(lock_of(workspace, remote)):
        return read_last_under_lock(workspace, remote)


def read_last_under_lock(workspace: Workspace, remote: Remote) -> Last | None:
    path = state_of(workspace, remote)
    data = read_bytes(path)
    if not data or is_planted(path):
        return None
    line, _, document = data.partition(b"\n")
    try:
        said = json.loads(line)
        name, archives = decode_snapshot_name(said["snapshot"]), said["archives"]
        is_known = archives is None or isinstance(archives, dict)
        return Last(name, decode_snapshot(document), archives) if name and is_known else None
    except (FormatError, ValueError, KeyError, TypeError, RecursionError):
        return None  # the cache cannot be read, so it counts as missing


def write_last(workspace: Workspace, remote: Remote, last: Last) -> None:
    """Store the last snapshot that this workspace wrote to a remote."""
    path = state_of(workspace, remote)
    make_folder(os.path.dirname(path))
    said = {"remote": remote.url, "snapshot": str(last.name), "archives": last.archives}
    replace_file(path, [json.dumps(said).encode(), b"\n", encode_snapshot(last.snapshot)])


def state_of(workspace: Workspace, remote: Remote) -> str:
    return workspace.path(CACHE, f"sync-{_short(remote)}")


def lock_of(workspace: Workspace, remote: Remote) -> str:
    return workspace.path(CACHE, f"putting-{_short(remote)}.lock")


def _short(remote: Remote) -> str:
    return sha256_of(os.fsencode(remote.url))[:12]
