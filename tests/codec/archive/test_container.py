"""An archive gives each diff back from one frame, and says so when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codec.archive.container import INDEX_MAGIC, ArchiveReader, encode_archive, encode_tail
from codec.archive.frames import (
    PROFILES,
    ZSTD_VERSION,
    FrameSizes,
    encode_frame,
    encode_seek_table,
    encode_skippable,
)
from codec.archive.tar import Entry, Member, arrange, entries_of
from codec.errors import CodecError, EncodeError, FormatError, IntegrityError
from codec.kinds import Key, Sha256
from codec.records import PatchRef
from tests.support.archives import DIFFS, Ranges, members_of, packed, patch_of, ref

ARCHIVE = packed(DIFFS)
KEY = Key("2025-11-06T14:30:00Z")
#: Diffs for many frames of 4 KiB, and one that is larger than such a frame.
MANY = {
    **{f"2025-11-{1 + i:02}": patch_of(f"{i % 5}.py", 60, i) for i in range(28)},
    "2025-11-30": patch_of("large.py", 1000),
}


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make an archive of many frames."""
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    return packed(MANY)


def opened(data: bytes) -> ArchiveReader:
    return ArchiveReader(Ranges(data), len(data))


WRITTEN = sorted((Path(__file__).parents[3] / "fixtures" / "archive").glob("*/*.tar.zst"))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_archive_that_was_once_written_is_read_and_written_again(path: Path) -> None:
    data = path.read_bytes()
    expected = json.loads((path.parent / "expected.json").read_bytes())
    reader = opened(data)
    assert len(reader.index) == len(expected)
    for key, known in expected.items():
        patch = PatchRef(sha256=known["sha256"], size=known["bytes"])
        assert reader.read(key, patch) == DIFFS[key]
    if path.parent.name == f"zstd-{ZSTD_VERSION}":
        assert packed(DIFFS, profile=path.name.partition(".")[0]) == data


def test_there_are_archives_that_were_once_written() -> None:
    assert {path.name.partition(".")[0] for path in WRITTEN} == PROFILES.keys()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_diff_comes_back(profile: str) -> None:
    reader = opened(packed(DIFFS, profile=profile))
    assert {key: reader.read(Key(key), ref(diff)) for key, diff in DIFFS.items()} == DIFFS
    assert [e.key for e in reader.index.entries()] == sorted(DIFFS)


def test_every_diff_of_many_frames_comes_back(many: bytes) -> None:
    reader = opened(many)
    assert len(reader.frames) > 10
    assert {key: reader.read(Key(key), ref(diff)) for key, diff in MANY.items()} == MANY


def test_one_diff_takes_the_end_and_its_own_frame(many: bytes) -> None:
    for key, diff in MANY.items():
        ranges = Ranges(many)
        reader = ArchiveReader(ranges, len(many))
        assert ranges.asked == [(0, len(many))]  # the end, and this archive is no longer than one
        entry = reader.index.find(Key(key))
        assert entry is not None
        reader.read(Key(key), ref(diff))
        starts = [0]
        for frame in reader.frames:
            starts.append(starts[-1] + frame.size)
        touched = [
            frame.packed
            for frame, start in zip(reader.frames, starts, strict=False)
            if start < entry.end * 512 and start + frame.size > entry.block * 512
        ]
        assert [size for _, size in ranges.asked[1:]] == touched
        assert (len(touched) == 1) == (key != "2025-11-30")


def test_an_index_longer_than_the_end_that_is_read_first_is_read_too(
    many: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tail in (17, 40, 200, 400):
        monkeypatch.setattr("codec.archive.container.TAIL", tail)
        ranges = Ranges(many)
        reader = ArchiveReader(ranges, len(many))
        assert ranges.asked[0] == (len(many) - tail, tail)
        assert sum(size for _, size in ranges.asked) < len(many) / 4
        assert reader.read(Key("2025-11-05"), ref(MANY["2025-11-05"])) == MANY["2025-11-05"]


def test_the_bytes_depend_on_the_diffs_alone(many: bytes, tmp_path: Path) -> None:
    turned = dict(reversed(MANY.items()))
    with ThreadPoolExecutor(3) as pool:
        assert packed(turned, pool=pool) == many
    program = (
        "import os, sys, time\n"
        "os.umask(0o077)\n"
        "from tests.support.archives import DIFFS, packed\n"
        "sys.stdout.buffer.write(packed(DIFFS))\n"
    )
    for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/New_York")):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONHASHSEED": seed,
                "TZ": zone,
                "LC_ALL": "C",
            },
            capture_output=True,
            check=True,
        )
        assert ran.stdout == ARCHIVE


