"""Find purged bytes on this machine.

1. Content is found by its hash, whatever the name of the file; a changed copy is found by the name
   of the file, unless the file is the diff of another session.
2. A file that may have the bytes but cannot be read is reported, never skipped.
3. This module only reads. `purge` deletes what is found, `verify` reports it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from codec.archive.container import ArchiveReader
from codec.archive.recovery import Damage, Scan
from codec.errors import CodecError, IntegrityError
from codec.manifest.facts import Archive
from codec.names import key_time
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, literal_bytes
from codec.v1.purged_text import find_purged
from pipelines.diffs.local_archives import (
    UNFINISHED,
    archive_folder,
    archive_names,
    ranges_of,
    shown,
)
from pipelines.diffs.store import patch_in
from pipelines.erasing.targets import Targets, held_in
from pipelines.outcomes.errors import NotFound
from pipelines.search.index_file import files_of, holds_patch
from pipelines.system.fs.files import SIZE_LIMIT, is_file, read_bytes, regular_size
from pipelines.v1.layouts import has_layout, read_layout
from pipelines.workspace import pending
from pipelines.workspace.cache import CACHE, is_sealed
from pipelines.workspace.location import (
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    V1_LOG,
    Workspace,
)
from pipelines.workspace.manifest_view import Manifest

#: `file` is deleted, `archive` and `layout` are rewritten without the bytes, `text` is a file that
#: is not ours to change, `unreadable` is a damaged file that may have them.
Kind = Literal["file", "archive", "layout", "text", "unreadable"]
_STAGING: Final = "staging-"
_BACKUP: Final = ".bak"


class Place(NamedTuple):
    """A file with purged bytes: its absolute path, its name for the user, and its kind.

    A layout has the name of its folder.
    """

    path: str
    file: str
    kind: Kind
    problem: str = ""


def places(workspace: Workspace, manifest: Manifest, targets: Targets) -> Iterator[Place]:
    """Yield every file on this machine that has the bytes of purged diffs.

    Args:
        workspace, manifest: the workspace to search.
        targets: the diffs.
    """
    if not targets.hashes:
        return
    yield from _files(workspace, targets)
    yield from _archives(workspace, manifest, targets)
    yield from _caches(workspace, manifest, targets)
    yield from _layouts(workspace, manifest, targets)
    yield from _texts(workspace, manifest, targets)


def _files(workspace: Workspace, targets: Targets) -> Iterator[Place]:
    """Yield loose and pending diffs, their backups, and files of interrupted runs."""
    folders = [workspace.diffs]
    folders += [os.path.join(store, pending.PATCHES) for store in pending.folders(workspace)]
    for parent in dict.fromkeys((workspace.home, workspace.root)):
        own = os.path.join(parent, ".session-codec")
        staging = (name for name in _listed(own) if name.startswith(_STAGING))
        folders += [os.path.join(own, name) for name in staging]
    for folder in folders:
        for name in _listed(folder):
            path = os.path.join(folder, name)
            if is_file(path) and _is_held(path, name, targets):
                yield Place(path, _shown(workspace, path), "file")


def _is_held(path: str, name: str, targets: Targets) -> bool:
    """Return True if a file is one of the diffs, or a changed copy of one.

    Only files with the size of a recorded diff are read.
    """
    is_named = targets.is_named(name)
    sizes = targets.sizes
    if sizes is not None and is_named:
        sizes |= {patch.size for patch in targets.live}
    found = patch_in(path, sizes)
    if found is not None and found.sha256 in targets.hashes:
        return True
    return is_named and found not in targets.live


def _archives(workspace: Workspace, manifest: Manifest, targets: Targets) -> Iterator[Place]:
    """Yield archives, backups of archives, and unfinished archives."""
    folder = archive_folder(workspace)
    finished = set(archive_names(folder))
    facts = manifest.every_archive()
    for name in _listed(folder):
        path = os.path.join(folder, name)
        is_copy = name.endswith(_BACKUP) or name.startswith(UNFINISHED)
        if not is_file(path) or not (is_copy or name in finished):
            continue
        fact = facts.get(name.partition(".repair-")[0])
        may_hold = fact is None or _is_near(fact.keys, targets)
        holds, problem = _holds(path, targets, fact)
        if holds:
            yield Place(path, shown(name), "file" if is_copy else "archive")
        elif problem and may_hold:
            yield Place(path, shown(name), "file" if is_copy else "unreadable", problem)


def archive_holds(path: str, fact: Archive, targets: Targets) -> bool:
    """Return True if an archive has one of the diffs.

    Raises:
        IntegrityError: it is damaged, so the answer is unknown.
    """
    holds, problem = _holds(path, targets, fact)
    if problem and not holds:
        raise IntegrityError(
            f"may hold a purged diff, and is damaged: {problem}",
            file=shown(fact.name),
            hint="Run 'session-codec archive repair', or move it away",
        )
    return holds


def _holds(path: str, targets: Targets, fact: Archive | None) -> tuple[bool, str]:
    """Return whether an archive has one of the diffs, and its unreadable parts.

    If a file is larger than recorded, only the recorded size is read.
    """
    size = os.path.getsize(path)
    problem = ""
    if fact is not None and size > fact.size:
        problem = f"it has {size:,} bytes instead of {fact.size:,}"
        size = fact.size
    try:
        return held_in(ArchiveReader(ranges_of(path), size), targets), problem
    except CodecError:
        pass  # its frames may be intact
    pieces: list[bytes] = []
    holds = False
    scan = Scan(ranges_of(path), size)
    for event in scan.events():
        if isinstance(event, Damage):
            pieces = []
            if not scan.end:  # otherwise every member was read, and only the end is damaged
                problem = problem or event.problem
            continue
        if event.start == 0:
            pieces = []
        if targets.may_have(event.entry.size):
            pieces.append(event.data)
            holds = holds or (event.last and targets.has(b"".join(pieces)))
    return holds, problem


def _caches(workspace: Workspace, manifest: Manifest, targets: Targets) -> Iterator[Place]:
    """Yield caches with diffs: the search index, and the ends of remote archives.

    Early versions cached whole ends, without a seal.
    """
    facts = manifest.every_archive()
    if holds_patch(workspace, targets.hashes):
        for path in files_of(workspace):
            yield Place(path, _shown(workspace, path), "file")
    for parent in dict.fromkeys((workspace.home, workspace.root)):
        folder = os.path.join(parent, CACHE)
        for name in _listed(folder):
            path = os.path.join(folder, name)
            if name.endswith(".end") and is_file(path) and not is_sealed(path):
                fact = facts.get(name.removesuffix(".end"))
                if fact is None or _is_near(fact.keys, targets):
                    yield Place(path, _shown(workspace, path), "file")


def _layouts(workspace: Workspace, manifest: Manifest, targets: Targets) -> Iterator[Place]:
    """Yield layouts of v1 logs with a diff in their text."""
    for version in {v.sha256: v for v in manifest.versions}.values():
        if not has_layout(workspace, version.sha256):
            continue
        folder = os.path.join(workspace.diffs, "v1", version.sha256)
        file = f".diffs/v1/{version.sha256}/{LITERAL_NAME}"
        try:
            text = b"".join(literal_bytes(*read_layout(workspace, version)))
        except NotFound:
            continue
        except CodecError as e:
            yield Place(
                folder, f".diffs/v1/{version.sha256}/{LAYOUT_NAME}", "unreadable", e.problem
            )
            continue
        if any(find_purged(text, targets.patches)):
            yield Place(folder, file, "layout")


def _texts(workspace: Workspace, manifest: Manifest, targets: Targets) -> Iterator[Place]:
    """Yield logs, tracked files and spooled events with a diff in their text."""
    logs = dict.fromkeys((V1_LOG, *filter(workspace.holds, manifest.sources())))
    spool = os.path.join(".session-codec", "spool")
    events = [f"{spool}/{name}" for name in _listed(workspace.path(spool))]
    for name in (*logs, MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES, *events):
        path = workspace.path(*name.split("/"))
        size = regular_size(path)
        if size is not None and size > SIZE_LIMIT:
            yield Place(path, name, "unreadable", f"larger than {SIZE_LIMIT:,} bytes")
        elif size is not None and any(find_purged(read_bytes(path), targets.patches)):
            yield Place(path, name, "text")


def _is_near(keys: Iterable[str], targets: Targets) -> bool:
    """Return True if one of the keys has the time of a wanted diff."""
    return not targets.times.isdisjoint(map(key_time, keys))


def _listed(folder: str) -> list[str]:
    """Return the names in a folder; empty if the folder does not exist."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _shown(workspace: Workspace, path: str) -> str:
    return os.path.relpath(path, workspace.home).replace(os.sep, "/")
