"""The layout of a log that was read, and the proof that it gives the log back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from codec.errors import IntegrityError
from codec.v1_layout import (
    EncodedLayout,
    Part,
    StoredPatch,
    decode_layout,
    encode_layout,
    rebuild,
)
from pipelines.v1_reading import ReadLog


def encode_log(log: ReadLog, stored: Mapping[str, StoredPatch]) -> EncodedLayout:
    """The layout of a log.

    Args:
        log: as it was read.
        stored: by entry hash, the patch that is stored under a key.
    """
    return encode_layout(_parts(log, stored))(log.sha256, len(log.source.data))


def prove(log: ReadLog, layout: EncodedLayout, patch: Callable[[StoredPatch], bytes]) -> None:
    """Decode a layout as it was encoded and compare what it gives with the log.

    Args:
        log: as it was read.
        layout: its layout.
        patch: gives the bytes of a stored patch.

    Raises:
        IntegrityError: it does not give the log, byte for byte.
    """
    source = log.source
    at = 0
    for piece in rebuild(decode_layout(layout.layout), layout.literal, patch):
        if source.data[at : at + len(piece)] != piece:
            raise IntegrityError("what was encoded does not give the log back", file=source.name)
        source.release(at, at + len(piece))
        at += len(piece)
    if at != len(source.data):
        raise IntegrityError("what was encoded does not give all of the log", file=source.name)


def _parts(log: ReadLog, stored: Mapping[str, StoredPatch]) -> Iterator[Part]:
    """The parts of a log: each patch that is stored under its session's key, all else literal."""
    data = log.source.data
    at = 0
    for found in log.found:
        part = stored.get(found.sha256)
        if found.patch is None or part is None or part.patch != found.patch:
            continue
        start, end = found.patch_at
        yield data[at:start]
        yield part
        at = end
        log.source.release(start, end)
    yield data[at:]
