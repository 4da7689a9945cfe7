"""verify --require remote: every diff is stored here or remotely, checked without reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.remotes.base import Requests
from pipelines.remotes.directory import DirectoryRemote
from tests.pipelines.conftest import Bench, Cli, Said, day, git
from tests.pipelines.verbs.test_sync import made, own_configuration, remote

__all__ = ["made", "own_configuration", "remote"]
NEW = "2099-01-01T00:00:00Z"


@pytest.fixture
def clone(made: Bench, cli: Cli, remote: Path, tmp_path: Path) -> Path:
    """Make a fresh clone of a synced workspace."""
    made.commit()
    assert cli("sync", made.root, "--remote", remote).code == 0
    git(tmp_path, "clone", "-q", str(made.root), str(tmp_path / "clone"))
    return tmp_path / "clone"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Count the requests to remotes."""
    counted = Requests()
    monkeypatch.setattr(DirectoryRemote, "requests", counted, raising=False)
    real = DirectoryRemote.__init__

    def init(self: DirectoryRemote, path: str) -> None:
        real(self, path)
        self.requests = counted

    monkeypatch.setattr(DirectoryRemote, "__init__", init)
    return counted


def lost(said: Said) -> dict[str, str]:
    """Return what is reported of missing diffs, by key."""
    return {f["key"]: f["message"] for f in said.json["findings"] if f["code"] == "absent"}


def test_a_diff_on_the_remote_is_not_a_finding(
    clone: Path, cli: Cli, remote: Path, asked: Requests
) -> None:
    assert cli("verify", clone, "--require", "local").code == 3
    said = cli("verify", clone, "--require", "remote", "--remote", remote, "--json")
    assert (said.code, lost(said)) == (0, {})
    assert said.json["diffs"]["absent"] == 9
    assert asked == {"LIST": 1, "GET": 1}  # the snapshot says which diffs are packed loose


def test_nothing_is_asked_where_all_is_here(
    made: Bench, clone: Path, cli: Cli, remote: Path, asked: Requests
) -> None:
    assert cli("verify", made.root, "--require", "remote", "--remote", remote).code == 0
    assert asked == {}


def lose_an_archive(remote: Path) -> None:
    min((remote / "archive").iterdir()).unlink()


def cut_an_archive(remote: Path) -> None:
    path = min((remote / "archive").iterdir())
    path.write_bytes(path.read_bytes()[:-1])


def lose_a_pack(remote: Path) -> None:
    next((remote / "loose").iterdir()).unlink()


@pytest.mark.parametrize(
    ("harm", "key"), [(lose_an_archive, day(1)), (cut_an_archive, day(1)), (lose_a_pack, NEW)]
)
def test_a_diff_missing_on_both_sides_is_named(
    clone: Path, cli: Cli, remote: Path, harm: Callable[[Path], None], key: str
) -> None:
    harm(remote)
    said = cli("verify", clone, "--require", "remote", "--remote", remote, "--json")
    assert said.code == 3
    assert f"missing locally and on {remote}" in lost(said)[key]
    assert (NEW in lost(said)) == (harm is lose_a_pack)


def test_without_a_remote_there_is_nothing_to_require(clone: Path, cli: Cli) -> None:
    said = cli("verify", clone, "--require", "remote")
    assert (said.code, "no remote" in said.err) == (2, True)


def test_limits_and_a_remote_can_be_given_together(made: Bench, cli: Cli, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    assert cli("sync", made.root, "--remote", remote).code == 0
    asked = ("--require", "remote", "--remote", remote, "--threshold", "-5")
    assert cli("verify", made.root, *asked).code == 0
