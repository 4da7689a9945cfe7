"""A v1 log, its entries and loose diffs from a remote, with nothing of them here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.v1.stub import is_bare_stub
from pipelines.workspace.location import V1_LOG
from tests.conformance.conftest import Started, sdk_environment, started
from tests.pipelines.conftest import Bench, Cli, day, entry, git
from tests.pipelines.verbs.test_archive import log_of_months
from tests.pipelines.verbs.test_sync import made, own_configuration, remote

__all__ = ["made", "own_configuration", "remote", "sdk_environment", "started"]
NEW = "2099-01-01T00:00:00Z"
WHOLE = log_of_months() + entry(NEW, task="new")


@pytest.fixture
def clone(made: Bench, cli: Cli, remote: Path, tmp_path: Path) -> Path:
    """Make a fresh clone of a synced workspace, without any file of `.diffs`."""
    made.commit()
    assert cli("sync", made.root, "--remote", remote).code == 0
    git(tmp_path, "clone", "-q", str(made.root), str(tmp_path / "clone"))
    return tmp_path / "clone"


def test_a_log_comes_from_the_remote_byte_for_byte(
    clone: Path, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    output = tmp_path / "log.md"
    assert cli("restore-v1", clone, "-o", output).code == 30
    assert cli("restore-v1", clone, "-o", output, "--remote", remote).code == 0
    assert output.read_bytes() == WHOLE
    assert not (clone / ".diffs").exists()


def test_a_log_comes_from_a_server_byte_for_byte(
    made: Bench, cli: Cli, started: Started, sdk_environment: None, tmp_path: Path
) -> None:
    server = started("moto")
    there = ("--remote", server.url(), "--endpoint-url", server.endpoint)
    assert cli("sync", made.root, *there, "--prune-local").code == 0
    shutil.rmtree(made.root / ".diffs")
    output = tmp_path / "log.md"
    assert cli("restore-v1", made.root, "-o", output, *there).code == 0
    assert output.read_bytes() == WHOLE


def test_an_entry_and_a_loose_diff_are_shown_from_the_remote(
    clone: Path, cli: Cli, made: Bench, remote: Path
) -> None:
    for key in (NEW, day(1)):
        for what in ("--diff", "--entry"):
            here = cli("show", key, made.root, what)
            assert cli("show", key, clone, what).code == 30
            there = cli("show", key, clone, what, "--remote", remote)
            assert (there.code, there.out) == (0, here.out)
            assert here.out


def test_an_erased_diff_is_not_read_from_a_remote(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert cli("purge", NEW, made.root, "--yes").code == 0
    said = cli("show", NEW, made.root, "--diff", "--remote", remote)
    assert (said.code, "was purged" in said.err) == (33, True)
    said = cli("restore-v1", made.root, "-o", tmp_path / "log", "--remote", remote)
    assert said.code == 3
    assert b"[session-codec: purged diff " in (tmp_path / "log").read_bytes()


@pytest.fixture
def alone(made: Bench, plain: Bench, cli: Cli) -> Bench:
    """Make a partly archived workspace outside of git that still has its log."""
    plain.log.write_bytes(log_of_months())
    plain.migrate()
    cli("archive", plain.root)
    plain.log.write_bytes(WHOLE)
    plain.migrate()
    return plain


def test_a_log_that_a_remote_holds_can_be_retired(alone: Bench, cli: Cli, remote: Path) -> None:
    assert cli("retire-v1", alone.root).code == 22
    assert cli("retire-v1", alone.root, "--remote", remote).code == 22
    assert cli("sync", alone.root, "--remote", remote).code == 0
    assert cli("retire-v1", alone.root).code == 22
    assert cli("retire-v1", alone.root, "--remote", remote).code == 0
    assert is_bare_stub(alone.log.read_bytes())
    shutil.rmtree(alone.root / ".diffs")
    assert cli("restore-v1", alone.root, "-o", alone.root / V1_LOG, "--remote", remote).code == 0
    assert alone.log.read_bytes() == WHOLE


def lost(path: Path) -> None:
    path.unlink()


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [lost, flipped])
@pytest.mark.parametrize("kind", ["archive", "loose", "v1", "snapshot"])
def test_a_log_that_a_remote_cannot_give_back_stays(
    alone: Bench, cli: Cli, remote: Path, kind: str, harm: Callable[[Path], None]
) -> None:
    assert cli("sync", alone.root, "--remote", remote).code == 0
    for path in (remote / kind).iterdir():
        harm(path)
    said = cli("retire-v1", alone.root, "--remote", remote)
    assert said.code in {12, 22}
    assert alone.log.read_bytes() == WHOLE
