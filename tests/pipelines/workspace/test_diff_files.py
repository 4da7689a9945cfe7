"""A diff is put where no other file is, and loses nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Conflict
from pipelines.workspace.diff_files import put_diff

NAME = "2025-01-05T10:00:00Z.diff"
OF_NEW = "2025-01-05T10:00:00Z.11507a.diff"


@pytest.fixture(params=["links", "no links"])
def folder(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of diffs on a file system with or without hard links."""
    if request.param == "no links":

        def refuse(_source: str, _target: str) -> None:
            raise OSError(errno.EPERM, "not here")

        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "diffs").mkdir()
    (tmp_path / "staged").write_bytes(b"new")
    return tmp_path / "diffs"


def put(folder: Path) -> str:
    return put_diff(str(folder.parent / "staged"), str(folder), NAME)


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_free_name_is_taken(folder: Path) -> None:
    assert put(folder) == NAME
    assert content(folder) == {NAME: b"new"}
    assert not (folder.parent / "staged").exists()


def test_the_same_bytes_are_the_same_diff(folder: Path) -> None:
    (folder / NAME).write_bytes(b"new")
    assert put(folder) == NAME
    assert content(folder) == {NAME: b"new"}
    assert not (folder.parent / "staged").exists()


def test_other_bytes_keep_their_name_and_the_diff_gets_one_of_its_hash(folder: Path) -> None:
    (folder / NAME).write_bytes(b"old")
    assert put(folder) == OF_NEW
    assert content(folder) == {NAME: b"old", OF_NEW: b"new"}


def test_a_link_of_the_name_is_not_followed(folder: Path) -> None:
    (folder / NAME).symlink_to("nowhere")
    assert put(folder) == OF_NEW
    assert not (folder / "nowhere").exists()


def test_where_all_names_hold_other_bytes_nothing_is_overwritten(folder: Path) -> None:
    import hashlib

    digest = hashlib.sha256(b"new").hexdigest()
    names = [NAME, *(NAME.replace("Z.", f"Z.{digest[:n]}.") for n in (6, 12, 64))]
    for name in names:
        (folder / name).write_bytes(b"old")
    with pytest.raises(Conflict):
        put(folder)
    assert content(folder) == dict.fromkeys(names, b"old")
    assert (folder.parent / "staged").read_bytes() == b"new"
