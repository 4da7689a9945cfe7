"""The interface of a remote: named objects that are written once, and read whole or in ranges.

1. A name identifies a content: an object is written only under a free name; an existing object
   with the name is compared with the expected content.
2. An upload is verified by the remote's own checksum if it has one, else by reading the object
   back.
3. A read that takes several requests reads one version of the object.
4. Failures are a NotFound, Denied, Unavailable, Conflict or IntegrityError, never a vendor's
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
from codec.kinds import ObjectName, Sha256, sha256_of

BLOCK: Final = 1 << 20
#: The most bytes of an object that are held in memory, by default.
LIMIT: Final = 1 << 30


class Stored(NamedTuple):
    """An object in a listing: its name, size in bytes, and the time of its upload in seconds."""

    name: ObjectName
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
    """The content of an object to upload.

    Attributes:
        size: its size in bytes.
        sha256: its SHA-256 in hex.
        open: opens it at its beginning; may be called repeatedly.
        exact: an existing object with the name must have these bytes; otherwise it may have the
            same content in other bytes (packed by another version, or encrypted again).
    """

    size: int
    sha256: Sha256
    open: Callable[[], IO[bytes]]
    exact: bool = True


class Requests(Counter[str]):
    """Counts the requests of several threads."""

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

    def copy(self, name: ObjectName, write: Callable[[bytes], object]) -> int:
        """Pass a whole object to `write`, in pieces; return its size in bytes."""
        ...


class Remote(Protocol):
    """A place for copies: a directory or a bucket.

    Attributes:
        url: the URL as the user wrote it.
        requests: the number of requests by kind: LIST, GET, PUT, HEAD, DELETE and others.
    """

    url: str
    requests: Requests

    def list_all(self) -> list[Stored]:
        """Return all objects by name."""
        ...

    def read(self, name: ObjectName, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object; if `version` is given, of that version.

        Raises:
            NotFound: the object does not exist.
            Conflict: the object has another version.
        """
        ...

    def read_end(self, name: ObjectName, size: int) -> Part:
        """Return the last bytes of an object: as many as requested, or the whole object."""
        ...

    def copy(self, name: ObjectName, write: Callable[[bytes], object]) -> int:
        """Pass a whole object to `write`, in pieces; return its size in bytes."""
        ...

    def put(self, name: ObjectName, content: Content) -> bool:
        """Upload an object under a free name; return False if it existed already.

        Raises:
            IntegrityError: the existing or the uploaded object has other content.
        """
        ...

    def delete(self, name: ObjectName) -> None:
        """Delete an object for good; do nothing if it does not exist."""
        ...

    def is_file(self, name: ObjectName, path: str) -> bool:
        """Return True if an object is the same file as a path on this machine."""
        ...

    def hidden(self) -> Sequence[Remote]:
        """Return views of the versions that listings omit: older ones, deleted ones.

        A view has at most one version of an object, and its `delete` deletes only that version.
        """
        ...

    def unreadable(self) -> list[str]:
        """Return the names of the objects that only others can decrypt."""
        ...

    def remove_unfinished(self, age: float) -> list[str]:
        """Remove uploads that began `age` seconds ago or earlier; return the names of others."""
        ...


def content_of(data: bytes, *, exact: bool = True) -> Content:
    """Return bytes as the content of an upload."""
    return Content(len(data), sha256_of(data), lambda: io.BytesIO(data), exact)


def read_whole(remote: Remote, name: ObjectName, limit: int = LIMIT) -> bytes:
    """Return the content of an object that fits into memory.

    Raises:
        IntegrityError: it has more than `limit` bytes.
    """
    pieces: list[bytes] = []
    remote.copy(name, bounded(pieces.append, limit, f"{remote.url}/{name}"))
    return b"".join(pieces)


def bounded(write: Callable[[bytes], object], limit: int, name: str) -> Callable[[bytes], None]:
    """Return a `write` that accepts at most `limit` bytes of the object with this name."""
    left = limit

    def take(block: bytes) -> None:
        nonlocal left
        left -= len(block)
        if left < 0:
            raise IntegrityError(f"is larger than the limit of {limit:,} bytes", file=name)
        write(block)

    return take


def changed(name: str) -> IntegrityError:
    """Return the error for content that changed between planning and uploading."""
    return IntegrityError(
        "changed while it was sent; nothing was stored",
        file=name,
        hint="Run the same command again",
    )


def check_same(remote: Readable, name: ObjectName, size: int, sha256: Sha256) -> None:
    """Raise an error unless an object has the expected size and hash; reads it as a whole.

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
