"""The edits in the results of Claude Code's tools: Write, Edit, MultiEdit and NotebookEdit.

    {"filePath", "originalFile", "oldString", "newString", "replaceAll", "structuredPatch"}
    {"filePath", "originalFile", "content", "structuredPatch", "type": "create" | "update"}
    {"filePath", "originalFileContents", "edits": [{"old_string", ...}], "structuredPatch"}
    {"notebook_path", "original_file", "updated_file"}

1. `structuredPatch` is made for display: tabs became spaces. It is used only to check states, which
   are computed from the original file and the replaced strings.
2. Newer versions omit `originalFile` for long files. The state before is then unknown here.
3. Files of sub-agents have no such results (2.1.332); their tool calls are read instead.
4. Claude Code removes the line end after a text that is replaced by an empty one.
"""

from __future__ import annotations

from typing import Any, Final

from codec.agents.edit_events import ABSENT, LINE_LIMIT, Edit, Hunk, Replacement, State
from codec.agents.json_values import bytes_of, count_of, list_of, object_of, text_of

_ORIGINALS: Final = ("originalFile", "originalFileContents", "original_file")
#: Tools that change files.
EDIT_TOOLS: Final = frozenset(("Edit", "MultiEdit", "NotebookEdit", "Write"))
#: The text by which the answer to a call reports a new file.
_CREATED: Final = "File created"


def edit_of(result: dict[str, Any], time: int, folder: str) -> Edit | None:
    """Return the edit in the result of a tool call; None if it is not an edit.

    Args:
        result: the `toolUseResult` of the line.
        time: the time of the line.
        folder: the current folder of the session.
    """
    path = text_of(result.get("filePath") or result.get("notebook_path"))
    steps = _steps(result)
    content = result.get("content") if "structuredPatch" in result else result.get("updated_file")
    after = State(bytes_of(content)) if isinstance(content, str) else None
    if not path or not (steps or after or "new_source" in result):
        return None
    return Edit(
        time=time,
        path=path,
        folder=folder,
        before=_before(result, steps),
        after=after,
        steps=steps,
        shown=tuple(_hunk(object_of(hunk)) for hunk in list_of(result.get("structuredPatch"))),
    )


def edit_of_call(call: dict[str, Any], answer: str, time: int, folder: str) -> Edit | None:
    """Return the edit in a tool call that has no result; None if it is not an edit.

    Args:
        call: the input of the tool.
        answer: the answer of the tool.
        time: the time of the call.
        folder: the current folder of the session.
    """
    path = text_of(call.get("file_path") or call.get("notebook_path"))
    content = call.get("content")
    if not path:
        return None
    return Edit(
        time=time,
        path=path,
        folder=folder,
        before=ABSENT if answer.startswith(_CREATED) else None,
        after=State(bytes_of(content)) if isinstance(content, str) else None,
        steps=_steps(call),
    )


def _before(result: dict[str, Any], steps: tuple[Replacement, ...]) -> State | None:
    original = next((result[name] for name in _ORIGINALS if name in result), None)
    if isinstance(original, str):
        creates = not original and steps and not steps[0].old
        return ABSENT if creates else State(bytes_of(original))
    return ABSENT if result.get("type") == "create" else None


def _steps(fields: dict[str, Any]) -> tuple[Replacement, ...]:
    if isinstance(fields.get("oldString"), str):
        found = [(fields["oldString"], fields.get("newString"), fields.get("replaceAll"))]
    else:
        edits = map(object_of, list_of(fields.get("edits")) or [fields])
        found = [(e.get("old_string"), e.get("new_string"), e.get("replace_all")) for e in edits]
    return tuple(
        Replacement(bytes_of(old), bytes_of(new), every is True, with_line_end=True)
        for old, new, every in found
        if isinstance(old, str) and isinstance(new, str)
    )


def _hunk(hunk: dict[str, Any]) -> Hunk:
    lines = [bytes_of(line) for line in list_of(hunk.get("lines")) if isinstance(line, str)]
    return Hunk(
        start=min(count_of(hunk.get("oldStart")) or 0, LINE_LIMIT),
        old=tuple(line[1:] for line in lines if line[:1] in {b" ", b"-"}),
        new=tuple(line[1:] for line in lines if line[:1] in {b" ", b"+"}),
    )
