"""The commit that a user is asked to make, and the commit that `record --commit` makes."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.conftest import Bench, Cli, command, git

ASKED = ("--agent", "human", "--task", "fix", "--status", "PASS")


@pytest.fixture
def made(bench: Bench, cli: Cli) -> Bench:
    bench.log.unlink()
    git(bench.root, "config", "user.name", "t")
    git(bench.root, "config", "user.email", "t@example.com")
    (bench.root / "code.py").write_text("one\n")
    assert cli("install", bench.root).code == 0
    git(bench.root, "add", "-A")
    git(bench.root, "commit", "-qm", "start")
    return bench


def on_a_terminal(root: Path, *arguments: object) -> str:
    """Run a verb whose stderr is a terminal, and return what it prints there."""
    ours, theirs = pty.openpty()
    subprocess.run(
        command(*arguments), cwd=root, stdout=subprocess.DEVNULL, stderr=theirs, check=True
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 1 << 16):
            said += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def test_the_command_that_record_names_commits_all_that_it_wrote(made: Bench) -> None:
    said = on_a_terminal(made.root, "record", *ASKED)
    (line,) = [x for x in said.splitlines() if x.startswith("Commit: ")]
    add = line.removeprefix("Commit: ").partition(" && ")[0]
    assert shlex.split(add)[:2] == ["git", "add"]
    subprocess.run(add, shell=True, cwd=made.root, check=True)  # noqa: S602 - as a person would
    git(made.root, "commit", "-qm", "sessions")
    assert git(made.root, "status", "--porcelain") == ""


def test_nothing_is_said_in_a_pipe_or_when_nothing_was_written(made: Bench, cli: Cli) -> None:
    assert "Commit:" not in cli("record", made.root, *ASKED).err
    git(made.root, "add", "-A")
    git(made.root, "commit", "-qm", "sessions")
    assert "Commit:" not in on_a_terminal(made.root, "doctor", "--repair")


def test_record_commit_commits_only_its_own_files(made: Bench, cli: Cli) -> None:
    (made.root / "code.py").write_text("two\n")
    (made.root / "other.py").write_text("new\n")
    git(made.root, "add", "code.py")
    said = cli("record", made.root, *ASKED, "--commit")
    assert said.code == 0
    changed = git(made.root, "show", "--name-only", "--format=%s", "HEAD").split("\n")
    assert changed[0].startswith("session-codec: record 20")
    assert set(filter(None, changed[1:])) == {
        ".session-codec/manifest.jsonl", "AGENT_PROGRESS_LOG_v2.md", "PROJECT_METRICS.tsv",
        "SESSION_DELTAS.log",
    }  # fmt: skip
    assert git(made.root, "status", "--porcelain").split("\n")[:2] == ["M  code.py", "?? other.py"]


def test_record_commit_works_in_a_repository_without_a_commit(tmp_path: Path, cli: Cli) -> None:
    git(tmp_path, "init", "-q", "-b", "main", ".")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.com")
    assert cli("install", tmp_path).code == 0
    assert cli("record", tmp_path, *ASKED, "--no-diff", "--commit").code == 0
    assert git(tmp_path, "status", "--porcelain") == ""


def test_a_bare_repository_is_refused(tmp_path: Path, cli: Cli) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    before = sorted(p.name for p in (tmp_path / "bare.git").iterdir())
    for verb in ("install", "context", "migrate"):
        said = cli(verb, tmp_path / "bare.git")
        assert said.code == 22
        assert "bare git repository" in said.err
    assert sorted(p.name for p in (tmp_path / "bare.git").iterdir()) == before


def test_install_in_a_folder_takes_the_top_unless_the_folder_is_named(
    made: Bench, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    (top / "package").mkdir(parents=True)
    git(top, "init", "-q", ".")
    monkeypatch.chdir(top / "package")
    said = cli("install")
    assert said.code == 0
    assert f"workspace: {top}, the top of the repository" in said.err
    assert (top / ".session-codec").is_dir()
    other = top / "other"
    other.mkdir()
    git(other, "init", "-q", ".")
    (other / "package").mkdir()
    said = cli("install", other / "package")
    assert f"workspace: {other / 'package'}, a folder of the repository {other}" in said.err
    assert (other / "package" / ".session-codec").is_dir()


def test_a_report_goes_to_stdout(made: Bench, cli: Cli) -> None:
    cli("record", made.root, *ASKED)
    done = subprocess.run(command("report", made.root, "-o", "-"), capture_output=True, check=True)
    assert done.stdout.startswith(b"<!doctype html>")
    assert b"stdout: 1 session," in done.stderr
    assert not (made.root / "-").exists()
    assert cli("report", made.root, "-o", "-", "--json").code == 2
