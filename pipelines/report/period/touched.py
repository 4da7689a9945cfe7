"""Find the files that the patches of sessions change.

1. A patch is read once: its changes are cached in the workspace by the patch's SHA-256.
2. Loose diffs, local archives and git are read; a remote is not. The files of a patch that is not
   stored here, or was purged, are unknown; the number of such patches is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from codec.errors import IntegrityError
from codec.kinds import Key
from codec.patches.changes import changes_of
from codec.records import Session
from pipelines.diffs.store import Store, commits_of
from pipelines.outcomes.errors import StorageError
from pipelines.outcomes.progress import Progress
from pipelines.workspace.cache import CACHE, read_json_cache, write_json_cache
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest

_DAY: Final = len("2025-11-06")


class Touched(NamedTuple):
    """The change of one file: lines added and removed, and the object id of the new content."""

    added: int
    removed: int
    blob: str


Files = Mapping[str, Touched]


def touched_by(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], progress: Progress
) -> dict[Key, Files]:
    """Return the files that each session changes, by key, for patches that can be read."""
    path = workspace.path(CACHE, "changed-files.json")
    cached = read_json_cache(path, _decode) or {}
    kept = {k: v for k, v in cached.items() if k not in manifest.purged}
    wanted = [s for s in sessions if s.patch is not None and s.patch.sha256 not in kept]
    found = _read(workspace, manifest, wanted, progress) if wanted else {}
    if found:
        kept |= found
        write_json_cache(path, kept)
    return {s.key: kept[s.patch.sha256] for s in sessions if s.patch and s.patch.sha256 in kept}


def stored_files(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], progress: Progress
) -> dict[Key, Files]:
    """Return the same as `touched_by`, without running git and without writing a cache."""
    alone = workspace._replace(repository=None)
    found = _read(alone, manifest, [s for s in sessions if s.patch is not None], progress)
    return {s.key: found[s.patch.sha256] for s in sessions if s.patch and s.patch.sha256 in found}


def changed_lines(files: Mapping[Key, Files]) -> dict[Key, dict[str, int]]:
    """Return the number of changed lines of each file, by session key."""
    return {
        key: {path: touched.added + touched.removed for path, touched in found.items()}
        for key, found in files.items()
    }


def _read(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], progress: Progress
) -> dict[str, Files]:
    """Return the files of locally stored patches, by SHA-256."""
    store = Store(workspace, manifest=manifest)
    days = {name[:_DAY] for name in (*store.loose_names(), *store.archived_keys())}
    has_git = workspace.repository is not None
    near = [s for s in sessions if s.key[:_DAY] in days or (has_git and commits_of(s))]
    found: dict[str, Files] = {}
    with progress.stage("files", len(near)) as advance:
        for number, session in enumerate(near, 1):
            if session.patch is not None:
                try:
                    data = store.read(session.key, session.patch, commits_of(session))
                    found[session.patch.sha256] = _files_in(data)
                except (StorageError, IntegrityError):  # `verify` reports a damaged one
                    continue
            advance(number)
    return found


def _decode(document: Any) -> dict[str, Files]:
    return {
        sha256: {path: Touched(*value) for path, value in files.items()}
        for sha256, files in document.items()
    }


def _files_in(patch: bytes) -> dict[str, Touched]:
    """Return the files of a patch, each once."""
    found: dict[str, Touched] = {}
    for change in changes_of(patch):
        before = found.get(change.new, Touched(0, 0, ""))
        added = sum(line.mark == "+" for line in change.lines)
        found[change.new] = Touched(
            before.added + added,
            before.removed + len(change.lines) - added,
            change.new_blob or before.blob,
        )
    return found
