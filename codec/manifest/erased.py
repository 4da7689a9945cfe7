"""Facts whose text was erased on purpose: no merge and no remote may restore them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from codec.manifest.fact_lines import erased_digests, read_fact, split_lines
from codec.manifest.jsonl import fact_digest

_PURGED_TEXT: Final = b'"purged-text"'


def without_erased(pieces: Sequence[bytes], erased: frozenset[str]) -> list[bytes]:
    """Return the lines of a manifest, except the facts with the given digests."""
    if not erased:
        return list(pieces)
    return [
        piece
        for piece in pieces
        if (fact := read_fact(piece)) is None or fact_digest(fact) not in erased
    ]


def drop_erased(manifest: bytes) -> bytes:
    """Return the bytes of a manifest without the facts that it lists as erased."""
    erased = erased_in(manifest)
    return b"".join(without_erased(split_lines(manifest), erased)) if erased else manifest


def erased_in(*manifests: bytes) -> frozenset[str]:
    """Return the digests of the facts that manifests list as erased."""
    lines = {
        line
        for data in manifests
        if _PURGED_TEXT in data
        for line in split_lines(data)
        if _PURGED_TEXT in line
    }
    return erased_digests(fact for line in lines if (fact := read_fact(line)) is not None)
