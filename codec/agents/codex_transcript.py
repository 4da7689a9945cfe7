"""Read a transcript ("rollout") of Codex: JSON lines, not documented.

    {"type": "session_meta", "timestamp": ..., "payload": {"id", "parent_thread_id"}}
    {"type": "turn_context", "payload": {"model": ...}}
    {"type": "response_item", "payload": {"type": "function_call", "call_id", "arguments"}}
    {"type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "UserMessage"}}}
    {"type": "event_msg", "payload": {"type": "token_count", "info": {"total_token_usage"}}}
    {"type": "token_usage_record", "payload": {"thread_id", "response_id", "usage"}}

1. A fork or a sub-agent may begin with lines of its parent: the first `session_meta` names the
   rollout, and lines after one of another session are skipped until a turn of its own begins.
2. Prompts are in `item_completed` (0.171), `user_message` (older) or only in `response_item` (the
   oldest); a rollout that has one form is not read in a weaker one. Usage likewise: records of
   single answers, else the increases of the running total, which a fork continues.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from codec.agents.json_values import count_of, list_of, object_of, text_of, time_of
from codec.agents.prompts import task_of
from codec.agents.transcript_events import Answer, Command, Prompt, Transcript

_CALLS: Final = ("function_call", "custom_tool_call", "local_shell_call")
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


class _Reading:
    """The state of a reader: events read so far."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.foreign = False
        self.model = ""
        self.items: list[Prompt] = []
        self.messages: list[Prompt] = []
        self.responses: list[Prompt] = []
        self.records: list[Answer] = []
        self.totals: list[Answer] = []
        self.total = -1
        self.commands: dict[str, Command] = {}
        self.times: list[int] = []


def parent_of_rollout(entry: dict[str, Any]) -> str:
    """Return the session that a rollout is a sub-agent of, from its first line."""
    return text_of(object_of(entry.get("payload")).get("parent_thread_id"))


def read_codex(entries: Iterable[dict[str, Any]], session_id: str) -> Transcript:
    """Return the events of a rollout.

    Args:
        entries: the lines, as JSON has them.
        session_id: of the rollout.
    """
    reading = _Reading(session_id)
    for entry in entries:
        _read(reading, entry)
    return Transcript(
        prompts=tuple(reading.items or reading.messages or reading.responses),
        answers=tuple(reading.records or reading.totals),
        commands=tuple(reading.commands.values()),
        times=tuple(reading.times),
    )


def _read(reading: _Reading, entry: dict[str, Any]) -> None:
    kind = text_of(entry.get("type"))
    payload = object_of(entry.get("payload")) or entry  # the oldest lines have no payload
    if kind == "session_meta":
        reading.foreign = payload.get("id", reading.session_id) != reading.session_id
    elif reading.foreign and _is_own_turn(reading, payload):
        reading.foreign = False
    if reading.foreign:
        return
    time = time_of(entry.get("timestamp"))
    if time:
        reading.times.append(time)
    if kind == "turn_context":
        reading.model = text_of(payload.get("model")) or reading.model
    elif kind == "token_usage_record":
        if payload.get("thread_id", reading.session_id) == reading.session_id:
            spent = _spent(object_of(payload.get("usage")))
            name = text_of(payload.get("response_id"))
            reading.records.append(Answer(time, name, reading.model, spent))
    elif kind == "event_msg":
        _event(reading, payload, time)
    elif kind in {"response_item", "message", *_CALLS, *_OUTPUTS}:
        _response(reading, payload, time)


def _is_own_turn(reading: _Reading, payload: dict[str, Any]) -> bool:
    return payload.get("thread_id") == reading.session_id


def _event(reading: _Reading, payload: dict[str, Any], time: int) -> None:
    kind = text_of(payload.get("type"))
    item = object_of(payload.get("item"))
    if kind == "item_completed" and item.get("type") == "UserMessage":
        _ask(reading.items, _text(item.get("content")), time)
    elif kind == "item_completed" and item.get("type") == "CommandExecution":
        name = text_of(item.get("id"))
        known = reading.commands.get(name)
        words = [text_of(word) for word in list_of(item.get("command"))]
        ended = count_of(payload.get("completed_at_ms")) or time
        command = known or Command(count_of(payload.get("started_at_ms")) or time, 0, "")
        reading.commands[name] = command._replace(
            ended=max(ended, command.began),
            text=command.text or " ".join(words),
            output=text_of(item.get("aggregated_output")) or command.output,
        )
    elif kind == "user_message":
        _ask(reading.messages, text_of(payload.get("message")), time)
    elif kind == "token_count":
        _count(reading, object_of(payload.get("info")), time)


def _response(reading: _Reading, payload: dict[str, Any], time: int) -> None:
    kind, name = text_of(payload.get("type")), text_of(payload.get("call_id"))
    if kind == "message" and payload.get("role") == "user":
        for piece in list_of(payload.get("content")):
            _ask(reading.responses, text_of(object_of(piece).get("text")), time)
    elif kind in _CALLS:
        reading.commands[name] = Command(time, 0, _command(payload))
    elif kind in _OUTPUTS and name in reading.commands:
        known = reading.commands[name]
        output = payload.get("output")
        text = text_of(output if isinstance(output, str) else object_of(output).get("content"))
        reading.commands[name] = known._replace(
            ended=max(time, known.ended), output=known.output or text
        )


def _command(payload: dict[str, Any]) -> str:
    """Return the command of a call: its arguments are JSON in a text, or a text."""
    text = text_of(payload.get("arguments")) or text_of(payload.get("input"))
    with suppress(ValueError, RecursionError):
        arguments = object_of(json.loads(text))
        value = arguments.get("cmd") or arguments.get("command") or ""
        return " ".join(map(text_of, value)) if isinstance(value, list) else text_of(value)
    action = object_of(payload.get("action"))
    return text or " ".join(map(text_of, list_of(action.get("command"))))


def _text(content: object) -> str:
    return "\n".join(filter(None, (text_of(object_of(p).get("text")) for p in list_of(content))))


def _ask(prompts: list[Prompt], text: str, time: int) -> None:
    task, fallback = task_of(text)
    if task or fallback:
        prompts.append(Prompt(time, task, fallback))


def _spent(usage: dict[str, Any]) -> int | None:
    """Return the tokens of a usage; None if it has none."""
    read, written = count_of(usage.get("input_tokens")), count_of(usage.get("output_tokens"))
    if read is None or written is None:
        return None
    return max(read + written - (count_of(usage.get("cached_input_tokens")) or 0), 0)


def _count(reading: _Reading, info: dict[str, Any], time: int) -> None:
    """Read the increase of the running total; a total is often repeated."""
    total = _spent(object_of(info.get("total_token_usage")))
    if total is None or total == reading.total:
        return
    last = _spent(object_of(info.get("last_token_usage")))
    if last is None or 0 <= reading.total < total:
        last = total - max(reading.total, 0)
    reading.total = total
    reading.totals.append(Answer(time, "", reading.model, max(last, 0)))
