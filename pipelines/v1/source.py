"""A v1 log on disk, which is split, hashed, counted and verified.

It is memory-mapped, and mapped pages are released after reading, so that a log of any size needs
little memory.
"""

from __future__ import annotations

import glob
import hashlib
import mmap
import os
import stat
from dataclasses import dataclass

from codec.errors import EncodeError, FormatError
from codec.kinds import Sha256
from codec.v1.text import Log
from pipelines.outcomes.errors import Conflict, NotFound, storage_error
from pipelines.system.fs.files import identity, release
from pipelines.workspace.location import Workspace

_BLOCK = 1 << 24
#: The size of a block in bytes.
_LIMIT = 1 << 33
#: The suffixes of logs in a folder that is named.
_LOG_ENDINGS = (".md", ".markdown", ".txt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An open v1 log.

    Attributes:
        name: its path relative to the workspace, with `/`, as the manifest states it.
        path: its absolute path.
        data: its bytes.
        identity: device, inode, size and time of change, which reveal a change.
    """

    name: str
    path: str
    data: Log
    identity: tuple[int, int, int, int]

    def release(self, start: int, end: int) -> None:
        """Release the memory of a part of the log, in whole blocks.

        The bytes can be read again. Calling this for every small range would be slow.
        """
        first, last = start - start % _BLOCK, end - end % _BLOCK
        if last > first and isinstance(self.data, mmap.mmap):
            release(self.data, first, last - first)

    def digest(self) -> Sha256:
        """Return the SHA-256 of the log."""
        whole = hashlib.sha256()
        for start in range(0, len(self.data), _BLOCK):
            whole.update(self.data[start : start + _BLOCK])
            self.release(start, start + _BLOCK)
        return Sha256(whole.hexdigest())

    def check_unchanged(self) -> None:
        """Raise `Conflict` if the file is no longer the one that was read."""
        try:
            now = identity(os.stat(self.path))
        except OSError as e:
            raise storage_error(e, self.name) from None
        if now != self.identity:
            raise Conflict(
                f"{self.name} changed while it was read; nothing was written",
                hint="Run the same command again",
            )


def source_name(workspace: Workspace, path: str) -> str:
    """Return the name of a log in the manifest: its path relative to the workspace, with `/`."""
    return os.path.relpath(path, workspace.root).replace(os.sep, "/")


def find_sources(workspace: Workspace, name: str) -> list[str]:
    """Return the absolute paths of the logs that a user names.

    A relative name is searched for in the current folder, then in the workspace. A folder selects
    the Markdown and text files in it and below; a pattern selects the files that match it. A name
    without a file is returned as it is.

    Args:
        workspace: the workspace.
        name: a file, a folder or a pattern such as `memory/*.md`.
    """
    name = os.path.expanduser(name)
    places = [os.path.abspath(name), os.path.join(workspace.root, name)]
    for place in places:
        if os.path.isdir(place):
            return _logs_below(place)
        if os.path.lexists(place):
            return [place]
    for place in places if glob.has_magic(name) else ():
        found = sorted(p for p in glob.glob(place, recursive=True) if os.path.isfile(p))
        if found:
            return found
    return places[:1]


def _logs_below(folder: str) -> list[str]:
    """Return the Markdown and text files below a folder, without hidden folders."""
    found: list[str] = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        found += [os.path.join(at, n) for n in sorted(names) if n.lower().endswith(_LOG_ENDINGS)]
    return found or [folder]


def open_source(workspace: Workspace, path: str) -> Source:
    """Return an opened v1 log.

    Args:
        workspace: the folder to which the log's name is relative.
        path: the absolute path.

    Raises:
        FormatError: it cannot be a session log: it is a folder, empty, or UTF-16.
        EncodeError: its path is not UTF-8.
        StorageError: it does not exist or cannot be read.
    """
    name = source_name(workspace, path)
    try:
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise FormatError("is a folder", file=name, hint="Pass a log in it with --from")
        if not stat.S_ISREG(kind):
            raise FormatError(
                "is not a regular file", file=name, hint="Copy it to a regular file first"
            )
        with open(path, "rb") as f:
            opened = os.fstat(f.fileno())
            if opened.st_size > _LIMIT:
                raise FormatError(f"not a session log: larger than {_LIMIT >> 30} GiB", file=name)
            data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) if opened.st_size else b""
    except FileNotFoundError:
        raise NotFound(f"{name}: no such file", hint="Pass the log with --from") from None
    except OSError as e:
        raise storage_error(e, name) from None
    if not data:
        raise FormatError("not a session log: the file is empty", file=name)
    try:
        name.encode()
    except UnicodeEncodeError:
        problem = "the manifest cannot hold a path that is not UTF-8"
        raise EncodeError(problem, file=ascii(name), hint="Rename the log") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FormatError(
            "is UTF-16, not a session log that can be split by bytes",
            file=name,
            hint=f"Convert a copy: iconv -f UTF-16 -t UTF-8 {name} > log.md, then --from log.md",
        )
    return Source(name=name, path=path, data=data, identity=identity(opened))
