"""A remote whose objects are encrypted before they leave the machine, and opened on their return.

1. It is a remote like any other to those who use it: names, sizes and bytes are those of what is
   encrypted. Only it knows what an object is called and what it looks like there.
2. For one who writes, an object is there if it is there for the same recipients. A remote with
   encrypted objects never gets a plain one: forgotten recipients are an error.
3. For one who reads, an object is there if one of their identities opens it, or if it is plain.
4. A range is read by fetching the whole: nothing less can be proved.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, Final, NamedTuple

from codec.errors import IntegrityError
from codec.kinds import Sha256
from pipelines.outcomes.errors import Denied
from pipelines.remotes.age import (
    EncryptedName,
    Recipients,
    body_size,
    decode_name,
    decrypt,
    encrypt,
    opens,
)
from pipelines.remotes.base import (
    BLOCK,
    LIMIT,
    Content,
    Part,
    Remote,
    Stored,
    bounded,
    changed,
    check_same,
)

#: Bytes that the beginning of an object may have before its content.
_HEADER: Final = 1 << 16
_NO_IDENTITY: Final = "Name a file of identities with --identity, or SESSION_CODEC_IDENTITY"


class _There(NamedTuple):
    """An object on the remote: its name, and its recipients' tag; no tag if unencrypted."""

    name: str
    tag: str | None


class _Opened(NamedTuple):
    """A whole object that was fetched, and its version."""

    file: IO[bytes]
    size: int
    version: str


