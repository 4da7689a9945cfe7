"""Files that every clone needs stay committed, whatever a repository's patterns ignore."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.workspace.tracked_files import without_git_lines
from tests.pipelines.conftest import Bench, Cli, day, git
from tests.support.model_server import ModelServer, claims

ASKED = ("--agent", "human", "--task", "fix", "--status", "PASS")
NODE = "# Logs\nlogs\n*.log\nnpm-debug.log*\n"


@pytest.fixture
def made(bench: Bench, cli: Cli) -> Bench:
    """Make a repository with GitHub's .gitignore template for Node."""
    bench.log.unlink()
    (bench.root / ".gitignore").write_text(NODE)
    (bench.root / "code.py").write_text("one\n")
    git(bench.root, "add", "-A")
    git(bench.root, "commit", "-qm", "start")
    return bench


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "sessions")


def clone(root: Path, to: Path) -> Path:
    git(root.parent, "clone", "-q", str(root), str(to))
    return to


def test_a_clone_has_the_sessions_of_a_repository_that_ignores_logs(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    assert cli("install", made.root).code == 0
    assert cli("record", made.root, *ASKED).code == 0
    commit(made.root)
    there = clone(made.root, tmp_path / "there")
    assert (there / "SESSION_DELTAS.log").read_bytes()
    assert cli("context", there).out == cli("context", made.root).out
    assert "ignored" not in cli("verify", there).err


@pytest.mark.parametrize(
    "pattern", ["*.log", "SESSION_DELTAS.log", "/.session-codec/", "*.tsv", "*.md", "*"]
)
def test_record_adds_an_exception_for_a_pattern_that_came_later(
    made: Bench, cli: Cli, pattern: str
) -> None:
    (made.root / ".gitignore").unlink()
    assert cli("install", made.root).code == 0
    with (made.root / ".gitignore").open("a") as f:
        f.write(f"{pattern}\n")
    assert any(f["code"] == "ignored" for f in findings(cli, made.root))
    said = cli("record", made.root, *ASKED)
    assert said.code == 0
    assert "an exception was added" in said.err
    names = git(made.root, "ls-files", "--others", "--exclude-standard").split("\n")
    assert {"SESSION_DELTAS.log", "PROJECT_METRICS.tsv", ".session-codec/manifest.jsonl"} <= {
        *names
    }
    assert ".session-codec/lock" not in names
    assert "exception" not in cli("record", made.root, *ASKED).err
    assert not any(f["code"] == "ignored" for f in findings(cli, made.root))


def test_doctor_adds_exceptions_for_a_users_own_excludes(made: Bench, cli: Cli) -> None:
    assert cli("install", made.root).code == 0
    lines = (made.root / ".gitignore").read_text()
    (made.root / ".gitignore").write_text(lines.replace("!/SESSION_DELTAS.log\n", ""))
    (made.root / ".git" / "info" / "exclude").write_text("*.tsv\n")
    assert cli("doctor", made.root).code == 3
    assert cli("doctor", made.root, "--repair").code == 0
    text = (made.root / ".gitignore").read_text()
    assert "!/SESSION_DELTAS.log\n" in text
    assert "!/PROJECT_METRICS.tsv\n" in text
    assert cli("doctor", made.root).code == 0


def test_a_file_that_is_tracked_already_needs_no_exception(made: Bench, cli: Cli) -> None:
    (made.root / ".gitignore").unlink()
    assert cli("install", made.root).code == 0
    commit(made.root)
    with (made.root / ".gitignore").open("a") as f:
        f.write("*.log\n")
    before = (made.root / ".gitignore").read_text()
    assert cli("record", made.root, *ASKED).code == 0
    assert (made.root / ".gitignore").read_text() == before


def test_uninstall_takes_the_exceptions_out_again(made: Bench, cli: Cli) -> None:
    assert cli("install", made.root).code == 0
    assert "!/SESSION_DELTAS.log" in (made.root / ".gitignore").read_text()
    assert cli("install", made.root, "--uninstall").code == 0
    assert (made.root / ".gitignore").read_text() == NODE


def findings(cli: Cli, root: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = cli("verify", root, "--json").json["findings"]
    return found


@pytest.mark.parametrize("pattern", ["*.json", ".session-codec/*", "/.session-codec/summaries/"])
def test_summaries_are_committed_whatever_patterns_ignore(
    bench: Bench, cli: Cli, pattern: str
) -> None:
    bench.migrate()
    with (bench.root / ".gitignore").open("a") as f:
        f.write(f"{pattern}\n")
    with ModelServer(claims(("A session passed.", [day(2)]))) as server:
        said = cli("summarize", bench.root, "--period", "2025-11", "--model", "fake", "--yes",
                   "--endpoint", server.url)  # fmt: skip
    assert said.code == 0, said.err
    summary = ".session-codec/summaries/2025-11.json"
    assert summary in git(bench.root, "ls-files", "--others", "--exclude-standard").split("\n")
    with (bench.root / ".gitignore").open("a") as f:
        f.write(f"{pattern}\n")
    assert summary in {f["file"] for f in findings(cli, bench.root) if f["code"] == "ignored"}


def test_uninstall_removes_the_exception_of_summaries(bench: Bench, cli: Cli) -> None:
    folder = bench.root / ".session-codec" / "summaries"
    folder.mkdir(parents=True)
    (folder / "2025.json").write_text("{}\n")
    (bench.root / ".gitignore").write_text("*.json\n")
    assert cli("install", bench.root).code == 0
    assert "!/.session-codec/summaries/*.json\n" in (bench.root / ".gitignore").read_text()
    assert without_git_lines((bench.root / ".gitignore").read_bytes()) == b"*.json\n"
