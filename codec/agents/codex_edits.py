"""Read the edits of Codex: recorded changes, and patches of its tool `apply_patch`.

    {"a.py": {"type": "add", "content"}, "b.py": {"type": "delete", "content"},
     "c.py": {"type": "update", "unified_diff", "move_path"}}

    *** Begin Patch
    *** Update File: c.py
    *** Move to: d.py
    @@ def greet():
    -    return 'hello'
    +    return 'Hello'
    *** End Patch

1. A recorded change has the lines of the file and their numbers. It is exact if the state before
   is known.
2. A patch of the tool has no line numbers, so its lines are searched for, as Codex does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from codec.agents.edit_events import ABSENT, Edit, Hunk, State
from codec.agents.json_values import bytes_of, object_of, text_of

_HUNK: Final = re.compile(rb"@@ -(?P<start>\d{1,9})(?:,\d+)? \+\d+(?:,\d+)? @@")
_FILE: Final = re.compile(r"\*\*\* (?P<what>Add|Update|Delete) File: (?P<path>.+)")
_MOVE: Final = re.compile(r"\*\*\* Move to: (?P<path>.+)")
_BEGIN, _END, _END_OF_FILE = "*** Begin Patch", "*** End Patch", "*** End of File"
_NO_LINE_END: Final = b"\\"


def noted_edits(changes: Mapping[str, Any], time: int, folder: str) -> Iterator[Edit]:
    """Yield the edits that Codex recorded.

    Args:
        changes: the changes by path; older versions put the fields below the name of the type.
        time: the time of the changes.
        folder: the folder of relative paths.
    """
    for path, value in changes.items():
        change = object_of(value)
        kind = text_of(change.get("type")) or next(iter(change), "")
        fields = change if "type" in change else object_of(change.get(kind))
        content = fields.get("content")
        state = State(bytes_of(content)) if isinstance(content, str) else None
        edit = Edit(time=time, path=text_of(path), folder=folder)
        if kind == "add":
            yield edit._replace(before=ABSENT, after=state)
        elif kind == "delete":
            yield edit._replace(before=state, after=ABSENT)
        elif kind == "update":
            diff = fields.get("unified_diff")
            yield edit._replace(
                steps=tuple(numbered_hunks(bytes_of(diff))) if isinstance(diff, str) else (),
                moved_to=text_of(fields.get("move_path")),
            )


def patch_edits(patch: str, time: int, folder: str) -> Iterator[Edit]:
    """Yield the edits of a patch in the form of `apply_patch`.

    Args:
        patch: the text; anything around the patch is ignored.
        time: the time at which it was applied.
        folder: the folder of its relative paths.
    """
    inside = patch.partition(_BEGIN)[2].partition(_END)[0]
    lines = inside.split("\n")[1:]
    heads = [(n, m) for n, line in enumerate(lines) if (m := _FILE.fullmatch(line.rstrip()))]
    ends = [*(n for n, _ in heads[1:]), len(lines)]
    for (start, head), end in zip(heads, ends, strict=True):
        edit = Edit(time=time, path=head["path"].strip(), folder=folder)
        body = lines[start + 1 : end]
        if end == len(lines) and body and not body[-1]:
            body.pop()
        if head["what"] == "Delete":
            yield edit._replace(after=ABSENT)
        elif head["what"] == "Add":
            added = "".join(f"{line[1:]}\n" for line in body if line.startswith("+"))
            yield edit._replace(before=ABSENT, after=State(bytes_of(added)))
        else:
            move = _MOVE.fullmatch(body[0].rstrip()) if body else None
            steps = tuple(_searched(body[1:] if move else body))
            yield edit._replace(steps=steps, moved_to=move["path"].strip() if move else "")


def numbered_hunks(diff: bytes) -> Iterator[Hunk]:
    """Yield the hunks of a unified diff that begins with a hunk."""
    start, old, new = 0, list[bytes](), list[bytes]()
    last: list[list[bytes]] = []
    for line in (line + b"\n" for line in diff.removesuffix(b"\n").split(b"\n")):
        head = _HUNK.match(line)
        if head:
            if old or new:
                yield Hunk(start, tuple(old), tuple(new))
            start, old, new = int(head["start"]), [], []
        elif line[:1] == _NO_LINE_END:
            for lines in last:
                lines[-1] = lines[-1].removesuffix(b"\n")
        else:
            last = [side for side, mark in ((old, b"-"), (new, b"+")) if line[:1] in (mark, b" ")]
            for lines in last:
                lines.append(line[1:])
    if old or new:
        yield Hunk(start, tuple(old), tuple(new))


def _searched(body: Iterable[str]) -> Iterator[Hunk]:
    """Yield the hunks of a file in a patch of `apply_patch`."""
    anchors, old, new = list[bytes](), list[bytes](), list[bytes]()
    for text in [*body, "@@"]:
        if text.startswith("@@"):
            if old or new:
                yield Hunk(-1, tuple(old), tuple(new), tuple(anchors))
                anchors, old, new = [], [], []
            if anchor := text.removeprefix("@@").strip():
                anchors.append(bytes_of(anchor))
        elif text.rstrip() != _END_OF_FILE:
            line = bytes_of(text[1:]) + b"\n"
            if text[:1] in {"-", " ", ""}:
                old.append(line)
            if text[:1] in {"+", " ", ""}:
                new.append(line)
