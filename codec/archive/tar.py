"""The tar inside an archive: one month's diffs as members, and the index of their positions.

1. The bytes depend only on the keys, sizes, paths and contents of the members: a header contains
   a key and a size, and is fixed otherwise.
2. Members are sorted by the path that each mostly touches, then by key, so that similar patches
   are compressed together. Members that are larger than a frame come last.
3. A member is in one frame, unless it is larger than a frame; then it has frames of its own.
4. A header that this module would not write is refused. So a member is always a file whose name
   is a key: never a link, a device or a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from codec.archive.frames import FRAME_SIZE
from codec.errors import EncodeError, FormatError, IntegrityError
from codec.kinds import Key
from codec.names import diff_name, is_key, key_time

FORMAT: Final = "session-codec-archive"
VERSION: Final = 1
#: The size of a tar block in bytes: headers have one, and contents are padded to it.
BLOCK: Final = 512
#: Two blocks of zeros end a tar.
END: Final = bytes(2 * BLOCK)
#: The largest size of one diff, and of all lines of an index, in bytes.
MEMBER_LIMIT: Final = 1 << 30
INDEX_LIMIT: Final = 32 << 20

_NAME_SIZE: Final = 100
_SIZE: Final = slice(124, 135)
#: The fields of every header between the name, the size, the checksum and the end.
_OWNER: Final = b"0000644\0" + b"0000000\0" * 2
_TIME: Final = b"\0" + b"00000000000\0"
_KIND: Final = b"0" + bytes(100) + b"ustar\x0000"
#: The sum of these bytes, and of the checksum as eight spaces.
_FIXED_SUM: Final = sum(_OWNER + _TIME + _KIND + b" " * 8)
_SUFFIX: Final = ".diff"
_LINE = re.compile(rb"(?P<key>[0-9TZa-f:.-]{1,90}) (?P<block>\d{1,15}) (?P<size>\d{1,10})\n")


class Member(NamedTuple):
    """A diff to be archived: its key, its size in bytes, and the path that it mostly touches."""

    key: Key
    size: int
    path: bytes


class Entry(NamedTuple):
    """A line of the index: a member, and the block of the tar where its header begins."""

    key: Key
    block: int
    size: int

    @property
    def end(self) -> int:
        """Return the number of the block after the member."""
        return self.block + _blocks(self.size)


#: Returns the content of a member in pieces.
Load = Callable[[Member], Iterable[bytes]]


def arrange(members: Iterable[Member]) -> list[Member]:
    """Return the members in archive order.

    Raises:
        EncodeError: there are no members, one is too large, or two have the same key.
    """
    arranged = sorted(members, key=lambda m: (_is_large(m), m.path, m.key))
    if not arranged:
        raise EncodeError("an archive has at least one diff")
    for m in arranged:
        if m.size > MEMBER_LIMIT or not is_key(m.key):
            raise EncodeError(f"the diff of {m.key} cannot be archived: {m.size} bytes")
    if len({m.key for m in arranged}) != len(arranged):
        raise EncodeError("an archive cannot have two diffs with the same key")
    return arranged


def entries_of(arranged: Iterable[Member]) -> Iterator[Entry]:
    """Yield the index entry of each member."""
    block = 0
    for m in arranged:
        yield Entry(m.key, block, m.size)
        block += _blocks(m.size)


def frame_sizes(arranged: Sequence[Member]) -> list[int]:
    """Return the number of tar bytes in each frame: about `FRAME_SIZE`, and about equal."""
    small = [_blocks(m.size) for m in arranged if not _is_large(m)]
    sizes: list[int] = []
    done = cut = 0
    total = sum(small)
    frames = _frames(total)
    for blocks in small:
        # Cut where the next member would be mostly in the next frame.
        if done > cut and (2 * done + blocks) * frames > 2 * total * (len(sizes) + 1):
            sizes.append((done - cut) * BLOCK)
            cut = done
        done += blocks
    if done > cut:
        sizes.append((done - cut) * BLOCK)
    for m in arranged[len(small) :]:
        blocks = _blocks(m.size)
        frames = _frames(blocks)
        cuts = [blocks * i // frames for i in range(frames + 1)]
        sizes.extend((b - a) * BLOCK for a, b in pairwise(cuts))
    sizes[-1] += len(END)
    return sizes


def tar_pieces(arranged: Iterable[Member], load: Load) -> Iterator[bytes]:
    """Yield the bytes of the tar in pieces.

    Raises:
        IntegrityError: the content of a member has another size than declared.
    """
    for m in arranged:
        yield encode_header(m.key, m.size)
        left = m.size
        for piece in load(m):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise IntegrityError(f"the diff of {m.key} does not have the {m.size} bytes recorded")
        yield bytes(-m.size % BLOCK)
    yield END


def cut(pieces: Iterable[bytes], sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield the bytes of some pieces in pieces of other sizes."""
    left = memoryview(b"")
    given = iter(pieces)
    for size in sizes:
        parts = []
        missing = size
        while missing:
            while not left:
                left = memoryview(next(given))
            parts.append(left[:missing])
            left = left[missing:]
            missing -= len(parts[-1])
        yield b"".join(parts)


