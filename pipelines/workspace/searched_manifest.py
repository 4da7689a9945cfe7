"""Remember what a search of a large manifest found, so that `record` need not repeat it.

1. `record` asks for the keys of a day's sessions and for the purged diffs. Both need every byte:
   the clock can go back, and a merge appends older facts.
2. The answer is kept with the device, inode, size and change times of the file. No program can set
   `ctime`, so whatever else writes the manifest makes the answer invalid.
3. After `record` appended its lines, only these are searched, and the answer is kept for the next
   run, under the lock.
4. A small manifest is searched each time, which is faster than reading and writing another file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from codec.kinds import Key
from codec.names import key_time
from pipelines.system.fs.files import mapped
from pipelines.workspace.cache import CACHE, read_json_cache, write_json_cache
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.purged_diffs import purged_in

#: Bytes from which an answer is kept: a search of them takes as long as the start of the program.
_LARGE: Final = 32 << 20
_NAME: Final = "searched-manifest.json"
_SESSION: Final = b'{"fact":"session","key":"'
_TOMBSTONES: Final = (b'"fact":"purged"', b'"fact":"disowned"')
_DAY: Final = len("2025-11-06")


class Searched(NamedTuple):
    """The answer of a search.

    Attributes:
        day: the day.
        keys: the keys of the sessions of the day.
        purged: the times at which diffs were purged, by SHA-256.
        file: what identifies the content of the manifest; empty if the answer is not kept.
    """

    day: str
    keys: frozenset[Key]
    purged: Mapping[str, str]
    file: tuple[int, ...] = ()

    def taken(self, time: str) -> set[Key]:
        """Return the keys of the sessions with a time."""
        return {key for key in self.keys if key_time(key) == time}


def search(workspace: Workspace, manifest: mmap.mmap | bytes, time: str) -> Searched:
    """Return the keys of the sessions on a day, and the purged diffs.

    Args:
        workspace: the workspace of the manifest.
        manifest: its bytes; those of the file alone are mapped.
        time: a time in v2 form.
    """
    day = time[:_DAY]
    file: tuple[int, ...] = ()
    if isinstance(manifest, mmap.mmap) and len(manifest) >= _LARGE:
        file = _identity(workspace)
        known = read_json_cache(workspace.path(CACHE, _NAME), _decoded)
        if known is not None and (known.day, known.file) == (day, file):
            return known
    return Searched(day, frozenset(_keys_of(manifest, day)), purged_in(manifest), file)


def keep(workspace: Workspace, before: Searched) -> None:
    """Add the appended lines to an answer, and keep it; the caller must hold the lock."""
    if not before.file:
        return
    file = _identity(workspace)
    with mapped(workspace.path(MANIFEST)) as data:
        size = _size(before.file)
        is_same = file[:2] == before.file[:2] and size <= _size(file) == len(data)
        added = data[size:] if is_same else b""
    if not is_same or any(fact in added for fact in _TOMBSTONES):
        return
    keys = before.keys | _keys_of(added, before.day)
    write_json_cache(
        workspace.path(CACHE, _NAME),
        {"day": before.day, "keys": sorted(keys), "purged": dict(before.purged), "file": file},
    )


def _identity(workspace: Workspace) -> tuple[int, ...]:
    found = os.stat(workspace.path(MANIFEST))
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _size(file: tuple[int, ...]) -> int:
    return file[2]


def _decoded(document: Any) -> Searched:
    return Searched(
        document["day"],
        frozenset(map(Key, document["keys"])),
        document["purged"],
        tuple(document["file"]),
    )


def _keys_of(manifest: mmap.mmap | bytes, day: str) -> set[Key]:
    """Return the keys of the sessions of a day."""
    keys: set[Key] = set()
    needle = _SESSION + day.encode()
    at = manifest.find(needle)
    while at >= 0:
        start = at + len(_SESSION)
        keys.add(Key(manifest[start : manifest.find(b'"', start)].decode(errors="replace")))
        at = manifest.find(needle, start)
    return keys
