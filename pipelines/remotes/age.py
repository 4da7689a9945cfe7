"""Encrypt objects with age before they leave the machine, so that a remote cannot read them.

1. The format is age's own, https://age-encryption.org/v1: with the identity, `age -d -i FILE` opens
   an object without session-codec.
2. Encrypting twice gives different bytes, so an object is named by its content, its size and its
   recipients: `2025-11-6b8395f36bbb.tar.zst.503539.0f3c9a1b2d4e.age`. So objects can be found by
   name.
3. Recipients are checked before anything is sent, and only the kinds that age itself knows are
   accepted: an object that nobody can decrypt is lost.
4. Errors never contain an identity. A truncated or changed object is detected at its end at the
   latest: output that was written before must not be used.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from typing import IO, Any, Final, NamedTuple

from codec.errors import FormatError, IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Denied, NotFound

_NAME = re.compile(
    r"(?P<plain>.+)\.(?P<size>0|[1-9][0-9]{0,14})\.(?P<tag>[0-9a-f]{12})\.age", re.DOTALL
)
_KEY_FILE: Final = b"-----BEGIN "
_ENCRYPTED: Final = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
#: The sizes in bytes of the parts of an object: https://age-encryption.org/v1.
_NONCE, _CHUNK, _TAG = 16, 1 << 16, 16
#: The messages of pyrage for an intact object, and for one that has other recipients.
_NOT_OURS: Final = "No matching keys found"


class Recipients(NamedTuple):
    """The recipients of encrypted objects.

    Attributes:
        texts: the texts, as they were written, in order, each once.
        keys: the same as pyrage's objects.
    """

    texts: tuple[str, ...]
    keys: Sequence[Any]

    @property
    def tag(self) -> str:
        """Return the recipients' tag in object names: 12 hex digits, independent of their order."""
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()[:12]


class EncryptedName(NamedTuple):
    """The name of an encrypted object: its content's name and size, and its recipients."""

    plain: ObjectName
    size: int
    tag: str

    @property
    def object(self) -> ObjectName:
        """The name itself."""
        return ObjectName(f"{self.plain}.{self.size}.{self.tag}.age")


def decode_name(name: str) -> EncryptedName | None:
    """Return the parts of an encrypted object's name; None for an object that is not encrypted."""
    m = _NAME.fullmatch(name)
    return EncryptedName(ObjectName(m["plain"]), int(m["size"]), m["tag"]) if m else None


def decode_recipients(texts: Iterable[str]) -> Recipients:
    """Parse recipients: `age1...`, or public SSH keys.

    Raises:
        FormatError: a text is not a recipient.
        NotFound: pyrage is not installed.
    """
    pyrage = _pyrage()
    # A public SSH key ends with a comment, which does not identify the recipient.
    chosen = sorted({" ".join(text.split()[:2]) for text in texts})
    keys = []
    for text in chosen:
        kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
        try:
            keys.append(kind.Recipient.from_str(text))
        except pyrage.RecipientError:
            shown = "an identity, which is secret" if "SECRET" in text.upper() else repr(text)
            raise FormatError(
                f"{shown} is not an age recipient",
                field="encrypt-to",
                hint="Pass the output of 'age-keygen -y FILE' (age1...), or an ssh-ed25519 or"
                " ssh-rsa public key",
            ) from None
    return Recipients(tuple(chosen), keys)


def read_identities(path: str) -> list[Any]:
    """Return the identities in a file: one written by `age-keygen`, or a private SSH key.

    Raises:
        FormatError: it has no identity, or one with a passphrase.
        NotFound: it does not exist, or pyrage is not installed.
    """
    pyrage = _pyrage()
    path = os.path.expanduser(path)
    try:
        with open(path, "rb") as f:
            data = f.read()
    except FileNotFoundError:
        raise NotFound(
            f"{path}: no such identity file",
            hint="Pass the path of an identity file with --identity",
        ) from None
    if data.startswith(_ENCRYPTED):
        raise FormatError(
            "the identity file is encrypted",
            file=path,
            hint="Decrypt it first: age -d -o identity FILE",
        )
    try:
        if data.startswith(_KEY_FILE):
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = (line.strip() for line in data.decode().splitlines())
        found = [pyrage.x25519.Identity.from_str(x) for x in lines if x and not x.startswith("#")]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise FormatError(
            "holds no identity that works without a passphrase",
            file=path,
            hint="Pass a file written by age-keygen, or a private SSH key",
        )
    return found


def encrypt(source: IO[bytes] | io.RawIOBase, target: IO[bytes], recipients: Recipients) -> None:
    """Encrypt one stream into another, 64 KiB at a time."""
    _pyrage().encrypt_io(source, target, recipients.keys)


def decrypt(source: IO[bytes], target: IO[bytes], identities: Sequence[Any], name: str) -> None:
    """Decrypt one stream into another.

    Args:
        source, target: the streams; the content of the target is valid only after this returns.
        identities: the identities to try, one after the other.
        name: the name of the file in errors.

    Raises:
        Denied: it was encrypted for others.
        IntegrityError: it was changed or truncated, or is not encrypted.
    """
    pyrage = _pyrage()
    try:
        pyrage.decrypt_io(source, target, identities)
    except pyrage.DecryptError as e:
        if str(e) == _NOT_OURS:
            raise Denied(
                f"{name}: no identity can decrypt it",
                hint="Pass the identity of one of its recipients with --identity",
            ) from None
        raise _damaged(name) from None
    except OSError as e:
        if e.errno is not None:  # an error of a file; errors of the content have no number
            raise
        raise _damaged(name) from None


def opens(begin: bytes, identities: Sequence[Any]) -> bool:
    """Return True if an identity opens an object, given the beginning of the object.

    Args:
        begin: its header, at least.
        identities: the identities to try, one after the other.
    """
    pyrage = _pyrage()
    try:
        pyrage.decrypt(begin, identities)
    except pyrage.DecryptError as e:
        return str(e) != _NOT_OURS and begin.startswith(_ENCRYPTED[0])
    return True


def body_size(size: int) -> int:
    """Return the size of an object's body in bytes, by age's format."""
    return _NONCE + size + _TAG * max(1, -(-size // _CHUNK))


def _damaged(name: str) -> IntegrityError:
    return IntegrityError("the encrypted object was changed or truncated", file=name)


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError:
        raise NotFound(
            "encryption needs pyrage, which is not installed",
            hint="Install it: pip install pyrage",
        ) from None
    return pyrage
