"""Hooks as agents run them: commands of their settings, in a shell, with what they document."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codec.agents.spool_entry import decode_entry, encode_entry
from codec.records import Session
from pipelines.cli.hook_start import LIMIT, document_of
from pipelines.recording.drain import Drained, drain
from pipelines.recording.spooled_events import spool_findings
from pipelines.workspace.location import DELTAS, REFERENCES, Workspace, at, locate
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, command, git, tree
from tests.support.read_only import read_only

SCRIPT = Path(__file__).parents[3] / "pipelines" / "cli" / "session-codec-hook"
SETTINGS = {"claude": ".claude/settings.json", "codex": ".codex/hooks.json"}
Ran = subprocess.CompletedProcess[bytes]


@dataclass(frozen=True, slots=True)
class Agents:
    """A repository with hooks, and agents that fire them."""

    root: Path
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        return locate(str(self.root))

    @property
    def sessions(self) -> list[Session]:
        return list(read_manifest(self.workspace).sessions.values())

    @property
    def spool(self) -> Path:
        return self.root / ".session-codec" / "spool"

    def waiting(self) -> list[str]:
        """Return the kinds of the waiting events."""
        names = sorted(os.listdir(self.spool)) if self.spool.exists() else []
        return [n.rpartition(".")[2] for n in names if "." in n]

    def raw(self, agent: str, event: str, data: bytes, cwd: Path | None = None) -> Ran:
        """Fire a hook with any input, as the agent's settings have it."""
        settings = json.loads((self.root / SETTINGS[agent]).read_text())
        ((hook,),) = [g["hooks"] for g in settings["hooks"][event]]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE", "CODEX"))}
        environment["PATH"] = f"{self.bin}{os.pathsep}{environment['PATH']}"
        ran = subprocess.run(
            ["sh", "-c", hook["command"]],
            input=data,
            cwd=cwd or self.root,
            env={**environment, **self.environment},
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran

    def claude(self, event: str, session_id: str = "s-1", **more: Any) -> Ran:
        """Fire a hook of Claude Code with what it documents."""
        reason = {"reason": "other"} if event == "SessionEnd" else {"source": "startup"}
        fields = {
            "session_id": session_id,
            "transcript_path": "/nowhere/t.jsonl",
            "cwd": str(self.root),
            "hook_event_name": event,
        }
        return self.raw("claude", event, json.dumps({**fields, **reason, **more}).encode())

    def codex(self, event: str, session_id: str = "t-1", **more: Any) -> Ran:
        """Fire a hook of Codex with what it documents."""
        own: dict[str, dict[str, Any]] = {
            "SessionStart": {"source": "startup", "permission_mode": "default"},
            "Stop": {"turn_id": "1", "stop_hook_active": False, "last_assistant_message": "Done."},
            "SessionEnd": {"reason": "other"},
        }
        fields = {
            "session_id": session_id,
            "transcript_path": None,
            "cwd": str(self.root),
            "hook_event_name": event,
            "model": "gpt-5-codex",
        }
        return self.raw("codex", event, json.dumps({**fields, **own[event], **more}).encode())

    def commit(self, name: str) -> str:
        (self.root / name).write_text(f"{name}\n")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", f"Add {name}")
        return git(self.root, "rev-parse", "HEAD").strip()

    def drain(self, within: str = "") -> Drained:
        return drain(self.workspace, within=within)


@pytest.fixture
def agents(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Agents:
    """Make a repository with a workspace and the hooks of both agents, all committed."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    script = bin_ / "session-codec-hook"
    script.write_text(SCRIPT.read_text().replace("#!python", f"#!{sys.executable}", 1))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")
    for name in ("CLAUDE_PROJECT_DIR", "CODEX_THREAD_ID"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root, "--hooks", "claude,codex").code == 0
    made = Agents(root, bin_)
    made.commit("first")
    return made


def remove_folders(root: Path) -> None:
    """Remove the local state that verbs create, so that it can be replaced by a file."""
    for path in (root / ".git" / ".session-codec", root / ".session-codec" / "cache"):
        shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(root / ".session-codec" / "spool", ignore_errors=True)


# The loop


def test_the_start_hook_injects_the_output_of_context(agents: Agents, cli: Cli) -> None:
    cli("record", agents.root, "--agent", "human", "--task", "begin", "--no-diff")
    wanted = cli("context", agents.root).out
    assert "begin" in wanted
    for ran in (agents.claude("SessionStart"), agents.codex("SessionStart")):
        assert json.loads(ran.stdout) == {
            "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": wanted}
        }
        assert ran.stderr == b""


@pytest.mark.parametrize(
    ("agent", "name", "path"),
    [
        ("gemini", "session_id", ("hookSpecificOutput", "additionalContext")),
        ("opencode", "session_id", ("hookSpecificOutput", "additionalContext")),
        ("cursor", "conversation_id", ("additional_context",)),
    ],
)
def test_other_agents_get_the_context_in_their_form_and_their_sessions_are_recorded(
    agents: Agents, cli: Cli, agent: str, name: str, path: tuple[str, ...]
) -> None:
    def fire(event: str) -> Ran:
        return subprocess.run(
            [agents.bin / "session-codec-hook", agent, event],
            input=json.dumps({name: "g-1"}).encode(), cwd=agents.root,
            env=os.environ, capture_output=True, check=True,
        )  # fmt: skip

    cli("record", agents.root, "--agent", "human", "--task", "begin", "--no-diff")
    wanted = cli("context", agents.root).out
    answer = json.loads(fire("start").stdout)
    for key in path:
        answer = answer[key]
    assert answer == wanted
    agents.commit("page")
    assert fire("stop").stdout == fire("end").stdout == b""
    cli("context", agents.root)
    session = agents.sessions[-1]
    assert (session.id, session.metrics.commits, session.task) == ("g-1", 1, "Add-page")


@pytest.mark.parametrize("verb", ["context", "show", "query", "record"])
def test_a_session_of_claude_code_is_recorded_by_the_next_verb(
    agents: Agents, cli: Cli, verb: str
) -> None:
    agents.claude("SessionStart")
    ended = agents.claude("SessionEnd")
    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert agents.sessions == []
    more = {"show": ["latest"], "record": ["--agent", "a", "--task", "t", "--no-diff"]}
    said = cli(verb, *(more.get(verb, []) if verb == "show" else []), agents.root,
               *(more.get(verb, []) if verb == "record" else []))  # fmt: skip
    assert said.code == 0
    assert "recorded" in said.err
    session = agents.sessions[0]
    assert (session.id, session.agent, session.status) == ("s-1", "claude-code", "UNKNOWN")
    assert (session.metrics.commits, session.metrics.duration_min) == (0, 0)
    assert agents.waiting() == []
    assert cli("verify", agents.root).code == 0


def test_the_commits_of_a_session_come_from_the_reflog_of_head(agents: Agents, cli: Cli) -> None:
    base = git(agents.root, "rev-parse", "HEAD").strip()
    agents.claude("SessionStart")
    agents.commit("a")
    head = agents.commit("b")
    agents.claude("SessionEnd")
    agents.commit("after the end")
    assert cli("context", agents.root).code == 0
    (session,) = agents.sessions
    assert session.range == f"{base}..{head}"
    assert (session.metrics.commits, session.metrics.lines_added) == (2, 2)
    assert session.title == "Add b"
    patch = cli("show", "latest", agents.root, "--diff").out
    assert "diff --git a/a b/a" in patch
    assert "after the end" not in patch


def test_a_session_of_codex_is_recorded_once_however_many_turns_it_had(agents: Agents) -> None:
    agents.codex("SessionStart")
    for name in "abc":
        agents.commit(name)
        assert json.loads(agents.codex("Stop").stdout) == {}
    agents.codex("SessionEnd")
    assert len(agents.drain().sessions) == 1
    (session,) = agents.sessions
    assert (session.id, session.agent, session.metrics.commits) == ("t-1", "gpt-5-codex", 3)
    assert agents.drain() == Drained()
    assert agents.waiting() == []


def test_a_codex_session_without_an_end_event_is_recorded(agents: Agents) -> None:
    agents.codex("SessionStart")
    agents.codex("Stop")
    agents.drain()
    assert [s.id for s in agents.sessions] == ["t-1"]


def test_an_end_that_is_reported_twice_is_recorded_once(agents: Agents) -> None:
    agents.claude("SessionStart")
    agents.commit("a")
    agents.claude("SessionEnd")
    agents.claude("SessionEnd")
    agents.drain()
    agents.claude("SessionEnd")
    agents.drain()
    assert [s.id for s in agents.sessions] == ["s-1"]


def test_a_session_asks_in_its_own_turns_and_is_not_over(
    agents: Agents, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents.codex("SessionStart")
    agents.codex("Stop")
    monkeypatch.setenv("CODEX_THREAD_ID", "t-1")
    cli("context", agents.root)
    agents.codex("SessionStart", source="compact")
    assert agents.sessions == []
    monkeypatch.delenv("CODEX_THREAD_ID")
    cli("context", agents.root)
    assert len(agents.sessions) == 1


def test_the_start_of_another_session_records_waiting_events(agents: Agents) -> None:
    agents.claude("SessionStart")
    agents.commit("harbour-lights")
    agents.claude("SessionEnd")
    ran = agents.codex("SessionStart")
    assert "harbour lights" in json.loads(ran.stdout)["hookSpecificOutput"]["additionalContext"]
    assert b"recorded" in ran.stderr


def test_a_resumed_session_is_recorded_with_only_its_new_work(
    agents: Agents,
) -> None:
    agents.claude("SessionStart")
    first = agents.commit("a")
    agents.claude("SessionEnd")
    agents.drain()
    agents.claude("SessionStart", source="resume")
    second = agents.commit("b")
    agents.claude("SessionEnd")
    agents.drain()
    assert [s.range.partition("..")[2] for s in agents.sessions] == [first, second]
    assert [s.metrics.commits for s in agents.sessions] == [1, 1]
    name = agents.sessions[0].id
    assert agents.sessions[1].id.startswith(f"{name}#")


def test_commits_of_later_turns_complete_the_session(agents: Agents) -> None:
    agents.codex("SessionStart")
    base = git(agents.root, "rev-parse", "HEAD").strip()
    agents.commit("a")
    agents.codex("Stop")
    agents.drain()
    last = agents.commit("b")
    agents.codex("Stop")
    agents.drain()
    agents.codex("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.range, session.metrics.commits) == (f"{base}..{last}", 2)
    assert session.metrics.lines_added == 2
    assert agents.waiting() == []


def test_a_turn_without_a_commit_after_a_session_was_recorded_adds_nothing(agents: Agents) -> None:
    agents.codex("SessionStart")
    for _ in range(3):
        agents.codex("Stop")
        agents.drain()
    assert len(agents.sessions) == 1
    agents.codex("SessionEnd")
    agents.drain()
    assert len(agents.sessions) == 1
    assert agents.waiting() == []


def test_a_session_that_the_agent_recorded_is_not_recorded_again(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionStart")
    agents.commit("a")
    cli("record", agents.root, "--agent", "opus-4.5", "--task", "Add a", "--status", "PASS")
    agents.claude("SessionEnd")
    agents.drain()
    assert [(s.agent, s.status) for s in agents.sessions] == [("opus-4.5", "PASS")]
    assert agents.waiting() == []


def test_a_private_record_removes_the_texts_that_a_hook_recorded(
    agents: Agents, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents.codex("SessionStart")
    agents.commit("vault")
    agents.codex("Stop")
    agents.drain()
    assert "vault" in agents.sessions[0].task
    monkeypatch.setenv("CODEX_THREAD_ID", "t-1")
    cli("record", agents.root, "--agent", "a", "--task", "Sell the vault", "--private")
    (session,) = agents.sessions
    assert (session.private, session.task, session.title) == (True, "-", "")


@pytest.fixture
def other(agents: Agents, tmp_path: Path) -> Path:
    """Make a worktree on another branch."""
    git(agents.root, "worktree", "add", "-qb", "other", str(tmp_path / "other"))
    return tmp_path / "other"


def test_commits_that_another_branch_recorded_are_not_taken_again(
    agents: Agents, other: Path, cli: Cli
) -> None:
    """Two sessions run; one is flushed on another branch before the other one ends."""
    agents.claude("SessionStart")
    agents.claude("SessionStart", "s-2")
    agents.commit("a")
    agents.claude("SessionEnd")
    assert cli("flush", other, "--commit").code == 0
    agents.claude("SessionEnd", "s-2")
    agents.drain()
    assert {s.id: s.metrics.commits for s in agents.sessions} == {"s-1": 1, "s-2": 0}


def test_commits_that_a_hook_added_on_another_branch_are_not_taken_again(
    agents: Agents, other: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session is recorded before another one begins, and completed while that one runs."""
    agents.claude("SessionStart")
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "s-1")
    with monkeypatch.context() as earlier:
        earlier.setattr("pipelines.recording.session.moment", lambda: "2020-01-01T10:00:00Z")
        words = ("--agent", "a", "--task", "Add a", "--status", "PASS", "--no-diff")
        assert cli("record", agents.root, *words).code == 0
    agents.claude("SessionStart", "s-2")
    agents.commit("a")
    agents.claude("SessionEnd")
    assert cli("flush", other, "--commit").code == 0
    agents.claude("SessionEnd", "s-2")
    agents.drain()
    assert {s.id: s.metrics.commits for s in agents.sessions} == {"s-1": 1, "s-2": 0}


def test_a_session_that_another_branch_recorded_is_completed_and_not_recorded_again(
    agents: Agents, other: Path, cli: Cli
) -> None:
    agents.claude("SessionStart")
    agents.commit("a")
    agents.claude("Stop")
    assert cli("flush", other, "--commit").code == 0
    agents.commit("b")
    agents.claude("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.id, session.metrics.commits) == ("s-1", 2)
    assert read_manifest(at(str(other))).sessions == {session.key: session}


def test_a_commit_of_our_own_files_is_not_a_session(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionStart")
    agents.commit("a")
    cli("record", agents.root, "--agent", "opus-4.5", "--task", "Add a", "--status", "PASS")
    git(agents.root, "commit", "-qam", "sessions")
    agents.claude("SessionEnd")
    agents.drain()
    assert [s.agent for s in agents.sessions] == ["opus-4.5"]


def test_pulled_commits_are_not_recorded(agents: Agents, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(agents.root), str(other))
    agents.claude("SessionStart")
    agents.commit("a")
    (other / "theirs").write_text("theirs\n")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "theirs")
    git(agents.root, "pull", "-q", "--no-edit", "--no-rebase", str(other), "main")
    agents.claude("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.metrics.commits, session.metrics.lines_added) == (1, 1)


def test_commits_after_record_are_added_to_the_session(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionStart")
    base = git(agents.root, "rev-parse", "HEAD").strip()
    agents.commit("a")
    cli("record", agents.root, "--agent", "opus-4.5", "--task", "Add a", "--status", "PASS")
    second = agents.commit("b")
    agents.claude("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.agent, session.status) == ("opus-4.5", "PASS")
    assert (session.range, session.metrics.commits) == (f"{base}..{second}", 2)


def test_commits_on_another_branch_count_and_the_commits_there_before_do_not(
    agents: Agents,
) -> None:
    git(agents.root, "branch", "other")
    base = git(agents.root, "rev-parse", "HEAD").strip()
    agents.commit("a")
    agents.claude("SessionStart")
    git(agents.root, "checkout", "-q", "other")
    head = agents.commit("b")
    agents.claude("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.range, session.metrics.commits) == (f"{base}..{head}", 1)
    assert session.title == "Add b"


def test_commits_on_a_branch_that_the_session_left_again_are_its_own(agents: Agents) -> None:
    base = git(agents.root, "rev-parse", "HEAD").strip()
    agents.claude("SessionStart")
    git(agents.root, "switch", "-qc", "topic")
    head = agents.commit("a")
    git(agents.root, "switch", "-q", "main")
    agents.claude("SessionEnd")
    agents.drain()
    (session,) = agents.sessions
    assert (session.range, session.metrics.commits) == (f"{base}..{head}", 1)


@pytest.fixture
def transcripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where Claude Code keeps its transcripts."""
    folder = tmp_path / "claude" / "projects"
    folder.mkdir(parents=True)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder.parent))
    return folder


def test_a_transcript_has_the_task_the_model_and_the_tokens(
    agents: Agents, transcripts: Path
) -> None:
    path = transcripts / "t.jsonl"
    lines = [
        {"type": "user", "sessionId": "s-1", "message": {"content": "Fix the harbour lights"}},
        {
            "type": "assistant",
            "sessionId": "s-1",
            "message": {
                "id": "m",
                "model": "claude-sonnet-4-5-20250929",
                "usage": {"input_tokens": 5, "output_tokens": 7},
            },
        },
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    agents.claude("SessionStart")
    agents.claude("SessionEnd", transcript_path=str(path))
    agents.drain()
    (session,) = agents.sessions
    assert (session.agent, session.title) == ("sonnet-4.5", "Fix the harbour lights")
    assert session.metrics.tokens_used == 12


@pytest.mark.parametrize("way", ["outside", "dots", "beside"])
def test_no_file_outside_of_the_agents_own_folders_is_read_as_a_transcript(
    agents: Agents, transcripts: Path, way: str
) -> None:
    beside = transcripts.parent.with_name("claude-2")
    beside.mkdir()
    private = {"type": "user", "sessionId": "s-1", "message": {"content": "a private prompt"}}
    for folder in (beside, transcripts.parents[1]):
        (folder / "t.jsonl").write_text(json.dumps(private))
    name = {
        "outside": transcripts.parents[1] / "t.jsonl",
        "dots": f"{transcripts}/../../t.jsonl",
        "beside": beside / "t.jsonl",
    }[way]
    agents.claude("SessionEnd", transcript_path=str(name))
    agents.drain()
    (session,) = agents.sessions
    assert (session.agent, session.task) == ("claude-code", "-")


def test_a_folder_of_transcripts_that_the_user_linked_elsewhere_is_read(
    agents: Agents, transcripts: Path
) -> None:
    elsewhere = transcripts.parents[1] / "disk"
    transcripts.rename(elsewhere)
    transcripts.symlink_to(elsewhere)
    prompt = {"type": "user", "sessionId": "s-1", "message": {"content": "Fix the harbour lights"}}
    (elsewhere / "t.jsonl").write_text(json.dumps(prompt))
    agents.claude("SessionEnd", transcript_path=str(transcripts / "t.jsonl"))
    agents.drain()
    assert [s.title for s in agents.sessions] == ["Fix the harbour lights"]


def test_a_deleted_working_directory_does_not_stop_a_hook(agents: Agents, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    agents.environment["CLAUDE_PROJECT_DIR"] = str(agents.root)
    script = f'cd "{gone}" && rmdir "{gone}" && exec "{agents.bin}/session-codec-hook" claude end'
    ran = subprocess.run(
        ["sh", "-c", script], input=b'{"session_id": "s-1"}', capture_output=True, check=False,
        env={**os.environ, "CLAUDE_PROJECT_DIR": str(agents.root)},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert agents.waiting() == ["end"]


@pytest.mark.parametrize("kind", ["folder", "fifo", "missing", "relative", "other", "nul"])
def test_an_unreadable_transcript_leaves_facts_unknown(
    agents: Agents, transcripts: Path, kind: str
) -> None:
    path = transcripts / "t.jsonl"
    secret = {"type": "user", "sessionId": "another", "message": {"content": "a secret"}}
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "other" | "relative":
            path.write_text(json.dumps(secret))
    name = {"relative": "../t.jsonl", "nul": "/a\0b"}.get(kind, str(path))
    agents.claude("SessionEnd", transcript_path=name)
    agents.drain()
    (session,) = agents.sessions
    assert (session.agent, session.task) == ("claude-code", "-")


# Input that is not JSON


@pytest.mark.parametrize("agent", ["claude", "codex"])
@pytest.mark.parametrize(
    "data", [b"", b"   \n", b"{", b"nonsense", b'{"reason": "other"}', b"\xff\0\xfe", b"[]"]
)
def test_invalid_input_is_reported_in_a_line_and_kept(
    agents: Agents, cli: Cli, agent: str, data: bytes
) -> None:
    ran = agents.raw(agent, "SessionEnd", data)
    assert ran.stdout == {"claude": b"", "codex": b"{}\n"}[agent]
    assert ran.stderr.count(b"\n") == 1
    assert ran.stderr.startswith(b"session-codec-hook: ")
    agents.claude("SessionEnd", "good")
    said = cli("context", agents.root)
    assert said.code == 0
    assert [s.id for s in agents.sessions] == ["good"]
    broken = list((agents.spool / "broken").glob("*")) if data.strip() else []
    assert [data in p.read_bytes() for p in broken] == [True] * bool(data.strip())
    assert ("is set aside" in said.err) == bool(data.strip())
    assert cli("verify", agents.root).code == (3 if data.strip() else 0)


@pytest.mark.parametrize("data", [b"", b"{", b'{"session_id": 1}'])
def test_a_start_without_input_fails_nothing(agents: Agents, data: bytes) -> None:
    ran = agents.raw("claude", "SessionStart", data)
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("first", [True, False])
def test_a_huge_input_is_bounded_and_its_session_recorded(agents: Agents, first: bool) -> None:
    name, padding = {"session_id": "huge"}, {"last_assistant_message": 'x"y' * 3_000_000}
    fields = {**name, **padding} if first else {**padding, **name}
    ran = agents.raw("codex", "Stop", json.dumps(fields).encode())
    assert json.loads(ran.stdout) == {}
    assert sum(p.stat().st_size for p in agents.spool.iterdir()) < 2 << 20
    agents.drain()
    assert [s.id for s in agents.sessions] == ["huge"]


def test_an_input_that_never_ends_is_left(agents: Agents) -> None:
    environment = {**os.environ, "PATH": f"{agents.bin}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(
        ["sh", "-c", "yes '{' | session-codec-hook claude end"],
        cwd=agents.root,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0
    assert sum(p.stat().st_size for p in agents.spool.iterdir()) < 2 << 20


@pytest.mark.parametrize("arguments", [[], ["claude"], ["claude", "nap"], ["vim", "end"]])
def test_wrong_arguments_are_reported_and_do_not_fail_the_agent(
    agents: Agents, arguments: list[str]
) -> None:
    ran = subprocess.run(
        [agents.bin / "session-codec-hook", *arguments],
        stdin=subprocess.DEVNULL,
        cwd=agents.root,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0
    assert b"usage" in ran.stderr


def test_codex_gets_json_whatever_happens(agents: Agents, tmp_path: Path) -> None:
    """It reports a hook as failed that ends a turn without."""
    agents.spool.write_text("no folder")
    for event in ("SessionStart", "Stop", "SessionEnd"):
        assert json.loads(agents.codex(event).stdout) == {}
        assert json.loads(agents.raw("codex", event, b"", cwd=tmp_path).stdout) == {}


def test_sessions_wait_while_git_is_missing(
    agents: Agents, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only git knows the commits of a session; one without a start is recorded without commits."""
    agents.claude("SessionStart")
    agents.commit("a")
    agents.claude("SessionEnd")
    agents.claude("SessionEnd", "without a start")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        said = cli("context", agents.root)
    assert (said.code, "git is not installed" in said.err) == (0, True)
    assert [s.id for s in agents.sessions] == ["without a start"]
    agents.drain()
    assert {s.id: s.metrics.commits for s in agents.sessions} == {"s-1": 1, "without a start": None}


# Places


def test_outside_of_a_workspace_nothing_is_written(agents: Agents, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ran = agents.raw("claude", "SessionEnd", b'{"session_id": "x"}', cwd=other)
    assert (ran.stdout, ran.stderr) == (b"", b"")
    assert tree(other) == {}


def test_the_project_is_found_from_wherever_the_session_went(
    agents: Agents, tmp_path: Path
) -> None:
    agents.environment["CLAUDE_PROJECT_DIR"] = str(agents.root)
    agents.raw("claude", "SessionEnd", b'{"session_id": "x"}', cwd=tmp_path)
    (agents.root / "deep" / "er").mkdir(parents=True)
    agents.raw("codex", "Stop", b'{"session_id": "y"}', cwd=agents.root / "deep" / "er")
    agents.drain()
    assert [s.id for s in agents.sessions] == ["x", "y"]


@pytest.mark.parametrize("what", ["file", "link"])
def test_a_spool_that_cannot_be_created_is_reported_and_the_hook_succeeds(
    agents: Agents, tmp_path: Path, what: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if what == "file":
        agents.spool.write_text("")
    else:
        agents.spool.symlink_to(elsewhere)
        git(agents.root, "add", "--force", ".session-codec/spool")
    ran = agents.claude("SessionEnd")
    assert ran.stderr.count(b"\n") == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_several_hooks_in_a_read_only_workspace_inject_the_context_once(
    agents: Agents, tmp_path: Path, cli: Cli, agent: str
) -> None:
    assert cli("record", agents.root, "--agent", "a", "--task", "t", "--no-diff").code == 0
    agents.environment["TMPDIR"] = str(tmp_path)
    fire = getattr(agents, agent)
    with read_only(agents.root):
        with ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda _: fire("SessionStart").stdout, range(3)))
        other = fire("SessionStart", "another session").stdout
    assert sum(b"additionalContext" in text for text in said) == 1
    assert b"additionalContext" in other


def test_a_session_that_did_nothing_is_recorded_and_not_injected(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionStart", "idle")
    agents.claude("SessionEnd", "idle")
    assert cli("record", agents.root, "--agent", "a", "--task", "real", "--no-diff").code == 0
    said = agents.claude("SessionStart", "next").stdout.decode()
    assert len(agents.sessions) == 2
    assert " a~ real" in said
    assert "left out: 1 session" in said


def _manifest_is(content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / ".session-codec" / "manifest.jsonl").write_bytes(content)


def _replace_by_folder(name: str) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir()

    return damage


def _replace_git(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: a\0b\n")


def _replace_by_pipe(name: str) -> Callable[[Path], object]:
    """Nobody writes to it, so that reading it would wait for ever."""

    def damage(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        os.mkfifo(root / name)

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "manifest with binary bytes": _manifest_is(b"\xff\0\xfe{\n" * 50),
    "manifest with half a line": _manifest_is(b'{"fact":"sess'),
    "manifest is a folder": _replace_by_folder(".session-codec/manifest.jsonl"),
    "manifest of a later version": _manifest_is(b'{"fact":"format","version":99}\n'),
    "deltas with binary bytes": lambda root: (root / DELTAS).write_bytes(b"\xff\0|\n" * 9),
    "deltas is a folder": _replace_by_folder(DELTAS),
    "references are not YAML": lambda root: (root / REFERENCES).write_bytes(b"\t: [\xff"),
    "settings are not TOML": lambda root: (root / ".session-codec" / "config.toml").write_text("="),
    "manifest is a pipe": _replace_by_pipe(".session-codec/manifest.jsonl"),
    "the branch is a pipe": _replace_by_pipe(".git/refs/heads/main"),
    "packed references are a pipe": _replace_by_pipe(".git/packed-refs"),
    "reflog is a pipe": _replace_by_pipe(".git/logs/HEAD"),
    "git's objects are gone": lambda root: shutil.rmtree(root / ".git" / "objects"),
    "git's folder is not a path": _replace_git,
    "git's HEAD is empty": lambda root: (root / ".git" / "HEAD").write_text(""),
    "pending store is a file": lambda root: (root / ".git" / ".session-codec").write_text(""),
    "spool is a file": lambda root: (root / ".session-codec" / "spool").write_text(""),
    "cache is a file": lambda root: (root / ".session-codec" / "cache").write_text(""),
}


@pytest.mark.parametrize("agent", ["claude", "codex"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_workspace_does_not_disturb_any_agent(
    agents: Agents, cli: Cli, agent: str, damage: str
) -> None:
    """What an agent reads is nothing, or a context; the program exits with 0 by itself."""
    assert cli("record", agents.root, "--agent", "a", "--task", "t", "--no-diff").code == 0
    assert cli("flush", agents.root).code == 0
    remove_folders(agents.root)
    DAMAGES[damage](agents.root)
    for event in ("SessionStart", "Stop", "SessionEnd", "SessionStart"):
        said = getattr(agents, agent)(event, "s-9" if event == "SessionStart" else "s-1")
        assert b"Traceback" not in said.stderr
        if event != "SessionStart":
            assert said.stdout == (b"{}\n" if agent == "codex" else b"")
        elif said.stdout.strip():
            assert json.loads(said.stdout).keys() <= {"hookSpecificOutput"}
    for kind in ("start", "stop", "end"):
        program = [str(agents.bin / "session-codec-hook"), agent, kind]
        ran = subprocess.run(program, cwd=agents.root, input=b'{"session_id": "d"}', check=False)
        assert ran.returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_and_full_streams_fail_no_event(agents: Agents, closed: str) -> None:
    """The context is printed even where the notes on recorded sessions cannot be."""
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is missing")
    agents.claude("SessionStart")
    agents.claude("SessionEnd")
    for kind in ("start", "stop", "end"):
        command = f"{agents.bin}/session-codec-hook claude {kind} {closed}"
        data = b'{"session_id": "s-2"}'
        ran = subprocess.run(
            ["sh", "-c", command], cwd=agents.root, input=data, capture_output=True, check=False
        )
        assert ran.returncode == 0
        assert (b"additionalContext" in ran.stdout) == (kind == "start" and closed[0] == "2")


@pytest.mark.parametrize("agent", ["claude", "codex"])
@pytest.mark.parametrize("event", ["SessionStart", "Stop", "SessionEnd"])
def test_a_missing_program_does_not_disturb_any_agent(
    agents: Agents, agent: str, event: str
) -> None:
    (agents.bin / "session-codec-hook").unlink()
    agents.environment["PATH"] = os.pathsep.join(("/usr/bin", "/bin"))
    said = getattr(agents, agent)(event)
    assert (said.stdout, said.stderr) == (b"", b"")
    assert agents.waiting() == []


def test_a_linked_worktree_spools_where_removing_it_loses_nothing(
    agents: Agents, tmp_path: Path, cli: Cli
) -> None:
    linked = tmp_path / "linked"
    git(agents.root, "worktree", "add", "-q", "-b", "side", str(linked))
    agents.raw("claude", "SessionEnd", b'{"session_id": "in-linked"}', cwd=linked)
    agents.raw("claude", "SessionEnd", b'{"session_id": "in-main"}')
    cli("context", agents.root)
    assert {s.id for s in agents.sessions} == {"in-linked", "in-main"}
    agents.raw("claude", "SessionEnd", b'{"session_id": "last"}', cwd=linked)
    git(agents.root, "worktree", "remove", "--force", str(linked))
    cli("context", agents.root)
    assert {s.id for s in agents.sessions} == {"in-linked", "in-main", "last"}


# Many at once, and none


def test_ends_at_one_moment_are_all_recorded(agents: Agents) -> None:
    def end(n: int) -> None:
        agents.claude("SessionEnd", f"s-{n % 12}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(end, range(24)))
    agents.drain()
    assert sorted(s.id for s in agents.sessions) == sorted(f"s-{n}" for n in range(12))


def test_verbs_at_one_moment_record_each_session_once(agents: Agents) -> None:
    for n in range(6):
        agents.claude("SessionEnd", f"s-{n}")
    verbs = [
        subprocess.Popen(command("context", agents.root), stdout=-3, stderr=-3) for _ in range(4)
    ]
    assert [v.wait() for v in verbs] == [0] * 4
    agents.drain()
    assert sorted(s.id for s in agents.sessions) == [f"s-{n}" for n in range(6)]


def test_without_a_spool_nothing_is_made_of_it(agents: Agents, cli: Cli) -> None:
    cli("context", agents.root)
    assert not agents.spool.exists()
    assert spool_findings(agents.workspace) == []


def test_verify_reports_pending_events_and_records_nothing(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionStart")
    agents.claude("SessionEnd")
    said = cli("verify", agents.root)
    assert said.code == 0
    assert "wait to be recorded: 1" in said.err
    assert agents.sessions == []


def test_a_dry_run_records_nothing_that_waits(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionEnd")
    cli("record", agents.root, "--agent", "a", "--task", "t", "--no-diff", "--dry-run")
    cli("install", agents.root, "--uninstall", "--dry-run")
    assert agents.waiting() == ["end"]


@pytest.mark.parametrize("verb", ["context", "query"])
def test_a_reader_that_cannot_record_prints_a_note_and_continues(
    agents: Agents, cli: Cli, verb: str
) -> None:
    agents.claude("SessionEnd")
    (agents.spool / "lock").mkdir()
    said = cli(verb, agents.root)
    assert said.code == 0
    assert "note: sessions of hooks wait in the spool" in said.err
    assert agents.waiting() == ["end"]


def test_a_broken_setting_of_the_workspace_loses_no_session(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionEnd")
    config = agents.root / ".session-codec" / "config.toml"
    config.write_text("agents = 5")
    assert "config.toml" in cli("context", agents.root).err
    config.unlink()
    cli("context", agents.root)
    assert [s.id for s in agents.sessions] == ["s-1"]


def test_a_file_in_the_spool_that_is_not_an_event_blocks_nothing(agents: Agents, cli: Cli) -> None:
    agents.claude("SessionEnd")
    (agents.spool / "1.end").write_bytes(b"nonsense")
    (agents.spool / "2.end").mkdir()
    (agents.spool / "3.end").symlink_to("/etc/passwd")
    os.mkfifo(agents.spool / "4.end")
    (agents.spool / "note").write_bytes(b"")
    year = 253_402_300_800 * 10**9
    (agents.spool / "5.end").write_bytes(
        next(agents.spool.glob("0*.end")).read_bytes().replace(b"\0", b"\0", 3)
    )
    raw = (agents.spool / "5.end").read_bytes().split(b"\0", 4)
    (agents.spool / "5.end").write_bytes(b"\0".join([*raw[:3], b"%d" % year, raw[4]]))
    said = cli("context", agents.root)
    assert said.code == 0
    assert [s.id for s in agents.sessions] == ["s-1"]
    assert sorted(os.listdir(agents.spool / "broken")) == [f"{n}.end" for n in range(1, 6)]
    assert sorted(os.listdir(agents.spool)) == ["broken", "lock", "note"]


def test_the_event_of_a_killed_hook_is_used_when_its_writer_has_ended(agents: Agents) -> None:
    agents.claude("SessionEnd")
    (left,) = agents.spool.glob("*.end")
    left.rename(f"{left}.tmp")
    assert agents.drain().sessions == ()
    os.utime(f"{left}.tmp", (1, 1))
    assert [s.id for s in agents.drain().sessions] == ["s-1"]


def gone_process() -> str:
    """Return the name of a process that has ended."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import os, pipelines.recording.agent_process as a\n"
        "os.getppid = os.getpid; print(a.agent_process())"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def with_process(start: Path, process: str, time: int | None = None) -> None:
    """Give a spooled event another process, and another time."""
    entry = decode_entry(start.read_bytes())
    entry.process = process
    entry.time = time or entry.time
    start.write_bytes(encode_entry(entry))


def test_a_session_whose_agent_was_killed_is_recorded_by_the_next_verb(
    agents: Agents, cli: Cli
) -> None:
    agents.claude("SessionStart", "killed")
    cli("context", agents.root)
    assert agents.sessions == []  # its process runs: it is ours
    (start,) = agents.spool.glob("*.start")
    with_process(start, gone_process())
    cli("context", agents.root)
    assert [s.id for s in agents.sessions] == ["killed"]
    assert agents.waiting() == []


@pytest.mark.parametrize(("days", "recorded"), [(0, False), (2, True)])
def test_a_session_of_an_unknown_process_is_over_after_a_day_of_silence(
    agents: Agents, cli: Cli, days: int, recorded: bool
) -> None:
    agents.claude("SessionStart", "silent")
    (start,) = agents.spool.glob("*.start")
    entry = decode_entry(start.read_bytes())
    with_process(start, "", entry.time - days * 86_400 * 10**9)
    cli("context", agents.root)
    assert [s.id for s in agents.sessions] == ["silent"] * recorded


# What a start may cost


def test_the_way_to_the_spool_imports_nothing_that_costs() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import pipelines.cli.hook; print(*sys.modules)"
    )
    bare = [sys.executable, "-S", "-c", code]
    ran = subprocess.run(bare, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "codec.agents.spool_entry" in loaded
    costly = {"re", "json", "typing", "dataclasses", "subprocess", "pathlib", "datetime", "click",
              "threading", "hashlib", "contextlib", "collections", "codec.errors"}  # fmt: skip
    assert not loaded & costly


# What is injected


@pytest.mark.parametrize(
    "line", ["x" * 200, "\u6f22" * 200, "\U0001f600" * 99, '"\\' * 90, "\t" * 99]
)
def test_injected_text_stays_below_the_limit_of_claude_code(line: str) -> None:
    document = document_of(f"{line}\n" * 200)
    assert len(document.encode("utf-16-le")) // 2 <= LIMIT < 9_900
    text = json.loads(document)["hookSpecificOutput"]["additionalContext"]
    assert text.endswith("(cut; all of it: session-codec context)\n")
    assert set(text.splitlines()[:-2]) == {line}


def test_a_short_text_is_injected_completely() -> None:
    text = "a \u00e9 \ud800\n"
    found = json.loads(document_of(text))["hookSpecificOutput"]["additionalContext"]
    assert found == text.replace("\ud800", "?")
