"""A remote whose objects are encrypted before upload and decrypted after download.

1. Its callers use it like any other remote: names, sizes and bytes are those of the plain content.
   Only this module knows the names and bytes of the encrypted objects.
2. For uploads, an object exists if it exists for the same recipients. Plain objects are never added
   to a remote with encrypted ones: missing recipients are an error.
3. For downloads, an object exists if one of the identities opens it, or if it is not encrypted.
4. To read a range, the whole object is fetched, because only the whole can be verified.
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
from codec.kinds import ObjectName, Sha256
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

#: The most bytes of an encrypted object before its content.
_HEADER: Final = 1 << 16
_NO_IDENTITY: Final = "Pass a file of identities with --identity, or set SESSION_CODEC_IDENTITY"


class _There(NamedTuple):
    """An object on the remote: its name, and its recipients' tag; no tag if unencrypted."""

    name: ObjectName
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
            remote: the remote with the encrypted objects.
            recipients: the recipients of new objects; None to upload nothing encrypted.
            identities: the age identities that decrypt.
            writes: True if it is opened to upload objects.
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
        """Return all objects that the recipients can read, by name.

        Raises:
            Denied: it has encrypted objects, and no recipient or identity was given.
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
        first: dict[str, ObjectName] = {}
        for stored in listed:
            if (name := decode_name(stored.name)) is not None:
                first.setdefault(name.tag, stored.name)
        if self._writes:
            if self._recipients:
                return frozenset({self._recipients.tag})
            if first:
                raise Denied(
                    f"{self.url}: holds encrypted objects; refusing to upload unencrypted ones",
                    hint="Pass the recipients with --encrypt-to, or use another remote",
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
                f"{self.url}: no identity can decrypt its objects",
                hint="Pass the identity of one of its recipients with --identity",
            )
        return frozenset(mine)

    def read(self, name: ObjectName, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object; the whole object is fetched once for several ranges."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.read(name, offset, size, version)
        whole = self._whole(there)
        whole.file.seek(offset)
        return Part(whole.file.read(size), whole.size, whole.version)

    def read_end(self, name: ObjectName, size: int) -> Part:
        """Return the last bytes of an object."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.read_end(name, size)
        total = self._whole(there).size
        return self.read(name, max(0, total - size), size)

    def copy(self, name: ObjectName, write: Callable[[bytes], object]) -> int:
        """Pass a whole object to `write`, in pieces; return its size in bytes."""
        there = self._find(name)
        if there.tag is None:
            return self._remote.copy(name, write)
        with self._fetched(there) as whole:
            while block := whole.file.read(BLOCK):
                write(block)
            return whole.size

    def put(self, name: ObjectName, content: Content) -> bool:
        """Encrypt and upload an object; return False if the same recipients have it already."""
        if self._recipients is None:
            return self._remote.put(name, content)
        shown = EncryptedName(name, content.size, self._recipients.tag).object
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

    def delete(self, name: ObjectName) -> None:
        """Delete an object for good, for all recipients."""
        for stored in self._remote.list_all():
            decoded = decode_name(stored.name)
            if name == (decoded.plain if decoded else stored.name):
                self._remote.delete(stored.name)

    def is_file(self, name: ObjectName, path: str) -> bool:
        """Return True if an object is the same file as a path on this machine."""
        return self._remote.is_file(self._find(name).name, path)

    def hidden(self) -> Sequence[Remote]:
        """Return views of the versions that listings omit."""
        return [
            EncryptedRemote(view, recipients=None, identities=self._identities, writes=False)
            for view in self._remote.hidden()
        ]

    def unreadable(self) -> list[str]:
        """Return the names of the objects that no identity opens."""
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

    def _check_there(self, name: ObjectName, shown: ObjectName, content: Content) -> None:
        """Compare an existing object with the expected one, if it can be read."""
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

    def _find(self, name: ObjectName) -> _There:
        """Return the encrypted object of a name, or the plain object with that name."""
        if self._known is None and (self._recipients or self._identities):
            self.list_all()
        return (self._known or {}).get(name, _There(name, None))

    def _whole(self, there: _There) -> _Opened:
        """Return the whole object, which stays open for further ranges."""
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
        """Return a fetched and decrypted object, in an unnamed file on this machine's disk."""
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
    """Return True if an encrypted object of this size can have content of the named size."""
    return 0 < size - body_size(name.size) <= _HEADER


def _limit(name: ObjectName) -> int:
    """Return the largest possible size of an encrypted object with this name."""
    decoded = decode_name(name)
    return body_size(decoded.size) + _HEADER if decoded else LIMIT


def _reopened(path: str) -> IO[bytes]:
    return open(path, "rb")
