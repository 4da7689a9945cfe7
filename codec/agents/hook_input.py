"""The input of a hook from an agent: one JSON object on stdin.

The fields are those that Claude Code, Codex and Gemini CLI share, by the names of their
documentation (code.claude.com/docs/en/hooks, developers.openai.com/codex/hooks,
geminicli.com/docs/hooks). Cursor calls a session a conversation. From an input that is broken or
was too long to keep whole, the members in its beginning and its end are still read.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
import json
import re
from typing import Any, Final, NamedTuple

from codec.errors import FormatError

_WANTED: Final = ("session_id", "conversation_id", "transcript_path", "model", "source")
#: A member as JSON writes it; quotes inside a text are escaped, so no text can look like a member.
_MEMBER = re.compile(r'(?<!\\)"(?P<name>\w+)"\s*:\s*(?P<value>"(?:[^"\\]|\\.)*")', re.S)
_ID_LIMIT: Final = 200


class HookInput(NamedTuple):
    """The members of a hook's input that are used.

    Attributes:
        session_id: the agent's own id of its session.
        transcript_path: the file in which the agent records the session; empty if not stated.
        model: empty if not stated.
        source: why a session starts: `startup`, `resume`, `clear`, `compact` or empty.
    """

    session_id: str
    transcript_path: str = ""
    model: str = ""
    source: str = ""


def decode_input(data: bytes) -> HookInput:
    """Decode the input of a hook.

    Raises:
        FormatError: it does not name a session.
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
        raise FormatError("the input of a hook does not name a session", field="session_id")
    return HookInput(**found)


def _members(text: str) -> dict[str, Any]:
    """Return the first member of each wanted name in a JSON text, which may be truncated."""
    found: dict[str, Any] = {}
    for m in _MEMBER.finditer(text):
        if m["name"] in _WANTED and m["name"] not in found:
            try:
                found[m["name"]] = json.loads(m["value"])
            except ValueError:
                continue
    return found


def _text(value: object) -> str:
    """Return a text without lone surrogates, which no file can hold; empty for other values."""
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""
