"""Read a session of OpenCode from its database, which it has since version 1.2.

    {"session": {"id", "directory", "time_created", "revert"}}
    {"info": {"id", "role": "user", "time", "summary"}, "parts": [{"type": "text", "text"}]}
    {"info": {"role": "assistant", "modelID", "tokens", "path"}, "parts": [{"type": "tool", ...}]}

1. A fork repeats messages of its parent under new ids, with their old times: a message that is
   older than its session is skipped.
2. Tokens are those of the steps of an answer; the answer itself has only those of its last step.
3. A turn is a prompt and its answers. The states that OpenCode recorded for a file that its tools
   edited (`opencode_edits`) are the edit, unless a sub-agent worked in the turn.
4. A change that the user undid (`revert`) is not an edit, but its tokens were spent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from codec.agents.edit_events import Edit
from codec.agents.file_states import absolute
from codec.agents.json_values import count_of, list_of, milliseconds_of, object_of, text_of
from codec.agents.opencode_edits import EDIT_TOOLS, edits_of, turn_states
from codec.agents.prompts import words_of
from codec.agents.transcript_events import (
    Answer,
    Command,
    Compaction,
    Event,
    Helper,
    Line,
    Place,
    Prompt,
    Unknown,
    Usage,
    output_head,
)

_OTHER_PARTS: Final = frozenset((
    "agent", "file", "patch", "reasoning", "retry", "snapshot", "step-start", "subtask", "text",
))  # fmt: skip


class _Turn:
    """A prompt, and the work of the agent until the next one."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.summary = object_of(info.get("summary"))
        self.root = ""
        self.edits: list[Edit] = []
        self.is_whole = True


class _Reading:
    """The state of the reader between two messages."""

    def __init__(self) -> None:
        self.since = 0
        self.folder = ""
        self.undone = ("", "")
        self.turn = _Turn({})


def read_opencode(
    entries: Iterable[dict[str, Any]], session_id: str, seen: set[str] | None = None
) -> Iterator[Event]:
    """Yield the events of a session.

    Args:
        entries: the session, then its messages, the oldest first.
        session_id: not used, because the entries are of one session.
        seen: not used, because repeated messages of a fork are recognized by their time.
    """
    del session_id, seen
    reading = _Reading()
    for entry in entries:
        if "session" in entry:
            yield from _begun(reading, object_of(entry["session"]))
        elif "unknown" in entry:
            yield Unknown(text_of(entry["unknown"]))
        else:
            yield from _message(reading, entry)
    yield from _turn_edits(reading.turn)


def _begun(reading: _Reading, session: dict[str, Any]) -> Iterator[Event]:
    reading.since = milliseconds_of(session.get("time_created"))
    reading.folder = text_of(session.get("directory"))
    try:
        undone = object_of(json.loads(text_of(session.get("revert")) or "{}"))
    except (ValueError, RecursionError):
        undone = {}
    reading.undone = (text_of(undone.get("messageID")), text_of(undone.get("partID")))
    if reading.folder:
        yield Place(reading.since, reading.folder)


def _message(reading: _Reading, entry: dict[str, Any]) -> Iterator[Event]:
    info = object_of(entry.get("info"))
    parts = [object_of(part) for part in list_of(entry.get("parts"))]
    times = object_of(info.get("time"))
    time = milliseconds_of(times.get("created"))
    if 0 < time < reading.since:
        return
    if time:
        yield Line(time)
    role = text_of(info.get("role"))
    if role == "user":
        yield from _turn_edits(reading.turn)
        reading.turn = _Turn(info)
        yield from _asked(parts, time)
    elif role == "assistant":
        ended = max(milliseconds_of(times.get("completed")), time)
        if ended:
            yield Line(ended)
        yield from _answered(reading, info, parts, ended)
    else:
        yield Unknown(f"message {role}")
    for part in parts:
        kind = text_of(part.get("type"))
        if kind == "tool" and role == "assistant":
            yield from _called(reading, info, part, time)
        elif kind == "compaction":
            yield Compaction(time)
        elif kind not in _OTHER_PARTS and kind not in {"tool", "step-finish"}:
            yield Unknown(f"part {kind}")