def test_contents_are_asked_for_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    asked: list[str] = []

    def load(member: Member) -> Iterator[bytes]:
        asked.append(member.key)
        yield MANY[member.key]

    members = members_of(MANY)
    pieces = encode_archive(members, load, profile="fast")
    assert asked == []
    next(pieces)
    assert 0 < len(asked) < 5
    assert list(pieces)
    assert asked == [m.key for m in arrange(members)]


def test_pieces_of_a_content_may_have_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)

    def load(member: Member) -> Iterator[bytes]:
        content = MANY[member.key]
        for at in range(0, len(content), 700):
            yield content[at : at + 700]

    assert b"".join(encode_archive(members_of(MANY), load)) == packed(MANY)


def test_nothing_to_archive_is_refused() -> None:
    with pytest.raises(EncodeError):
        packed({})


def test_a_diff_that_changed_while_it_was_archived_is_refused() -> None:
    with pytest.raises(IntegrityError, match=KEY):
        list(encode_archive([Member(KEY, 9, b"")], lambda _: (b"changed",)))


@pytest.mark.parametrize(
    ("key", "patch", "problem"),
    [
        ("2025-11-10", ref(b""), "has no diff"),
        (KEY, PatchRef(sha256=Sha256("0" * 64), size=len(DIFFS[KEY])), "SHA-256 differs"),
        (KEY, PatchRef(sha256=ref(DIFFS[KEY]).sha256, size=5), "size differs"),
    ],
)
def test_a_member_that_differs_from_its_record_is_refused(
    key: str, patch: PatchRef, problem: str
) -> None:
    with pytest.raises(IntegrityError, match=problem):
        opened(ARCHIVE).read(Key(key), patch)


def with_entries(*changed: Entry) -> bytes:
    """Return the archive with another index."""
    entries = {e.key: e for e in entries_of(arrange(members_of(DIFFS)))}
    entries.update((e.key, e) for e in changed)
    frames = opened(ARCHIVE).frames
    return ARCHIVE[: sum(f.packed for f in frames)] + encode_tail(frames, entries.values())


def test_an_index_that_lies_is_found_out() -> None:
    other = opened(ARCHIVE).index.find(Key("2025-11-09T09:00:00Z"))
    assert other is not None
    size = len(DIFFS[KEY])
    for block in (other.block, 1):
        lying = opened(with_entries(Entry(KEY, block, size)))
        with pytest.raises(IntegrityError, match="not where the index says"):
            lying.read(KEY, ref(DIFFS[KEY]))
    # With the size and the hash of the diff at that place: its header has another name.
    same = Entry(Key("2025-11-10"), other.block, other.size)
    with pytest.raises(IntegrityError, match="not where the index says"):
        opened(with_entries(same)).read(same.key, ref(DIFFS[other.key]))


@pytest.mark.parametrize("size", [1 << 30, (1 << 30) + 1, 1 << 32])
def test_a_size_that_the_archive_cannot_hold_is_refused_before_anything_is_read(size: int) -> None:
    data = with_entries(Entry(KEY, 0, size))
    ranges = Ranges(data)
    reader = ArchiveReader(ranges, len(data))
    with pytest.raises(IntegrityError):
        reader.read(KEY, PatchRef(sha256=Sha256("0" * 64), size=size))
    assert len(ranges.asked) == 1


def ended(*frames: FrameSizes, index: bytes = b"", size: int = 0) -> bytes:
    """Return an archive end that no writer produces."""
    packed_index = encode_skippable(INDEX_MAGIC, index or encode_frame(b"{}\n", "fast"))
    return packed_index + encode_seek_table([*frames, FrameSizes(len(packed_index), size)])


