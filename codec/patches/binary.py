"""Read the contents that a patch has as base85 text (`GIT binary patch`), as git writes it.

1. A part is a literal, or a delta against the other side of its pair. A delta is applied if that
   side is a literal of the same pair, or if the caller can read it by its object id; otherwise
   only the bytes that it inserts are known.
2. Inflating is bounded: content above the limit is reported as not seen, never skipped.
3. Malformed parts are reported as not seen. No input raises an error.

    GIT binary patch
    literal 21
    ccmXRZNY2kINi0cDNlmd+@bOcqN~+@H<l+JVO~MHX

    literal 0
    HcmV?d00001

Format: apply.c and diff.c of git. Deltas: gitformat-pack(5), "Deltified representation".
"""

from __future__ import annotations

import re
import zlib
from base64 import b85decode
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

#: The limit for the inflated parts of one patch: this many bytes, or this many times its size.
INFLATED_LIMIT: Final = 64 << 20
INFLATED_RATIO: Final = 4

_NAME: Final = b"GIT binary patch"
_MARK = re.compile(rb"^GIT binary patch\r?\n", re.M)
#: A line with full object ids, as `git diff --binary` writes it, and the distance to search for it.
_IDS = re.compile(rb"index (?P<old>[0-9a-f]{40,64})\.\.(?P<new>[0-9a-f]{40,64})")
_HEADER_SIZE: Final = 1 << 10
_BLANKS: Final = bytes(c if c in b"\r\n" else ord(" ") for c in range(256))
#: Possessive quantifiers: otherwise the engine would store a backtracking point for every line.
_LINES = rb"(?:[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5,65}+\r?\n)++"
_PART = re.compile(
    rb"(?P<kind>literal|delta) (?P<size>\d{1,12})\r?\n(?P<lines>" + _LINES + rb")(?:\r?\n)?"
)


#: Reads a blob by its object id; returns None for a missing blob.
ReadBlob = Callable[[str], bytes | None]


class Part(NamedTuple):
    """One side of a binary change.

    Attributes:
        start, end: the position of its encoded lines in the patch.
        data: its bytes; for a delta whose base is missing, the bytes that it inserts.
        is_whole: `data` is the complete content; False if some of it cannot be seen.
    """

    start: int
    end: int
    data: bytes
    is_whole: bool


class _Read(NamedTuple):
    """An inflated part; `data` is None if inflating failed."""

    kind: bytes
    start: int
    end: int
    data: bytes | None


class _Base(NamedTuple):
    """The other side of a pair: its bytes if they are known, or how to read them."""

    data: bytes | None
    name: str
    blob: ReadBlob | None

    def read(self) -> bytes | None:
        if self.data is not None or self.blob is None or not self.name:
            return self.data
        return self.blob(self.name)


class _Delta(NamedTuple):
    """The result of a delta (None if it cannot be computed), and the bytes that it inserts."""

    target: bytes | None
    inserted: bytes


def binary_parts(patch: bytes, blob: ReadBlob | None = None) -> Iterator[Part]:
    """Yield every part of every binary change, in order.

    Args:
        patch: any bytes.
        blob: reads the base of a delta by its object id.
    """
    if _NAME not in patch:
        return
    left = max(INFLATED_LIMIT, INFLATED_RATIO * len(patch))
    for mark in _MARK.finditer(patch):
        pair: list[_Read] = []
        at = mark.end()
        while len(pair) < 2 and (m := _PART.match(patch, at)) is not None:
            data = _inflated(m["lines"], int(m["size"]), left)
            left -= len(data or b"")
            pair.append(_Read(m["kind"], m.start("lines"), m.end("lines"), data))
            at = m.end()
        ids = _ids_before(patch, mark.start())
        for part, other, name in zip(pair, reversed(pair), ids, strict=False):
            bases = other.data if other.kind == b"literal" else None
            seen = _part(part, _Base(bases, name, blob), left)
            left -= len(seen.data) if part.kind == b"delta" else 0  # copies multiply
            yield seen


