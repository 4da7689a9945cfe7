"""The files that the patches of sessions change.

1. A patch is read once: what it changes is kept by its SHA-256 in the cache of the workspace.
2. Loose diffs, local archives and git are read; a remote is not. A patch that is not stored here,
   or was purged, has unknown files; the number of these is reported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from codec.errors import IntegrityError
from codec.patches.changes import changes_of
from codec.records import Session
from pipelines.diffs.store import Store, commits_of
from pipelines.errors import StorageError
from pipelines.fs.files import keep_file, read_bytes
from pipelines.progress import Progress
from pipelines.workspace.location import Manifest, Workspace

Files = Mapping[str, int]
_CACHE: Final = (".session-codec", "cache", "changed-files.json")
_DAY: Final = len("2025-11-06")


def files_of(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], progress: Progress
) -> dict[str, Files]:
    """Return the changed lines of each file by session key, where the patch can be read."""
    path = workspace.path(*_CACHE)
    kept = {k: v for k, v in _kept(path).items() if k not in manifest.purged}
    wanted = [s for s in sessions if s.patch is not None and s.patch.sha256 not in kept]
    found = _read(workspace, manifest, wanted, progress) if wanted else {}
    if found:
        kept |= found
        keep_file(path, json.dumps(kept).encode())
    return {s.key: kept[s.patch.sha256] for s in sessions if s.patch and s.patch.sha256 in kept}


def _read(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], progress: Progress
) -> dict[str, Files]:
    """Return the files of patches that are stored here, by SHA-256."""
    store = Store(workspace, manifest=manifest)
    days = {name[:_DAY] for name in (*store.loose_names(), *store.archived_keys())}
    found: dict[str, Files] = {}
    with progress.stage("files", len(sessions)) as advance:
        for number, session in enumerate(sessions, 1):
            patch = session.patch
            is_near = session.key[:_DAY] in days
            if patch is not None and (is_near or (commits_of(session) and workspace.repository)):
                try:
                    data = store.read(session.key, patch, commits_of(session))
                    found[patch.sha256] = _changed_lines(data)
                except (StorageError, IntegrityError):  # `verify` reports a damaged one
                    continue
            advance(number)
    return found


def _kept(path: str) -> dict[str, Files]:
    """Return the cached values; an unreadable cache is empty."""
    try:
        kept = json.loads(read_bytes(path) or b"{}")
        if not isinstance(kept, dict) or not all(isinstance(v, dict) for v in kept.values()):
            return {}
        return {k: {str(p): n for p, n in v.items() if isinstance(n, int)} for k, v in kept.items()}
    except (OSError, ValueError, RecursionError):
        return {}


def _changed_lines(patch: bytes) -> dict[str, int]:
    """Return the files of a patch and the number of lines added to and removed from each."""
    found: dict[str, int] = {}
    for change in changes_of(patch):
        found[change.new] = found.get(change.new, 0) + len(change.lines)
    return found
