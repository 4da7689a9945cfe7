"""Read a transcript ("rollout") of Codex: JSON lines, not documented.

    {"type": "session_meta", "timestamp": ..., "payload": {"id", "cwd", "git", "forked_from_id"}}
    {"type": "turn_context", "payload": {"model": ...}}
    {"type": "response_item", "payload": {"type": "function_call", "call_id", "arguments"}}
    {"type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "UserMessage"}}}
    {"type": "event_msg", "payload": {"type": "token_count", "info": {"total_token_usage"}}}
    {"type": "token_usage_record", "payload": {"thread_id", "response_id", "usage"}}

1. A fork or a sub-agent may begin with lines of its parent: the first `session_meta` names the
   rollout, and lines after a `session_meta` of another session are skipped until a turn of the
   rollout begins. Versions without `thread_id` write these lines at once: a pause ends them.
2. Prompts are in `item_completed` (0.171), `user_message` (older) or only in `response_item` (the
   oldest); once a rollout has used a newer form, older forms are ignored. The same holds for usage:
   records of single answers, else the increases of the running total, which a fork continues.
3. An edit is read from the change that Codex recorded (`codex_edits`), else from the patch of the
   tool call, if the call succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from codec.agents.codex_calls import Call, call_of, exit_code_of, output_of
from codec.agents.codex_edits import noted_edits, patch_edits
from codec.agents.json_values import count_of, list_of, object_of, text_of, time_of
from codec.agents.prompts import words_of
from codec.agents.transcript_events import (
    Answer,
    Command,
    Compaction,
    Event,
    Line,
    Place,
    Prompt,
    Unknown,
    Usage,
    output_head,
)

#: A replay of the parent's lines has no pause of this many milliseconds.
_REPLAY_PAUSE: Final = 1000
_CALLS: Final = ("function_call", "custom_tool_call", "local_shell_call")
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")
_OTHER_RECORDS: Final = frozenset(("inter_agent_communication_metadata", "state", "world_state"))
_OTHER_EVENTS: Final = frozenset((
    "agent_message", "agent_reasoning", "agent_reasoning_raw_content", "background_event",
    "context_compacted", "entered_review_mode", "error", "exec_command_begin",
    "exited_review_mode", "item_started", "mcp_tool_call_begin", "mcp_tool_call_end",
    "model_reroute", "plan_update", "stream_error", "task_complete", "task_started",
    "thread_name_updated", "thread_rolled_back", "thread_settings_applied", "turn_aborted",
    "turn_diff", "view_image_tool_call", "warning", "web_search_begin", "web_search_end",
))  # fmt: skip
_OTHER_ITEMS: Final = frozenset((
    "AgentMessage", "ContextCompaction", "EnteredReviewMode", "ExitedReviewMode", "HookPrompt",
    "ImageGeneration", "ImageView", "McpToolCall", "Plan", "Reasoning", "SubAgentActivity",
    "WebSearch",
))  # fmt: skip
_OTHER_RESPONSES: Final = frozenset((
    "agent_message", "compaction", "ghost_snapshot", "image_generation_call", "other", "reasoning",
    "tool_search_call", "tool_search_output", "web_search_call",
))  # fmt: skip


class _Reading:
    """The state of the reader between two lines."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.foreign = False
        self.before = 0
        self.model = ""
        self.place = Place(0, "")
        self.items: list[Prompt] = []
        self.messages: list[Prompt] = []
        self.responses: list[Prompt] = []
        self.records: list[Answer] = []
        self.totals: list[Answer] = []
        self.total = Usage()
        self.commands: dict[str, Command] = {}
        self.calls: dict[str, Call] = {}
        self.patches: dict[str, dict[str, Any]] = {}
        self.edited: set[str] = set()


def parent_of_rollout(entry: dict[str, Any]) -> str:
    """Return the parent session of a sub-agent, from the first line of its rollout; else empty."""
    return text_of(object_of(entry.get("payload")).get("parent_thread_id"))


