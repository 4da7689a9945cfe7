"""Programs and libraries that know nothing of session-codec read its archives."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import cast

import pytest
import zstandard
from pyzstd import SeekableZstdFile

from codec.archive.container import ArchiveReader
from tests.support.archives import DIFFS, Ranges, packed, patch_of

#: Enough frames that one of them is neither the first nor the last.
MANY = {
    **DIFFS,
    **{f"2025-11-{10 + i}": patch_of(f"{i % 3}.py", 60, i) for i in range(12)},
    "2025-11-30": patch_of("large.py", 600),
}
NAMES = sorted(f"{key}.diff" for key in MANY)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("codec.archive.tar.FRAME_SIZE", 4096)
    path = tmp_path / "2025-11.tar.zst"
    path.write_bytes(packed(MANY))
    return path


def run(*argv: str | Path) -> bytes:
    """Return what a program prints; fail if it prints anything to stderr."""
    if not shutil.which(argv[0]) or not shutil.which("zstd"):
        pytest.skip(f"{argv[0]} or zstd is not here")
    ran = subprocess.run(argv, capture_output=True, check=True)
    if argv[0] != "zstd":
        assert ran.stderr == b""
    return ran.stdout


def test_zstd_finds_it_sound(archive: Path) -> None:
    assert run("zstd", "-t", archive) == b""


def test_tar_lists_it(archive: Path) -> None:
    assert sorted(run("tar", "--zstd", "-tf", archive).decode().split()) == NAMES
    long = run("tar", "--zstd", "-tvf", archive, "--utc", "--numeric-owner").decode()
    assert {line[:10] for line in long.splitlines()} == {"-rw-r--r--"}
    assert long.count(" 0/0 ") == long.count(" 1970-01-01 00:00 ") == len(NAMES)


def test_tar_gives_one_member(archive: Path) -> None:
    for key in ("2025-11-06T14:30:00Z", "2025-11-07", "2025-11-30"):
        assert run("tar", "--zstd", "-xOf", archive, f"{key}.diff") == MANY[key]


def test_tar_extracts_all(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "extracted"
    folder.mkdir()
    run("tar", "--zstd", "-xf", archive, "-C", folder)
    assert {p.name.removesuffix(".diff"): p.read_bytes() for p in folder.iterdir()} == MANY


def test_a_tar_that_zstd_unpacked_is_a_tar(archive: Path) -> None:
    tar = run("zstd", "-dc", archive)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        assert sorted(opened.getnames()) == NAMES


def test_pythons_tarfile_reads_it_over_zstandard(archive: Path) -> None:
    found = {}
    with (
        open(archive, "rb") as f,
        zstandard.ZstdDecompressor().stream_reader(f, read_across_frames=True) as stream,
        tarfile.open(fileobj=stream, mode="r|") as opened,
    ):
        for info in opened:
            content = opened.extractfile(info)
            assert content is not None
            found[info.name.removesuffix(".diff")] = content.read()
    assert found == MANY


def test_a_reader_of_the_seekable_format_seeks_in_it(archive: Path) -> None:
    data = archive.read_bytes()
    reader = ArchiveReader(Ranges(data), len(data))
    with SeekableZstdFile(archive, "r") as f:
        frames, packed_size, size = cast(tuple[int, int, int], f.seek_table_info)
        assert frames == len(reader.frames) + 1  # the index is one to it, of no content
        assert size == sum(frame.size for frame in reader.frames)
        assert packed_size < len(data)
        for entry in sorted(reader.index.entries(), key=lambda e: -e.block):
            f.seek(entry.block * 512 + 512)
            assert f.read(entry.size) == MANY[entry.key]
        with tarfile.open(fileobj=f) as opened:
            member = opened.extractfile("2025-11-30.diff")
            assert member is not None
            assert member.read() == MANY["2025-11-30"]
