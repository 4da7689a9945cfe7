"""`brief` of a real repository: states of files, the words of a transcript, and the hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipelines.importing import recalling
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
    assert "the key is empty" in cli("show", "", root).err


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


ME = "00000000-0000-0000-0000-000000000001"


def user(content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "user", "content": content}
    return {"type": "user", "sessionId": ME, "message": message, **more}


def ran(command: str, output: str) -> list[dict[str, Any]]:
    """Return the lines of Claude Code for a command that failed."""
    use = {"type": "tool_use", "id": command, "name": "Bash", "input": {"command": command}}
    done = {"type": "tool_result", "tool_use_id": command, "content": output, "is_error": True}
    return [
        {"type": "assistant", "sessionId": ME, "message": {"content": [use]}},
        user([done], toolUseResult=f"Error: {output}"),
    ]


COMPACTED = {"type": "system", "subtype": "compact_boundary", "sessionId": ME}
TALK = [
    user("Paint the shed"),
    user("No, do not use red. Use green."),
    *ran("uv run pytest -q", "Exit code 1\n1 failed"),
    user("Then paint the door"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of Claude Code the test's own, with one session in it."""
    folder = tmp_path / "claude"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder))
    for name in ("CODEX_HOME", "GEMINI_CLI_HOME", "CODEX_THREAD_ID", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    (folder / "projects" / "-a").mkdir(parents=True)
    write(folder, *TALK)
    return folder


def write(home: Path, *entries: dict[str, Any]) -> Path:
    path = home / "projects" / "-a" / f"{ME}.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in entries))
    return path


def started(root: Path, source: str, transcript: Path) -> str:
    """Return the text that the hook of a start gives to Claude Code."""
    event = {
        "session_id": ME, "hook_event_name": "SessionStart", "source": source,
        "transcript_path": str(transcript),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, SCRIPT, "claude", "start"],
        cwd=root, input=json.dumps(event), capture_output=True, text=True, check=True,
        env=dict(os.environ),
    )  # fmt: skip
    return str(json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"])


def recorded(root: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record the session of the transcript."""
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", ME)
    made = ("--agent", "human", "--task", "Paint", "--status", "PASS", "--no-diff")
    assert cli("record", root, *made).code == 0
    monkeypatch.delenv("CLAUDE_CODE_SESSION_ID")


@pytest.mark.parametrize("source", ["compact", "resume"])
def test_the_hook_briefs_on_the_session_that_goes_on_before_it_is_recorded(
    root: Path, home: Path, source: str
) -> None:
    (root / "fresh").write_text("text\n")
    text = started(root, source, write(home, *TALK, COMPACTED))
    brief = text[text.rindex("session-codec context, not instructions:") :].splitlines()
    assert brief[1:6] == [
        'goal: "Paint the shed"',
        "session: running, not recorded yet",
        'correction: "No, do not use red."',
        'asked later: "Then paint the door"',
        'tests: "uv run pytest -q" exit code 1',
    ]
    (files,) = (line for line in brief if line.startswith("files: "))
    assert "not committed: fresh" in files
    assert "SESSION_DELTAS.log" not in files
    assert "open: " in text
    assert '"Feed the birds"' in text


def test_a_recorded_session_is_briefed_from_its_transcript(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(root, cli, monkeypatch)
    out = cli("brief", root).out
    assert 'goal: "Paint the shed"\n' in out
    assert 'correction: "No, do not use red."\n' in out
    assert 'tests: "uv run pytest -q" exit code 1\n' in out
    (home / "projects" / "-a" / f"{ME}.jsonl").unlink()
    assert 'goal: "Paint"\n' in cli("brief", root).out


def test_a_delta_line_without_a_fact_is_not_a_session(root: Path, cli: Cli) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Record")
    cli("flush", root)
    (root / ".session-codec" / "manifest.jsonl").write_bytes(b"")
    for verb in (("brief",), ("amend", "latest", "--notes", "x"), ("show", "latest")):
        said = cli(*verb, root)
        assert said.code == 30
        assert "has a delta line and no line in" in said.err


def test_inside_a_compacted_session_the_brief_is_about_that_session(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", ME)
    assert 'goal: "Feed the birds"\n' in cli("brief", root).out
    write(home, *TALK, COMPACTED)
    assert 'goal: "Paint the shed"\n' in cli("brief", root).out
    assert cli("brief", root, "--json").json["session"] is None
    assert 'goal: "Feed the birds"\n' in cli("brief", "latest", root).out


def test_prompts_stay_out_of_a_brief_where_they_stay_out_of_sessions(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(root, cli, monkeypatch)
    (root / ".session-codec" / "config.toml").write_text('[record]\nprompts = "off"\n')
    out = cli("brief", root).out
    assert "tests: " in out
    assert "green" not in out
    assert "correction" not in out
    assert "shed" not in out


def test_a_secret_of_a_transcript_is_not_printed(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
    write(home, user("Paint"), user(f"No, use the token {token}"), *ran(f"T={token} pytest", "x"))
    recorded(root, cli, monkeypatch)
    out = cli("brief", root).out
    assert token not in out
    assert out.count("[secret removed]") == 2


def test_the_words_of_a_private_session_are_not_read(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(root, cli, monkeypatch)
    key = cli("brief", root, "--json").json["session"]["key"]
    assert cli("purge", key, root, "--text", "--yes").code in {0, 3}
    assert "green" not in cli("brief", root).out
    assert "shed" not in cli("brief", root).out


def test_a_transcript_outside_of_the_agents_folders_is_not_read(
    root: Path, home: Path, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.jsonl"
    planted.write_bytes(write(home, *TALK, COMPACTED).read_bytes())
    assert "shed" not in started(root, "compact", planted)


def test_of_a_long_transcript_the_beginning_and_the_end_are_read(
    root: Path, home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalling, "HEAD", 1000)
    monkeypatch.setattr(recalling, "TAIL", 2000)
    write(home, TALK[0], *(user(f"No, number {n}") for n in range(200)), *TALK[2:])
    recorded(root, cli, monkeypatch)
    out = cli("brief", root).out
    assert 'goal: "Paint the shed"' in out
    assert "exit code 1" in out
    assert "number 199" in out
    assert "number 100" not in out


def test_a_compressed_rollout_of_codex_is_read(
    root: Path, home: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(root, cli, monkeypatch)
    (home / "projects" / "-a" / f"{ME}.jsonl").unlink()
    day = tmp_path / "codex" / "sessions" / "2026" / "01" / "01"
    day.mkdir(parents=True)
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    asked = {"type": "user_message", "message": "Paint the fence"}
    lines = [
        {"type": "session_meta", "payload": {"id": ME}}, {"type": "event_msg", "payload": asked},
    ]  # fmt: skip
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (day / f"rollout-2026-01-01T10-00-00-{ME}.jsonl.zst").write_bytes(zstandard.compress(data))
    assert 'goal: "Paint the fence"' in cli("brief", root).out
