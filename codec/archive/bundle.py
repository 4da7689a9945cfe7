"""Small files in one object: a tar in one zstd frame, which `tar --zstd -xf` unpacks.

The same files give the same tar: sorted, with fixed metadata. The object is named by the SHA-256 of
the tar, so its name depends neither on compression nor on encryption.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from codec.archive.frames import decode_frame, encode_frame
from codec.errors import FormatError, IntegrityError
from codec.kinds import Sha256, sha256_of

#: The largest tar that a reader accepts, in bytes.
LIMIT: Final = 1 << 30


class Bundle(NamedTuple):
    """A packed set of files: the tar, and its SHA-256."""

    tar: bytes
    sha256: Sha256

    def packed(self) -> bytes:
        """Return the bytes of the object."""
        return encode_frame(self.tar, "fast")


def encode_bundle(files: Mapping[str, bytes]) -> Bundle:
    """Pack files into one object.

    Args:
        files: contents by name; names may contain `/`.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    data = out.getvalue()
    return Bundle(data, sha256_of(data))


def decode_bundle(
    packed: bytes, digest: str, is_known: Callable[[str], bool], limit: int = LIMIT
) -> dict[str, bytes]:
    """Return the files of an object, by name.

    Args:
        packed: the bytes of the object.
        digest: the SHA-256 of its tar, or a prefix of it.
        is_known: returns True for an allowed name; names become paths.
        limit: the largest allowed tar, in bytes.

    Raises:
        FormatError: it is not such an object, or has a name that is not allowed.
        IntegrityError: it is damaged, or differs from the hash in its name.
    """
    data = decode_frame(packed, limit)
    if not sha256_of(data).startswith(digest):
        raise IntegrityError("its content does not match its name")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for info in tar:
                content = tar.extractfile(info) if info.isreg() else None
                if content is None or not is_known(info.name) or info.name in files:
                    raise FormatError(f"unexpected member {info.name!r}")
                files[info.name] = content.read()
    except (tarfile.TarError, OSError) as e:
        raise FormatError(f"is not a tar: {e}") from None
    return files
