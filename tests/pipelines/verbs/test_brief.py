"""`brief` of a real repository: states of files, and what the hook prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.conftest import Cli, git

SCRIPT = Path(__file__).parents[3] / "pipelines" / "cli" / "session-codec-hook"


@pytest.fixture
def root(tmp_path: Path, cli: Cli) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root).code == 0
    for name in ("kept", "edited", "removed"):
        (root / name).write_text("text\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Work")
    made = ("--status", "PARTIAL", "--agent", "human", "--notes", "Next: the parrots.")
    assert cli("record", root, "--task", "Feed the birds", *made).code == 0
    (root / "edited").write_text("other\n")
    (root / "removed").unlink()
    return root


def test_a_brief_has_goal_notes_and_the_state_of_files(root: Path, cli: Cli) -> None:
    out = cli("brief", root).out
    assert 'goal: "Feed the birds"\n' in out
    assert 'notes: "Next: the parrots."\n' in out
    (files,) = (line for line in out.splitlines() if line.startswith("files: "))
    assert "changed since: edited" in files
    assert "gone: removed" in files
    assert "kept" in files.partition(";")[0]


def test_a_session_is_named_by_its_key(root: Path, cli: Cli) -> None:
    key = cli("brief", root, "--json").json["session"]["key"]
    assert cli("brief", key, root).out == cli("brief", root).out
    assert cli("brief", "latest~7", root).code == 30


@pytest.mark.parametrize(
    ("source", "has_brief"), [("startup", False), ("resume", True), ("compact", True)]
)
def test_the_hook_prints_it_after_compaction_and_on_resume(
    root: Path, source: str, has_brief: bool
) -> None:
    event = {"session_id": "s", "hook_event_name": "SessionStart", "source": source}
    done = subprocess.run(
        [sys.executable, SCRIPT, "claude", "start"],
        cwd=root, input=json.dumps(event), capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
    assert ("goal: " in text) == has_brief
