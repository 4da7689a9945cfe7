"""A remote: named objects that are written once, and read whole or in ranges.

1. A name identifies a content: an object is put only under a free name, and an object that already
   has the name is compared with what it should be.
2. An upload is verified: by the remote's own checksum where it has one, else by reading the object
   again.
3. A read that takes several requests is of one version of the object.
4. Failures are a NotFound, Denied, Unavailable, Conflict or IntegrityError, and never a vendor's
   exception.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import IO, Final, NamedTuple, Protocol

from codec.errors import IntegrityError
from codec.kinds import Sha256, sha256_of

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
        size: the size of the whole object.
        version: identifies this version of the object.
    """

    data: bytes
    size: int
    version: str


class Content(NamedTuple):
    """The content of an object to put.

    Attributes:
        size: in bytes.
        sha256: in hex.
        open: opens it at its beginning; may be called again.
        exact: what has its name already must be these bytes; else it may be the same content in
            other bytes, packed by another version or encrypted another time.
    """

    size: int
    sha256: Sha256
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
    """The readable part of a `Remote`."""

    url: str

    def copy(self, name: str, write: Callable[[bytes], object]) -> int:
        """Hand a whole object to `write`, in pieces; its size in bytes."""
        ...


class Remote(Protocol):
    """A place for copies: a directory or a bucket.

    Attributes:
        url: the URL as the user wrote it.
        requests: how many of each kind were made: LIST, GET, PUT, HEAD, DELETE and others.
    """

    url: str
    requests: Requests

    def list_all(self) -> list[Stored]:
        """Return all objects by name."""
        ...

    def read(self, name: str, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object; of this version, if one is given.

        Raises:
            NotFound: the object does not exist.
            Conflict: it is of another version.
        """
        ...

    def read_end(self, name: str, size: int) -> Part:
        """Return the last bytes of an object: as many as requested, or all that it has."""
        ...

    def copy(self, name: str, write: Callable[[bytes], object]) -> int:
        """Hand a whole object to `write`, in pieces; its size in bytes."""
        ...

    def put(self, name: str, content: Content) -> bool:
        """Put an object under a free name; report whether it was put.

        Raises:
            IntegrityError: the object with the name, or the one that arrived, has other content.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete an object for good; do nothing if it does not exist."""
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
        """Remove uploads that began `age` seconds ago or earlier; return the names of others."""
        ...


def content_of(data: bytes, *, exact: bool = True) -> Content:
    """Return bytes as the content of an upload."""
    return Content(len(data), sha256_of(data), lambda: io.BytesIO(data), exact)


def read_whole(remote: Remote, name: str, limit: int = LIMIT) -> bytes:
    """Read an object that fits into memory.

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
            raise IntegrityError(f"is larger than the limit of {limit:,} bytes", file=name)
        write(block)

    return take


def changed(name: str) -> IntegrityError:
    """Return the error that content changed between planning and putting it."""
    return IntegrityError(
        "changed while it was sent; nothing was stored",
        file=name,
        hint="Run the same command again",
    )


def check_same(remote: Readable, name: str, size: int, sha256: Sha256) -> None:
    """Read a whole object and compare it with its expected size and hash.

    Raises:
        NotFound: it does not exist.
        IntegrityError: it has other content.
    """
    digest = hashlib.sha256()
    write = bounded(digest.update, size, f"{remote.url}/{name}")
    if (remote.copy(name, write), digest.hexdigest()) != (size, sha256):
        raise IntegrityError(
            "its content does not match its name",
            file=f"{remote.url}/{name}",
            hint="Check who else writes to the remote; move the object away and run again",
        )
