"""Which sessions may have made a commit, and by which of their commands."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from codec.agents.hook_input import decode_input
from codec.agents.spool_entry import Entry
from pipelines.recording.claims import Claims, head_at
from pipelines.recording.reflogs import Move
from pipelines.recording.spooled_events import Event, Part, parts_of
from tests.pipelines.conftest import git

NOW = time.time_ns() // 10**9


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    return tmp_path


def event(home: Path, name: str, kind: str, at: float, source: str = "startup") -> Event:
    """Return an event, some seconds from now."""
    fields = {"session_id": name, "transcript_path": str(home / f"{name}.jsonl"), "source": source}
    data = json.dumps(fields).encode()
    entry = Entry(
        agent="claude", event=kind, time=int((NOW + at) * 10**9), head="", branch="main",
        root=str(home).encode(), size=len(data), data=data,
    )  # fmt: skip
    return Event(f"{name}-{at}.{kind}", entry, decode_input(data))


def write_command(home: Path, name: str, at: float, text: str) -> None:
    """Add a command, which took a tenth of a second, to a transcript."""

    def line(after: float, kind: str, *content: Mapping[str, object]) -> str:
        moment = datetime.fromtimestamp(NOW + after, UTC).isoformat()
        return json.dumps({"type": kind, "timestamp": moment, "message": {"content": content}})

    use = f"{name}-{at}"
    call = {"type": "tool_use", "id": use, "input": {"command": text}}
    result = {"type": "tool_result", "tool_use_id": use, "content": ""}
    with (home / f"{name}.jsonl").open("a") as f:
        f.write(f"{line(at, 'assistant', call)}\n{line(at + 0.1, 'user', result)}\n")


def owners(home: Path, events: list[Event], at: int, subject: str) -> list[str]:
    """Return the sessions to which a commit is attributed."""
    parts = parts_of(events)
    claims = Claims(parts)
    move = Move("0" * 40, "ab" * 20, NOW + at, f"commit: {subject}")

    def is_mine(part: Part) -> bool:
        return claims.attribution(claims.span_of(part)).is_mine(move, str(home.resolve()))

    return [part.record_id for part in parts if is_mine(part)]


def test_work_after_the_last_recorded_turn_belongs_to_the_session(home: Path) -> None:
    write_command(home, "a", -10, "git commit -qm 'Add a page'")
    write_command(home, "b", -9.9, "git commit -qm 'Fix a page'")
    a = [event(home, "a", "start", -60), event(home, "a", "stop", -30)]
    b = [event(home, "b", "start", -60), event(home, "b", "end", -5)]
    assert owners(home, [*a, *b], -10, "Add a page") == []  # recorded once `a` ends or pauses
    assert owners(home, [*a, *b], -10, "Fix a page") == ["b"]


def test_a_session_that_was_killed_has_no_commands_of_the_time_after_it_was_resumed(
    home: Path,
) -> None:
    write_command(home, "a", -50, "git status")
    write_command(home, "a", -10, "git commit -qm 'Add a page'")
    killed, resumed = event(home, "a", "start", -60), event(home, "a", "start", -20, "resume")
    ended = event(home, "a", "end", -5)
    first, second = parts_of([killed, resumed, ended])
    claims = Claims([first, second])
    assert [c.text for c in claims.span_of(first).claimant().commands or ()] == ["git status"]
    assert len(claims.span_of(second).claimant().commands or ()) == 1
    assert owners(home, [killed, resumed, ended], -10, "Add a page") == [second.record_id]


def test_a_session_that_ended_in_the_second_in_which_another_began_keeps_its_commit(
    home: Path,
) -> None:
    write_command(home, "a", -9.9, "git commit -qm 'Add a page'")
    write_command(home, "b", -9.2, "git status")
    a = [event(home, "a", "start", -60), event(home, "a", "end", -9.7)]
    b = [event(home, "b", "start", -9.4), event(home, "b", "end", -5)]
    assert owners(home, [*a, *b], -10, "Add a page") == ["a"]


def test_a_session_that_was_killed_claims_commits_until_its_last_sign_of_life(home: Path) -> None:
    write_command(home, "a", -40, "git status")
    a = [event(home, "a", "start", -60), event(home, "a", "start", -3, "resume")]
    b = [event(home, "b", "start", -60), event(home, "b", "end", -5)]
    (home / "b.jsonl").write_text("")  # its transcript has no command that explains a commit
    assert owners(home, [*a, *b], -10, "By hand") == ["b"]  # the first `a` was gone by then
    assert owners(home, [*a, *b], -50, "By hand") == []  # it may be of either


def test_a_transcript_that_grows_during_a_run_does_not_give_a_commit_to_two_sessions(
    home: Path,
) -> None:
    (home / "a.jsonl").write_text("")
    a = [event(home, "a", "start", -60)]
    b = [event(home, "b", "start", -60), event(home, "b", "end", -5)]
    claims = Claims(parts_of([*a, *b]))
    move = Move("0" * 40, "ab" * 20, NOW - 10, "commit: Add a page")

    def owners_now() -> list[str]:
        parts = parts_of([*a, *b])
        spans = {part.record_id: claims.span_of(part) for part in parts}
        root = str(home.resolve())
        return [n for n, span in spans.items() if claims.attribution(span).is_mine(move, root)]

    assert owners_now() == ["b"]  # `b` has no transcript, and `a` no command
    write_command(home, "a", -10, "git commit -qm 'Add a page'")
    assert owners_now() == ["b"]


def test_the_head_during_a_rebase_is_the_commit_from_which_it_began(tmp_path: Path) -> None:
    def commit(text: str) -> str:
        (tmp_path / "file").write_text(text)
        git(tmp_path, "add", "file")
        git(tmp_path, "commit", "-qm", text)
        return git(tmp_path, "rev-parse", "HEAD").strip()

    git(tmp_path, "init", "-q", "-b", "main")
    commit("first")
    git(tmp_path, "checkout", "-qb", "topic")
    (tmp_path / "other").write_text("other")
    git(tmp_path, "add", "other")
    git(tmp_path, "commit", "-qm", "other")
    tip = commit("theirs")
    git(tmp_path, "checkout", "-q", "main")
    commit("ours")
    git(tmp_path, "checkout", "-q", "topic")
    later = (time.time_ns() // 10**6) + 60_000
    assert head_at(str(tmp_path), later) == tip
    with pytest.raises(CalledProcessError):
        git(tmp_path, "rebase", "main")
    assert git(tmp_path, "rev-parse", "HEAD").strip() != tip
    assert head_at(str(tmp_path), later) == tip
    git(tmp_path, "rebase", "--skip")
    assert head_at(str(tmp_path), later) == git(tmp_path, "rev-parse", "HEAD").strip()