class EncryptedRemote:
    """A remote that holds encrypted objects."""

    def __init__(
        self,
        remote: Remote,
        *,
        recipients: Recipients | None,
        identities: Sequence[Any],
        writes: bool,
    ) -> None:
        """Wrap the remote that holds the objects.

        Args:
            remote: holds the encrypted objects.
            recipients: who can read what is put; None to put nothing encrypted.
            identities: the age identities that decrypt.
            writes: whether it is opened to put objects.
        """
        self._remote = remote
        self._recipients = recipients
        self._identities = identities
        self._writes = writes
        self._known: dict[str, _There] | None = None
        self._opened: tuple[str, _Opened] | None = None
        self.url = remote.url
        self.requests = remote.requests

    def list_all(self) -> list[Stored]:
        """Return all objects that these recipients can read, by name.

        Raises:
            Denied: it holds encrypted objects, and no recipient or identity was given.
        """
        known: dict[str, _There] = {}
        found: dict[str, Stored] = {}
        listed = self._remote.list_all()
        tags = self._tags(listed)
        for stored in listed:
            name = decode_name(stored.name)
            if name is None:
                if not (self._writes and self._recipients):
                    known[stored.name] = _There(stored.name, None)
                    found[stored.name] = stored
            elif name.tag in tags:
                known.setdefault(name.plain, _There(stored.name, name.tag))
                size = name.size if _is_plausible(name, stored.size) else -1
                found.setdefault(name.plain, Stored(name.plain, size, stored.modified))
        self._known = known
        return [found[name] for name in sorted(found)]

    def _tags(self, listed: Sequence[Stored]) -> frozenset[str]:
        """Return the tags of the readable objects."""
        first: dict[str, str] = {}
        for stored in listed:
            if (name := decode_name(stored.name)) is not None:
                first.setdefault(name.tag, stored.name)
        if self._writes:
            if self._recipients:
                return frozenset({self._recipients.tag})
            if first:
                raise Denied(
                    f"{self.url}: holds encrypted objects; refusing to upload unencrypted ones",
                    hint="Name the recipients with --encrypt-to, or name another remote",
                )
            return frozenset()
        if first and not self._identities:
            raise Denied(f"{self.url}: holds encrypted objects", hint=_NO_IDENTITY)
        mine = {
            tag
            for tag, name in first.items()
            if opens(self._remote.read(name, 0, _HEADER).data, self._identities)
        }
        if first and not mine:
            raise Denied(
                f"{self.url}: none of the identities opens its objects",
                hint="Name the identity of one of its recipients with --identity",
            )
        return frozenset(mine)

    def read(self, name: str, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object, which is fetched as a whole, once for several ranges."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.read(name, offset, size, version)
        whole = self._whole(there)
        whole.file.seek(offset)
        return Part(whole.file.read(size), whole.size, whole.version)

    def read_end(self, name: str, size: int) -> Part:
        """Return the last bytes of an object."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.read_end(name, size)
        total = self._whole(there).size
        return self.read(name, max(0, total - size), size)

    def copy(self, name: str, write: Callable[[bytes], object]) -> int:
        """Hand a whole object to `write`, in pieces."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.copy(name, write)
        with self._fetched(there) as whole:
            while block := whole.file.read(BLOCK):
                write(block)
            return whole.size

    def put(self, name: str, content: Content) -> bool:
        """Encrypt and put an object, unless there is one of its name for the same recipients."""
        if self._recipients is None:
            return self._remote.put(name, content)
        shown = str(EncryptedName(name, content.size, self._recipients.tag))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "encrypted")
            with content.open() as source, open(path, "wb") as target:
                read = _Hashing(source)
                encrypt(read, target, self._recipients)
            if read.digest.hexdigest() != content.sha256:
                raise changed(f"{self.url}/{shown}")
            with open(path, "rb") as f:
                sha256 = Sha256(hashlib.file_digest(f, "sha256").hexdigest())
            size = os.path.getsize(path)
            sealed = Content(size, sha256, partial(_reopened, path), exact=False)
            is_new = self._remote.put(shown, sealed)
        if self._known is not None:
            self._known[name] = _There(shown, self._recipients.tag)
        if not is_new:
            self._check_there(name, shown, content)
        return is_new

    def delete(self, name: str) -> None:
        """Delete an object for good, for all recipients."""
        for stored in self._remote.list_all():
            decoded = decode_name(stored.name)
            if name == (decoded.plain if decoded else stored.name):
                self._remote.delete(stored.name)

    def is_file(self, name: str, path: str) -> bool:
        """Return whether an object is the very file at a path on this machine."""
        return self._remote.is_file(self._find(name).name, path)

    def hidden(self) -> Sequence[Remote]:
        """Return views of the versions that a list does not show."""
        return [
            EncryptedRemote(view, recipients=None, identities=self._identities, writes=False)
            for view in self._remote.hidden()
        ]

    def unreadable(self) -> list[str]:
        """Return the names of the objects that none of the identities opens."""
        listed = self._remote.list_all()
        try:
            tags = self._tags(listed)
        except Denied:
            tags = frozenset()
        decoded = (decode_name(stored.name) for stored in listed)
        return sorted(str(name) for name in decoded if name and name.tag not in tags)

    def remove_unfinished(self, age: float) -> list[str]:
        """Remove uploads that were never ended."""
        return self._remote.remove_unfinished(age)

    def _check_there(self, name: str, shown: str, content: Content) -> None:
        """Compare an existing object with the expected one, as far as it can be read."""
        if self._identities:
            if content.exact:
                check_same(self, name, content.size, content.sha256)
            return
        begin = self._remote.read(shown, 0, _HEADER)
        decoded = EncryptedName(name, content.size, "")
        if not begin.data.startswith(b"age-encryption.org/") or not _is_plausible(
            decoded, begin.size
        ):
            raise IntegrityError(
                "its content does not match its name",
                file=f"{self.url}/{shown}",
                hint="Move the object away and run the same command again",
            )

    def _find(self, name: str) -> _There:
        """Return an object's name on the remote; the same name without encryption."""
        if self._known is None and (self._recipients or self._identities):
            self.list_all()
        return (self._known or {}).get(name, _There(name, None))

    def _whole(self, there: _There) -> _Opened:
        """Return an object that stays open for the next range."""
        if self._opened is None or self._opened[0] != there.name:
            if self._opened is not None:
                self._opened[1].file.close()
            whole = self._fetch(there)
            weakref.finalize(self, whole.file.close)
            self._opened = (there.name, whole)
        return self._opened[1]

    @contextmanager
    def _fetched(self, there: _There) -> Iterator[_Opened]:
        whole = self._fetch(there)
        with whole.file:
            yield whole

    def _fetch(self, there: _There) -> _Opened:
        """Fetch and decrypt an object into an unnamed file on this machine's disk."""
        name = f"{self.url}/{there.name}"
        if not self._identities:
            raise Denied(f"{name}: is encrypted", hint=_NO_IDENTITY)
        with tempfile.TemporaryFile() as sealed:
            digest = hashlib.sha256()

            def take(block: bytes) -> None:
                sealed.write(block)
                digest.update(block)

            self._remote.copy(there.name, bounded(take, _limit(there.name), name))
            sealed.seek(0)
            opened = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever asked
            try:
                decrypt(sealed, opened, self._identities, name)
            except BaseException:
                opened.close()
                raise
            size = opened.tell()
            opened.seek(0)
            return _Opened(opened, size, digest.hexdigest())


class _Hashing(io.RawIOBase):
    """A stream that computes the SHA-256 of the bytes read."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes; empty at the end."""
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _is_plausible(name: EncryptedName, size: int) -> bool:
    """Return True if an object's size fits the size of its content."""
    return 0 < size - body_size(name.size) <= _HEADER


def _limit(name: str) -> int:
    """Return how many bytes an encrypted object of this name can have."""
    decoded = decode_name(name)
    return body_size(decoded.size) + _HEADER if decoded else LIMIT


def _reopened(path: str) -> IO[bytes]:
    return open(path, "rb")
