"""A directory as a remote: a mounted disk, a share, or a folder that another program copies.

1. An object appears under its name as a whole or not at all: a temporary file next to it, fsync,
   then a hard link, which fails if the name is taken; on file systems without hard links, a rename.
2. The version of an object is its inode, size and time of change.
3. The folder above it must exist: an unmounted disk must not look like an empty remote.
4. Only files are objects; anything else is ignored, without being opened for reading.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from stat import S_ISREG
from typing import IO, Final

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Conflict, NotFound, storage_error
from pipelines.remotes.base import BLOCK, Content, Part, Remote, Requests, Stored, check_same
from pipelines.system.fs.files import identity, make_folder, remove, sync_directory

#: Prefix of unfinished files, which are not objects.
_UNFINISHED: Final = ".new-"
#: Pipes are opened without waiting for a writer; for files, the flag has no effect.
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
#: The errors of file systems without hard links.
_NO_LINKS: Final = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK))


class DirectoryRemote:
    """A directory as a remote."""

    def __init__(self, path: str) -> None:
        self.url = path
        self.requests = Requests()

    def list_all(self) -> list[Stored]:
        """Return all objects by name; none if the directory does not exist yet."""
        self.requests.add("LIST")
        found = []
        with _said(self.url):
            if not os.path.isdir(self.url):
                os.stat(os.path.dirname(self.url))
                return []
            for folder, _, names in os.walk(self.url):
                for name in names:
                    if name.startswith(_UNFINISHED):
                        continue
                    path = os.path.join(folder, name)
                    with suppress(FileNotFoundError):
                        stat = os.stat(path)
                        if not S_ISREG(stat.st_mode):
                            continue  # reading a pipe or a device may never end
                        shown = ObjectName(os.path.relpath(path, self.url).replace(os.sep, "/"))
                        found.append(Stored(shown, stat.st_size, stat.st_mtime))
        return sorted(found)

    def read(self, name: ObjectName, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object."""
        self.requests.add("GET")
        with self._opened(name) as f:
            found, total = _version(f)
            if version is not None and version != found:
                raise Conflict(f"{self.url}/{name} changed while it was read")
            f.seek(offset)
            return Part(f.read(size), total, found)

    def read_end(self, name: ObjectName, size: int) -> Part:
        """Return the last bytes of an object."""
        self.requests.add("GET")
        with self._opened(name) as f:
            found, total = _version(f)
            f.seek(max(0, total - size))
            return Part(f.read(size), total, found)

    def copy(self, name: ObjectName, write: Callable[[bytes], object]) -> int:
        """Pass a whole object to `write`; return its size in bytes."""
        self.requests.add("GET")
        size = 0
        with self._opened(name) as f:
            while block := f.read(BLOCK):
                write(block)
                size += len(block)
        return size

    def put(self, name: ObjectName, content: Content) -> bool:
        """Write an object unless its name is taken; return False if it existed already."""
        self.requests.add("PUT")
        path = self._path(name)
        with _said(path):
            if not os.path.isdir(self.url):
                with suppress(FileExistsError):
                    os.mkdir(self.url)
                sync_directory(os.path.dirname(self.url))
            make_folder(os.path.dirname(path))
        if os.path.exists(path):
            return self._is_there(name, content)
        temporary = os.path.join(os.path.dirname(path), f"{_UNFINISHED}{os.urandom(8).hex()}")
        try:
            with _said(path):
                self._write(temporary, content, name)
                placed = _place(temporary, path)
        finally:
            remove(temporary)
        return placed or self._is_there(name, content)

    def _is_there(self, name: ObjectName, content: Content) -> bool:
        """Return True if the object exists; raise IntegrityError if it has other content."""
        if content.exact:
            check_same(self, name, content.size, content.sha256)
        return False

    def delete(self, name: ObjectName) -> None:
        """Delete an object for good."""
        self.requests.add("DELETE")
        with _said(self._path(name)):
            remove(self._path(name))

    def is_file(self, name: ObjectName, path: str) -> bool:
        """Return True if an object is the same file as a path, links resolved."""
        with _said(path):
            return os.path.samefile(self._path(name), path)

    def hidden(self) -> Sequence[Remote]:
        """Return no views, because a directory keeps no versions."""
        return ()

    def unreadable(self) -> list[str]:
        """Return no names, because nothing is encrypted."""
        return []

    def remove_unfinished(self, age: float) -> list[str]:
        """Remove the files of interrupted runs; return the names of younger ones."""
        found = []
        before = time.time() - age
        for folder, _, names in os.walk(self.url):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith(_UNFINISHED):
                    continue
                with _said(path), suppress(FileNotFoundError):
                    if os.lstat(path).st_mtime < before:
                        remove(path)
                    else:
                        found.append(os.path.relpath(path, self.url).replace(os.sep, "/"))
        return sorted(found)

    def _write(self, path: str, content: Content, name: ObjectName) -> None:
        """Write a file, make it durable, and read it back."""
        digest = hashlib.sha256()
        with open(path, "xb+") as f:
            with content.open() as source:
                while block := source.read(BLOCK):
                    f.write(block)
            f.flush()
            os.fsync(f.fileno())
            f.seek(0)
            while block := f.read(BLOCK):
                digest.update(block)
        if digest.hexdigest() != content.sha256:
            raise IntegrityError("arrived damaged: its SHA-256 differs", file=f"{self.url}/{name}")

    @contextmanager
    def _opened(self, name: ObjectName) -> Iterator[IO[bytes]]:
        path = self._path(name)
        with _said(path):
            try:
                fd = os.open(path, os.O_RDONLY | _NO_WAIT)
            except FileNotFoundError:
                raise NotFound(f"{path}: the remote has no such object") from None
            with open(fd, "rb") as f:
                if not S_ISREG(os.fstat(fd).st_mode):
                    raise IntegrityError("is not a file", file=path, hint="Move it away")
                yield f

    def _path(self, name: ObjectName) -> str:
        return os.path.join(self.url, *name.split("/"))


def _version(f: IO[bytes]) -> tuple[str, int]:
    stat = os.fstat(f.fileno())
    return "-".join(map(str, identity(stat)[1:])), stat.st_size


def _place(temporary: str, path: str) -> bool:
    """Give a file its name unless it is taken; return True on success."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        os.replace(temporary, path)
    sync_directory(os.path.dirname(path))
    return True


@contextmanager
def _said(path: str) -> Iterator[None]:
    """Map errors of the operating system to errors for the user."""
    try:
        yield
    except OSError as e:
        raise storage_error(e, str(e.filename or path)) from None
