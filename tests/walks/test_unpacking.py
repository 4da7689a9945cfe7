"""The walk's own search, which must not miss what it looks for."""

from __future__ import annotations

import io
import tarfile

import zstandard

from tests.walks.unpacking import holds


def test_marker_is_found_in_tar_in_zstd_in_tar() -> None:
    inner = zstandard.compress(_tar(b"prefix MARK suffix"))
    outer = _tar(zstandard.compress(_tar(inner)))
    assert holds(outer, b"MARK")


def test_a_marker_is_found_after_junk_and_in_the_second_frame() -> None:
    frames = b"junk" + zstandard.compress(b"first") + zstandard.compress(b"MARK")
    assert holds(frames, b"MARK")


def test_a_missing_marker_is_not_found() -> None:
    assert not holds(zstandard.compress(b"nothing here"), b"MARK")


def _tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("member")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()
