"""Independent zstd frames with the published seek table: random access to a `.zst` file.

The format is facebook/zstd's `contrib/seekable_format`, version 0.1.0: data frames, then a
skippable frame that lists the sizes of all frames before it. Every zstd reader skips it.

1. A frame is compressed by itself, declares the size of its content, and ends with its checksum.
2. A frame is decompressed only if it declares its size, at most `FRAME_LIMIT` bytes.
3. The content of a frame is compared with its header and the table. zstandard's own readers stop
   at the end of the first frame, and return nothing for a truncated one, without an error.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import zstandard

from codec.errors import IntegrityError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

#: Compression profiles: a level, and changes to its search. On diffs, `small` takes
#: three quarters of level 19's time for 0.4 percent more bytes; `fast` takes four fifths of level
#: 9's for one percent more.
PROFILES: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "small": (19, {"hash_log": 20, "search_log": 6, "target_length": 64}),
    "fast": (9, {"hash_log": 19}),
}
#: The library and its version; one version always compresses to the same bytes.
ZSTD_VERSION: Final = ".".join(map(str, zstandard.ZSTD_VERSION))
#: The usual size of a frame in bytes, and the largest one that a reader accepts.
FRAME_SIZE: Final = 4 << 20
FRAME_LIMIT: Final = 16 << 20

#: Returns the bytes at an offset, as many as requested; fewer only at the end of the file.
Read = Callable[[int, int], bytes]

_WINDOW_LOG: Final = 22
_SKIPPABLE: Final = struct.Struct("<II")
_SEEK_TABLE: Final = 0x184D2A5E
_ENTRY: Final = struct.Struct("<II")
_FOOTER: Final = struct.Struct("<IBI")
_FOOTER_MAGIC: Final = 0x8F92EAB1
#: The size of a table without frames.
_TABLE_SIZE: Final = _SKIPPABLE.size + _FOOTER.size
#: The largest number of frames in a file, which is four terabytes.
_FRAMES_LIMIT: Final = 1 << 20
#: The largest size of a frame in the file: content that does not compress, and its headers.
PACKED_LIMIT: Final = FRAME_LIMIT + (1 << 16)


class FrameSizes(NamedTuple):
    """A row of the seek table: the size in the file, and of the content (0 if skippable)."""

    packed: int
    size: int


def encode_frame(data: bytes, profile: str) -> bytes:
    """Return one frame with a size and a checksum; bytes depend on the library's version."""
    # A window no larger than a usual frame halves the memory for such a frame.
    level, search = PROFILES[profile]
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=len(data), window_log=_WINDOW_LOG, write_checksum=True, **search
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


def encode_frames(
    contents: Iterable[bytes], profile: str, pool: Executor | None = None, ahead: int = 2
) -> Iterator[bytes]:
    """Yield contents as frames, in order.

    Args:
        contents: the content of each frame.
        profile: one of `PROFILES`.
        pool: threads for compression; zstandard releases the interpreter's lock.
        ahead: the number of frames in progress beside the next one.
    """
    if pool is None:
        for data in contents:
            yield encode_frame(data, profile)
        return
    waiting: deque[Future[bytes]] = deque()
    try:
        for data in contents:
            waiting.append(pool.submit(encode_frame, data, profile))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def decode_frame(packed: bytes, limit: int = FRAME_LIMIT) -> bytes:
    """Return the whole content of a frame after checking its checksum.

    Args:
        packed: the frame, and nothing after it.
        limit: the largest allowed content, in bytes.

    Raises:
        IntegrityError: it is damaged or cut, or declares a larger content.
    """
    size = _content_size(packed, limit)
    try:
        data = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as e:
        raise IntegrityError(f"a frame is damaged: {e}") from None
    if len(data) != size:
        raise IntegrityError("a frame is cut off")
    return data


def decode_part(packed: bytes, size: int, start: int, stop: int) -> bytes:
    """Return the content of a frame from `start` to `stop`; what follows is not decompressed.

    The frame's checksum is not read, so the caller has to check the bytes.

    Raises:
        IntegrityError: the frame does not declare `size` bytes, or is damaged or cut before
            `stop`.
    """
    if _content_size(packed, FRAME_LIMIT) != size:
        raise IntegrityError(f"a frame does not have the {size} bytes that the seek table states")
    reader = zstandard.ZstdDecompressor().stream_reader(packed)
    try:
        reader.seek(start)
        data = reader.read(stop - start)
    except zstandard.ZstdError as e:
        raise IntegrityError(f"a frame is damaged: {e}") from None
    if len(data) != stop - start:
        raise IntegrityError("a frame is cut off")
    return data


def encode_skippable(magic: int, data: bytes) -> bytes:
    """Return data as a frame that zstd readers skip."""
    return _SKIPPABLE.pack(magic, len(data)) + data


def decode_skippable(magic: int, frame: bytes) -> bytes:
    """Return the data of a skippable frame with that magic number.

    Raises:
        IntegrityError: it is not such a frame, or has another size.
    """
    data = frame[_SKIPPABLE.size :]
    if not frame.startswith(_SKIPPABLE.pack(magic, len(data))):
        raise IntegrityError("a skippable frame is damaged")
    return data


def encode_seek_table(frames: Sequence[FrameSizes]) -> bytes:
    """Return the seek table for the frames of a file, to be written at its end."""
    entries = b"".join(_ENTRY.pack(*sizes) for sizes in frames)
    return encode_skippable(_SEEK_TABLE, entries + _FOOTER.pack(len(frames), 0, _FOOTER_MAGIC))


def seek_table_size(end: bytes) -> int:
    """Return the size of the seek table from the last bytes of a file.

    Raises:
        IntegrityError: the file does not end with a seek table, or it is damaged.
    """
    if len(end) < _TABLE_SIZE:
        raise IntegrityError("it is cut off")
    frames, descriptor, magic = _FOOTER.unpack(end[-_FOOTER.size :])
    if magic != _FOOTER_MAGIC:
        raise IntegrityError(
            "it does not end with a seek table: it is truncated, or not an archive"
        )
    if descriptor or frames > _FRAMES_LIMIT:
        raise IntegrityError("the seek table is damaged")
    return _TABLE_SIZE + int(frames) * _ENTRY.size


def decode_seek_table(table: bytes, file_size: int) -> list[FrameSizes]:
    """Return the sizes of a file's frames from its last `seek_table_size` bytes.

    Raises:
        IntegrityError: it is damaged, or does not agree with the size of the file.
    """
    entries = decode_skippable(_SEEK_TABLE, table)[: -_FOOTER.size]
    frames = [FrameSizes(*sizes) for sizes in _ENTRY.iter_unpack(entries)]
    if sum(f.packed for f in frames) + len(table) != file_size:
        raise IntegrityError("the frames of the seek table do not add up to the file's size")
    if any(f.size > FRAME_LIMIT or f.packed > PACKED_LIMIT for f in frames):
        raise IntegrityError("the seek table has a frame that is too large")
    return frames


def _content_size(packed: bytes, limit: int) -> int:
    """Return the content size that a frame declares; raise IntegrityError above the limit."""
    try:
        header = zstandard.get_frame_parameters(packed)
    except zstandard.ZstdError as e:
        raise IntegrityError(f"a frame is damaged: {e}") from None
    size = int(header.content_size)
    if size > limit or header.window_size > limit:
        raise IntegrityError(f"a frame has more than {limit} bytes, or does not state its size")
    if header.dict_id or not header.has_checksum:
        raise IntegrityError("a frame has no checksum, or needs a dictionary")
    return size
