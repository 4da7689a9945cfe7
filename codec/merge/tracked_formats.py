"""Split the tracked files into pieces: facts, rows, entries, other lines.

1. A piece is the bytes of one record, or of one line outside of all records. The pieces, joined,
   are the file, except that a missing line end or blank line at the end is added.
2. A line that cannot be read is a piece, too, so that rewriting the pieces loses nothing.
3. Records are compared as bytes; they are decoded only where their content matters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from codec.errors import CodecError
from codec.kinds import Key
from codec.manifest.fact_lines import split_lines, text_of
from codec.manifest.facts import Fact, Kept
from codec.manifest.jsonl import decode_fact, encode_fact
from codec.records import Session
from codec.v2.deltas import Delta, decode_delta, delta_of, encode_delta
from codec.v2.metrics import HEADER, MetricsRow, decode_row, encode_row, row_of
from codec.v2.progress_log import TITLE, Reference, decode_reference, encode_reference, reference_of

_KEY: Final = rb"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?(?:\.[0-9a-f]{6,64})?"
_PIECE: Final = re.compile(rb"### .*\n(?:(?!### |\r?\n).+\n)*(?:\r?\n)?|.*\n")
_ENDED: Final = (b"\n\n", b"\n\r\n")

#: A line or a piece of a file, and its line number, counted from 1.
Numbered = tuple[int, bytes]
Row = Delta | MetricsRow | Reference
Record = Fact | Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """The format of one kind of file: how it is split into pieces and written.

    Attributes:
        head: the beginning of such a file.
        split: splits a file into pieces.
        decode: returns the record of a piece; raises CodecError for any other piece.
        encode: returns the piece of a session.
        names: matches the key in a piece.
    """

    head: bytes
    split: Callable[[bytes], list[bytes]]
    decode: Callable[[bytes], Record]
    encode: Callable[[Session], bytes]
    names: re.Pattern[bytes]

    def is_text(self, piece: bytes) -> bool:
        """Return True if a piece is a line of text; such lines may be between records."""
        return self is REFERENCES and not piece.startswith(b"### ")

    def read(self, piece: bytes) -> Record | None:
        """Return the record of a piece; None for any other piece."""
        try:
            return self.decode(piece)
        except CodecError:
            return None

    def key_of(self, piece: bytes) -> Key | None:
        """Return the key of a piece's session; None if the piece is not about one."""
        return getattr(self.read(piece), "key", None)

    def named_key(self, piece: bytes) -> Key | None:
        """Return the key in a piece of a file, even if the piece is not a valid record."""
        found = self.names.match(piece)
        return Key(found[1].decode(errors="replace")) if found else None

    def gather(self, lines: Sequence[Numbered]) -> Iterator[Numbered]:
        """Yield the pieces of a file from its lines; each has the number of its first line."""
        data = b"".join(line for _, line in lines)
        line = at = 0
        for piece in self.split(data):
            yield lines[line][0], piece
            size = len(piece) - (not data.startswith(piece, at))
            line += piece.count(b"\n", 0, size)
            at += size


def split_entries(data: bytes) -> list[bytes]:
    """Split into entries, from a level-3 heading to a blank line, and other lines."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    pieces: list[bytes] = _PIECE.findall(data)
    return [
        piece + b"\n" if piece.startswith(b"### ") and not piece.endswith(_ENDED) else piece
        for piece in pieces
    ]


def row_digest(piece: bytes) -> str:
    """Return the SHA-256, in hex, of a row or an entry, with LF line ends and none at the end.

    git converts CR LF to LF if `.gitattributes` says so, and the row stays the same.
    """
    return hashlib.sha256(piece.replace(b"\r\n", b"\n").rstrip(b"\r\n")).hexdigest()


def kept_of(file: str, form: Format, data: bytes) -> Kept | None:
    """Return a fact that marks all rows of a v2 file as the user's; None if it has no rows.

    Args:
        file: the name of the file.
        form: the format of the file.
        data: its content.
    """
    others = {*form.split(form.head), b"\n"}
    rows = {row_digest(piece) for piece in form.split(data) if piece not in others}
    return Kept(file=file, rows=tuple(sorted(rows))) if rows else None


def kept_pieces(pieces: Iterable[bytes], rows: Container[str] | None) -> frozenset[bytes]:
    """Return the pieces that belong to the user, by the digests of their rows."""
    return frozenset(p for p in pieces if row_digest(p) in rows) if rows else frozenset()


FACTS: Final = Format(
    head=b"",
    split=split_lines,
    decode=lambda piece: decode_fact(text_of(piece)),
    encode=lambda session: f"{encode_fact(session)}\n".encode(),
    names=re.compile(rb'.*?"key":\s*"([^"]*)"'),
)
DELTAS: Final = Format(
    head=b"",
    split=split_lines,
    decode=lambda piece: decode_delta(text_of(piece)),
    encode=lambda session: f"{encode_delta(delta_of(session))}\n".encode(),
    names=re.compile(rb"(" + _KEY + rb") \| "),
)
METRICS: Final = Format(
    head=f"{HEADER}\n".encode(),
    split=split_lines,
    decode=lambda piece: decode_row(text_of(piece)),
    encode=lambda session: f"{encode_row(row_of(session))}\n".encode(),
    names=re.compile(rb"(" + _KEY + rb")\t"),
)
REFERENCES: Final = Format(
    head=f"{TITLE}\n\n".encode(),
    split=split_entries,
    decode=lambda piece: decode_reference(text_of(piece).rstrip("\n").split("\n")),
    encode=lambda session: encode_reference(reference_of(session)).encode(),
    names=re.compile(rb"### \[REF:(" + _KEY + rb"):"),
)
