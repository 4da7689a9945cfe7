"""Read diffs by key from archives that are on the remote and not stored locally.

1. Without a cache, a diff takes two requests: for the end of the archive, which has the index, and
   for the frame of the diff. The index and the seek table are cached on disk, so the next diff of
   that archive takes one. Frames with diffs are not cached, because a diff may be purged later.
2. All requests are for the same version of the object. If it changed, or if the cached end is
   damaged, the end is read once more.
3. A diff is compared with its recorded hash. Frames are kept in memory, so that many diffs of one
   frame take one request.
4. If another clone purged a diff, it replaced archives under new names, which this manifest has
   only after a merge. If the named archives do not have a diff, others of its month are searched.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from codec.archive.container import TAIL, ArchiveReader
from codec.archive.snapshot import archive_object, decode_archive_object
from codec.errors import CodecError, FormatError, IntegrityError
from codec.kinds import Key
from codec.manifest.facts import Archive
from codec.manifest.jsonl import decode_fact
from codec.names import key_time
from codec.records import PatchRef
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import (
    read_bytes,
    remove,
)
from pipelines.workspace.cache import CACHE, read_cache, write_cache
from pipelines.workspace.location import MANIFEST, Workspace

#: Returns the remote; None if no remote was named.
OpenRemote = Callable[[], Remote | None]
#: The most bytes of frames that are kept, of all archives together.
_KEPT: Final = 64 << 20
_ARCHIVE: Final = b'"fact":"archive"'


class _File(NamedTuple):
    """The name and the size of an archive on the remote."""

    name: str
    size: int


class RemoteArchives:
    """Reads diffs from the archives of a remote."""

    def __init__(self, workspace: Workspace, open_remote: OpenRemote) -> None:
        self._workspace = workspace
        self._open_remote = open_remote
        self._remote: Remote | None = None
        self._facts: list[Archive] | None = None
        self._stored: list[_File] | None = None
        self._readers: dict[str, ArchiveReader] = {}
        self._frames = _Frames()

    def read(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff; None if there is no remote or none of its archives has it.

        Raises:
            IntegrityError: the archives that should have it are damaged, or have another diff.
            StorageError: a request to the remote failed.
        """
        if self._facts is None:
            self._facts = list(_archives(self._workspace))
        named = [fact for fact in self._facts if key in fact.keys]
        time = key_time(key)  # a merge may have changed the key since it was packed
        near = [
            f for f in self._facts if f not in named and any(key_time(k) == time for k in f.keys)
        ]
        if not named and not near:
            return None
        self._remote = self._remote or self._open_remote()
        if self._remote is None:
            return None
        problem: CodecError | None = None
        for file in self._files(self._remote, (*named, *near), key):
            try:
                data = self._read(self._remote, file, key, patch)
            except NotFound:
                continue
            except CodecError as e:
                problem = e
                continue
            if data is not None:
                return data
        if problem is not None and named:
            raise problem
        return None

    def _files(self, remote: Remote, facts: Iterable[Archive], key: Key) -> Iterator[_File]:
        """Yield the archives of the given facts, then other remote archives of the key's month."""
        known = {fact.name: fact.size for fact in facts}
        yield from map(_File._make, known.items())
        if self._stored is None:
            named = ((decode_archive_object(s.name), s.size) for s in remote.list_all())
            self._stored = [_File(name, size) for name, size in named if name is not None]
        month = key[:7]
        yield from (f for f in self._stored if f.name.startswith(month) and f.name not in known)

    def _read(self, remote: Remote, file: _File, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff from one archive; None if the archive does not have it."""
        try:
            try:
                return _member(self._reader(remote, file), key, patch)
            except (Conflict, CodecError):
                self._readers.pop(file.name, None)
                remove(self._cache(file))
                return _member(self._reader(remote, file), key, patch)
        except CodecError as e:
            raise IntegrityError(
                e.problem,
                file=f"{remote.url}/{archive_object(file.name)}",
                hint="Restore the object from another copy of the archive",
            ) from None

    def _reader(self, remote: Remote, file: _File) -> ArchiveReader:
        if file.name not in self._readers:
            ranges = _Ranges(remote, file, self._frames)
            is_cached = ranges.take(self._cache(file))
            reader = self._readers[file.name] = ArchiveReader(ranges.read, file.size)
            if not is_cached:
                tail = file.size - sum(frame.packed for frame in reader.frames)
                write_cache(self._cache(file), ranges.give(tail))
            ranges.opened = True
        return self._readers[file.name]

    def _cache(self, file: _File) -> str:
        return os.path.join(self._workspace.home, CACHE, f"{file.name}.end")


class _Frames:
    """The ranges of archives that were read most recently."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._size = 0

    def get(self, name: str, offset: int, size: int, load: Callable[[], bytes]) -> bytes:
        """Return a range; load it if it is not kept."""
        at = name, offset, size
        if at in self._kept:
            self._kept.move_to_end(at)
            return self._kept[at]
        data = self._kept[at] = load()
        self._size += len(data)
        while self._size > _KEPT and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])
        return data