def read_codex(
    entries: Iterable[dict[str, Any]], session_id: str, seen: set[str] | None = None
) -> Iterator[Event]:
    """Yield the events of a rollout.

    Args:
        entries: the lines, as JSON has them.
        session_id: the id of the rollout's session.
        seen: not used, because lines of a rollout have no ids.
    """
    del seen
    reading = _Reading(session_id)
    for entry in entries:
        yield from _record(reading, entry)
    yield from reading.items or reading.messages or reading.responses
    yield from reading.records or reading.totals
    yield from reading.commands.values()


def _record(reading: _Reading, entry: dict[str, Any]) -> Iterator[Event]:
    kind = text_of(entry.get("type"))
    payload = object_of(entry.get("payload")) or entry  # the oldest lines have no payload
    time = time_of(entry.get("timestamp"))
    if kind == "session_meta":
        reading.foreign = payload.get("id", reading.session_id) != reading.session_id
    elif reading.foreign and _is_own(reading, payload, time):
        reading.foreign = False
    reading.before = time or reading.before
    if not reading.foreign:
        if time:
            yield Line(time)
        yield from _own_record(reading, entry, payload, time)


def _own_record(
    reading: _Reading, entry: dict[str, Any], payload: dict[str, Any], time: int
) -> Iterator[Event]:
    kind = text_of(entry.get("type"))
    if kind in {"session_meta", "turn_context"}:
        reading.model = text_of(payload.get("model")) or reading.model
        yield from _moved(reading, payload, time)
    elif kind == "token_usage_record":
        if payload.get("thread_id", reading.session_id) == reading.session_id:
            name = text_of(payload.get("response_id"))
            usage = _usage(object_of(payload.get("usage")))
            reading.records.append(Answer(time, name, reading.model, usage))
    elif kind == "event_msg":
        yield from _event(reading, payload, time)
    elif kind in {"response_item", "message", "reasoning", *_CALLS, *_OUTPUTS}:
        yield from _response(reading, payload, time)
    elif kind == "compacted":
        yield Compaction(time)
    elif kind not in _OTHER_RECORDS and not _is_head(entry):
        yield Unknown(kind or "without a type")


def _is_own(reading: _Reading, payload: dict[str, Any], time: int) -> bool:
    """Return True if a line is the first that is not copied from the parent's rollout."""
    if "thread_id" in payload:
        return bool(payload["thread_id"] == reading.session_id)
    return 0 < reading.before < time - _REPLAY_PAUSE


def _is_head(entry: dict[str, Any]) -> bool:
    """Return True for the head lines of the oldest rollouts, and their state between turns."""
    return "type" not in entry and ("id" in entry or "record_type" in entry)


def _moved(reading: _Reading, payload: dict[str, Any], time: int) -> Iterator[Event]:
    """Yield a `Place` if the folder changed."""
    folder, git = text_of(payload.get("cwd")), object_of(payload.get("git"))
    if folder and (git or folder != reading.place.folder):
        reading.place = Place(
            time=time,
            folder=folder,
            branch=text_of(git.get("branch")),
            commit=text_of(git.get("commit_hash")),
            remote=text_of(git.get("repository_url")),
        )
        yield reading.place


def _event(reading: _Reading, payload: dict[str, Any], time: int) -> Iterator[Event]:
    kind, name = text_of(payload.get("type")), text_of(payload.get("call_id"))
    if kind == "item_completed":
        yield from _item(reading, payload, object_of(payload.get("item")), time)
    elif kind == "user_message":
        _ask(reading.messages, text_of(payload.get("message")), time)
    elif kind == "token_count":
        _count(reading, object_of(payload.get("info")), time)
    elif kind == "patch_apply_begin":
        reading.patches[name] = object_of(payload.get("changes"))
    elif kind == "patch_apply_end":
        changes = object_of(payload.get("changes")) or reading.patches.pop(name, {})
        if changes and payload.get("success") is True:
            yield from _noted(reading, name, changes, time)
    elif kind == "exec_command_end":
        _executed(reading, name, payload, time)
    elif kind not in _OTHER_EVENTS:
        yield Unknown(f"event {kind}")


