"""Read a transcript of Claude Code: JSON lines, documented only in part.

    {"type": "user", "sessionId": ..., "timestamp": ..., "message": {"content": "..."}}
    {"type": "assistant", "message": {"id", "model", "usage", "content": [{"type": "tool_use"}]}}
    {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id"}]},
     "toolUseResult": {"stdout", "gitOperation": {"commit": {"sha"}}}}

1. Lines of another session are skipped. A fork repeats its parent's lines under its own name, with
   their old times, so that a part of a session is selected by time.
2. One answer is on several lines, each with its usage so far.
3. Lines of sub-agents (`isSidechain`, older versions) count for tokens and commands alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from codec.agents.json_values import count_of, list_of, object_of, text_of, time_of
from codec.agents.prompts import is_local_output, task_of
from codec.agents.transcript_events import Answer, Command, Prompt, Transcript

_TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_input_tokens")
_NOT_ASKED: Final = ("isMeta", "isSidechain", "isCompactSummary")


class _Reading:
    """The state of a reader: events read so far."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.answers: list[Answer] = []
        self.commands: dict[str, Command] = {}
        self.times: list[int] = []


def read_claude(entries: Iterable[dict[str, Any]], session_id: str) -> Transcript:
    """Return the events of a transcript.

    Args:
        entries: the lines, as JSON has them.
        session_id: lines that name another session are skipped.
    """
    reading = _Reading()
    for entry in entries:
        if entry.get("sessionId", session_id) != session_id:
            continue
        time = time_of(entry.get("timestamp"))
        if time:
            reading.times.append(time)
        message = object_of(entry.get("message"))
        if entry.get("type") == "assistant":
            _answer(reading, message, time)
        elif entry.get("type") == "user":
            _results(reading, entry, message, time)
            if not any(entry.get(name) for name in _NOT_ASKED):
                _ask(reading, message.get("content"), time)
    return Transcript(
        prompts=tuple(reading.prompts),
        answers=tuple(reading.answers),
        commands=tuple(reading.commands.values()),
        times=tuple(reading.times),
    )


def _answer(reading: _Reading, message: dict[str, Any], time: int) -> None:
    model = text_of(message.get("model"))
    usage = object_of(message.get("usage"))
    counts = [c for name in _TOKENS if (c := count_of(usage.get(name))) is not None]
    reading.answers.append(Answer(
        time=time, id=text_of(message.get("id")),
        model="" if model.startswith("<") else model,  # <synthetic>: not a model
        tokens=sum(counts) if counts else None,
    ))  # fmt: skip
    for piece in map(object_of, list_of(message.get("content"))):
        command = text_of(object_of(piece.get("input")).get("command"))
        if piece.get("type") == "tool_use" and command:
            reading.commands[text_of(piece.get("id"))] = Command(time, 0, command)


def _results(reading: _Reading, entry: dict[str, Any], message: dict[str, Any], time: int) -> None:
    """Read the result of a command."""
    for piece in map(object_of, list_of(message.get("content"))):
        name = text_of(piece.get("tool_use_id"))
        command = reading.commands.get(name)
        if command is None:
            continue
        result = object_of(entry.get("toolUseResult"))
        output = text_of(result.get("stdout")) or _text(piece.get("content"))
        commit = object_of(object_of(result.get("gitOperation")).get("commit"))
        sha = text_of(commit.get("sha"))
        reading.commands[name] = command._replace(
            ended=max(time, command.began), output=output, commits=(sha,) if sha else ()
        )


def _text(content: object) -> str:
    pieces = content if isinstance(content, list) else [{"text": content}]
    return "\n".join(filter(None, (text_of(object_of(p).get("text")) for p in pieces)))


def _ask(reading: _Reading, content: object, time: int) -> None:
    """Read a prompt, which is a text or a list of pieces."""
    text = _text(content)
    if is_local_output(text):  # the slash command before it was not for a model
        if reading.prompts and reading.prompts[-1].fallback:
            del reading.prompts[-1]
        return
    task, fallback = task_of(text)
    if task or fallback:
        reading.prompts.append(Prompt(time, task, fallback))
