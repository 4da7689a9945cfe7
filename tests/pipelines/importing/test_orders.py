"""Hooks, `import` and `record` in any order on one session: it is there once, with all of it."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from codec.agents.spool_entry import Entry, encode_entry
from codec.records import Session
from pipelines.recording.spool import leave, spool_of
from pipelines.workspace.location import find
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, git
from tests.support.transcripts import ClaudeSession

ME = "11111111-1111-4111-8111-111111111111"
ACTS = ("hooks", "import", "record", "import", "grow")
ORDERS = sorted(set(permutations(ACTS)))[::7]  # a spread over all of them


class Actor:
    """A session of Claude Code, and everybody who records it."""

    def __init__(self, root: Path, home: Path, cli: Cli, patch: pytest.MonkeyPatch) -> None:
        self.root, self.cli, self.patch = root, cli, patch
        self.began = time.time_ns() - 120 * 10**9
        began = datetime.fromtimestamp(self.began / 10**9, UTC)
        self.session = ClaudeSession(home, root, ME, began)
        self.session.ask("Greet louder")
        self.session.edit("a.py", "hello", "Hello")
        self.session.commit("Greet louder")
        self.session.save()
        self.first = git(root, "rev-parse", "HEAD~1").strip()

    def hooks(self) -> None:
        self._leave("start", self.began, self.first)
        self._leave("end", time.time_ns(), git(self.root, "rev-parse", "HEAD").strip())
        assert self.cli("flush", self.root).code == 0

    def _leave(self, event: str, when: int, head: str) -> None:
        given = {"session_id": ME, "transcript_path": str(self.session.path), "source": "startup"}
        data = json.dumps(given).encode()
        entry = Entry(
            agent="claude", event=event, time=when, head=head, branch="main",
            root=os.fsencode(self.root), size=len(data), data=data,
        )  # fmt: skip
        leave(spool_of(find(str(self.root)).home), event, when, encode_entry(entry))

    def import_(self) -> None:
        assert self.cli("import", self.root).code == 0

    def record(self) -> None:
        self.patch.setenv("CLAUDE_CODE_SESSION_ID", ME)
        asked = ("--agent", "claude-opus-4-5", "--task", "Greet", "--status", "PASS")
        assert self.cli("record", self.root, *asked, "--notes", "Louder").code == 0
        self.patch.delenv("CLAUDE_CODE_SESSION_ID")

    def grow(self) -> None:
        self.session.answer()
        self.session.save()

    @property
    def sessions(self) -> list[Session]:
        return read_manifest(find(str(self.root))).in_order()


@pytest.fixture
def actor(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """Make a repository with a workspace, and a session that edited and committed."""
    home, root = tmp_path / "home", tmp_path / "app"
    home.mkdir()
    root.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "CODEX_THREAD_ID", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    git(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("hello\n")
    assert cli("install", root).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return Actor(root, home, cli, monkeypatch)


@pytest.mark.parametrize("order", ORDERS, ids=[" ".join(order) for order in ORDERS])
def test_each_order_gives_one_whole_session(actor: Actor, order: tuple[str, ...]) -> None:
    acts = {
        "hooks": actor.hooks, "import": actor.import_, "record": actor.record, "grow": actor.grow,
    }  # fmt: skip
    for act in order:
        acts[act]()
        assert len(actor.sessions) <= 1, act
    actor.import_()
    (found,) = actor.sessions
    assert (found.status, found.notes, found.metrics.commits) == ("PASS", "Louder", 1)
    assert found.metrics.tokens_used == 3 * 130
    assert (found.metrics.lines_added, found.metrics.lines_removed) == (1, 1)
    assert found.transcript is not None
    before = (actor.root / ".session-codec" / "manifest.jsonl").read_bytes()
    actor.import_()
    assert (actor.root / ".session-codec" / "manifest.jsonl").read_bytes() == before


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


def test_what_was_done_before_the_hooks_is_imported_beside_a_resumed_part(actor: Actor) -> None:
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
