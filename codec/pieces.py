"""The tracked files that lines are appended to, as pieces: facts, rows, entries, other lines.

1. A piece is the bytes of one record, or of one line that belongs to none. The pieces, joined, are
   the file, but for a last line or entry that was not ended: it is ended.
2. What cannot be read is a piece too: whoever writes pieces again loses nothing.
3. Records are compared as bytes; what they say is read only where that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from codec.errors import CodecError
from codec.facts import Fact
from codec.manifest import decode_fact, encode_fact
from codec.records import Session
from codec.v2_deltas import Delta, decode_delta, delta_of, encode_delta
from codec.v2_metrics import HEADER, MetricsRow, decode_row, encode_row, row_of
from codec.v2_progress import TITLE, Reference, decode_reference, encode_reference, reference_of

#: A line or a piece of a file, and its number counted from 1.
Numbered = tuple[int, bytes]
Record = Fact | Delta | MetricsRow | Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How one kind of file is taken apart and made.

    Attributes:
        head: what the file begins with.
        gather: its pieces from its lines; each has the number of its first line.
        decode: the record of a piece; raises CodecError where it is none.
        encode: a session's piece.
    """

    head: bytes
    gather: Callable[[Iterable[Numbered]], list[Numbered]]
    decode: Callable[[bytes], Record]
    encode: Callable[[Session], bytes]

    def split(self, data: bytes) -> list[bytes]:
        """The pieces of a file."""
        return [piece for _, piece in self.gather(enumerate(split_lines(data), 1))]

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


def _entries(lines: Iterable[Numbered]) -> list[Numbered]:
    """Entries (from a level-3 heading to a blank line, which the last one gets) and other lines."""
    pieces: list[Numbered] = []
    entry: list[bytes] = []
    start = 0
    for number, line in lines:
        begins = line.startswith(b"### ")
        if entry and (begins or line == b"\n"):
            pieces.append((start, b"".join((*entry, b"\n"))))
            entry = []
            if not begins:
                continue
        if begins:
            start = number
        if begins or entry:
            entry.append(line)
        else:
            pieces.append((number, line))
    if entry:
        pieces.append((start, b"".join((*entry, b"\n"))))
    return pieces


def _text(piece: bytes) -> str:
    return piece.decode(errors="replace").removesuffix("\n")


FACTS: Final = Format(
    head=b"",
    gather=list,
    decode=lambda piece: decode_fact(_text(piece)),
    encode=lambda session: f"{encode_fact(session)}\n".encode(),
)
DELTAS: Final = Format(
    head=b"",
    gather=list,
    decode=lambda piece: decode_delta(_text(piece)),
    encode=lambda session: f"{encode_delta(delta_of(session))}\n".encode(),
)
METRICS: Final = Format(
    head=f"{HEADER}\n".encode(),
    gather=list,
    decode=lambda piece: decode_row(_text(piece)),
    encode=lambda session: f"{encode_row(row_of(session))}\n".encode(),
)
REFERENCES: Final = Format(
    head=f"{TITLE}\n\n".encode(),
    gather=_entries,
    decode=lambda piece: decode_reference(_text(piece).rstrip("\n").split("\n")),
    encode=lambda session: encode_reference(reference_of(session)).encode(),
)