def _item(
    reading: _Reading, payload: dict[str, Any], item: dict[str, Any], time: int
) -> Iterator[Event]:
    kind, name = text_of(item.get("type")), text_of(item.get("id"))
    if kind == "UserMessage":
        _ask(reading.items, _text(item.get("content")), time)
    elif kind == "CommandExecution":
        began = count_of(payload.get("started_at_ms")) or time
        reading.commands.setdefault(name, Command(began, 0, ""))
        _executed(reading, name, item, count_of(payload.get("completed_at_ms")) or time)
    elif kind == "FileChange":
        if item.get("status") == "completed":
            yield from _noted(reading, name, object_of(item.get("changes")), time)
        reading.edited.add(name)
    elif kind not in _OTHER_ITEMS:
        yield Unknown(f"item {kind}")


def _noted(reading: _Reading, name: str, changes: dict[str, Any], time: int) -> Iterator[Event]:
    reading.edited.add(name)
    yield from noted_edits(changes, time, reading.place.folder)


def _executed(reading: _Reading, name: str, said: dict[str, Any], ended: int) -> None:
    """Read the record of a command that ended."""
    words = [text_of(word) for word in list_of(said.get("command"))]
    known = reading.commands.get(name) or Command(ended, 0, "")
    output = text_of(said.get("aggregated_output"))
    code = said.get("exit_code")
    reading.commands[name] = known._replace(
        ended=max(ended, known.began),
        text=known.text or " ".join(words),
        output=output_head(output) or known.output,
        exit_code=code if isinstance(code, int) else known.exit_code,
    )


def _response(reading: _Reading, payload: dict[str, Any], time: int) -> Iterator[Event]:
    kind, name = text_of(payload.get("type")), text_of(payload.get("call_id"))
    if (kind or "message") == "message":
        if payload.get("role") == "user":
            for piece in list_of(payload.get("content")):
                _ask(reading.responses, text_of(object_of(piece).get("text")), time)
    elif kind in _CALLS:
        reading.calls[name] = call = call_of(payload)
        if not call.patch:
            reading.commands.setdefault(name, Command(time, 0, call.command))
    elif kind in _OUTPUTS:
        call = reading.calls.pop(name, Call())
        output = output_of(payload)
        code = exit_code_of(payload, output)
        if call.patch and name not in reading.edited and code in {0, None}:
            folder = call.folder or reading.place.folder
            yield from patch_edits(call.patch, time, folder)
        if name in reading.commands:
            known = reading.commands[name]
            reading.commands[name] = known._replace(
                ended=max(time, known.ended),
                output=known.output or output_head(output),
                exit_code=code if known.exit_code is None else known.exit_code,
            )
    elif kind not in _OTHER_RESPONSES:
        yield Unknown(f"response {kind}")


def _text(content: object) -> str:
    return "\n".join(filter(None, (text_of(object_of(p).get("text")) for p in list_of(content))))


def _ask(prompts: list[Prompt], text: str, time: int) -> None:
    words, fallback = words_of(text)
    if words or fallback:
        prompts.append(Prompt(time, words, fallback))


def _usage(usage: dict[str, Any]) -> Usage | None:
    """Return a usage by class; Codex counts tokens from a cache as input as well."""
    read, written = count_of(usage.get("input_tokens")), count_of(usage.get("output_tokens"))
    if read is None or written is None:
        return None
    cached = count_of(usage.get("cached_input_tokens")) or 0
    stored = count_of(usage.get("cache_write_input_tokens")) or 0
    return Usage(max(read - cached - stored, 0), written, stored, cached)


def _count(reading: _Reading, info: dict[str, Any], time: int) -> None:
    """Read the increase of the running total, which is often repeated."""
    total = _usage(object_of(info.get("total_token_usage")))
    if total is None or total == reading.total:
        return
    before = reading.total
    last = _usage(object_of(info.get("last_token_usage")))
    grew = all(new >= old for new, old in zip(total, before, strict=True))
    if last is None or (any(before) and grew):
        last = Usage(*(max(n - o, 0) for n, o in zip(total, before, strict=True)))
    reading.total = total
    reading.totals.append(Answer(time, "", reading.model, last))
