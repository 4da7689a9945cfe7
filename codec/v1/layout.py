"""Reassemble one version of a v1 log from literal bytes and patches.

A layout has two files. `layout.jsonl` lists the parts in order, and `literal.zst` has all literal
bytes, one part after the other, as one zstd frame:

    {"format":"session-codec-layout","version":1,"sha256":"...","bytes":9120,"literal_bytes":512}
    512
    ["2025-11-06T14:30:00Z","7c8a...",1148]

1. The parts, joined, are the log. Length and SHA-256 prove it, whatever the bytes.
2. A patch is named by its key and its hash. A patch that differs from the stored one (a checkout
   with other line ends) stays literal, so every version can be rebuilt.
3. Rebuilding streams: only one part, or one block of literal bytes, is in memory at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import zstandard

from codec.errors import FormatError, IntegrityError
from codec.kinds import Key, Sha256
from codec.names import is_key
from codec.records import PatchRef
from codec.v1.purged_text import gap_line

FORMAT: Final = "session-codec-layout"
VERSION: Final = 1
LAYOUT_NAME: Final = "layout.jsonl"
LITERAL_NAME: Final = "literal.zst"

_BLOCK = 1 << 20
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class StoredPatch(NamedTuple):
    """A part of a layout: the patch that is stored under a key."""

    key: Key
    patch: PatchRef


#: A part: literal bytes for an encoder, their number from a decoder.
Part = bytes | StoredPatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A decoded layout.

    Attributes:
        sha256, size: hash and size of the whole log.
        literal_size: the size of all literal bytes together.
        parts: the number of literal bytes to take next, or the patch to insert.
    """

    sha256: Sha256
    size: int
    literal_size: int
    parts: tuple[int | StoredPatch, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedLayout:
    """The two files of a layout."""

    layout: bytes
    literal: bytes


def encode_layout(parts: Iterable[Part]) -> Callable[[Sha256, int], EncodedLayout]:
    """Encode the parts of a log, and return a function that completes the two files.

    Args:
        parts: literal bytes and stored patches, in order.

    Returns:
        A function that takes the log's SHA-256 and size in bytes, and returns the files.
    """
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    literal: list[bytes] = []
    lines: list[str] = []
    literal_size = pending = 0
    for part in parts:
        if isinstance(part, StoredPatch):
            if pending:
                lines.append(str(pending))
                pending = 0
            # Plain formatting, because a key and a hash need no JSON escapes.
            lines.append(f'["{part.key}","{part.patch.sha256}",{part.patch.size}]')
        elif part:
            literal.append(compressor.compress(part))
            literal_size += len(part)
            pending += len(part)
    if pending:
        lines.append(str(pending))
    literal.append(compressor.flush())

    def finish(sha256: Sha256, size: int) -> EncodedLayout:
        head = _dump(
            {
                "format": FORMAT,
                "version": VERSION,
                "sha256": sha256,
                "bytes": size,
                "literal_bytes": literal_size,
            }
        )
        return EncodedLayout(
            layout="".join(f"{line}\n" for line in (head, *lines)).encode(),
            literal=b"".join(literal),
        )

    return finish


def decode_layout(data: bytes) -> Layout:
    """Return the layout in a `layout.jsonl`.

    Raises:
        FormatError: it is not a layout, or has an unknown version.
        IntegrityError: it is truncated, or its parts do not add up.
    """
    if not data.endswith(b"\n"):
        raise IntegrityError("the layout is cut off")
    first, *rest = data.decode(errors="replace").splitlines()
    head = _load(first, 1)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FormatError(f'not a layout: it does not state "format":"{FORMAT}"', line=1)
    if head.get("version") != VERSION:
        raise FormatError(f"unknown layout version {head.get('version')!r}", line=1)
    parts = tuple(_part(value, number) for number, value in enumerate(_values(rest), 2))
    literal = sum(p for p in parts if isinstance(p, int))
    stored = sum(p.patch.size for p in parts if isinstance(p, StoredPatch))
    sha256, size = head.get("sha256"), head.get("bytes")
    if not isinstance(sha256, str) or not isinstance(size, int):
        raise FormatError("sha256 or bytes is missing", line=1)
    if literal != head.get("literal_bytes") or literal + stored != size:
        raise IntegrityError("the parts do not add up to the size of the log")
    return Layout(sha256=Sha256(sha256), size=size, literal_size=literal, parts=parts)


def rebuild(
    layout: Layout, literal: bytes, patch: Callable[[StoredPatch], bytes | None]
) -> Iterator[bytes]:
    """Yield the bytes of the log, in pieces; the last step verifies the whole log.

    If a patch was purged, the log has a line that marks the gap. Then the whole has another hash,
    and every other part is checked by itself.

    Args:
        layout: the layout.
        literal: the content of `literal.zst`.
        patch: returns the bytes of a stored patch; None for a purged one.

    Raises:
        IntegrityError: a patch or the log differs from the record, or the literal bytes are
            damaged or truncated.
    """
    literals = _Literals(literal)
    whole = hashlib.sha256()
    has_gap = False
    for part in layout.parts:
        if isinstance(part, StoredPatch):
            data = patch(part)
            if data is None:
                has_gap = True
                yield gap_line(part.patch)
                continue
            if len(data) != part.patch.size or _sha256(data) != part.patch.sha256:
                raise IntegrityError(f"the diff of {part.key} differs from the recorded one")
            pieces: Iterable[bytes] = (data,)
        else:
            pieces = literals.take(part)
        for piece in pieces:
            whole.update(piece)
            yield piece
    literals.finish()
    if not has_gap and whole.hexdigest() != layout.sha256:
        raise IntegrityError("the rebuilt log does not have the recorded SHA-256")


def literal_bytes(layout: Layout, literal: bytes) -> Iterator[bytes]:
    """Yield a log's literal bytes, without the stored patches; raises the errors of `rebuild`."""
    return _Literals(literal).take(layout.literal_size)


class _Literals:
    """Reads literal bytes from a zstd frame, and detects truncation and damage."""

    def __init__(self, data: bytes) -> None:
        self._reader = zstandard.ZstdDecompressor().stream_reader(data)

    def take(self, size: int) -> Iterator[bytes]:
        while size:
            block = self._read(min(size, _BLOCK))
            if not block:
                raise IntegrityError("the literal bytes are cut off")
            size -= len(block)
            yield block

    def finish(self) -> None:
        if self._read(1):
            raise IntegrityError("more literal bytes than the layout states")

    def _read(self, size: int) -> bytes:
        try:
            return self._reader.read(size)
        except zstandard.ZstdError as e:
            raise IntegrityError(f"the literal bytes are damaged: {e}") from None


def _part(value: object, line: int) -> int | StoredPatch:
    match value:
        case bool():
            pass
        case int() if value > 0:
            return value
        case [str() as key, str() as sha256, int() as size] if is_key(key) and size >= 0:
            return StoredPatch(key=Key(key), patch=PatchRef(sha256=Sha256(sha256), size=size))
    raise FormatError(f"not a part of a layout: {value!r}", line=line)


def _values(lines: list[str]) -> list[object]:
    """Return the JSON value of each line: all at once, or one by one to find a broken line."""
    try:
        values = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        values = []
    if len(values) == len(lines):
        return list(values)
    return [_load(line, number) for number, line in enumerate(lines, 2)]


def _load(line: str, number: int) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not JSON: {e}", line=number) from None


def _dump(value: object) -> str:
    return _ENCODER.encode(value)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
