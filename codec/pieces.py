"""The tracked files that lines are appended to, as pieces: facts, rows, entries, other lines.

1. A piece is the bytes of one record, or of one line that belongs to none. The pieces, joined, are
   the file, but for a last line or entry that was not ended: it is ended.
2. What cannot be read is a piece too: whoever writes pieces again loses nothing.
3. Records are compared as bytes; what they say is read only where that matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codec.errors import CodecError
from codec.manifest import Fact, decode_fact, encode_fact
from codec.records import Session
from codec.v2_deltas import Delta, decode_delta, delta_of, encode_delta
from codec.v2_metrics import HEADER, MetricsRow, decode_row, encode_row, row_of
from codec.v2_progress import TITLE, Reference, decode_reference, encode_reference, reference_of

Record = Fact | Delta | MetricsRow | Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How one kind of file is taken apart and made.

    Attributes:
        head: what the file begins with.
        split: its pieces.
        decode: the record of a piece; raises CodecError where it is none.
        encode: a session's piece.
    """

    head: bytes
    split: Callable[[bytes], list[bytes]]
    decode: Callable[[bytes], Record]
    encode: Callable[[Session], bytes]

    def read(self, piece: bytes) -> Record | None:
        """The record of a piece, None where it is none."""
        try:
            return self.decode(piece)
        except CodecError:
            return None

    def key_of(self, piece: bytes) -> str | None:
        """The key of the session that a piece is about, None where it is about none."""
        return getattr(self.read(piece), "key", None)


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their ends; the last one is ended."""
    *lines, rest = data.split(b"\n")
    pieces = [line + b"\n" for line in lines]
    return [*pieces, rest + b"\n"] if rest else pieces


def split_entries(data: bytes) -> list[bytes]:
    """Entries (from a level-3 heading to a blank line, which the last one gets) and other lines."""
    pieces: list[bytes] = []
    entry: list[bytes] = []
    for line in split_lines(data):
        begins = line.startswith(b"### ")
        if entry and (begins or line == b"\n"):
            pieces.append(b"".join((*entry, b"\n")))
            entry = []
            if not begins:
                continue
        if begins or entry:
            entry.append(line)
        else:
            pieces.append(line)
    if entry:
        pieces.append(b"".join((*entry, b"\n")))
    return pieces


def _text(piece: bytes) -> str:
    return piece.decode(errors="replace").removesuffix("\n")


FACTS: Final = Format(
    head=b"",
    split=split_lines,
    decode=lambda piece: decode_fact(_text(piece)),
    encode=lambda session: f"{encode_fact(session)}\n".encode(),
)
DELTAS: Final = Format(
    head=b"",
    split=split_lines,
    decode=lambda piece: decode_delta(_text(piece)),
    encode=lambda session: f"{encode_delta(delta_of(session))}\n".encode(),
)
METRICS: Final = Format(
    head=f"{HEADER}\n".encode(),
    split=split_lines,
    decode=lambda piece: decode_row(_text(piece)),
    encode=lambda session: f"{encode_row(row_of(session))}\n".encode(),
)
REFERENCES: Final = Format(
    head=f"{TITLE}\n\n".encode(),
    split=split_entries,
    decode=lambda piece: decode_reference(_text(piece).rstrip("\n").split("\n")),
    encode=lambda session: encode_reference(reference_of(session)).encode(),
)
