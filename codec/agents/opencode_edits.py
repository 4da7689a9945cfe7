"""Read the edits of OpenCode: its tool calls, and the changes of a turn from its snapshots.

    {"tool": "write", "state": {"input": {"filePath", "content"}, "metadata": {"exists"}}}
    {"tool": "edit", "state": {"input": {"oldString", "newString", "replaceAll"},
     "metadata": {"diff", "filediff": {"before", "after"}}}}
    {"tool": "apply_patch", "state": {"input": {"patchText"}}}
    {"summary": {"diffs": [{"file", "status", "patch"}]}}

1. A summary has all lines of each file that a turn changed, from snapshots before and after: both
   states are exact, formatters included. Older versions have them as texts.
2. `edit` also replaces texts that are only similar, and a formatter may run after it. So the
   computed result is compared with the recorded diff, which omits the indentation that all lines
   share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from codec.agents.codex_edits import numbered_hunks, patch_edits
from codec.agents.edit_events import ABSENT, Edit, Hunk, Replacement, State
from codec.agents.json_values import bytes_of, list_of, object_of, text_of

#: Tools that change files.
EDIT_TOOLS: Final = frozenset(("apply_patch", "edit", "multiedit", "patch", "write"))
_HUNK: Final = "\n@@ "


def edits_of(tool: str, state: dict[str, Any], time: int, folder: str) -> Iterator[Edit]:
    """Yield the edits of a call that succeeded.

    Args:
        tool: one of `EDIT_TOOLS`.
        state: the state of the call.
        time: when it ended.
        folder: the folder of relative paths.
    """
    given, noted = object_of(state.get("input")), object_of(state.get("metadata"))
    if patch := text_of(given.get("patchText")):
        yield from patch_edits(patch, time, folder)
        return
    path = text_of(noted.get("filepath")) or text_of(given.get("filePath"))
    edit = Edit(time=time, path=path, folder=folder)
    content, old, new = (given.get(name) for name in ("content", "oldString", "newString"))
    states = states_of(object_of(noted.get("filediff")))
    if not path:
        return
    if tool == "write" and isinstance(content, str):
        before = ABSENT if noted.get("exists") is False else None
        yield edit._replace(before=before, after=State(bytes_of(content)))
    elif states is not None:
        yield edit._replace(before=states[0], after=states[1])
    elif tool == "edit" and isinstance(old, str) and isinstance(new, str):
        every = given.get("replaceAll") is True
        shown = hunks_of(noted.get("diff"))
        steps = (Replacement(bytes_of(old), bytes_of(new), every),) if shown else ()
        yield edit._replace(steps=steps, shown=shown, dedented=True)
    else:
        yield edit


def hunks_of(diff: object) -> tuple[Hunk, ...]:
    """Return the hunks of a unified diff with a heading."""
    text = f"\n{diff}" if isinstance(diff, str) else ""
    at = text.find(_HUNK)
    return tuple(numbered_hunks(bytes_of(text[at + 1 :]))) if at >= 0 else ()


def states_of(diff: dict[str, Any]) -> tuple[State, State] | None:
    """Return the states of a file before and after, from the diff of a summary; None if unknown."""
    status, before, after = (diff.get(name) for name in ("status", "before", "after"))
    if not (isinstance(before, str) and isinstance(after, str)):
        hunks = hunks_of(diff.get("patch"))
        if len(hunks) != 1 or hunks[0].start > 1:
            return None
        old, new = b"".join(hunks[0].old), b"".join(hunks[0].new)
    else:
        old, new = bytes_of(before), bytes_of(after)
    return (
        ABSENT if status == "added" else State(old),
        ABSENT if status == "deleted" else State(new),
    )


def turn_states(summary: dict[str, Any]) -> Iterator[tuple[str, tuple[State, State]]]:
    """Yield the files that a turn changed, with their states before and after."""
    for diff in map(object_of, list_of(summary.get("diffs"))):
        states = states_of(diff)
        if states is not None and (path := text_of(diff.get("file"))):
            yield path, states
