"""Encode the layout of a log, and prove that the log can be rebuilt from it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

from codec.errors import IntegrityError
from codec.kinds import Key
from codec.records import PatchRef
from codec.v1.layout import (
    EncodedLayout,
    Part,
    StoredPatch,
    decode_layout,
    encode_layout,
    rebuild,
)
from codec.v1.purged_text import cut_purged
from pipelines.v1.reader import ReadLog


def encode_log(
    log: ReadLog, stored: Mapping[str, StoredPatch], purged: Mapping[PatchRef, Key]
) -> EncodedLayout:
    """Return the layout of a log, in which purged diffs are only references.

    Args:
        log: the log, as it was read.
        stored: the stored patch of each entry, by entry hash.
        purged: the diffs that must not be stored, and the key of a session for each.
    """
    return encode_layout(_parts(log, stored, purged))(log.sha256, len(log.source.data))


def prove(
    log: ReadLog,
    layout: EncodedLayout,
    patch: Callable[[StoredPatch], bytes],
    purged: Container[PatchRef],
) -> None:
    """Rebuild a log from its encoded layout, and compare it with the original.

    Args:
        log: the log, as it was read.
        layout: its layout.
        patch: returns the bytes of a stored patch.
        purged: the diffs that are stored nowhere; their bytes are in the log itself.

    Raises:
        IntegrityError: the result differs from the log.
    """
    source = log.source
    at = 0

    def read(part: StoredPatch) -> bytes:
        return source.data[at : at + part.patch.size] if part.patch in purged else patch(part)

    for piece in rebuild(decode_layout(layout.layout), layout.literal, read):
        if source.data[at : at + len(piece)] != piece:
            raise IntegrityError(
                "the log rebuilt from the encoded layout differs from the original",
                file=source.name,
            )
        source.release(at, at + len(piece))
        at += len(piece)
    if at != len(source.data):
        raise IntegrityError(
            "the log rebuilt from the encoded layout is incomplete", file=source.name
        )


def _parts(
    log: ReadLog, stored: Mapping[str, StoredPatch], purged: Mapping[PatchRef, Key]
) -> Iterator[Part]:
    """Yield the parts of a log: stored and purged patches by reference, other text literally."""
    data = log.source.data
    at = 0
    for found in log.found:
        part = stored.get(found.sha256)
        if found.patch is None or part is None or part.patch != found.patch:
            continue
        start, end = found.patch_at
        yield from _literal(data[at:start], purged)
        yield part
        at = end
        log.source.release(start, end)
    yield from _literal(data[at:], purged)


def _literal(text: bytes, purged: Mapping[PatchRef, Key]) -> Iterator[Part]:
    """Yield a text as parts, purged diffs by reference."""
    for piece in cut_purged(text, purged) if purged else (text,):
        yield StoredPatch(purged[piece], piece) if isinstance(piece, PatchRef) else piece
