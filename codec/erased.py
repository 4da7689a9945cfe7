"""Facts whose text was erased on purpose: they never come back, whoever brings them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from codec.facts import Fact, PurgedText
from codec.manifest import fact_digest
from codec.pieces import read_fact, split_lines

_PURGED_TEXT: Final = b'"purged-text"'


def erased_digests(facts: Iterable[Fact]) -> frozenset[str]:
    """Return the digests of all facts whose text was erased."""
    return frozenset(d for fact in facts if isinstance(fact, PurgedText) for d in fact.lines)


def without_erased(pieces: Sequence[bytes], erased: frozenset[str]) -> list[bytes]:
    """Return the lines of a manifest without the facts that have these digests."""
    if not erased:
        return list(pieces)
    return [
        piece
        for piece in pieces
        if (fact := read_fact(piece)) is None or fact_digest(fact) not in erased
    ]


def erased_in(*manifests: bytes) -> frozenset[str]:
    """Return the digests of the facts whose text was erased, by the bytes of manifests."""
    lines = {
        line
        for data in manifests
        if _PURGED_TEXT in data
        for line in split_lines(data)
        if _PURGED_TEXT in line
    }
    return erased_digests(fact for line in lines if (fact := read_fact(line)) is not None)