class _Ranges:
    """The ranges of an archive: its end, and its frames."""

    def __init__(self, remote: Remote, file: _File, frames: _Frames) -> None:
        self._remote = remote
        self._file = file
        self._name = archive_object(file.name)
        self._frames = frames
        self._version: str | None = None
        self._end = b""
        self._cached = False
        #: Whether the index was read: all ranges before belong to the end.
        self.opened = False

    def read(self, offset: int, size: int) -> bytes:
        """Return a range, from the cache or by one request."""
        start = self._file.size - len(self._end)
        if offset < start and self._cached and not self.opened:
            # The bytes before the index are not cached, because no reader uses them.
            return bytes(start - offset) + self._end[: max(0, offset + size - start)]
        if offset < start and self.opened:
            return self._frames.get(self._name, offset, size, lambda: self._request(offset, size))
        if offset < start:
            self._end = self._request(offset, start - offset) + self._end
            start = offset
        return self._end[offset - start : offset - start + size]

    def _request(self, offset: int, size: int) -> bytes:
        if self._version is None:
            part = self._remote.read_end(self._name, min(TAIL, self._file.size))
        else:
            part = self._remote.read(self._name, offset, size, self._version)
        if part.size != self._file.size:
            raise IntegrityError("does not match its record: its size differs")
        self._version = part.version
        return part.data

    def take(self, path: str) -> bool:
        """Read the end of the archive from a cache file; return True if it is cached."""
        cached = read_cache(path, _decode_end)
        if cached is not None and len(cached[1]) <= self._file.size:
            self._version, self._end = cached
            self._cached = True
        return self._cached

    def give(self, size: int) -> bytes:
        """Return the last `size` bytes, to be cached."""
        return json.dumps({"version": self._version}).encode() + b"\n" + self._end[-size:]


def _decode_end(cached: bytes) -> tuple[str, bytes]:
    line, _, end = cached.partition(b"\n")
    return json.loads(line)["version"], end


def _member(reader: ArchiveReader, key: Key, patch: PatchRef) -> bytes | None:
    if reader.index.find(key) is not None:
        return reader.read(key, patch)
    for entry in reader.index.near(key):
        with suppress(IntegrityError):  # another diff with the same time
            return reader.read(entry.key, patch)
    return None


def _archives(workspace: Workspace) -> Iterator[Archive]:
    """Yield the archives that the manifest names, decoding only the lines of archives."""
    for line in read_bytes(workspace.path(MANIFEST)).split(b"\n"):
        if _ARCHIVE in line:
            with suppress(FormatError):
                fact = decode_fact(line.decode(errors="replace"))
                if isinstance(fact, Archive):
                    yield fact
