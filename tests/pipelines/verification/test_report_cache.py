"""A verdict that is kept: as long as nothing changed, and never a moment longer."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.verification import report_cache as verified
from pipelines.workspace.location import DELTAS, MANIFEST, PROGRESS
from tests.pipelines.conftest import Bench, Cli, corpus, day, git


def _age(root: Path) -> None:
    """Let all files have been changed a while ago."""
    ago = time.time_ns() - 10 * verified._SETTLED
    for path in root.rglob("*"):
        if path.is_file() and ".git/" not in path.as_posix():
            os.utime(path, ns=(ago, ago))


@pytest.fixture
def kept(bench: Bench, cli: Cli) -> Bench:
    """A workspace with a verdict that is kept."""
    bench.migrate()
    _age(bench.root)
    first = cli("verify", bench.root, "--json").json
    assert first["kept"] is None
    again = cli("verify", bench.root, "--json").json
    assert again["kept"]["files"] == 13
    assert {**again, "kept": None} == first
    return bench


def test_a_verdict_is_told_to_be_kept_and_full_reads_all_again(kept: Bench, cli: Cli) -> None:
    said = cli("verify", kept.root)
    assert "not read again: 13 files" in said.out
    assert "integrity" not in said.err
    full = cli("verify", kept.root, "--full")
    assert "not read again" not in full.out
    assert "integrity" in full.err


def _rot(root: Path) -> None:
    """Change a byte of a diff, and put its size and times back, as far as one can."""
    path = root / ".diffs" / f"{day(1)}.diff"
    was = path.stat()
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"?" + data[-1:])
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def _append(root: Path) -> None:
    with (root / DELTAS).open("a") as f:
        f.write("no delta\n")


def _hooked(root: Path) -> None:
    spool = root / ".session-codec" / "spool"
    spool.mkdir()
    (spool / "00000000000000000001-1.end").write_text("{}")


def _commit(root: Path) -> None:
    """A commit: what it has, the manifest must have from now on."""
    path = root / MANIFEST
    facts = path.read_bytes()
    was = path.stat()
    git(root, "add", MANIFEST)
    git(root, "commit", "-qm", "all")
    assert path.read_bytes() == facts
    assert path.stat().st_ctime_ns == was.st_ctime_ns


_CHANGES: list[Callable[[Path], object]] = [
    _commit,
    lambda root: (root / f".{DELTAS}.4711.tmp").write_bytes(b"half"),
    lambda root: (root / ".gitignore").unlink(),
    _rot,
    _append,
    _hooked,
    lambda root: (root / ".diffs" / f"{day(2)}.diff").unlink(),
    lambda root: (root / ".diffs" / "2020-01-01.diff").write_bytes(b""),
    lambda root: (root / MANIFEST).write_bytes((root / MANIFEST).read_bytes() + b"{}\n"),
    lambda root: (root / PROGRESS).rename(root / "elsewhere.md"),
    lambda root: (root / "AGENT_PROGRESS_LOG.md").write_bytes(b"# another\n"),
    lambda root: (root / "package.json").write_text('{"dependencies": {"next": "16"}}'),
    lambda root: (root / ".session-codec" / "config.toml").write_text("[verify]\nthreshold = 1"),
    lambda root: next((root / ".diffs" / "v1").rglob("literal.zst")).unlink(),
]


@pytest.mark.parametrize("change", range(len(_CHANGES)))
def test_whatever_changes_everything_is_read_again(kept: Bench, cli: Cli, change: int) -> None:
    _CHANGES[change](kept.root)
    assert cli("verify", kept.root, "--json").json["kept"] is None


def test_a_byte_that_was_changed_behind_its_back_is_damage(kept: Bench, cli: Cli) -> None:
    _rot(kept.root)
    assert cli("verify", kept.root).code == 12
    assert cli("verify", kept.root, "--json").json["kept"] is None


def test_a_log_of_another_name_is_looked_at_as_well(bench: Bench, cli: Cli) -> None:
    log = bench.root / "docs" / "LOG.md"
    log.parent.mkdir()
    bench.log.rename(log)
    assert cli("migrate", bench.root, "--from", log).code == 0
    _age(bench.root)
    cli("verify", bench.root)
    assert cli("verify", bench.root, "--json").json["kept"]
    log.write_bytes(log.read_bytes() + b"\nmore\n")
    assert cli("verify", bench.root, "--json").json["kept"] is None


def test_another_question_is_another_verdict(kept: Bench, cli: Cli) -> None:
    for options in (["--threshold", 99], ["--require", "local"], ["--references-budget", 1]):
        assert cli("verify", kept.root, *options, "--json").json["kept"] is None


def test_what_changed_just_now_is_not_believed_to_stand_still(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    cli("verify", bench.root)
    assert cli("verify", bench.root, "--json").json["kept"] is None


def test_a_verdict_on_absent_diffs_is_not_kept(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(2)}.diff").unlink()
    _age(bench.root)
    cli("verify", bench.root)
    assert cli("verify", bench.root, "--json").json["kept"] is None


def test_the_verdict_of_another_clone_is_not_believed(
    kept: Bench, cli: Cli, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(kept.root, clone)
    assert cli("verify", clone, "--json").json["kept"] is None


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"at": 1}', "null", '"'])
def test_what_was_kept_and_cannot_be_read_is_nothing(kept: Bench, cli: Cli, broken: str) -> None:
    path = kept.root / ".session-codec" / "cache" / "verified.json"
    path.write_text(broken)
    assert cli("verify", kept.root, "--json").json["kept"] is None


@pytest.mark.parametrize("name", ["verdict", "digest", "patterns", "at"])
def test_what_was_kept_in_part_is_nothing(kept: Bench, cli: Cli, name: str) -> None:
    path = kept.root / ".session-codec" / "cache" / "verified.json"
    fields = json.loads(path.read_text())
    fields.pop(name)
    path.write_text(json.dumps(fields))
    assert cli("verify", kept.root, "--json").json["kept"] is None


def test_a_workspace_that_cannot_be_written_is_verified_all_the_same(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    _age(bench.root)
    cache = bench.root / ".session-codec" / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.write_text("a file where the folder would be")
    assert cli("verify", bench.root).code == 0


def test_findings_and_figures_come_back_as_they_were(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(corpus("medium.md"))
    bench.migrate()
    _append(bench.root)
    _age(bench.root)
    first = cli("verify", bench.root, "--json")
    again = cli("verify", bench.root, "--json")
    assert first.code == again.code == 3
    assert again.json["kept"]
    assert {**again.json, "kept": None} == first.json
