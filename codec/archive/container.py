"""Archives: the diffs of one month in one `.tar.zst`, each readable by itself.

    frame frame ... frame       a tar, cut into independent zstd frames
    index                       a skippable frame: the position of each member, compressed
    seek table                  a skippable frame: the sizes of all frames, index included

1. `tar`, `zstd` and every reader of the seekable format read it as a usual `.tar.zst`.
2. The same members give the same bytes with the same library version and profile.
3. It is written from beginning to end, with only a few frames in memory, and read from any source
   that returns a range of bytes: the end first, then the frame of the member.
4. The index is a hint. A member is checked: its header against the index, and its bytes against
   the SHA-256 that the caller knows.
5. Whatever an archive declares, a reader takes no more memory than `FRAME_LIMIT`, `INDEX_LIMIT`
   and the size that the caller expects.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from codec.archive.frames import (
    FrameSizes,
    Read,
    decode_frame,
    decode_part,
    decode_seek_table,
    decode_skippable,
    encode_frame,
    encode_frames,
    encode_seek_table,
    encode_skippable,
    seek_table_size,
)
from codec.archive.tar import (
    BLOCK,
    INDEX_LIMIT,
    Entry,
    Load,
    Member,
    arrange,
    cut,
    decode_index,
    encode_header,
    encode_index,
    entries_of,
    frame_sizes,
    tar_pieces,
)
from codec.errors import IntegrityError
from codec.kinds import Key
from codec.records import PatchRef

if TYPE_CHECKING:
    from concurrent.futures import Executor

#: Magic number of the skippable frame that holds the index.
INDEX_MAGIC: Final = 0x184D2A58
#: The number of bytes at the end that are read first; they contain the index of a usual month.
TAIL: Final = 1 << 17
#: The number of frames that a reader caches, if their contents are read more than once.
KEPT: Final = 8


def encode_archive(
    members: Iterable[Member],
    load: Load,
    *,
    profile: str = "small",
    pool: Executor | None = None,
    ahead: int = 2,
) -> Iterator[bytes]:
    """Yield the bytes of an archive, frame by frame.

    Args:
        members: the diffs, in any order.
        load: returns the content of a member in pieces; called once for each, in archive order.
        profile: one of `archive.frames.PROFILES`.
        pool, ahead: threads for compression, and frames in progress; see `encode_frames`.

    Raises:
        EncodeError: there are no members, two have the same key, or the size is too large.
        IntegrityError: the content of a member has another size than declared.
    """
    arranged = arrange(members)
    sizes = frame_sizes(arranged)
    contents = cut(tar_pieces(arranged, load), sizes)
    frames = []
    for packed, size in zip(encode_frames(contents, profile, pool, ahead), sizes, strict=True):
        frames.append(FrameSizes(len(packed), size))
        yield packed
    yield encode_tail(frames, entries_of(arranged))


def encode_tail(frames: Sequence[FrameSizes], entries: Iterable[Entry]) -> bytes:
    """Return the index and the seek table, which follow the data frames."""
    index = encode_frame(encode_index(entries, sum(f.size for f in frames)), "small")
    frame = encode_skippable(INDEX_MAGIC, index)
    return frame + encode_seek_table([*frames, FrameSizes(len(frame), 0)])


class ArchiveReader:
    """Reads members of an archive, one at a time.

    Attributes:
        index: the position of each member.
        frames: the sizes of the data frames.
    """

    def __init__(self, read: Read, size: int) -> None:
        """Read the end of an archive.

        Args:
            read: returns a range of the archive's bytes.
            size: its size in bytes.

        Raises:
            FormatError: it is not an archive, or has an unknown version.
            IntegrityError: its end is damaged or cut.
        """
        self._read = read
        self._asked: set[int] = set()
        self._kept: dict[int, bytes] = {}
        tail = self._range(max(0, size - TAIL), min(size, TAIL))
        table_size = seek_table_size(tail)
        *frames, index = self._table(tail, table_size, size)
        self.frames = frames
        start = size - table_size - index.packed
        at = start - (size - len(tail))
        packed = tail[at : at + index.packed] if at >= 0 else self._range(start, index.packed)
        text = decode_frame(decode_skippable(INDEX_MAGIC, packed), INDEX_LIMIT)
        self.index = decode_index(text)
        self._starts = [0, *accumulate(f.size for f in frames)]
        self._offsets = [0, *accumulate(f.packed for f in frames)]
        if self.index.size != self._starts[-1]:
            raise IntegrityError("the index and the seek table do not agree")

    def _table(self, tail: bytes, table_size: int, size: int) -> list[FrameSizes]:
        if table_size > size:
            raise IntegrityError("the seek table is larger than the file")
        if table_size > len(tail):
            tail = self._range(size - table_size, table_size)
        frames = decode_seek_table(tail[-table_size:], size)
        if len(frames) < 2 or frames[-1].size or not all(f.size for f in frames[:-1]):
            raise IntegrityError("the index before the seek table is missing")
        return frames

    def read(self, key: Key, patch: PatchRef) -> bytes:
        """Return the bytes of a diff; its frame is decompressed only up to the end of the diff.

        Args:
            key: the key of the session.
            patch: the size and hash that the diff must have.

        Raises:
            IntegrityError: the archive does not have the diff, has another one, or is damaged.
        """
        entry = self.index.find(key)
        if entry is None:
            raise IntegrityError(f"the archive has no diff of {key}")
        if entry.size != patch.size:
            raise IntegrityError(f"the diff of {key} does not match its record: its size differs")
        content = self.content(entry)
        if hashlib.sha256(content).hexdigest() != patch.sha256:
            raise IntegrityError(
                f"the diff of {key} does not match its record: its SHA-256 differs"
            )
        return content

    def content(self, entry: Entry) -> bytes:
        """Return the content of a member that the index lists, without checking that it is a diff.

        Raises:
            IntegrityError: it is damaged, or not where the index says.
        """
        start = entry.block * BLOCK
        data = self._content(start, start + BLOCK + entry.size)
        if data[:BLOCK] != encode_header(entry.key, entry.size):
            raise IntegrityError(f"the diff of {entry.key} is not where the index says")
        return data[BLOCK:]

    def _content(self, start: int, stop: int) -> bytes:
        """Return the bytes of the tar from `start` to `stop`."""
        parts = []
        first = bisect_right(self._starts, start) - 1
        for i, (_, size) in enumerate(self.frames[first:], first):
            at = self._starts[i]
            if at >= stop:
                break
            parts.append(self._part(i, max(start - at, 0), min(stop - at, size)))
        return b"".join(parts)

    def _part(self, i: int, start: int, stop: int) -> bytes:
        """Return a part of a frame; a second request decompresses the whole frame and caches it."""
        if i not in self._kept:
            packed, size = self.frames[i]
            frame = self._range(self._offsets[i], packed)
            if i not in self._asked:
                self._asked.add(i)
                return decode_part(frame, size, start, stop)
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[i] = decode_frame(frame)
        return self._kept[i][start:stop]

    def _range(self, offset: int, size: int) -> bytes:
        data = self._read(offset, size)
        if len(data) != size:
            raise IntegrityError(f"{len(data)} bytes were read; expected {size}")
        return data