def encode_header(key: Key, size: int) -> bytes:
    """Return the header block of a member: POSIX ustar, without owner and time."""
    name = diff_name(key).encode()
    octal = b"%011o" % size
    checksum = b"%06o\0 " % (_FIXED_SUM + sum(name) + sum(octal))
    head = b"".join((name.ljust(_NAME_SIZE, b"\0"), _OWNER, octal, _TIME, checksum, _KIND))
    return head.ljust(BLOCK, b"\0")


def decode_header(header: bytes) -> tuple[Key, int]:
    """Return the key and the size of a member from its header block.

    Raises:
        IntegrityError: it is not a header that `encode_header` writes.
    """
    name = header[:_NAME_SIZE].rstrip(b"\0").decode("ascii", "replace")
    key, size = name.removesuffix(_SUFFIX), header[_SIZE]
    if is_key(key) and size.isdigit() and not size.strip(b"01234567"):
        member = Key(key), int(size, 8)
        if member[1] <= MEMBER_LIMIT and header == encode_header(*member):
            return member
    raise IntegrityError("the header of a diff is missing at its offset")


class Index:
    """The positions of the members of an archive; lines are decoded only when they are needed."""

    def __init__(self, text: bytes, members: int, size: int) -> None:
        """Store a text that `decode_index` has checked, and its number of members and bytes."""
        self.text = text
        self.size = size
        self._members = members

    def __len__(self) -> int:
        return self._members

    def find(self, key: Key) -> Entry | None:
        """Return the entry of a member; None if the archive does not have it.

        Raises:
            IntegrityError: its line is damaged.
        """
        at = self.text.find(b"\n%s " % key.encode())
        return self._entry(at + 1) if at >= 0 else None

    def near(self, key: Key) -> Iterator[Entry]:
        """Yield the entries with the same time as a key.

        Raises:
            IntegrityError: a line is damaged.
        """
        begins = b"\n" + key_time(key).encode()
        at = self.text.find(begins)
        while at >= 0:
            if self.text[at + len(begins) : at + len(begins) + 1] in {b" ", b"."}:
                yield self._entry(at + 1)
            at = self.text.find(begins, at + 1)

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in order of their keys.

        Raises:
            IntegrityError: a line is damaged.
        """
        at = self.text.index(b"\n") + 1
        while at < len(self.text):
            yield self._entry(at)
            at = self.text.index(b"\n", at) + 1

    def _entry(self, at: int) -> Entry:
        line = _LINE.match(self.text, at)
        if line is not None:
            entry = Entry(Key(line["key"].decode()), int(line["block"]), int(line["size"]))
            if entry.size <= MEMBER_LIMIT and entry.end * BLOCK + len(END) <= self.size:
                return entry
        raise IntegrityError("the index is damaged")


def encode_index(entries: Iterable[Entry], size: int) -> bytes:
    """Return the index of a tar of `size` bytes: a header object, then members sorted by key.

    Raises:
        EncodeError: it would be larger than a reader accepts.
    """
    lines = sorted(f"{e.key} {e.block} {e.size}\n" for e in entries)
    head = {"format": FORMAT, "version": VERSION, "members": len(lines), "bytes": size}
    text = f"{json.dumps(head, separators=(',', ':'))}\n{''.join(lines)}".encode()
    if len(text) > INDEX_LIMIT:
        raise EncodeError(
            f"too many diffs for one archive: {len(lines):,}",
            hint="Pack fewer at once: --before TIME",
        )
    return text


def decode_index(text: bytes) -> Index:
    """Return the index in a text.

    Raises:
        FormatError: it is not an index, or has an unknown version.
        IntegrityError: the number of its lines differs from its header.
    """
    try:
        head = json.loads(text[: text.find(b"\n")])
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FormatError(f'not an archive: its index does not state "format":"{FORMAT}"')
    if head.get("version") != VERSION:
        raise FormatError(f"unknown archive version {head.get('version')!r}")
    members, size = head.get("members"), head.get("bytes")
    if type(size) is not int or members != text.count(b"\n") - 1 or not text.endswith(b"\n"):
        raise IntegrityError("the index is damaged")
    return Index(text, members, size)


def _blocks(size: int) -> int:
    """Return the number of blocks of a member of that size, including its header."""
    return 1 - -size // BLOCK


def _is_large(member: Member) -> bool:
    return _blocks(member.size) * BLOCK > FRAME_SIZE


def _frames(blocks: int) -> int:
    """Return the number of frames for a number of blocks."""
    return max(1, round(blocks * BLOCK / FRAME_SIZE))
