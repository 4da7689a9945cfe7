"""Recover the members of an archive without its index and its seek table.

1. Frames are found one after the other by the headers of their blocks; after a damaged frame, the
   search continues with the next bytes that begin a whole frame. So all intact frames are found.
2. Every frame is checked by its checksum, and the whole tar is read: headers, contents, padding.
3. No more than one frame is in memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import zstandard

from codec.archive.container import ArchiveReader, encode_tail
from codec.archive.frames import PACKED_LIMIT, FrameSizes, Read, decode_frame
from codec.archive.tar import BLOCK, END, Entry, decode_header, encode_index
from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, Sha256

_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18(?P<size>.{4})", re.S)
_BEGIN = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
#: `_BEGIN` matches only where one of these is; searching for them is many times as fast.
_BEGIN_HINTS: Final = (b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18")
_READ_AHEAD: Final = 1 << 20
#: The largest number of blocks of a frame; no compressor makes as many of `FRAME_LIMIT` bytes.
_BLOCKS_LIMIT: Final = 1 << 12
_RLE, _RESERVED = 1, 3


class Frame(NamedTuple):
    """A frame and its position.

    Attributes:
        offset, packed: where it begins, and its size in the file.
        data: its content, checked by the checksum; empty for a skippable frame.
    """

    offset: int
    packed: int
    data: bytes


class Damage(NamedTuple):
    """A part of a file that cannot be read: its offset and size in bytes, and the reason."""

    offset: int
    size: int
    problem: str


class Chunk(NamedTuple):
    """A piece of a member's content, and its offset in the content.

    A member that is no larger than a frame comes in one piece.
    """

    entry: Entry
    start: int
    data: bytes

    @property
    def last(self) -> bool:
        """Return True if the content ends with this chunk."""
        return self.start + len(self.data) == self.entry.size


class Checked(NamedTuple):
    """A member that was read as a whole, and the SHA-256 of its content."""

    entry: Entry
    sha256: Sha256


def walk_frames(read: Read, size: int) -> Iterator[Frame | Damage]:
    """Yield every frame of a file of `size` bytes, in order, and the damage between them."""
    offset = lost = 0
    problem = ""
    while offset < size:
        end = offset
        try:
            end = _frame_end(read, offset, size)
            packed = read(offset, end - offset)
            data = b"" if _SKIPPABLE.match(packed) else decode_frame(packed)
        except IntegrityError as e:
            problem = problem or e.problem
            whole = end > offset and (end == size or _BEGIN.match(read(end, 4)))
            offset = end if whole else _next_begin(read, offset + 1, size)
            continue
        if lost < offset:
            yield Damage(lost, offset - lost, problem)
            problem = ""
        yield Frame(offset, end - offset, data)
        lost = offset = end
    if lost < size:
        yield Damage(lost, size - lost, problem)


class Scan:
    """Reads an archive from beginning to end and collects the entries of its index.

    Attributes:
        frames: the sizes of the data frames that are intact.
        entries: the index entries of the members that are intact.
        end: the end of the last data frame; 0 until the end of the tar was read.
    """

    def __init__(self, read: Read, size: int) -> None:
        """Store the function that reads a range of the archive, and its size in bytes."""
        self.frames: list[FrameSizes] = []
        self.entries: list[Entry] = []
        self.end = 0
        self._read = read
        self._size = size

    def events(self) -> Iterator[Chunk | Damage]:
        """Yield the contents of all readable members, and all damage, in order.

        After damage, reading continues with the next frame that begins with a member; blocks of
        entries are then counted as if nothing were missing. A member without its last chunk is
        lost.
        """
        tar = _Tar()
        for frame in walk_frames(self._read, self._size):
            if isinstance(frame, Damage):
                tar.lose()
                yield frame
            elif frame.data:
                try:
                    yield from self._noted(tar.take(frame.data))
                except IntegrityError as e:
                    tar.lose()
                    yield Damage(frame.offset, frame.packed, e.problem)
                    continue
                self.frames.append(FrameSizes(frame.packed, len(frame.data)))
                if tar.ended:
                    self.end = frame.offset + frame.packed
        if not tar.ended:
            yield Damage(self._size, 0, "the end of the tar is missing")

    def _noted(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            if chunk.last:
                self.entries.append(chunk.entry)
            yield chunk


def check(read: Read, size: int) -> Iterator[Checked | Damage]:
    """Yield every member of an archive with its SHA-256, and every damaged part.

    If all frames are intact, the index and the seek table are compared with them last.
    """
    scan = Scan(read, size)
    sound = True
    digest = hashlib.sha256()
    for event in scan.events():
        if isinstance(event, Damage):
            sound = False
            yield event
            continue
        if event.start == 0:
            digest = hashlib.sha256()
        digest.update(event.data)
        if event.last:
            yield Checked(event.entry, Sha256(digest.hexdigest()))
    if sound:
        try:
            _check_index(scan, ArchiveReader(read, size))
        except CodecError as e:
            yield Damage(scan.end, size - scan.end, e.problem)


def rebuild_tail(read: Read, size: int) -> tuple[int, bytes]:
    """Return the index and the seek table of an archive, rebuilt from its frames.

    Returns:
        Their offset in the archive, in bytes, and their bytes.

    Raises:
        IntegrityError: a frame is damaged or missing as well.
    """
    scan = Scan(read, size)
    for event in scan.events():
        if isinstance(event, Damage) and not scan.end:
            raise IntegrityError(
                f"more than the index is damaged, at byte {event.offset}: {event.problem}"
            )
    return scan.end, encode_tail(scan.frames, scan.entries)


def _check_index(scan: Scan, reader: ArchiveReader) -> None:
    """Raise IntegrityError if the index or the seek table differs from the frames."""
    text = encode_index(scan.entries, sum(f.size for f in scan.frames))
    if reader.frames != scan.frames or reader.index.text != text:
        raise IntegrityError("the index does not match the frames")


class _Tar:
    """Reads a tar frame by frame; accepts only headers, contents and padding of this format."""

    def __init__(self) -> None:
        self.ended = False
        self._keys: set[str] = set()
        self._block = 0
        self._entry: Entry | None = None
        self._done = 0

    def lose(self) -> None:
        """Continue after damage; a member that was begun is lost."""
        self._entry = None

    def take(self, data: bytes) -> Iterator[Chunk]:
        """Yield the contents in one more frame.

        Raises:
            IntegrityError: it holds anything else.
        """
        at = 0
        while at < len(data):
            if self._entry is None:
                if data.startswith(END, at) or self.ended:
                    self._end(len(data) - at)
                    return
                self._entry = Entry(*self._begin(data[at : at + BLOCK]))
                at += BLOCK
            entry = self._entry
            content = data[at : at + entry.size - self._done]
            at += len(content)
            yield Chunk(entry, self._done, content)
            self._done += len(content)
            if self._done == entry.size:
                filling = data[at : at + -entry.size % BLOCK]
                if filling != bytes(-entry.size % BLOCK):
                    raise IntegrityError(f"the padding after the diff of {entry.key} is damaged")
                at += len(filling)
                self._entry = None

    def _begin(self, header: bytes) -> tuple[Key, int, int]:
        key, size = decode_header(header)
        if key in self._keys:
            raise IntegrityError(f"two diffs have the key {key}")
        self._keys.add(key)
        block = self._block
        self._block = Entry(key, block, size).end
        self._done = 0
        return key, block, size

    def _end(self, left: int) -> None:
        if self.ended or left != len(END):
            raise IntegrityError("there are bytes after the end of the tar")
        self.ended = True


def _frame_end(read: Read, offset: int, size: int) -> int:
    """Return the end of the frame at an offset, found from the headers of its blocks.

    Raises:
        IntegrityError: there is no frame, or it is damaged or cut.
    """
    ahead = _READ_AHEAD
    while True:
        data = read(offset, min(ahead, size - offset))
        length = _frame_length(data)
        if length is not None and offset + length <= size:
            return offset + length
        if length is not None or len(data) < ahead or ahead > PACKED_LIMIT:
            raise IntegrityError("a frame is cut off")
        ahead *= 2


def _frame_length(data: bytes) -> int | None:
    """Return the length of the frame at the start of the data; None if the data is too short."""
    skippable = _SKIPPABLE.match(data)
    if skippable:
        return 8 + int.from_bytes(skippable["size"], "little")
    try:
        header = zstandard.get_frame_parameters(data)
        at = zstandard.frame_header_size(data)
    except zstandard.ZstdError:
        raise IntegrityError("a frame is missing at its offset") from None
    for _ in range(_BLOCKS_LIMIT):
        block = int.from_bytes(data[at : at + 3], "little")
        if len(data) < at + 3:
            return None
        kind, size = block >> 1 & 3, block >> 3
        if kind == _RESERVED:
            break
        at += 3 + (1 if kind == _RLE else size)
        if block & 1:
            return at + (4 if header.has_checksum else 0)
    raise IntegrityError("the blocks of a frame are damaged")


def _next_begin(read: Read, offset: int, size: int) -> int:
    """Return the offset of the next possible frame, or the end of the file."""
    while offset < size:
        data = read(offset, min(_READ_AHEAD, size - offset))
        found = _BEGIN.search(data) if any(hint in data for hint in _BEGIN_HINTS) else None
        if found:
            return offset + found.start()
        if len(data) < 4:
            break
        offset += len(data) - 3
    return size
