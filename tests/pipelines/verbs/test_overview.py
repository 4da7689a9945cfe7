"""`session-codec` alone, and `migrate` without a v1 log: the state, and the command to run next."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from pipelines.v1.candidates import other_logs
from pipelines.workspace.location import V1_LOG, locate
from tests.pipelines.conftest import THREE, Cli

LOG = "# Work\n\n## 2026-01-02 - Lamp\nDone: the lamp\n\n## 2026-01-03 - Fan\nDone: the fan\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "app"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    monkeypatch.chdir(root)
    return root


def next_steps(out: str) -> list[str]:
    return [line[6:].rpartition("  (")[0] for line in out.splitlines() if line[:6] == "next: "]


def test_without_workspace_and_log_the_next_step_is_to_install_hooks(
    repository: Path, cli: Cli
) -> None:
    said = cli()
    assert said.code == 0
    assert next_steps(said.out) == ["session-codec install --hooks claude,codex"]
    assert said.out.index("next: ") < said.out.index("Verbs:")
    said = cli("migrate")
    assert said.code == 20
    assert "install --hooks claude,codex" in said.err
    assert "--from" in said.err


def test_a_v1_log_is_the_next_step(repository: Path, cli: Cli) -> None:
    (repository / V1_LOG).write_bytes(THREE)
    assert next_steps(cli().out) == ["session-codec migrate"]


def test_logs_of_other_names_are_listed_with_commands_that_work(repository: Path, cli: Cli) -> None:
    (repository / "docs").mkdir()
    (repository / "docs" / "WORK LOG.md").write_text(LOG)
    said = cli("migrate")
    assert said.code == 2
    commands = [line for line in said.err.splitlines() if line.startswith("session-codec migrate")]
    assert commands == ["session-codec migrate --from 'docs/WORK LOG.md'"]
    assert next_steps(cli().out)[0] == commands[0]
    assert not (repository / ".session-codec").exists()
    assert cli(*shlex.split(commands[0])[1:]).code == 0


def test_from_another_folder_the_command_names_the_repository(
    repository: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "WORKLOG.md").write_text(LOG)
    monkeypatch.chdir(repository.parent)
    said = cli("migrate", str(repository), "--json")
    error = said.json["error"]
    assert (said.code, error["logs"]) == (2, ["WORKLOG.md"])
    assert f"session-codec migrate {repository} --from WORKLOG.md" in error["message"]


def test_a_folder_of_many_logs_is_one_command(repository: Path, cli: Cli) -> None:
    (repository / "memory").mkdir()
    for day in range(1, 6):
        text = f"# 2026-01-0{day}\n\n## 10:00 Lamp\nDone: lamp {day}\n"
        (repository / "memory" / f"2026-01-0{day}.md").write_text(text)
    assert "session-codec migrate --from memory/" in cli("migrate").err.splitlines()
    assert cli("migrate", "--from", "memory/").code == 0


def test_change_logs_links_and_installed_packages_are_not_listed(repository: Path) -> None:
    text = "# Changes\n\n## [1.1] - 2026-01-03\n- a\n\n## [1.0] - 2026-01-02\n- b\n"
    (repository / "CHANGELOG.md").write_text(text)
    (repository / "README.md").write_text("# App\n\nIt is old.\n")
    (repository / "node_modules" / "x").mkdir(parents=True)
    (repository / "node_modules" / "x" / "LOG.md").write_text(LOG)
    (repository / "linked.md").symlink_to("node_modules/x/LOG.md")
    os.mkfifo(repository / "pipe.md")
    assert other_logs(locate(str(repository))) == []


def test_a_workspace_without_a_log_lists_the_logs_of_other_names(
    repository: Path, cli: Cli
) -> None:
    assert cli("install").code == 0
    assert cli("migrate").code == 20
    (repository / "WORKLOG.md").write_text(LOG)
    assert cli("migrate").code == 2


def test_a_workspace_shows_its_sessions_the_newest_and_what_to_commit(
    repository: Path, cli: Cli
) -> None:
    (repository / V1_LOG).write_bytes(THREE)
    assert cli("migrate").code == 0
    out = cli().out
    assert out.startswith("3 sessions in ")
    assert "newest: 2025-11-03T10:00:00Z  sonnet-4.5  task-3\n" in out
    (step,) = next_steps(out)
    assert step.startswith("git add ")
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A"}
    environment = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run([*step.split(" && ")[0].split()], check=True)
    subprocess.run(["git", "commit", "-qm", "history"], check=True, env=environment)
    assert next_steps(cli().out) == ["session-codec context"]
    (repository / V1_LOG).write_bytes(THREE + b"\nmore\n")
    assert next_steps(cli().out) == ["session-codec migrate"]


def test_a_lost_manifest_is_an_error_that_names_the_repair(repository: Path, cli: Cli) -> None:
    (repository / V1_LOG).write_bytes(THREE)
    assert cli("migrate").code == 0
    (repository / ".session-codec" / "manifest.jsonl").unlink()
    said = cli()
    assert (said.code, "doctor --repair" in said.err) == (20, True)
