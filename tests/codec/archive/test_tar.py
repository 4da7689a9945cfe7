"""Members are in a fixed order under fixed headers, and other headers are refused."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from codec.archive.tar import (
    BLOCK,
    END,
    INDEX_LIMIT,
    MEMBER_LIMIT,
    Entry,
    Member,
    arrange,
    cut,
    decode_header,
    decode_index,
    encode_header,
    encode_index,
    entries_of,
    frame_sizes,
    tar_pieces,
)
from codec.errors import CodecError, EncodeError, FormatError, IntegrityError
from codec.kinds import Key
from tests.support.archives import DIFFS, members_of

KEY = Key("2025-11-06T14:30:00Z")
HEADER = encode_header(KEY, 1148)


def member(number: int, size: int, path: bytes = b"") -> Member:
    return Member(Key(f"2025-11-06.{number:06x}"), size, path)


def test_a_header_is_that_of_python() -> None:
    info = tarfile.TarInfo(f"{KEY}.diff")
    info.size = 1148
    assert info.tobuf(tarfile.USTAR_FORMAT) == HEADER
    assert decode_header(HEADER) == (KEY, 1148)


def test_the_largest_member_and_the_longest_key_have_a_header() -> None:
    key = f"{KEY}.{'0a' * 32}"
    assert decode_header(encode_header(Key(key), MEMBER_LIMIT)) == (key, MEMBER_LIMIT)


def header_of(**fields: object) -> bytes:
    """Return a header as another program would write it."""
    info = tarfile.TarInfo(f"{KEY}.diff")
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "../../etc/passwd"},
        {"name": f"../{KEY}.diff"},
        {"name": f"/tmp/{KEY}.diff"},  # noqa: S108 - a name to be refused
        {"name": f"x/{KEY}.diff"},
        {"name": f"{KEY}"},
        {"name": f"{KEY}.diff.diff"},
        {"name": "x" * 95 + ".diff"},
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "x"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.FIFOTYPE},
        {"mode": 0o4755},
        {"uid": 1000},
        {"mtime": 1},
        {"uname": "root"},
        {"size": MEMBER_LIMIT + 1},
    ],
    ids=str,
)
def test_a_header_of_anything_else_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        decode_header(header_of(**fields))


def test_every_flipped_byte_of_a_header_is_noticed() -> None:
    for at in range(BLOCK):
        spoilt = bytearray(HEADER)
        spoilt[at] ^= 1
        with pytest.raises(IntegrityError):
            decode_header(bytes(spoilt))


@pytest.mark.parametrize("header", [b"", bytes(BLOCK), b"\xff" * BLOCK, HEADER[:-1]])
def test_an_invalid_header_is_refused(header: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode_header(header)


def test_members_are_sorted_by_path_then_key_and_large_ones_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    large, exact = member(1, 3585, b"a"), member(9, 3584, b"c")
    members = [large, member(5, 10, b"b"), member(4, 10, b"b"), exact, member(8, 10, b"a")]
    assert [m.key[-1] for m in arrange(members)] == ["8", "4", "5", "9", "1"]
    assert arrange(reversed(members)) == arrange(members)


@pytest.mark.parametrize(
    "members",
    [
        [],
        [member(1, 5), member(1, 7)],
        [member(1, MEMBER_LIMIT + 1)],
        [Member(Key("../x"), 1, b"")],
    ],
)
def test_diffs_that_cannot_be_archived_are_refused(members: list[Member]) -> None:
    with pytest.raises(EncodeError):
        arrange(members)


def sized(*sizes: int) -> list[Member]:
    return arrange(member(i, size) for i, size in enumerate(sizes))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 6, 9, 40, 41])
def test_frames_are_about_equal_and_no_member_crosses(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    members = sized(*[400] * count)  # four of them to a frame
    *sizes, last = frame_sizes(members)
    sizes.append(last - len(END))
    assert sum(sizes) == count * 1024
    assert all(size % 1024 == 0 for size in sizes)
    assert max(sizes) - min(sizes) <= 1024
    assert max(sizes) <= 6144


def test_a_large_member_has_frames_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    members = sized(400, 12_000, 400, 5000)
    small, *large = frame_sizes(members)
    assert small == 2 * 1024
    # In blocks: 1 + 24 in three frames, 1 + 10 in one, and the end.
    assert [size / BLOCK for size in large] == [8, 8, 9, 11 + 2]


def test_an_archive_of_large_members_alone_has_no_empty_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    assert frame_sizes(sized(4096)) == [512 + 4096 + 1024]


def test_the_tar_is_one_to_python() -> None:
    arranged = arrange(members_of(DIFFS))
    tar = b"".join(tar_pieces(arranged, lambda m: (DIFFS[m.key],)))
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        infos = opened.getmembers()
        contents = {i.name: opened.extractfile(i) for i in infos}
        found = {name: f.read() for name, f in contents.items() if f}
    assert found == {f"{key}.diff": diff for key, diff in DIFFS.items()}
    assert [i.offset for i in infos] == [e.block * BLOCK for e in entries_of(arranged)]
    assert len(tar) == sum(frame_sizes(arranged))


@pytest.mark.parametrize("content", [b"", b"six", b"sixty"])
def test_a_content_of_another_size_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not have the 4 bytes"):
        list(tar_pieces(sized(4), lambda _: (content,)))


def test_a_content_without_end_is_not_read_on() -> None:
    def endless(_: Member) -> Iterator[bytes]:
        while True:
            yield bytes(1000)

    with pytest.raises(IntegrityError):
        list(tar_pieces(sized(4000), endless))


def test_pieces_have_the_requested_sizes() -> None:
    assert list(cut([b"ab", b"", b"cdefg", b"h"], [3, 1, 4])) == [b"abc", b"d", b"efgh"]


ENTRIES = [Entry(KEY, 0, 1148), Entry(Key("2025-11-06"), 4, 0), Entry(Key(f"{KEY}.7c8a10"), 5, 3)]
INDEX = encode_index(ENTRIES, 4608)


def test_the_index_is_as_specified() -> None:
    assert INDEX.decode() == (
        '{"format":"session-codec-archive","version":1,"members":3,"bytes":4608}\n'
        "2025-11-06 4 0\n"
        "2025-11-06T14:30:00Z 0 1148\n"
        "2025-11-06T14:30:00Z.7c8a10 5 3\n"
    )
    index = decode_index(INDEX)
    assert (len(index), index.size) == (3, 4608)
    assert list(index.entries()) == sorted(ENTRIES)


def test_a_key_is_found_by_its_whole_name() -> None:
    index = decode_index(INDEX)
    assert [index.find(e.key) for e in ENTRIES] == ENTRIES
    for absent in ("2025-11-06T14:30:00", "025-11-06", "2025-11-06T14:30:00Z.7c8a1", "2026-01-01"):
        assert index.find(Key(absent)) is None


def test_too_many_members_for_a_reader_are_refused() -> None:
    entries = [Entry(Key(f"{KEY}.{i:064x}"), i, 1) for i in range(INDEX_LIMIT // 92)]
    with pytest.raises(EncodeError, match="too many"):
        encode_index(entries, 0)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", FormatError),
        (b"\n", FormatError),
        (b"[]\n", FormatError),
        (b"[" * 100_000 + b"\n", FormatError),
        (INDEX.replace(b"-archive", b"-layout"), FormatError),
        (INDEX.replace(b'n":1', b'n":2'), FormatError),
        (INDEX.replace(b'members":3', b'members":4'), IntegrityError),
        (INDEX.replace(b'members":3', b'members":"3"'), IntegrityError),
        (INDEX.replace(b'bytes":4608', b'bytes":true'), IntegrityError),
        (INDEX.replace(b'"bytes":4608', b'"size":4608'), IntegrityError),
        (INDEX[:-1], IntegrityError),
        (INDEX + b"x", IntegrityError),
    ],
)
def test_an_invalid_index_is_refused(text: bytes, error: type[CodecError]) -> None:
    with pytest.raises(error):
        decode_index(text)


@pytest.mark.parametrize(
    "line",
    [
        b"%s 6 1148" % KEY.encode(),
        b"%s 0 9999999999" % KEY.encode(),
        b"%s 999999999999999 1" % KEY.encode(),
        b"%s -1 1148" % KEY.encode(),
        b"%s 0" % KEY.encode(),
        b"%s 0 1148 1" % KEY.encode(),
        b"%s 0 %s" % (KEY.encode(), b"1" * 10_000),
    ],
)
def test_a_line_that_points_outside_or_says_nothing_is_refused(line: bytes) -> None:
    index = decode_index(INDEX.replace(b"%s 0 1148" % KEY.encode(), line))
    with pytest.raises(IntegrityError):
        index.find(KEY)
    with pytest.raises(IntegrityError):
        list(index.entries())
