"""What the transcripts of agents tell, and what they may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.prompts import PROMPT_LIMIT
from codec.agents.transcript_events import PartFacts, facts_between
from codec.agents.transcripts import read_transcript

ME = "00000000-0000-0000-0000-000000000001"


NEVER = 1 << 62


def told_by(agent: str, data: list[bytes], session_id: str = ME) -> PartFacts:
    """Return what a whole transcript says."""
    return facts_between(read_transcript(agent, data, session_id), (), 0, NEVER)


def lines(*entries: dict[str, Any]) -> list[bytes]:
    return [json.dumps(e).encode() for e in entries]


def user(content: Any, **more: Any) -> dict[str, Any]:
    at = "2026-01-01T10:00:00.000Z"
    message = {"role": "user", "content": content}
    return {"type": "user", "sessionId": ME, "timestamp": at, "message": message, **more}


def answer(number: str, model: str, **usage: int) -> dict[str, Any]:
    return {
        "type": "assistant",
        "sessionId": ME,
        "message": {"id": number, "model": model, "usage": usage},
    }


def test_a_transcript_of_claude_code_has_task_model_tokens_and_beginning() -> None:
    told = told_by(
        "claude",
        lines(
            {"type": "summary", "summary": "earlier"},
            user("<command-name>/clear</command-name>"),
            user("Caveat: the messages below", isMeta=True),
            user([{"type": "text", "text": "Fix the login\nIt is broken."}]),
            answer("m1", "claude-sonnet-4-5", input_tokens=10, output_tokens=1),
            answer("m1", "claude-sonnet-4-5", input_tokens=10, output_tokens=5),
            answer("m2", "<synthetic>", input_tokens=0),
            answer(
                "m3", "claude-opus-4-5", cache_creation_input_tokens=3, cache_read_input_tokens=9
            ),
            user([{"type": "tool_result", "content": "x"}]),
            user("And then this"),
        ),
    )
    assert (told.prompt, told.model, told.tokens) == ("Fix the login", "claude-opus-4-5", 18)
    assert told.last == 1_767_261_600_000


def test_a_transcript_of_codex_has_task_model_tokens_and_beginning() -> None:
    def count(**usage: int) -> dict[str, Any]:
        info = {"total_token_usage": usage}
        return {"type": "event_msg", "payload": {"type": "token_count", "info": info}}

    told = told_by(
        "codex",
        lines(
            {"type": "session_meta", "timestamp": "2026-01-01T10:00:00Z", "payload": {"id": ME}},
            {"type": "turn_context", "payload": {"model": "gpt-5-codex"}},
            {"type": "response_item", "payload": {"role": "user"}},
            {"type": "event_msg", "payload": {"type": "user_message", "message": "Fix the login"}},
            {"type": "event_msg", "payload": {"type": "token_count", "info": None}},
            count(input_tokens=10, cached_input_tokens=6, output_tokens=2),
            count(input_tokens=30, cached_input_tokens=18, output_tokens=5, total_tokens=35),
        ),
    )
    assert (told.prompt, told.model, told.tokens) == ("Fix the login", "gpt-5-codex", 17)


def test_messages_of_another_session_are_left_out() -> None:
    other = lines(user("a secret", sessionId="other"), user("mine"))
    assert told_by("claude", other).prompt == "mine"
    meta = {"type": "session_meta", "payload": {"id": "other"}}
    message = {"type": "event_msg", "payload": {"type": "user_message", "message": "a secret"}}
    assert told_by("codex", lines(meta, message)) == PartFacts()


def test_a_long_prompt_is_cut_and_lone_surrogates_are_accepted() -> None:
    told = told_by("claude", [b'{"type":"user","message":{"content":"\\ud800%s"}}' % (b"x" * 999)])
    assert len(told.prompt) == PROMPT_LIMIT
    assert told.prompt.encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[1]",
        b'{"type":"user"}',
        b'{"type":"user","message":5}',
        b'{"type":"user","message":{"content":[5,{"text":null}]}}',
        b'{"type":"assistant","message":{"model":5,"usage":{"input_tokens":"1"}}}',
        b'{"type":"assistant","message":{"usage":{"input_tokens":true,"output_tokens":-1}}}',
        b'{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":[]}}}',
        b'{"type":"event_msg","payload":{"type":"token_count"}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_line_of_another_form_is_skipped(line: bytes) -> None:
    assert told_by("claude", [line]) == told_by("codex", [line]) == PartFacts()
    assert told_by("claude", [line, *lines(user("after it"))]).prompt == "after it"


@given(st.lists(st.binary()))
def test_anything_can_be_read(data: list[bytes]) -> None:
    for agent in ("claude", "codex", "another"):
        assert told_by(agent, data).tokens is None
