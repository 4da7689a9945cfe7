"""Read `history.jsonl` of Claude Code: the prompts of all sessions. It is never deleted.

    {"display": "...", "pastedContents": {"1": {"id": 1, "type": "text", "content": "..."}},
     "timestamp": 1767600000000, "project": "/home/ada/src/shop", "sessionId": "..."}
    {"display": "[Pasted text #1 +12 lines]", "pastedContents": {"1": {"contentHash": "0f3a..."}}}

1. It has the prompts of the user only: no answers, edits or tokens.
2. Older versions wrote no `sessionId`. The session of such a line is unknown.
3. A pasted text of 1,024 characters or more is in a file of its own, named by 16 hexadecimal digits
   of its SHA-256: `paste-cache/0f3a....txt`. Claude Code may have deleted the file; then the task
   has the placeholder.
4. A slash command without arguments may be one that no model sees (`/exit`), and a line that begins
   with `!` is a command of the shell. Neither is a task.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from codec.agents.json_values import milliseconds_of, object_of, text_of
from codec.agents.prompts import words_of
from codec.agents.transcript_events import Prompt

_PASTED: Final = re.compile(
    r"\[(?:Pasted text|\.\.\.Truncated text) #(?P<number>\d{1,9})[^\]\n]*\]"
)
_HASH: Final = re.compile(r"[0-9a-f]{16,64}")
_COMMAND: Final = re.compile(r"/\S*")


class Typed(NamedTuple):
    """A prompt of the history.

    Attributes:
        session_id: the session's id; empty if the line has none.
        folder: where the session ran; empty if unknown.
        prompt: the prompt; its text is empty if it is not a task.
    """

    session_id: str
    folder: str
    prompt: Prompt


def is_history(entry: dict[str, Any]) -> bool:
    """Return True if a line belongs to the history, not to a transcript."""
    return "display" in entry and "project" in entry and "type" not in entry


def typed_of(entry: dict[str, Any], stored: Callable[[str], str]) -> Typed:
    """Return the prompt on a line of the history.

    Args:
        entry: the line, as JSON has it.
        stored: returns a long pasted text by its hash; empty if it was deleted.
    """
    return Typed(
        session_id=text_of(entry.get("sessionId")),
        folder=text_of(entry.get("project")),
        prompt=Prompt(milliseconds_of(entry.get("timestamp")), _task(entry, stored)),
    )


def _task(entry: dict[str, Any], stored: Callable[[str], str]) -> str:
    text = text_of(entry.get("display"))
    if text.startswith("!") or _COMMAND.fullmatch(text):
        return ""
    pasted = object_of(entry.get("pastedContents"))

    def content(m: re.Match[str]) -> str:
        piece = object_of(pasted.get(m["number"]))
        name = text_of(piece.get("contentHash"))
        long = stored(name) if _HASH.fullmatch(name) else ""
        return text_of(piece.get("content")) or long or m[0]

    return words_of(_PASTED.sub(content, text))[0]
