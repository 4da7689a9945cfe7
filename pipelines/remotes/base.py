"""A remote: named objects that are written once, and read whole or in ranges.

1. A name stands for a content: an object is put only where there is none of its name, and what is
   there already is held against what should be.
2. What was put is known to have arrived: by what the remote says of it where that can be checked,
   else by reading it back.
3. A read that takes several requests is of one version of the object.
4. What goes wrong is a NotFound, Denied, Unavailable, Conflict or IntegrityError, and nothing of a
   vendor's.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import IO, Final, NamedTuple, Protocol

from codec.errors import IntegrityError

BLOCK: Final = 1 << 20
#: Bytes of an object that are held in memory, unless somebody says less.
LIMIT: Final = 1 << 30


class Stored(NamedTuple):
    """An object as a list has it: its name, size in bytes, and when it was put, in seconds."""

    name: str
    size: int
    modified: float


class Part(NamedTuple):
    """A range of an object.

    Attributes:
        data: its bytes.
        size: of the whole object.
        version: what tells this version of the object from any other.
    """

    data: bytes
    size: int
    version: str


class Content(NamedTuple):
    """What is to be put.

    Attributes:
        size: in bytes.
        sha256: in hex.
        open: opens it anew, at its beginning.
        exact: what has its name already must be these bytes; else it may be the same content in
            other bytes, packed by another version or encrypted another time.
    """

    size: int
    sha256: str
    open: Callable[[], IO[bytes]]
    exact: bool = True


class Requests(Counter[str]):
    """Counts requests of several threads."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, kind: str) -> None:
        """Count a request."""
        with self._lock:
            self[kind] += 1


class Readable(Protocol):
    """What objects are read from; the attributes and methods are those of a `Remote`."""

    url: str

    def copy(self, name: str, write: Callable[[bytes], object]) -> int:
        """Hand a whole object to `write`, in pieces; its size in bytes."""
        ...


class Remote(Protocol):
    """Where copies are kept.

    Attributes:
        url: as a user names it.
        requests: how many of each kind were made: LIST, GET, PUT, HEAD, DELETE and others.
    """

    url: str
    requests: Requests

    def list_all(self) -> list[Stored]:
        """All objects, by name."""
        ...

    def read(self, name: str, offset: int, size: int, version: str | None = None) -> Part:
        """A range of an object; of this version of it, where one is given.

        Raises:
            NotFound: there is no such object.
            Conflict: it is of another version.
        """
        ...

    def read_end(self, name: str, size: int) -> Part:
        """The last bytes of an object: as many as asked for, or all that it has."""
        ...

    def copy(self, name: str, write: Callable[[bytes], object]) -> int:
        """Hand a whole object to `write`, in pieces; its size in bytes."""
        ...

    def put(self, name: str, content: Content) -> bool:
        """Put an object, unless there is one of its name; whether it was put.

        Raises:
            IntegrityError: what has the name, or arrived, is something else.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete an object for good; nothing happens where there is none."""
        ...

    def is_file(self, name: str, path: str) -> bool:
        """Return whether an object is the very file at a path on this machine."""
        ...

    def hidden(self) -> Sequence[Remote]:
        """Return views of the versions that a list does not show: older ones, deleted ones.

        A view has at most one version of an object, and `delete` deletes that version alone.
        """
        ...

    def unreadable(self) -> list[str]:
        """Return the names of the objects that only others can read."""
        ...

    def remove_unfinished(self, age: float) -> list[str]:
        """Remove uploads that were begun `age` seconds ago or earlier, and return their names."""
        ...


def content_of(data: bytes, *, exact: bool = True) -> Content:
    """Bytes as what is to be put."""
    return Content(len(data), hashlib.sha256(data).hexdigest(), lambda: io.BytesIO(data), exact)


def read_whole(remote: Remote, name: str, limit: int = LIMIT) -> bytes:
    """All bytes of an object that fits into memory.

    Raises:
        IntegrityError: it has more than `limit` bytes.
    """
    pieces: list[bytes] = []
    remote.copy(name, bounded(pieces.append, limit, f"{remote.url}/{name}"))
    return b"".join(pieces)


def bounded(write: Callable[[bytes], object], limit: int, name: str) -> Callable[[bytes], None]:
    """Something to write to that takes no more than `limit` bytes of an object of this name."""
    left = limit

    def take(block: bytes) -> None:
        nonlocal left
        left -= len(block)
        if left < 0:
            raise IntegrityError(f"is larger than {limit:,} bytes, and should not be", file=name)
        write(block)

    return take


def changed(name: str) -> IntegrityError:
    """What was to be put is not what it was a moment ago."""
    return IntegrityError(
        "changed while it was sent, and was not put", file=name, hint="Run the same command again"
    )


def check_same(remote: Readable, name: str, size: int, sha256: str) -> None:
    """Read an object as a whole, and hold it against what it should be.

    Raises:
        NotFound: it is not there.
        IntegrityError: it is something else.
    """
    digest = hashlib.sha256()
    write = bounded(digest.update, size, f"{remote.url}/{name}")
    if (remote.copy(name, write), digest.hexdigest()) != (size, sha256):
        raise IntegrityError(
            "holds something else than its name says",
            file=f"{remote.url}/{name}",
            hint="Look at who else writes there; move the object away and run the same command",
        )
