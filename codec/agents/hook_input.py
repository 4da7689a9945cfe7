"""The input of a hook from an agent: one JSON object on stdin.

The fields are those that Claude Code, Codex and Gemini CLI share, by the names of their
documentation (code.claude.com/docs/en/hooks, developers.openai.com/codex/hooks,
geminicli.com/docs/hooks). Cursor calls a session a conversation. An input that was too long to
keep whole, or that is broken, still gives the members in its beginning and its end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from codec.errors import FormatError

_WANTED: Final = ("session_id", "conversation_id", "transcript_path", "model", "source")
#: A member as it is in JSON; a quote inside a text is escaped, so that no text looks like one.
_MEMBER = re.compile(r'(?<!\\)"(?P<name>\w+)"\s*:\s*(?P<value>"(?:[^"\\]|\\.)*")', re.S)
_ID_LIMIT: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class HookInput:
    """The members of a hook's input that are used.

    Attributes:
        session_id: the agent's own name of its session.
        transcript_path: where the agent keeps what was said, empty where it does not tell.
        model: empty where it does not tell.
        source: why a session starts: `startup`, `resume`, `clear`, `compact` or empty.
    """

    session_id: str
    transcript_path: str = ""
    model: str = ""
    source: str = ""


def decode_input(data: bytes) -> HookInput:
    """Decode an input.

    Raises:
        FormatError: it names no session.
    """
    text = data.decode(errors="replace")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = _members(text)
    if not isinstance(fields, dict):
        raise FormatError("the input of a hook is not a JSON object")
    found = {name: _text(fields.get(name)) for name in _WANTED}
    conversation = found.pop("conversation_id")
    name = found["session_id"] = found["session_id"] or conversation
    if not name or len(name) > _ID_LIMIT or not name.isprintable():
        raise FormatError("the input of a hook names no session", field="session_id")
    return HookInput(**found)


def _members(text: str) -> dict[str, Any]:
    """Return the first member of each name that is wanted, in what may be a piece of JSON."""
    found: dict[str, Any] = {}
    for m in _MEMBER.finditer(text):
        if m["name"] in _WANTED and m["name"] not in found:
            try:
                found[m["name"]] = json.loads(m["value"])
            except ValueError:
                continue
    return found


def _text(value: object) -> str:
    """Return a text without half characters, which no file can hold."""
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""