def without_payload(patch: bytes) -> bytes:
    """Return the patch with the encoded lines of its binary parts blanked; no offset changes."""
    if _NAME not in patch:
        return patch
    pieces: list[bytes] = []
    at = 0
    for mark in _MARK.finditer(patch):
        end = mark.end()
        while (m := _PART.match(patch, end)) is not None:
            pieces += (patch[at : m.start("lines")], m["lines"].translate(_BLANKS))
            at, end = m.end("lines"), m.end()
    return b"".join((*pieces, patch[at:]))


def _ids_before(patch: bytes, mark: int) -> tuple[str, str]:
    """Return the object ids of both sides; empty if the header does not have them in full."""
    start = patch.rfind(b"\nindex ", max(0, mark - _HEADER_SIZE), mark) + 1
    m = _IDS.match(patch, start) if start else None
    return (m["old"].decode(), m["new"].decode()) if m is not None else ("", "")


def _part(part: _Read, base: _Base, limit: int) -> Part:
    if part.data is None:
        return Part(part.start, part.end, b"", is_whole=False)
    if part.kind == b"literal":
        return Part(part.start, part.end, part.data, is_whole=True)
    delta = _applied(part.data, base, limit)
    if delta.target is None:
        return Part(part.start, part.end, delta.inserted, is_whole=False)
    return Part(part.start, part.end, delta.target, is_whole=True)


def _inflated(lines: bytes, size: int, limit: int) -> bytes | None:
    """Return the inflated content of lines; None if they are malformed or exceed a bound."""
    if size > limit:
        return None
    try:
        packed = b"".join(map(_decoded, lines.split()))
        inflater = zlib.decompressobj()
        data = inflater.decompress(packed, size + 1)
    except (ValueError, zlib.error):
        return None
    return data if len(data) == size and inflater.eof else None


def _decoded(line: bytes) -> bytes:
    """Return a decoded line: a letter for its length (A-Z: 1 to 26, a-z: 27 to 52), then base85."""
    size = line[0] - (ord("A") - 1 if line[0] <= ord("Z") else ord("a") - 27)
    data = b85decode(line[1:])
    if not size <= len(data) < size + 4:
        raise ValueError("length of a base85 line")
    return data[:size]


def _applied(delta: bytes, known: _Base, limit: int) -> _Delta:
    """Return the result of a delta; its target is None if the base is missing or does not fit."""
    inserted: list[bytes] = []
    target: list[bytes] = []
    try:
        source_size, at = _varint(delta, 0)
        target_size, at = _varint(delta, at)
        base = known.read() if max(source_size, target_size) <= limit else None
        fits = base is not None and len(base) == source_size
        size = 0
        while at < len(delta):
            code = delta[at]
            at += 1
            if code & 0x80:
                (offset, length), at = _copy(delta, at, code)
                size += length
                if base is not None and fits and size <= target_size:
                    target.append(base[offset : offset + length])
            else:
                inserted.append(delta[at : at + code])
                target.append(inserted[-1])
                size += code
                at += code
    except IndexError:
        return _Delta(None, b"\n".join(inserted))
    whole = b"".join(target)
    if not fits or len(whole) != target_size:
        return _Delta(None, b"\n".join(inserted))
    return _Delta(whole, b"")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode a size (seven bits per byte, lowest first); return it and the offset after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80 or shift > 63:
            return value, at


def _copy(data: bytes, at: int, code: int) -> tuple[tuple[int, int], int]:
    """Return offset and length of a copy instruction, and the offset after it."""
    values = [0, 0]
    for bit in range(7):
        if code & (1 << bit):
            field, shift = divmod(bit, 4)
            values[field] |= data[at] << (8 * shift)
            at += 1
    return (values[0], values[1] or 0x10000), at
