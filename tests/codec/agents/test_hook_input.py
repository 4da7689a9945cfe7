"""The input that an agent gives to a hook, whole or in pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.hook_input import HookInput, decode_input
from codec.errors import FormatError

CLAUDE = {
    "session_id": "abc123",
    "transcript_path": "/home/me/.claude/projects/x/abc123.jsonl",
    "cwd": "/home/me/x",
    "hook_event_name": "SessionEnd",
    "reason": "other",
}
CODEX = {
    "session_id": "0199",
    "turn_id": "1",
    "transcript_path": None,
    "cwd": "/home/me/x",
    "hook_event_name": "Stop",
    "model": "gpt-5-codex",
    "permission_mode": "default",
    "stop_hook_active": False,
    "last_assistant_message": 'said: {"session_id": "other"}',
}


def test_the_documented_inputs_are_read() -> None:
    assert decode_input(json.dumps(CLAUDE).encode()) == HookInput(
        session_id="abc123", transcript_path="/home/me/.claude/projects/x/abc123.jsonl"
    )
    assert decode_input(json.dumps(CODEX, indent=1).encode()) == HookInput(
        session_id="0199", model="gpt-5-codex"
    )


@pytest.mark.parametrize("limit", [200, 300])
def test_the_rest_of_a_truncated_input_is_read(limit: int) -> None:
    whole = json.dumps({**CODEX, "last_assistant_message": "x" * 999}).encode()
    found = decode_input(whole[:limit])
    assert (found.session_id, found.model) == ("0199", "gpt-5-codex")


def test_the_end_of_an_input_is_read_like_its_beginning() -> None:
    late = {"last_assistant_message": 'x"session_id": "y"' * 99, **CODEX}
    whole = json.dumps(late).encode()
    assert decode_input(whole[:100] + whole[-400:]).session_id == "0199"


def test_a_text_that_looks_like_a_member_is_not_one() -> None:
    message = {"last_assistant_message": json.dumps({"session_id": "forged"}), "session_id": "me"}
    whole = json.dumps(message).encode()
    assert decode_input(whole[:-1]).session_id == "me"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"session_id": 5}',
        b'{"session_id": ""}',
        b'{"session_id": "a\\nb"}',
        json.dumps({"session_id": "x" * 201}).encode(),
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_an_input_that_names_no_session_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_input(data)


@given(st.binary())
def test_anything_is_an_input_or_is_refused(data: bytes) -> None:
    try:
        found = decode_input(data)
    except FormatError:
        return
    assert found.session_id.isprintable()


@given(st.integers(0, len(json.dumps(CODEX))))
def test_any_piece_of_an_input_is_read_or_refused(at: int) -> None:
    piece = json.dumps(CODEX).encode()[:at]
    try:
        found = decode_input(piece)
    except FormatError:
        found = None
    assert (found is not None) == (at >= len('{"session_id": "0199"'))
