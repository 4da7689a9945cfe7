"""Read a transcript of Claude Code: JSON lines, documented only in part.

    {"type": "user", "sessionId": ..., "timestamp": ..., "message": {"content": "..."}}
    {"type": "assistant", "message": {"id", "model", "usage", "content": [{"type": "tool_use"}]}}
    {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id"}]},
     "toolUseResult": {"stdout", "gitOperation": {"commit": {"sha"}}}}
    {"type": "progress", "data": {"type": "agent_progress", "message": {"type": "assistant", ...}}}

1. Lines of another session are skipped. A fork repeats its parent's lines under its own name, with
   their old times and `uuid`s: a line is skipped if its `uuid` was read before, or if it is older
   than the first line of its file, because the parent's transcript may be gone.
2. One answer may be on several lines; each has the usage up to that line.
3. Lines of sub-agents are in files of their own, in `progress` records (2.0 and 2.1), or marked
   `isSidechain` (1.0). They count for tokens, commands and edits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from codec.agents.claude_edits import EDIT_TOOLS, edit_of, edit_of_call
from codec.agents.json_values import count_of, list_of, object_of, text_of, time_of
from codec.agents.pending_prompt import PendingPrompt
from codec.agents.transcript_events import (
    Answer,
    Command,
    Compaction,
    Event,
    Helper,
    Line,
    Place,
    Unknown,
    Usage,
    output_head,
)

_USAGE: Final = (
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
)  # fmt: skip
_NOT_ASKED: Final = ("isMeta", "isSidechain", "isCompactSummary")
#: Lines of one moment are not in the order of their milliseconds.
_JITTER: Final = 1000
#: The user's words in the result of a tool call that the user did not allow.
_REFUSED: Final = re.compile(
    r"user doesn.t want to .*?the user said:\n(?P<words>.+?)(?:\n\nNote: The user|\Z)", re.S
)
_EXIT: Final = re.compile(r"(?:Error: )?Exit code (?P<code>\d{1,3})\b")
#: Records of known types without any information that is used.
_OTHER_RECORDS: Final = frozenset((
    "agent-color", "agent-name", "agent-setting", "ai-title", "api-request", "api-request-blob",
    "api-request-shape", "atis-latch", "attribution-snapshot", "content-replacement", "cost-state",
    "custom-title", "file-history-delta", "file-history-snapshot", "last-prompt", "mode",
    "permission-mode", "pr-link", "queue-operation", "speculation-accept", "summary", "tag",
    "task-summary", "tools-used", "worktree-state",
))  # fmt: skip
_PROGRESS: Final = frozenset((
    "bash_progress", "hook_progress", "mcp_progress", "powershell_progress", "query_update",
    "search_results_received", "skill_progress", "waiting_for_task",
))  # fmt: skip
_PIECES: Final = frozenset((
    "connector_text", "document", "image", "redacted_thinking", "server_tool_use", "text",
    "thinking", "tool_reference", "tool_result", "tool_use", "web_search_tool_result",
))  # fmt: skip


class _Reading:
    """The state of the reader between two lines."""

    def __init__(self, session_id: str, seen: set[str]) -> None:
        self.session_id = session_id
        self.seen = seen
        self.began = 0
        self.running: dict[str, Command] = {}
        self.editing: dict[str, dict[str, Any]] = {}
        self.place = Place(0, "")
        self.folder_and_branch: tuple[object, object] = ("", "")
        self.prompt = PendingPrompt()


def read_claude(
    entries: Iterable[dict[str, Any]], session_id: str, seen: set[str] | None = None
) -> Iterator[Event]:
    """Yield the events of a transcript.

    Args:
        entries: the lines, as JSON has them.
        session_id: lines that name another session are skipped.
        seen: `uuid`s of lines that were read before; those of this transcript are added.
    """
    reading = _Reading(session_id, set() if seen is None else seen)
    for entry in entries:
        if entry.get("sessionId", session_id) == session_id:
            yield from _record(reading, entry)
    yield from reading.prompt.end()
    yield from reading.running.values()


def _record(
    reading: _Reading, entry: dict[str, Any], *, of_helper: bool = False
) -> Iterator[Event]:
    name = entry.get("uuid")
    if isinstance(name, str):
        if name in reading.seen:
            return
        reading.seen.add(name)
    time = time_of(entry.get("timestamp"))
    if time and not of_helper:
        reading.began = reading.began or time
        if time < reading.began - _JITTER:
            return
        yield Line(time)
        if (entry.get("cwd"), entry.get("gitBranch")) != reading.folder_and_branch:
            yield from _moved(reading, entry, time)
    yield from _RECORDS.get(text_of(entry.get("type")), _other)(reading, entry, time, of_helper)


def _moved(reading: _Reading, entry: dict[str, Any], time: int) -> Iterator[Event]:
    """Yield a `Place` if the folder or the branch changed."""
    folder, branch = entry.get("cwd"), entry.get("gitBranch")
    if text_of(folder):
        reading.folder_and_branch = (folder, branch)
        reading.place = Place(time, text_of(folder), text_of(branch))
        yield reading.place


def _user(reading: _Reading, entry: dict[str, Any], time: int, of_helper: bool) -> Iterator[Event]:
    """Yield the results of tools, or a prompt."""
    message = object_of(entry.get("message"))
    yield from _results(reading, entry, message, time, of_helper)
    if not of_helper and not any(entry.get(name) for name in _NOT_ASKED):
        yield from reading.prompt.take(_text(message.get("content")), time)


def _attachment(reading: _Reading, entry: dict[str, Any], time: int, _: bool) -> Iterator[Event]:
    """Yield a prompt that waited for the end of a turn."""
    attachment = object_of(entry.get("attachment"))
    if attachment.get("type") == "queued_command":
        yield from reading.prompt.take(_text(attachment.get("prompt")), time)


def _system(reading: _Reading, entry: dict[str, Any], time: int, _: bool) -> Iterator[Event]:
    if entry.get("subtype") == "compact_boundary":
        yield Compaction(time)


def _other(reading: _Reading, entry: dict[str, Any], time: int, _: bool) -> Iterator[Event]:
    kind = text_of(entry.get("type"))
    if kind not in _OTHER_RECORDS:
        yield Unknown(kind or "without a type")


def _progress(reading: _Reading, entry: dict[str, Any], time: int, _: bool) -> Iterator[Event]:
    data = object_of(entry.get("data"))
    kind = text_of(data.get("type"))
    if kind == "agent_progress":
        if name := text_of(data.get("agentId")):
            yield Helper(0, name)
        yield from _record(reading, object_of(data.get("message")), of_helper=True)
    elif kind not in _PROGRESS:
        yield Unknown(f"progress {kind}")


def _answer(reading: _Reading, entry: dict[str, Any], time: int, _: bool) -> Iterator[Event]:
    message = object_of(entry.get("message"))
    model = text_of(message.get("model"))
    usage = object_of(message.get("usage"))
    counts = [count_of(usage.get(name)) for name in _USAGE]
    name = text_of(message.get("id"))
    yield Answer(
        time=time,
        id=f"{name} {text_of(entry.get('requestId'))}".strip() if name else "",
        model="" if model.startswith("<") else model,  # <synthetic>: not a model
        usage=Usage(*(c or 0 for c in counts)) if any(c is not None for c in counts) else None,
    )
    for piece in map(object_of, list_of(message.get("content"))):
        kind = text_of(piece.get("type"))
        if kind == "tool_use":
            call, tool = object_of(piece.get("input")), text_of(piece.get("name"))
            if tool in EDIT_TOOLS:
                reading.editing[text_of(piece.get("id"))] = call
            elif command := text_of(call.get("command")):
                reading.running[text_of(piece.get("id"))] = Command(time, 0, command)
        elif kind not in _PIECES:
            yield Unknown(f"content {kind}")


def _results(
    reading: _Reading, entry: dict[str, Any], message: dict[str, Any], time: int, of_helper: bool
) -> Iterator[Event]:
    """Yield the commands, edits, sub-agents and words of the user in the results of tools."""
    result = object_of(entry.get("toolUseResult"))
    folder = text_of(entry.get("cwd")) or reading.place.folder
    edit = edit_of(result, time, folder) if result else None
    for piece in map(object_of, list_of(message.get("content"))):
        name = text_of(piece.get("tool_use_id"))
        command, call = reading.running.pop(name, None), reading.editing.pop(name, None)
        if command is not None:
            yield _finished(command, piece, result, time)
        refused = _REFUSED.search(_text(piece.get("content"))) if piece.get("is_error") else None
        if refused and not of_helper:
            yield from reading.prompt.take(refused["words"], time)
        if call is not None and edit is None and not piece.get("is_error"):
            edit = edit_of_call(call, _text(piece.get("content")), time, folder)
    if edit is not None:
        yield edit
    if name := text_of(result.get("agentId")):
        yield Helper(time, name)


def _finished(
    command: Command, piece: dict[str, Any], result: dict[str, Any], time: int
) -> Command:
    output = text_of(result.get("stdout")) or _text(piece.get("content"))
    commit = object_of(object_of(result.get("gitOperation")).get("commit"))
    sha = text_of(commit.get("sha"))
    return command._replace(
        ended=max(time, command.began),
        output=output_head(output),
        commits=(sha,) if sha else (),
        exit_code=_exit_code(piece, result, output),
    )


def _exit_code(piece: dict[str, Any], result: dict[str, Any], output: str) -> int | None:
    """Return the exit code of a command; results describe failures in words and omit successes."""
    if piece.get("is_error"):
        found = _EXIT.match(output)
        return int(found["code"]) if found else None
    unclear = ("interrupted", "backgroundTaskId", "returnCodeInterpretation")
    return 0 if "stdout" in result and not any(result.get(name) for name in unclear) else None


def _text(content: object) -> str:
    pieces = content if isinstance(content, list) else [{"text": content}]
    return "\n".join(filter(None, (text_of(object_of(p).get("text")) for p in pieces)))


_RECORDS: Final[Mapping[str, Callable[[_Reading, dict[str, Any], int, bool], Iterator[Event]]]] = {
    "assistant": _answer,
    "attachment": _attachment,
    "progress": _progress,
    "system": _system,
    "user": _user,
}
