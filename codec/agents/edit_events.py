"""Edits of files, as agents note them: states before and after, or the steps between them.

A state is what a file holds, or that it does not exist. Some agents keep both states of an edit,
some one of them and the replacements, some only the changed lines. An event has what the transcript
has; `codec.agents.file_states` finds the rest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: No file has a line with a greater number.
LINE_LIMIT: Final = 10**9


class State(NamedTuple):
    """What a file holds; `data` is None for a file that does not exist."""

    data: bytes | None


#: A file does not exist.
ABSENT = State(None)


class Replacement(NamedTuple):
    """Replace a text by another.

    Attributes:
        old, new: the texts; an empty old text means the whole file.
        every: all occurrences; else the first one.
        with_line_end: an empty new text removes the line end behind the old text as well.
    """

    old: bytes
    new: bytes
    every: bool = False
    with_line_end: bool = False


class Hunk(NamedTuple):
    """Replace lines by others.

    Attributes:
        start: number of the first old line, from 1; negative where it is not known.
        old, new: lines with their line ends, context lines in both.
        after: lines that occur before the hunk, in this order (`@@ class A` of Codex).
    """

    start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    after: tuple[bytes, ...] = ()


class Edit(NamedTuple):
    """An agent changed a file.

    Attributes:
        time: when.
        path: of the file, as the agent wrote it.
        folder: that a relative path is relative to; empty if unknown.
        before, after: the states; None where the transcript does not have them.
        steps: what leads from the state before to the state after, in order.
        shown: the lines that the agent displayed for the edit, by which a state that was computed
            is checked. Agents change them for display: tabs and line ends are not compared.
        dedented: the displayed lines lack the indentation that all of them have.
        moved_to: the new path, where the file was renamed as well.
    """

    time: int
    path: str
    folder: str = ""
    before: State | None = None
    after: State | None = None
    steps: tuple[Replacement | Hunk, ...] = ()
    shown: tuple[Hunk, ...] = ()
    dedented: bool = False
    moved_to: str = ""
