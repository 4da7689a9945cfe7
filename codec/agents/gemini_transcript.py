"""Read a transcript of Gemini CLI: JSON lines (0.61), or one JSON document (before 0.40).

    {"sessionId", "projectHash", "startTime", "kind": "main" | "subagent"}
    {"id", "timestamp", "type": "user", "content": [{"text"}]}
    {"id", "timestamp", "type": "gemini", "model", "tokens": {"input", "cached", ...}, "toolCalls"}
    {"$set": {"messages": [...], "lastUpdated"}}
    {"$rewindTo": ID}

1. A message is written again, under its `id`, whenever it grows: its prompt and its time are those
   of the first line, its tokens count once, and each call counts when it has ended.
2. `$set` with `messages` replaces the conversation: it is written when a session begins, is resumed
   or is compressed. Its texts are not typed by a user; prompts have lines of their own.
3. An edit has the whole file before and after. `fileDiff` is for display, and is not read.
4. `input` includes tokens from a cache; `output` does not include thoughts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from codec.agents.edit_events import ABSENT, Edit, State
from codec.agents.json_values import bytes_of, count_of, list_of, object_of, text_of, time_of
from codec.agents.prompts import words_of
from codec.agents.transcript_events import (
    Answer,
    Command,
    Compaction,
    Event,
    Line,
    Prompt,
    Unknown,
    Usage,
    output_head,
)

#: A call with any other status is still running.
_ENDED: Final = frozenset(("success", "error", "cancelled"))
_TYPES: Final = frozenset(("user", "gemini", "info", "error", "warning"))
_SHELLS: Final = frozenset(("run_shell_command", "run_command"))
_SETTINGS: Final = frozenset((
    "directories", "kind", "lastUpdated", "memoryScratchpad", "messages", "projectHash",
    "sessionId", "startTime", "summary",
))  # fmt: skip
#: The answer of `write_file` if there was no file. Versions without `isNewFile` state it only in
#: this way: they record an empty content.
_CREATED: Final = "created and wrote to new file"
_SUMMARY: Final = "<state_snapshot>"
_EXIT: Final = re.compile(r"^Exit Code: (?P<code>\S+)$", re.M)
#: The text in the answer of a shell whose command did not end by itself.
_UNCLEAR: Final = re.compile(r"^(?:Signal|Error|Background PIDs): (?!\(none\))", re.M)
_SLASH: Final = re.compile(r"[/?]\S*")
_OUTPUT: Final = re.compile(r"\A(?:.*\n)*?Output: ")


class _Reading:
    """The state of the reader between two lines."""

    def __init__(self, seen: set[str]) -> None:
        self.seen = seen
        self.own: dict[str, Usage | None] = {}
        self.calls: set[str] = set()


def read_gemini(
    entries: Iterable[dict[str, Any]], session_id: str, seen: set[str] | None = None
) -> Iterator[Event]:
    """Yield the events of a transcript.

    Args:
        entries: the lines as JSON objects.
        session_id: not used, because a file has one session.
        seen: ids of messages that were read before; those of this transcript are added.
    """
    del session_id
    reading = _Reading(set() if seen is None else seen)
    for entry in entries:
        yield from _record(reading, entry)


def _record(reading: _Reading, entry: dict[str, Any]) -> Iterator[Event]:
    changed = object_of(entry.get("$set"))
    if changed:
        yield from (Unknown(f"$set {name}") for name in changed if name not in _SETTINGS)
        for message in map(object_of, list_of(changed.get("messages"))):
            yield from _message(reading, message, is_typed=False)
    elif "projectHash" in entry:
        for message in map(object_of, list_of(entry.get("messages"))):
            yield from _message(reading, message, is_typed=True)
    elif "id" in entry:
        yield from _message(reading, entry, is_typed=True)
    elif "$rewindTo" not in entry:
        yield Unknown(next(iter(entry), "without a field"))


def _message(reading: _Reading, message: dict[str, Any], *, is_typed: bool) -> Iterator[Event]:
    name, kind = text_of(message.get("id")), text_of(message.get("type"))
    time = time_of(message.get("timestamp"))
    if name not in reading.own:
        if name in reading.seen:
            return
        reading.own[name] = None
        reading.seen.add(name)
        if time:
            yield Line(time)
        if kind == "user":
            yield from _asked(message, time, is_typed=is_typed)
        elif kind not in _TYPES:
            yield Unknown(f"message {kind}")
    if kind == "gemini":
        yield from _answered(reading, message, name, time)
        for call in map(object_of, list_of(message.get("toolCalls"))):
            yield from _called(reading, call, time)


def _asked(message: dict[str, Any], time: int, *, is_typed: bool) -> Iterator[Event]:
    text = _text(message.get("displayContent")) or _text(message.get("content"))
    if not is_typed:
        if _SUMMARY in text:
            yield Compaction(time)
        return
    words, fallback = ("", text) if _SLASH.fullmatch(text) else words_of(text)
    if words or fallback:
        yield Prompt(time, words, fallback)


def _answered(reading: _Reading, message: dict[str, Any], name: str, time: int) -> Iterator[Event]:
    usage = _usage(object_of(message.get("tokens")))
    if usage is not None and usage != reading.own[name]:
        reading.own[name] = usage
        yield Answer(time, name, text_of(message.get("model")), usage)


def _usage(tokens: dict[str, Any]) -> Usage | None:
    read, written = count_of(tokens.get("input")), count_of(tokens.get("output"))
    if read is None or written is None:
        return None
    cached, thoughts, of_tools = (
        count_of(tokens.get(name)) or 0 for name in ("cached", "thoughts", "tool")
    )
    return Usage(max(read - cached, 0) + of_tools, written + thoughts, 0, cached)


def _called(reading: _Reading, call: dict[str, Any], asked: int) -> Iterator[Event]:
    """Yield the events of a tool call that has ended."""
    name, status = text_of(call.get("id")), text_of(call.get("status"))
    if name in reading.calls or status not in _ENDED:
        return
    reading.calls.add(name)
    time = time_of(call.get("timestamp")) or asked
    given, shown = object_of(call.get("args")), call.get("resultDisplay")
    command = text_of(given.get("command"))
    if command and call.get("name") in _SHELLS:
        yield _command(call, command, asked, time)
    elif status == "success" and isinstance(object_of(shown).get("newContent"), str):
        yield _edit(object_of(shown), given, _answer(call), time)


def _edit(shown: dict[str, Any], given: dict[str, Any], answer: str, time: int) -> Edit:
    before = shown.get("originalContent")
    is_new = shown.get("isNewFile") is True or (not before and _CREATED in answer)
    return Edit(
        time=time,
        path=text_of(shown.get("filePath")) or text_of(given.get("file_path")),
        before=ABSENT if is_new or not isinstance(before, str) else State(bytes_of(before)),
        after=State(bytes_of(shown["newContent"])),
    )


def _command(call: dict[str, Any], command: str, began: int, ended: int) -> Command:
    answer, shown = _answer(call), call.get("resultDisplay")
    code = _EXIT.search(answer)
    ended_well = call.get("status") == "success" and answer and not _UNCLEAR.search(answer)
    exit_code = 0 if ended_well and code is None else None
    if code is not None and code["code"].isdecimal() and len(code["code"]) <= 3:
        exit_code = int(code["code"])
    return Command(
        began=min(began or ended, ended),
        ended=ended,
        text=command,
        output=output_head(shown if isinstance(shown, str) else _OUTPUT.sub("", answer, 1)),
        exit_code=exit_code,
    )


def _answer(call: dict[str, Any]) -> str:
    """Return the answer of a tool to the model."""
    pieces = map(object_of, list_of(call.get("result")))
    answers = (object_of(object_of(p.get("functionResponse")).get("response")) for p in pieces)
    return "\n".join(filter(None, (text_of(a.get("output")) for a in answers)))


def _text(content: object) -> str:
    pieces = content if isinstance(content, list) else [content]
    texts = (text_of(p) or text_of(object_of(p).get("text")) for p in pieces)
    return "\n".join(filter(None, texts))
