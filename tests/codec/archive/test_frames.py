"""Frames give what went in, and nothing is believed that they do not prove."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from codec.archive.frames import (
    FRAME_LIMIT,
    PACKED_LIMIT,
    PROFILES,
    FrameSizes,
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
from codec.errors import IntegrityError

DATA = bytes(range(256)) * 2000
FRAME = encode_frame(DATA, "fast")
#: Many blocks, so that the last ones can be spoilt.
LONG = b"".join(b"%d\n" % (i * i) for i in range(200_000))
LONG_FRAME = encode_frame(LONG, "fast")
#: A frame of one raw block, to be given another header.
RAW_BLOCK = (1 | 3 << 3).to_bytes(3, "little") + b"abc"


def header(descriptor: int, *fields: bytes) -> bytes:
    """Return the header of a frame; its descriptor says which fields follow."""
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + b"".join(fields)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_frame_states_its_size_and_has_a_checksum(profile: str) -> None:
    frame = encode_frame(DATA, profile)
    told = zstandard.get_frame_parameters(frame)
    assert (told.content_size, told.has_checksum, told.dict_id) == (len(DATA), True, 0)
    assert decode_frame(frame) == DATA


def test_small_is_smaller_than_fast() -> None:
    assert len(encode_frame(LONG, "small")) < len(LONG_FRAME)


def test_every_cut_of_a_frame_is_noticed() -> None:
    frame = encode_frame(b"some text, some text, and more of it" * 3, "fast")
    for size in range(len(frame)):
        with pytest.raises(IntegrityError):
            decode_frame(frame[:size])


def test_bytes_after_a_frame_are_detected() -> None:
    with pytest.raises(IntegrityError):
        decode_frame(FRAME + FRAME)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (header(0xE4, struct.pack("<Q", 1 << 42), RAW_BLOCK, b"0000"), "more than"),
        (header(0x04, b"\x58", RAW_BLOCK, b"0000"), "more than .* or does not state"),
        (header(0x84, b"\xa8", struct.pack("<I", 3), RAW_BLOCK, b"0000"), "more than"),
        (encode_frame(bytes(FRAME_LIMIT + 1), "fast"), "more than"),
        (header(0x20, b"\x03", RAW_BLOCK), "no checksum"),
        (header(0x25, b"\x07", b"\x03", RAW_BLOCK, b"0000"), "needs a dictionary"),
        (zstandard.compress(DATA), "no checksum"),
        (b"", "damaged"),
        (b"abcd" * 9, "damaged"),
    ],
    ids=["terabytes", "no size", "window", "large", "bare", "dictionary", "usual", "", "other"],
)
def test_a_frame_that_does_not_first_prove_harmless_is_refused(frame: bytes, problem: str) -> None:
    with pytest.raises(IntegrityError, match=problem):
        decode_frame(frame)
    with pytest.raises(IntegrityError, match=problem):
        decode_part(frame, 3, 0, 3)


def test_the_headers_of_these_tests_are_valid() -> None:
    good = header(0x24, b"\x03", RAW_BLOCK)
    told = zstandard.get_frame_parameters(good)
    assert (told.content_size, told.window_size, told.has_checksum) == (3, 3, True)
    terabytes = zstandard.get_frame_parameters(header(0xE4, struct.pack("<Q", 1 << 42)))
    assert terabytes.content_size == 1 << 42
    window = zstandard.get_frame_parameters(header(0x84, b"\xa8", struct.pack("<I", 3)))
    assert (window.content_size, window.window_size > FRAME_LIMIT) == (3, True)


def test_a_part_equals_its_slice_of_the_content() -> None:
    for start, stop in ((0, 0), (0, 1), (5, 700), (len(DATA) - 1, len(DATA)), (0, len(DATA))):
        assert decode_part(FRAME, len(DATA), start, stop) == DATA[start:stop]


def test_a_part_is_decompressed_no_further_than_its_end() -> None:
    spoilt = LONG_FRAME[:-2000] + bytes(2000)
    assert decode_part(spoilt, len(LONG), 1000, 2000) == LONG[1000:2000]
    with pytest.raises(IntegrityError):
        decode_part(spoilt, len(LONG), 0, len(LONG))


def test_a_part_of_a_cut_frame_is_noticed() -> None:
    half = LONG_FRAME[: len(LONG_FRAME) // 2]
    assert decode_part(half, len(LONG), 1000, 2000) == LONG[1000:2000]
    with pytest.raises(IntegrityError, match="cut off"):
        decode_part(half, len(LONG), len(LONG) - 10, len(LONG))


def test_a_part_of_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(IntegrityError, match="does not have the"):
        decode_part(FRAME, len(DATA) - 1, 0, 1)


def test_frames_from_a_pool_are_the_same_and_in_order() -> None:
    contents = [bytes([i]) * (200_000 // (i + 1)) for i in range(12)]
    with ThreadPoolExecutor(3) as pool:
        assert list(encode_frames(contents, "fast", pool)) == list(encode_frames(contents, "fast"))


def test_a_pool_is_given_no_more_than_is_asked_for() -> None:
    taken = 0

    def contents() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield b"x"

    with ThreadPoolExecutor(2) as pool:
        for given, _ in enumerate(encode_frames(contents(), "fast", pool, ahead=3)):
            assert taken <= given + 4
    assert taken == 20


def test_an_error_in_a_pool_is_raised() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(KeyError):
        list(encode_frames([b"a", b"b"], "no such profile", pool))


def test_a_skippable_frame_is_as_specified() -> None:
    frame = encode_skippable(0x184D2A58, b"abc")
    assert frame == b"\x58\x2a\x4d\x18\x03\0\0\0abc"
    assert decode_skippable(0x184D2A58, frame) == b"abc"
    with zstandard.ZstdDecompressor().stream_reader(frame + FRAME, read_across_frames=True) as f:
        assert f.read() == DATA
    for wrong in (frame[:-1], frame + b"x", b"\x59" + frame[1:], b""):
        with pytest.raises(IntegrityError):
            decode_skippable(0x184D2A58, wrong)


SIZES = [FrameSizes(700, 4096), FrameSizes(1 << 20, 1 << 22), FrameSizes(90, 0)]
TABLE = encode_seek_table(SIZES)
FILE_SIZE = sum(s.packed for s in SIZES) + len(TABLE)


def test_the_seek_table_is_as_specified() -> None:
    entries = b"".join(struct.pack("<II", *s) for s in SIZES)
    footer = struct.pack("<I", 3) + b"\0" + b"\xb1\xea\x92\x8f"
    assert b"\x5e\x2a\x4d\x18" + struct.pack("<I", 24 + 9) + entries + footer == TABLE
    assert seek_table_size(b"before" + TABLE) == len(TABLE)
    assert decode_seek_table(TABLE, FILE_SIZE) == SIZES


def test_every_flipped_byte_of_a_seek_table_is_noticed() -> None:
    for at in range(len(TABLE)):
        spoilt = bytearray(bytes(1000) + TABLE)
        spoilt[1000 + at] ^= 0x10
        try:
            size = seek_table_size(bytes(spoilt))
            frames = decode_seek_table(bytes(spoilt[-size:]), FILE_SIZE)
        except IntegrityError:
            continue
        # Only how large a content is to be can go by: the frame itself says it, too.
        assert [f.packed for f in frames] == [s.packed for s in SIZES]
        assert frames != SIZES


@pytest.mark.parametrize(
    "end",
    [b"", TABLE[:16], TABLE[:-1], TABLE[:-9] + struct.pack("<IBI", 1 << 31, 0, 0x8F92EAB1)],
    ids=["empty", "short", "cut", "billions of frames"],
)
def test_the_end_of_another_file_is_refused(end: bytes) -> None:
    with pytest.raises(IntegrityError):
        seek_table_size(end)


@pytest.mark.parametrize(
    "frame", [FrameSizes(100, FRAME_LIMIT + 1), FrameSizes(PACKED_LIMIT + 1, 100)]
)
def test_a_seek_table_that_claims_too_large_a_frame_is_refused(frame: FrameSizes) -> None:
    table = encode_seek_table([frame])
    with pytest.raises(IntegrityError, match="too large"):
        decode_seek_table(table, frame.packed + len(table))
