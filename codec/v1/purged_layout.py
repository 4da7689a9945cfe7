"""Remove purged diffs from the literal bytes of v1 layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codec.kinds import Key
from codec.records import PatchRef
from codec.v1.layout import EncodedLayout, Layout, Part, StoredPatch, encode_layout, literal_bytes
from codec.v1.purged_text import cut_purged


def without(layout: Layout, literal: bytes, purged: Mapping[PatchRef, Key]) -> EncodedLayout:
    """Return a layout of the same log in which purged diffs are only references.

    Args:
        layout, literal: the layout and its literal bytes.
        purged: the purged diffs, and the key of a session for each.
    """
    return encode_layout(_parts(layout, literal, purged))(layout.sha256, layout.size)


def _parts(layout: Layout, literal: bytes, purged: Mapping[PatchRef, Key]) -> Iterator[Part]:
    text = b"".join(literal_bytes(layout, literal))
    at = 0
    for part in layout.parts:
        if isinstance(part, StoredPatch):
            yield part
            continue
        for piece in cut_purged(text[at : at + part], purged):
            yield StoredPatch(purged[piece], piece) if isinstance(piece, PatchRef) else piece
        at += part
