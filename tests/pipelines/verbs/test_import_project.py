"""A project of 40 commits by two agents over three worktrees, without hooks: four commands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.workspace.location import find
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, git
from tests.support.transcripts import ClaudeSession, CodexSession

SESSIONS = 20
TASKS = (
    "Add the parser",
    "Fix the login",
    "Write the importer",
    "Cache answers",
    "Rename the store",
)


def work(home: Path, folder: Path, number: int) -> None:
    """Let an agent work: one session of two commits, by Claude Code or by Codex."""
    task = f"{TASKS[number % len(TASKS)]} {number}"
    name = f"{number:08d}-0000-4000-8000-000000000000"
    module = f"module{number}.py"
    claude = ClaudeSession(home, folder, name)
    codex = CodexSession(home, folder, name)
    session: ClaudeSession | CodexSession = claude if number % 2 else codex
    session.now += timedelta(hours=number)
    if session is codex:
        codex.begin()
    session.ask(task)
    if isinstance(session, ClaudeSession):
        session.write(module, f"x = {number}\n")
        session.commit(f"{task}, first part")
        session.edit(module, f"x = {number}\n", f"x = {number}\ny = 2\n")
        session.commit(f"{task}, second part")
    else:
        session.change(module, f"x = {number}\n")
        session.commit(f"{task}, first part")
        session.change(module, f"x = {number}\ny = 2\n")
        session.commit(f"{task}, second part")
    session.save()


def test_four_commands_give_a_history_that_a_user_recognises(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, root = tmp_path / "home", tmp_path / "app"
    home.mkdir()
    root.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    git(root, "init", "-q", "-b", "main")
    (root / "README.md").write_text("# App\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    folders = [root, tmp_path / "left", tmp_path / "right"]
    for folder in folders[1:]:
        git(root, "worktree", "add", "-q", "-b", folder.name, str(folder))
    for number in range(SESSIONS):
        work(home, folders[number % 3], number)
    git(root, "worktree", "remove", "--force", str(folders[2]))

    assert cli("install", root).code == 0
    said = cli("import", root)
    assert said.code == 0, said.err
    assert f"added {SESSIONS} sessions with {SESSIONS} diffs" in said.out
    context = cli("context", root, "--budget", "2000").out
    report = tmp_path / "report.html"
    assert cli("report", root, "-o", report).code == 0

    sessions = read_manifest(find(str(root))).in_order()
    wanted = [f"{TASKS[n % len(TASKS)]} {n}" for n in range(SESSIONS)]
    assert [s.title for s in sessions] == wanted
    assert sum(s.metrics.commits or 0 for s in sessions) == 2 * SESSIONS
    assert all(s.range for s in sessions)
    assert {s.agent for s in sessions} == {"opus-4.5", "gpt-5-codex"}
    assert all((s.metrics.lines_added, s.metrics.lines_removed) == (2, 0) for s in sessions)
    assert wanted[-1] in context
    assert wanted[0] in report.read_text()
    for session in sessions[::7]:
        diff = cli("show", session.key, root, "--diff").out
        assert f"x = {session.title.rpartition(' ')[2]}" in diff
    assert cli("verify", root).code == 0
