"""Find purged diffs in text by their hash, and mark the gaps that they leave.

1. A diff in a text begins after a fence line, or with a line that begins a patch. At each such
   place, as many bytes as a purged diff had are hashed, so its bytes need not be known.
2. A restored log has one line in place of a purged diff. A reader of the log does not take it for a
   diff, and does not take the entry for a new version of the session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from codec.kinds import Sha256
from codec.records import PatchRef
from codec.v1.text import Log

_BEGIN: Final = re.compile(rb"^(?: {0,3}(?:`{3,}|~{3,})[^\n]*\n|(?=diff --|Index: |--- ))", re.M)
_GAP: Final = re.compile(
    rb"^\[session-codec: purged diff (?P<sha256>[0-9a-f]{64}) (?P<size>\d{1,15})\]\r?$", re.M
)
_GAP_BEGIN: Final = b"[session-codec: purged diff "


class Piece(NamedTuple):
    """The position of a purged diff in a text: its first byte, and its patch."""

    start: int
    patch: PatchRef


def find_purged(text: Log, purged: Collection[PatchRef]) -> Iterator[Piece]:
    """Yield the purged diffs in a text, in order and without overlap."""
    by_size: dict[int, set[str]] = {}
    for patch in purged:
        by_size.setdefault(patch.size, set()).add(patch.sha256)
    done = 0
    for m in _BEGIN.finditer(text) if by_size else ():
        start = m.end()
        for size, hashes in by_size.items():
            if start < done or start + size > len(text):
                continue
            sha256 = hashlib.sha256(text[start : start + size]).hexdigest()
            if sha256 in hashes:
                yield Piece(start, PatchRef(Sha256(sha256), size))
                done = start + size


def cut_purged(text: Log, purged: Collection[PatchRef]) -> Iterator[bytes | PatchRef]:
    """Yield the pieces of a text, with references in place of purged diffs."""
    at = 0
    for start, patch in find_purged(text, purged):
        yield text[at:start]
        yield patch
        at = start + patch.size
    yield text[at:]


def gap_line(patch: PatchRef) -> bytes:
    """Return the line that a restored log has in place of a purged diff."""
    return b"%b%b %d]\n" % (_GAP_BEGIN, patch.sha256.encode(), patch.size)


def gaps_in(text: bytes) -> tuple[PatchRef, ...]:
    """Return the purged diffs whose gaps are marked in a text."""
    if _GAP_BEGIN not in text:
        return ()
    return tuple(
        PatchRef(Sha256(m["sha256"].decode()), int(m["size"])) for m in _GAP.finditer(text)
    )


def is_gap(text: bytes) -> bool:
    """Return True if a text is only the line that marks one gap."""
    return len(text) <= len(_GAP_BEGIN) + 128 and _GAP.fullmatch(text.strip()) is not None
