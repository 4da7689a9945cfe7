"""Test that a cache is used only by the user who wrote it, at the path where it was written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipelines.workspace.cache import (
    CACHE,
    is_sealed,
    read_cache,
    read_json_cache,
    remove_caches,
    user_folder,
    write_cache,
    write_json_cache,
)
from pipelines.workspace.location import Workspace

VALUE = {"a": [1, "b"]}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "w" / CACHE / "x.json")


def read(path: str) -> object:
    return read_json_cache(path, lambda document: document)


def test_a_cached_value_is_returned_and_a_missing_one_is_none(path: str) -> None:
    assert read(path) is None
    write_json_cache(path, VALUE)
    assert read(path) == VALUE
    assert is_sealed(path)


def test_the_key_is_one_private_file_of_the_user(path: str) -> None:
    write_json_cache(path, VALUE)
    (key,) = Path(user_folder()).iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    write_json_cache(path, VALUE)
    assert key.read_bytes() == before
    assert len(before) == 32


@pytest.mark.parametrize("change", ["content", "seal", "cut", "longer", "unsealed", "empty"])
def test_a_changed_cache_is_ignored(path: str, change: str) -> None:
    write_json_cache(path, VALUE)
    data = Path(path).read_bytes()
    changed = {
        "content": data.replace(b'"b"', b'"c"'),
        "seal": bytes([data[0] ^ 1]) + data[1:],
        "cut": data[:-1],
        "longer": data + b" ",
        "unsealed": data.partition(b"\n")[2],
        "empty": b"",
    }[change]
    Path(path).write_bytes(changed)
    assert read(path) is None
    assert not is_sealed(path)


def test_a_cache_of_another_path_or_user_is_ignored(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json_cache(path, VALUE)
    other = Path(path).with_name("y.json")
    other.write_bytes(Path(path).read_bytes())
    assert read(str(other)) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    assert read(path) is None
    write_json_cache(str(other), VALUE)
    assert read(str(other)) == VALUE
    assert read(path) is None


def test_a_key_that_is_too_short_is_not_used(path: str) -> None:
    write_json_cache(path, VALUE)
    (key,) = Path(user_folder()).iterdir()
    key.write_bytes(b"")
    assert read(path) is None


def test_a_value_that_cannot_be_decoded_is_none(path: str) -> None:
    write_cache(path, b"[" * 100_000)
    assert read(path) is None
    write_json_cache(path, [1])
    for error in (KeyError, TypeError, ValueError, AttributeError):

        def fail(_: object, error: type[Exception] = error) -> object:
            raise error

        assert read_json_cache(path, fail) is None
    assert read_cache(path, bytes) == b"[1]"


def test_folders_that_cannot_be_written_are_done_without(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w").write_text("a file where the folder would be")
    write_json_cache(path, VALUE)
    assert read(path) is None
    (tmp_path / "home").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    elsewhere = str(tmp_path / "v" / CACHE / "x.json")
    write_json_cache(elsewhere, VALUE)
    assert read(elsewhere) is None


def test_caches_are_removed_and_states_stay(path: str, tmp_path: Path) -> None:
    root = str(tmp_path / "w")
    workspace = Workspace(root=root, diffs=os.path.join(root, ".diffs"), repository=None)
    remove_caches(workspace)
    write_json_cache(path, VALUE)
    folder = Path(path).parent
    for name in ("sync-0", "putting-0.lock", "old.json"):
        (folder / name).write_text("")
    (folder / "pending").mkdir()
    remove_caches(workspace)
    assert sorted(p.name for p in folder.iterdir()) == ["pending", "putting-0.lock", "sync-0"]


@pytest.mark.parametrize("spare", [0, 1])
def test_a_cache_is_read_up_to_its_limit_and_not_beyond(
    path: str, monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    write_json_cache(path, VALUE)
    monkeypatch.setattr("pipelines.workspace.cache._LIMIT", os.path.getsize(path) - spare)
    assert read(path) == (None if spare else VALUE)