def _asked(parts: Iterable[dict[str, Any]], time: int) -> Iterator[Event]:
    typed = [p for p in parts if p.get("type") == "text"]
    own = [p for p in typed if not (p.get("synthetic") or p.get("ignored"))]
    text = "\n".join(filter(None, (text_of(p.get("text")) for p in own)))
    if len(text) > 1 and text[0] == text[-1] == '"':  # `opencode run` quotes its arguments
        text = text[1:-1].replace('\\"', '"')
    words, fallback = words_of(text)
    if words or fallback:
        yield Prompt(time, words, fallback)


def _answered(
    reading: _Reading, info: dict[str, Any], parts: Iterable[dict[str, Any]], time: int
) -> Iterator[Event]:
    reading.turn.root = text_of(object_of(info.get("path")).get("root")) or reading.turn.root
    model = text_of(info.get("modelID"))
    steps = [p for p in parts if p.get("type") == "step-finish"]
    for said in steps or [info]:
        usage = _usage(object_of(said.get("tokens")))
        yield Answer(time, text_of(said.get("id")), model, usage)


def _usage(tokens: dict[str, Any]) -> Usage | None:
    read, written = count_of(tokens.get("input")), count_of(tokens.get("output"))
    if read is None or written is None:
        return None
    cache = object_of(tokens.get("cache"))
    stored, cached = count_of(cache.get("write")) or 0, count_of(cache.get("read")) or 0
    return Usage(read, written + (count_of(tokens.get("reasoning")) or 0), stored, cached)


def _called(
    reading: _Reading, info: dict[str, Any], part: dict[str, Any], asked: int
) -> Iterator[Event]:
    """Yield the events of a tool call; edits wait for the end of their turn."""
    tool, state = text_of(part.get("tool")), object_of(part.get("state"))
    given, noted = object_of(state.get("input")), object_of(state.get("metadata"))
    times = object_of(state.get("time"))
    began = milliseconds_of(times.get("start")) or asked
    ended = milliseconds_of(times.get("end"))
    command = text_of(given.get("command"))
    if tool == "bash" and command:
        code = noted.get("exit")
        yield Command(
            began=began,
            ended=max(ended, began) if ended else 0,
            text=command,
            output=output_head(text_of(noted.get("output")) or text_of(state.get("output"))),
            exit_code=count_of(code),
        )
    elif tool == "task":
        reading.turn.is_whole = False
        if child := text_of(noted.get("sessionId")):
            yield Helper(began, child)
    elif tool in EDIT_TOOLS and state.get("status") == "completed":
        if _is_undone(reading, text_of(info.get("id")), text_of(part.get("id"))):
            reading.turn.is_whole = False
            return
        folder = text_of(object_of(info.get("path")).get("cwd")) or reading.folder
        reading.turn.edits += edits_of(tool, state, ended or began, folder)


def _is_undone(reading: _Reading, message: str, part: str) -> bool:
    """Return True if the user undid a part of a message. Ids are sorted by time."""
    first, inside = reading.undone
    if not first or message < first:
        return False
    return message > first or not inside or part >= inside


def _turn_edits(turn: _Turn) -> Iterator[Event]:
    """Yield the edits of a turn: the states of whole files, if OpenCode recorded them."""
    edited: dict[str, int] = {}
    for edit in turn.edits:
        for path in filter(None, (edit.path, edit.moved_to)):
            name = absolute(path, edit.folder)
            edited[name] = max(edited.get(name, 0), edit.time)
    whole = {
        name: states
        for path, states in (turn_states(turn.summary) if turn.is_whole else ())
        if (name := absolute(path, turn.root)) in edited
    }
    for edit in turn.edits:
        if absolute(edit.moved_to or edit.path, edit.folder) not in whole:
            yield edit
    for name, (before, after) in whole.items():
        yield Edit(time=edited[name], path=name, before=before, after=after)