HEAD = encode_frame(bytes(2048), "fast")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", IntegrityError),
        (b"PK\3\4" * 100, IntegrityError),
        (HEAD, IntegrityError),
        (ended(), IntegrityError),
        (HEAD + ended(FrameSizes(len(HEAD), 2048)), FormatError),
        (HEAD + ended(FrameSizes(len(HEAD), 2048), size=1), IntegrityError),
        (HEAD + ended(FrameSizes(len(HEAD), 0)), IntegrityError),
        (HEAD + encode_tail([FrameSizes(len(HEAD), 4096)], [])[:-1], IntegrityError),
        (HEAD + ended(FrameSizes(len(HEAD), 2048), index=b"no frame"), IntegrityError),
        (HEAD + ended(FrameSizes(len(HEAD), 2048), index=HEAD[:-1]), IntegrityError),
        (encode_seek_table([]), IntegrityError),
    ],
)
def test_a_file_that_is_not_an_archive_is_refused(data: bytes, error: type[CodecError]) -> None:
    with pytest.raises(error):
        opened(data)


def test_a_seek_table_that_says_another_size_is_refused() -> None:
    (frame,) = opened(ARCHIVE).frames
    lying = FrameSizes(frame.packed, frame.size + 512)
    tail = encode_tail([lying], entries_of(arrange(members_of(DIFFS))))
    with pytest.raises(IntegrityError, match="that the seek table states"):
        opened(ARCHIVE[: frame.packed] + tail).read(KEY, ref(DIFFS[KEY]))


def test_an_index_of_another_tar_than_the_seek_table_is_refused() -> None:
    (frame,) = opened(ARCHIVE).frames
    other = ARCHIVE[: frame.packed] + encode_tail([FrameSizes(frame.packed, 4096)], [])
    index = other[frame.packed : -17 - 2 * 8]
    sizes = [frame, FrameSizes(len(index), 0)]
    with pytest.raises(IntegrityError, match="do not agree"):
        opened(ARCHIVE[: frame.packed] + index + encode_seek_table(sizes))


def test_an_index_that_would_fill_the_memory_is_refused() -> None:
    bomb = encode_frame(bytes(40 << 20), "fast")
    assert len(bomb) < 10_000
    data = HEAD + ended(FrameSizes(len(HEAD), 2048), index=bomb)
    with pytest.raises(IntegrityError, match="more than"):
        opened(data)


def test_an_archive_of_another_size_than_it_has_is_refused() -> None:
    for size in (len(ARCHIVE) - 1, len(ARCHIVE) + 1, len(ARCHIVE) * 2, 0):
        with pytest.raises(IntegrityError):
            ArchiveReader(Ranges(ARCHIVE), size)


@pytest.mark.parametrize("given", [ARCHIVE, b"", ARCHIVE[:9]], ids=["all", "nothing", "less"])
def test_a_server_that_gives_another_range_than_asked_is_found_out(given: bytes) -> None:
    ranges = Ranges(ARCHIVE)
    reader = ArchiveReader(lambda at, n: given if ranges.asked else ranges(at, n), len(ARCHIVE))
    with pytest.raises(IntegrityError, match=f"{len(given)} bytes were read; expected"):
        reader.read(KEY, ref(DIFFS[KEY]))


def test_a_flipped_byte_gives_the_diff_or_an_error() -> None:
    wrong = noticed = 0
    for at in range(len(ARCHIVE)):
        for bit in (0x01, 0x80):
            spoilt = bytearray(ARCHIVE)
            spoilt[at] ^= bit
            for key, diff in DIFFS.items():
                try:
                    wrong += opened(bytes(spoilt)).read(Key(key), ref(diff)) != diff
                except CodecError:
                    noticed += 1
    assert wrong == 0
    assert noticed > len(ARCHIVE)


def test_a_cut_archive_is_refused() -> None:
    for size in range(len(ARCHIVE)):
        with pytest.raises(CodecError):
            opened(ARCHIVE[:size])
