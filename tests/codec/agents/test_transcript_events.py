"""Events of transcripts, and their figures against counts made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codec.agents.edit_events import ABSENT, State
from codec.agents.file_states import States
from codec.agents.prompts import task_in
from codec.agents.transcript_events import (
    Command,
    Transcript,
    Usage,
    facts_between,
    transcript_of,
    usage_of,
)
from codec.agents.transcripts import entries_of, events_of

SAMPLES = Path(__file__).parents[3].parent / "shared" / "agents" / "samples"
NEVER = 1 << 62
ME = "00000000-0000-0000-0000-000000000001"
COMMIT = "328e980c-878f-4862-9526-400d18b9d983"
FORK = "b68354a2-bb4c-42c4-b727-2c4625d57504"
HELPED = "b0034bd2-7436-46ae-bf52-7155dd650be5"
CODEX = "01a21f09-d378-7083-ac38-c2a92e4f0f3d"
CODEX_FORK = "01a21f09-e24c-76a3-ab6f-503960563d40"
GEMINI = "3a5cc614-90c4-4d76-8e4d-6e13a26ec8f8"

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="needs the samples of real agents in ../shared/agents"
)


def read(
    agent: str, name: str, session_id: str, seen: set[str] | None = None
) -> tuple[Transcript, States]:
    states = States()
    with (SAMPLES / agent / name).open("rb") as f:
        events = events_of(agent, entries_of(f), session_id, seen)
        return transcript_of(events, states.take), states


def of(*entries: dict[str, Any], agent: str = "claude") -> Transcript:
    return transcript_of(events_of(agent, entries, ME))


def reported(name: str) -> Usage:
    """Return the usage that Claude Code itself reports, the last of the file."""
    lines = (SAMPLES / "claude" / name).read_bytes().split(b"\n")
    (used,) = [e for e in entries_of(lines) if e["type"] == "cost-state"][-1]["modelUsage"].values()
    names = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
    return Usage(*(used[name] for name in names))


def answers(count: int) -> Usage:
    """Return the usage of so many answers of the model behind the samples of Claude Code."""
    return Usage(100 * count, 50 * count, 200 * count, 3000 * count)


@needs_samples
@pytest.mark.parametrize(
    ("name", "session_id", "count"),
    [
        ("claude-commit.jsonl", COMMIT, 4),
        ("claude-no-commit.jsonl", "7db4609b-abf0-423d-92ea-daf2a018744c", 2),
        ("claude-resumed.jsonl", "4abee4e8-bac9-4c94-9f1e-211c14fe1e75", 6),
        ("claude-terminal.jsonl", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", 6),
    ],
)
def test_usage_equals_the_report_of_claude_code(name: str, session_id: str, count: int) -> None:
    found, _ = read("claude", name, session_id)
    assert usage_of(found.answers) == answers(count)
    # A compaction asks the model once more; its answer is not in the transcript.
    assert reported(name) == answers(count + found.compactions)
    assert not found.unknown


@needs_samples
def test_a_fork_counts_its_own_part_only() -> None:
    seen: set[str] = set()
    parent, _ = read("claude", "claude-commit.jsonl", COMMIT, seen)
    fork, states = read("claude", "claude-fork.jsonl", FORK, seen)
    assert (usage_of(parent.answers), usage_of(fork.answers)) == (answers(4), answers(3))
    assert reported("claude-fork.jsonl") == answers(7)
    assert [Path(p).name for p in states.files] == ["bye.py"]
    assert facts_between(fork, (), 0, NEVER).prompt == "Now a farewell"


@needs_samples
def test_a_helper_is_added_as_a_child() -> None:
    seen: set[str] = set()
    main, _ = read("claude", "claude-subagent.jsonl", HELPED, seen)
    name = "agent-a7be8229c0a706726"
    helper, states = read("claude", f"claude-subagent.d/subagents/{name}.jsonl", HELPED, seen)
    told = facts_between(main, (helper,), 0, NEVER)
    assert told.usage == reported("claude-subagent.jsonl")
    assert f"agent-{main.helpers[0]}" == name
    (file,) = states.files.values()
    assert (file.before, file.after) == (ABSENT, State(b"assert True\n"))


@needs_samples
def test_commands_have_their_exit_code_and_commits() -> None:
    found, _ = read("claude", "claude-commit.jsonl", COMMIT)
    (command,) = found.commands
    assert (command.exit_code, command.commits) == (0, ("630ee73",))
    found, states = read("codex", "codex-commit.jsonl", CODEX)
    command, _ = found.commands
    assert (command.exit_code, command.text) == (0, "git add -A && git commit -m 'Add a greeting'")
    file = next(f for path, f in states.files.items() if path.endswith("greet2.py"))
    assert (file.before, file.edits, file.is_whole) == (ABSENT, 2, True)
    assert file.after == State(b"def greet():\n    return 'Hello'\n")


@needs_samples
def test_gemini_counts_each_answer_once_and_has_both_states_of_each_edit() -> None:
    found, states = read("gemini", "gemini-commit.jsonl", GEMINI)
    assert usage_of(found.answers) == Usage(200 * 7, 60 * 7, 0, 800 * 7)
    assert [task_in(p.text) for p in found.prompts] == ["Add a greeting", "Now a farewell"]
    assert [(c.exit_code, c.output[:14]) for c in found.commands] == [
        (0, "[main 5224ed6]"), (0, "[main 52d4bef]"),
    ]  # fmt: skip
    files = {Path(path).name: file for path, file in states.files.items()}
    assert files["greet3.py"].before == ABSENT
    assert files["greet3.py"].after == State(b"def greet():\n    return 'Hello'\n")
    assert all(file.is_whole and not file.contradicted for file in files.values())
    assert not found.unknown


@needs_samples
def test_codex_counts_each_answer_once() -> None:
    one = Usage(200, 50, 0, 800)
    for name, session_id, count in (
        ("codex-commit.jsonl", CODEX, 7),
        ("codex-fork.jsonl", CODEX_FORK, 3),
    ):
        found, _ = read("codex", name, session_id)
        assert usage_of(found.answers) == Usage(*(n * count for n in one))
        assert not found.unknown


def test_an_answer_counts_once_by_its_highest_usage() -> None:
    def answer(request: str, output: int) -> dict[str, Any]:
        message = {"id": "m", "usage": {"input_tokens": 10, "output_tokens": output}}
        return {"type": "assistant", "requestId": request, "message": message}

    found = of(answer("r1", 1), answer("r1", 7), answer("r1", 5), answer("r2", 2))
    assert usage_of(found.answers) == Usage(20, 9, 0, 0)


def test_sub_agents_in_progress_records_are_children() -> None:
    inner = {"type": "assistant", "uuid": "u", "message": {"id": "m", "usage": {"input_tokens": 5}}}
    data = {"type": "agent_progress", "agentId": "a1", "message": inner}
    record = {"type": "progress", "uuid": "p", "data": data}
    found = of(record, record, {**record, "uuid": "q"})
    assert usage_of(found.answers) == Usage(5)
    assert found.helpers == ("a1",)


def test_unknown_records_are_counted_by_name() -> None:
    message = {"content": [{"type": "hologram"}]}
    found = of(
        {"type": "telepathy"}, {"type": "telepathy"}, {},
        {"type": "assistant", "message": message},
        {"type": "progress", "data": {"type": "warp"}},
    )  # fmt: skip
    assert found.unknown == {
        "telepathy": 2, "without a type": 1, "content hologram": 1, "progress warp": 1,
    }  # fmt: skip
    events = ({"type": "event_msg", "payload": {"type": t}} for t in ("task_started", "dream"))
    assert of(*events, agent="codex").unknown == {"event dream": 1}


def test_a_fork_of_an_old_codex_ends_its_replay_with_a_pause() -> None:
    def line(second: float, kind: str, **payload: Any) -> dict[str, Any]:
        time = f"2026-01-01T10:00:{second:06.3f}Z"
        return {"type": kind, "timestamp": time, "payload": payload}

    def count(second: float, total: int, last: int) -> dict[str, Any]:
        both = ({"input_tokens": n, "output_tokens": 0} for n in (total, last))
        info = dict(zip(("total_token_usage", "last_token_usage"), both, strict=True))
        return line(second, "event_msg", type="token_count", info=info)

    found = of(
        line(0, "session_meta", id=ME),
        line(0, "session_meta", id="parent"),
        line(0.001, "event_msg", type="user_message", message="The parent's task"),
        count(0.002, 900, 900),
        line(20, "event_msg", type="user_message", message="The fork's task"),
        count(21, 1000, 100),
        agent="codex",
    )
    told = facts_between(found, (), 0, NEVER)
    assert (told.prompt, told.usage) == ("The fork's task", Usage(100))


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    use = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "make"}}
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True}
    said = "Exit code 2\n" + "x" * 100_000 + "\n[main 630ee73] Fix"
    found = of(
        {"type": "assistant", "message": {"content": [use]}},
        {"type": "user", "message": {"content": [{**result, "content": said}]}},
    )
    (command,) = found.commands
    assert isinstance(command, Command)
    assert command.exit_code == 2
    assert command.output.startswith("Exit code 2\nx")
    assert command.output.endswith("[main 630ee73] Fix")
    assert len(command.output) < 9000
