"""Any damage of an archive is detected, and its intact members are found."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Mapping
from contextlib import suppress

import pytest

from codec.archive.container import ArchiveReader, encode_tail
from codec.archive.frames import FRAME_LIMIT, FrameSizes, encode_frame, encode_skippable
from codec.archive.recovery import (
    Checked,
    Chunk,
    Damage,
    Frame,
    Scan,
    check,
    rebuild_tail,
    walk_frames,
)
from codec.archive.tar import (
    BLOCK,
    END,
    Entry,
    arrange,
    encode_header,
    entries_of,
    tar_pieces,
)
from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from tests.support.archives import DIFFS, Ranges, members_of, packed, patch_of

FRAME_SIZE = 4096
#: Diffs for many frames of 4 KiB; one is larger than such a frame, and comes last.
MANY = {
    **{f"2025-11-{1 + i:02}": patch_of(f"{i % 3}.py", 60, i) for i in range(12)},
    "2025-11-30": patch_of("large.py", 600),
}


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", FRAME_SIZE)


def checked(data: bytes) -> tuple[dict[Key, Sha256], list[Damage]]:
    """Return the members recovered whole, by key, and the damage."""
    events = list(check(Ranges(data), len(data)))
    found = {e.entry.key: e.sha256 for e in events if isinstance(e, Checked)}
    return found, [e for e in events if isinstance(e, Damage)]


def hashes(diffs: Mapping[str, bytes]) -> dict[str, str]:
    return {key: hashlib.sha256(diff).hexdigest() for key, diff in diffs.items()}


def frames_of(data: bytes) -> list[Frame]:
    return [f for f in walk_frames(Ranges(data), len(data)) if isinstance(f, Frame)]


@pytest.mark.parametrize("diffs", [DIFFS, MANY], ids=["one frame", "many"])
def test_an_intact_archive_has_its_members_and_no_damage(diffs: Mapping[str, bytes]) -> None:
    assert checked(packed(diffs)) == (hashes(diffs), [])


def test_the_frames_that_are_walked_are_those_of_the_seek_table() -> None:
    data = packed(MANY)
    frames = frames_of(data)
    reader = ArchiveReader(Ranges(data), len(data))
    *walked, index, table = frames
    assert [FrameSizes(f.packed, len(f.data)) for f in walked] == reader.frames
    assert (index.data, table.data) == (b"", b"")
    assert table.offset + table.packed == len(data)


def test_a_frame_longer_than_one_read_is_walked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codec.archive.recovery._READ_AHEAD", 64)
    assert checked(packed(MANY)) == (hashes(MANY), [])


def test_contents_come_in_pieces_no_larger_than_a_frame() -> None:
    data = packed(MANY)
    chunks = [c for c in Scan(Ranges(data), len(data)).events() if isinstance(c, Chunk)]
    for key, diff in MANY.items():
        pieces = [c for c in chunks if c.entry.key == key]
        assert b"".join(c.data for c in pieces) == diff
        assert [c.last for c in pieces] == [False] * (len(pieces) - 1) + [True]
        assert (len(pieces) > 1) == (key == "2025-11-30")
    assert max(len(c.data) for c in chunks) < 2 * FRAME_SIZE


@pytest.mark.parametrize("bit", [0x01, 0x08, 0x80])
def test_every_flipped_byte_is_noticed_or_changes_nothing(bit: int) -> None:
    data = packed(DIFFS)
    expected = hashes(DIFFS)
    harmless = 0
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= bit
        found, damage = checked(bytes(spoilt))
        assert found.items() <= expected.items()
        assert damage or found == expected
        harmless += not damage
    assert harmless < len(data) / 100


def test_every_cut_is_noticed_and_a_lost_end_can_be_rebuilt() -> None:
    data = packed(DIFFS)
    end, _ = rebuild_tail(Ranges(data), len(data))
    for size in range(len(data)):
        found, damage = checked(data[:size])
        assert damage
        assert found == (hashes(DIFFS) if size >= end else {})
        if size >= end:
            at, tail = rebuild_tail(Ranges(data[:size]), size)
            assert data[:at] + tail == data
        else:
            with pytest.raises(IntegrityError):
                rebuild_tail(Ranges(data[:size]), size)


def test_a_spoilt_end_can_be_rebuilt_whatever_is_spoilt() -> None:
    data = packed(MANY)
    end, tail = rebuild_tail(Ranges(data), len(data))
    assert data[end:] == tail
    for at in range(end, len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 0x20
        assert rebuild_tail(Ranges(bytes(spoilt)), len(spoilt)) == (end, tail)
    other = data[:end] + b"anything" * 100
    assert rebuild_tail(Ranges(other), len(other)) == (end, tail)


@pytest.mark.parametrize("where", [0, 1, 4, 5, 6, 20, -5, -1])
def test_members_outside_a_damaged_frame_are_found(where: int) -> None:
    data = packed(MANY)
    data_frames = [f for f in frames_of(data) if f.data]
    for number, frame in enumerate(data_frames):
        spoilt = bytearray(data)
        spoilt[frame.offset + where % frame.packed] ^= 0xFF
        found, damage = checked(bytes(spoilt))
        before = sum(len(f.data) for f in data_frames[:number])
        lost = {
            e.key
            for e in entries_of(arrange(members_of(MANY)))
            if e.block * BLOCK < before + len(frame.data) and e.end * BLOCK > before
        }
        assert lost
        assert found.keys() == MANY.keys() - lost
        assert found.items() <= hashes(MANY).items()
        assert damage[0].offset == frame.offset
        assert ("2025-11-30" in lost) == (number >= len(data_frames) - 3)
        with pytest.raises(IntegrityError, match=f"at byte {frame.offset}"):
            rebuild_tail(Ranges(bytes(spoilt)), len(spoilt))


def test_a_large_member_after_a_truncated_one_is_found() -> None:
    large = {key: patch_of(key, 600) for key in ("2025-11-06", "2025-11-07")}
    data = bytearray(packed(large))
    first, second, *_ = frames_of(bytes(data))
    data[second.offset + 20] ^= 1
    found, damage = checked(bytes(data))
    assert damage[0].offset == first.packed
    assert found == hashes({"2025-11-07": large["2025-11-07"]})


def test_a_frame_that_is_missing_is_noticed() -> None:
    data = packed(MANY)
    for frame in frames_of(data):
        found, damage = checked(data[: frame.offset] + data[frame.offset + frame.packed :])
        assert damage
        assert found.items() <= hashes(MANY).items()


def test_frames_of_another_order_are_noticed() -> None:
    data = packed(MANY)
    first, second = frames_of(data)[:2]
    start, middle, end = 0, second.offset, second.offset + second.packed
    assert first.packed == middle
    found, damage = checked(data[middle:end] + data[start:middle] + data[end:])
    assert found == hashes(MANY)
    assert [d.problem for d in damage] == ["the index does not match the frames"]


def test_a_diff_that_looks_like_a_frame_is_not_a_frame() -> None:
    inner = packed({"2025-12-24": b"not a member of the outer one"})
    noise = random.Random(1).randbytes(3000)  # noqa: S311 - bytes that do not compress
    diffs = {"2025-11-06": inner + noise, "2025-11-07": b"x"}
    data = packed(diffs)
    (frame, *_) = frames_of(data)
    assert inner[:100] in data[: frame.packed]  # it is in the archive uncompressed
    spoilt = bytearray(data)
    spoilt[frame.packed - 1] ^= 1
    found, damage = checked(bytes(spoilt))
    assert found == {}
    assert damage


def test_damage_in_a_frame_that_was_skipped_over_is_one_finding() -> None:
    data = bytearray(packed(MANY))
    first, second, third = frames_of(bytes(data))[:3]
    data[first.offset] ^= 1
    data[second.offset] ^= 1
    _, damage = checked(bytes(data))
    assert damage == [Damage(0, third.offset, "a frame is missing at its offset")]


def archive_of(*contents: bytes, entries: tuple[Entry, ...] = ()) -> bytes:
    """Pack a tar of these bytes, whatever they are, one frame each."""
    frames = [encode_frame(c, "fast") for c in contents]
    sizes = [FrameSizes(len(f), len(c)) for f, c in zip(frames, contents, strict=True)]
    return b"".join(frames) + encode_tail(sizes, entries)


KEY = Key("2025-11-06")
MEMBER = encode_header(KEY, 3) + b"abc".ljust(BLOCK, b"\0")
ENTRY = Entry(KEY, 0, 3)


def test_the_archive_of_these_tests_is_good() -> None:
    assert checked(archive_of(MEMBER + END, entries=(ENTRY,))) == (hashes({KEY: b"abc"}), [])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(archive_of(MEMBER, entries=(ENTRY,)), id="no end"),
        pytest.param(archive_of(MEMBER + bytes(BLOCK), entries=(ENTRY,)), id="half an end"),
        pytest.param(archive_of(MEMBER + END + END, entries=(ENTRY,)), id="two ends"),
        pytest.param(archive_of(MEMBER + END, END, entries=(ENTRY,)), id="a frame behind"),
        pytest.param(archive_of(MEMBER[:-1] + b"x" + END, entries=(ENTRY,)), id="filling"),
        pytest.param(archive_of(MEMBER[:-9] + END, entries=(ENTRY,)), id="short filling"),
        pytest.param(archive_of(MEMBER + END), id="no entry"),
        pytest.param(archive_of(MEMBER + MEMBER + END, entries=(ENTRY,)), id="one name twice"),
        pytest.param(
            archive_of(MEMBER + MEMBER + END, entries=(ENTRY, Entry(KEY, 2, 3))),
            id="one name twice, in the index too",
        ),
        pytest.param(
            archive_of(MEMBER + END, entries=(ENTRY, Entry(Key("2025-11-07"), 0, 3))), id="overlap"
        ),
        pytest.param(
            archive_of(encode_header(KEY, 1 << 30) + END, entries=(ENTRY,)), id="a large size"
        ),
        pytest.param(archive_of(b"../../x".ljust(BLOCK, b"\0") + END), id="no header"),
        pytest.param(b"", id="empty"),
        pytest.param(encode_skippable(0x184D2A5E, b""), id="nothing"),
        pytest.param(struct.pack("<II", 0x184D2A5E, 1 << 31), id="a skippable frame of gigabytes"),
        pytest.param(b"\x28\xb5\x2f\xfd" * 5000, id="beginnings of frames"),
        pytest.param(b"\x28\xb5\x2f\xfd\x24\x03" + bytes(30_000), id="blocks of nothing"),
    ],
)
def test_an_archive_of_another_writer_counts_as_damaged(data: bytes) -> None:
    assert checked(data)[1]


def test_a_frame_that_claims_terabytes_is_not_decompressed() -> None:
    bomb = b"\x28\xb5\x2f\xfd\xe4" + struct.pack("<Q", 1 << 42) + b"\x1b\0\0abc0000"
    _, damage = checked(bomb + packed(DIFFS))
    assert damage[0] == Damage(
        0, len(bomb), f"a frame has more than {FRAME_LIMIT} bytes, or does not state its size"
    )


def test_any_bytes_are_damage_and_nothing_worse() -> None:
    pick = random.Random(2)  # noqa: S311 - the same bytes for every run
    good = packed(DIFFS)
    for _ in range(200):
        data = bytearray(good)
        for _ in range(pick.randint(1, 30)):
            at = pick.randrange(len(data))
            data[at : at + pick.randint(0, 4)] = pick.randbytes(pick.randint(0, 4))
        found, damage = checked(bytes(data))
        assert found.items() <= hashes(DIFFS).items()
        assert damage or bytes(data) == good or found == hashes(DIFFS)
        with suppress(IntegrityError):
            rebuild_tail(Ranges(bytes(data)), len(data))


def test_a_tar_of_pieces_is_a_tar_of_frames() -> None:
    arranged = arrange(members_of(MANY))
    tar = b"".join(tar_pieces(arranged, lambda m: (MANY[m.key],)))
    assert b"".join(f.data for f in frames_of(packed(MANY))) == tar
