"""What an agent's transcript tells of a session: the task, the model, the tokens, when it began.

Claude Code and Codex write JSON Lines. Neither form is documented to the last field, so that all of
it is read as a hint: a line that is something else is passed over, and what is missing is unknown.

    Claude Code   {"type": "user", "sessionId": ..., "timestamp": ..., "message": {"content": ...}}
                  {"type": "assistant", "message": {"id": ..., "model": ..., "usage": {...}}}
    Codex         {"type": "session_meta", "timestamp": ..., "payload": {"id": ...}}
                  {"type": "turn_context", "payload": {"model": ...}}
                  {"type": "event_msg", "payload": {"type": "user_message", "message": ...}}
                  {"type": "event_msg", "payload": {"type": "token_count", "info": {...}}}

1. Lines of another session tell nothing: the path of a transcript is not to be trusted.
2. Tokens are what was read and written anew: input, output and what was written to the cache, not
   what was read from it, for that counts the same words at every turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

PROMPT_LIMIT: Final = 200
_CLAUDE_TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_input_tokens")
#: What agents themselves put in a person's mouth begins with a mark.
_MARKED: Final = ("<", "Caveat:", "[Request interrupted")


class Told(NamedTuple):
    """What a transcript tells; empty or None where it does not.

    Attributes:
        prompt: the first line of the first thing that a person asked for.
        model: the model that answered last.
        tokens: spent.
        began: the time of its first line, as written.
    """

    prompt: str = ""
    model: str = ""
    tokens: int | None = None
    began: str = ""


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    session_id: str
    prompt: str = ""
    model: str = ""
    began: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    total: int | None = None
    foreign: bool = False


def read_transcript(lines: Iterable[bytes], session_id: str) -> Told:
    """What the lines of a transcript tell of a session.

    Args:
        lines: of a file that anybody may have written.
        session_id: lines that name another are passed over.
    """
    reading = _Reading(session_id=session_id)
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            _read(reading, entry)
    tokens = sum(reading.usage.values()) if reading.usage else reading.total
    return Told(prompt=reading.prompt, model=reading.model, tokens=tokens, began=reading.began)


def _read(reading: _Reading, entry: dict[str, Any]) -> None:
    payload = _object(entry.get("payload"))
    if entry.get("type") == "session_meta":
        reading.foreign = payload.get("id", reading.session_id) != reading.session_id
    if reading.foreign or entry.get("sessionId", reading.session_id) != reading.session_id:
        return
    reading.began = reading.began or _text(entry.get("timestamp"))
    match entry.get("type"):
        case "user" if not (entry.get("isMeta") or entry.get("isSidechain")):
            _ask(reading, _object(entry.get("message")).get("content"))
        case "assistant":
            _answer(reading, _object(entry.get("message")))
        case "turn_context":
            reading.model = _text(payload.get("model")) or reading.model
        case "event_msg":
            if payload.get("type") == "user_message":
                _ask(reading, payload.get("message"))
            elif payload.get("type") == "token_count":
                _count(reading, _object(_object(payload.get("info")).get("total_token_usage")))


def _ask(reading: _Reading, content: object) -> None:
    """Take what a person asked for, as a text or as a list of pieces."""
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
    for piece in pieces:
        text = _text(_object(piece).get("text"))
        if text and not reading.prompt and not text.startswith(_MARKED):
            reading.prompt = text.splitlines()[0][:PROMPT_LIMIT]


def _answer(reading: _Reading, message: dict[str, Any]) -> None:
    model = _text(message.get("model"))
    if model and not model.startswith("<"):  # <synthetic>: not a model
        reading.model = model
    usage = _object(message.get("usage"))
    counts = [usage[name] for name in _CLAUDE_TOKENS if _is_count(usage.get(name))]
    if counts:  # one answer stands on several lines, with the same usage on each
        reading.usage[_text(message.get("id")) or str(len(reading.usage))] = sum(counts)


def _count(reading: _Reading, usage: dict[str, Any]) -> None:
    counts = [usage.get(name) for name in ("input_tokens", "output_tokens")]
    if all(map(_is_count, counts)):
        cached = usage.get("cached_input_tokens")
        spent = sum(c for c in counts if isinstance(c, int))
        reading.total = max(spent - (cached if isinstance(cached, int) else 0), 0)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A text, without half characters, which no file can hold."""
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
