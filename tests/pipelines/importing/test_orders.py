"""Hooks, `import` and `record` in any order on one session: it is there once, with all of it."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from codec.agents.spool_entry import Entry, encode_entry
from codec.records import Session
from pipelines.recording.spool import leave, spool_of
from pipelines.workspace.location import find
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, git
from tests.support import gemini_session, opencode_session
from tests.support.gemini_session import GeminiSession
from tests.support.opencode_session import OpenCodeSession
from tests.support.transcripts import ClaudeSession, CodexSession

ME = "11111111-1111-4111-8111-111111111111"
_LIVED: Final = 120
_FOREIGN: Final = (
    "CLAUDE_CONFIG_DIR", "CODEX_HOME", "CODEX_THREAD_ID", "CLAUDE_CODE_SESSION_ID",
    "OPENCODE_SESSION_ID", "GEMINI_CLI_HOME", "XDG_DATA_HOME",
)  # fmt: skip


class Made(NamedTuple):
    """How a test makes a session of one agent.

    Attributes:
        kind: of the session.
        spent: tokens of an answer.
        now: the beginning, as the session takes it.
        variable: names the session in the environment of its commands; empty for none.
    """

    kind: Any
    spent: int
    now: Any
    variable: str = ""


MADE: Final = {
    "claude": Made(ClaudeSession, 130, lambda s: s, "CLAUDE_CODE_SESSION_ID"),
    "codex": Made(CodexSession, 250, lambda s: s, "CODEX_THREAD_ID"),
    "gemini": Made(GeminiSession, gemini_session.SPENT, lambda s: s),
    "opencode": Made(
        OpenCodeSession,
        opencode_session.SPENT,
        lambda s: int(s.timestamp() * 1000),
        "OPENCODE_SESSION_ID",
    ),
}


class Actor:
    """A session of an agent, and everybody who records it."""

    def __init__(
        self, root: Path, home: Path, cli: Cli, patch: pytest.MonkeyPatch, agent: str = "claude"
    ) -> None:
        self.root, self.cli, self.patch, self.agent = root, cli, patch, agent
        self.made = MADE[agent]
        self.began = time.time_ns() - _LIVED * 10**9
        began = self.made.now(datetime.fromtimestamp(self.began / 10**9, UTC))
        self.session: Any = self.made.kind(home, root, ME, now=began)
        if agent == "opencode":
            self.session.began = began
        if hasattr(self.session, "begin"):
            self.session.begin()
        self.answers = 2
        self.session.ask("Greet louder")
        if agent == "claude":
            self.session.edit("a.py", "hello", "Hello")
        elif agent == "codex":
            self.session.change("a.py", "Hello\n")
        else:
            self.session.write("a.py", "Hello\n")
        self.session.commit("Greet louder")
        self.session.save()
        self.first = git(root, "rev-parse", "HEAD~1").strip()

    def hooks(self) -> None:
        self._leave("start", self.began, self.first)
        self._leave("end", time.time_ns(), git(self.root, "rev-parse", "HEAD").strip())
        assert self.cli("flush", self.root).code == 0

    def _leave(self, event: str, when: int, head: str) -> None:
        given = {"session_id": ME, "source": "startup"}
        if self.agent != "opencode":  # its plugin names none
            given["transcript_path"] = str(self.session.path)
        data = json.dumps(given).encode()
        entry = Entry(
            agent=self.agent, event=event, time=when, head=head, branch="main",
            root=os.fsencode(self.root), size=len(data), data=data,
        )  # fmt: skip
        leave(spool_of(find(str(self.root)).home), event, when, encode_entry(entry))

    def import_(self) -> None:
        assert self.cli("import", self.root).code == 0

    def record(self) -> None:
        self.patch.setenv(self.made.variable, ME)
        asked = ("--agent", "claude-opus-4-5", "--task", "Greet", "--status", "PASS")
        assert self.cli("record", self.root, *asked, "--notes", "Louder").code == 0
        self.patch.delenv(self.made.variable)

    def grow(self) -> None:
        self.answers += 1
        if self.agent == "codex":
            self.session.spend()
        else:
            self.session.answer()
        self.session.save()

    @property
    def sessions(self) -> list[Session]:
        return read_manifest(find(str(self.root))).in_order()


def make_actor(folder: Path, cli: Cli, patch: pytest.MonkeyPatch, agent: str = "claude") -> Actor:
    """Make a repository with a workspace, and a session that edited and committed."""
    home, root = folder / "home", folder / "app"
    home.mkdir(parents=True)
    root.mkdir()
    patch.setenv("HOME", str(home))
    for name in _FOREIGN:
        patch.delenv(name, raising=False)
    git(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("hello\n")
    assert cli("install", root).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return Actor(root, home, cli, patch, agent)


@pytest.fixture
def actor(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Actor:
    return make_actor(tmp_path, cli, monkeypatch)


@pytest.mark.parametrize("agent", MADE)
@settings(
    max_examples=6,
    phases=[Phase.generate],  # an example takes seconds: it is not made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_each_order_gives_one_whole_session(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, agent: str, data: st.DataObject
) -> None:
    named = bool(MADE[agent].variable)
    acts = ["hooks", "import_", "import_", "grow", *(["record"] if named else [])]
    order = data.draw(st.permutations(acts))[: data.draw(st.integers(2, len(acts)))]
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    actor = make_actor(folder, cli, monkeypatch, agent)
    for act in order:
        getattr(actor, act)()
        assert len(actor.sessions) <= 1, act
    actor.import_()
    (found,) = actor.sessions
    expected = ("PASS", "Louder", 1) if "record" in order else ("UNKNOWN", "", 1)
    assert (found.status, found.notes, found.metrics.commits) == expected
    assert found.metrics.tokens_used == actor.answers * actor.made.spent
    assert (found.metrics.lines_added, found.metrics.lines_removed) == (1, 1)
    assert found.transcript is not None
    manifest = actor.root / ".session-codec" / "manifest.jsonl"
    before = manifest.read_bytes()
    actor.import_()
    assert manifest.read_bytes() == before


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini"])
def test_hooks_alone_take_task_model_and_tokens_from_the_transcript(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    actor = make_actor(tmp_path, cli, monkeypatch, agent)
    actor.hooks()
    (found,) = actor.sessions
    assert found.title == "Greet louder"
    assert found.metrics.tokens_used == actor.answers * actor.made.spent
    assert found.agent != actor.agent


def test_a_session_that_was_recorded_without_a_name_is_adopted(actor: Actor) -> None:
    said = actor.cli(
        "record",
        actor.root,
        "--agent",
        "me",
        "--task",
        "Greet",
        "--status",
        "PASS",
        "--git",
        "HEAD",
    )
    key = said.out.strip()
    actor.session.run("session-codec record --task Greet --status PASS", f"{key}\n")
    actor.session.save()
    actor.import_()
    (found,) = actor.sessions
    assert (found.key, found.status, found.metrics.tokens_used) == (key, "PASS", 3 * 130)
    actor.import_()
    assert len(actor.sessions) == 1


def test_work_before_the_hooks_is_imported_next_to_a_resumed_part(actor: Actor) -> None:
    actor.session.wait(hours=1)
    since = int(actor.session.now.timestamp() * 1000)
    actor.session.ask("And softer")
    actor.session.edit("a.py", "Hello", "hi")
    actor.session.save()
    head = git(actor.root, "rev-parse", "HEAD").strip()
    given = {"session_id": ME, "transcript_path": str(actor.session.path), "source": "resume"}
    data = json.dumps(given).encode()
    for event, when in (("start", since), ("end", since + 60_000)):
        entry = Entry(
            agent="claude", event=event, time=when * 10**6, head=head, branch="main",
            root=os.fsencode(actor.root), size=len(data), data=data,
        )  # fmt: skip
        leave(spool_of(find(str(actor.root)).home), event, when * 10**6, encode_entry(entry))
    assert actor.cli("flush", actor.root).code == 0
    (resumed,) = actor.sessions
    assert resumed.id == f"{ME}#{since}"
    actor.import_()
    before, after = actor.sessions
    assert (before.id, before.title) == (ME, "Greet louder")
    assert (before.metrics.tokens_used, after.metrics.tokens_used) == (2 * 130, 130)
    diff = actor.cli("show", after.key, actor.root, "--diff").out
    assert "+hi" in diff
    assert "+Hello" not in diff
    actor.import_()
    assert len(actor.sessions) == 2
