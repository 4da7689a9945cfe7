"""Edits of files, as agents record them: states before and after, or the steps between them.

A state is the content of a file, or the fact that it does not exist. Some agents record both states
of an edit, some record one state and the replacements, some only the changed lines. An event
holds what the transcript has; `codec.agents.file_states` computes the rest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Line numbers above this one are invalid.
LINE_LIMIT: Final = 10**9


class State(NamedTuple):
    """The content of a file; `data` is None for a file that does not exist."""

    data: bytes | None


#: The state of a file that does not exist.
ABSENT = State(None)


class Replacement(NamedTuple):
    """Replace one text with another.

    Attributes:
        old, new: the texts; an empty old text means the whole file.
        every: replace all occurrences, not only the first one.
        with_line_end: if the new text is empty, remove the line end after the old text as well.
    """

    old: bytes
    new: bytes
    every: bool = False
    with_line_end: bool = False


class Hunk(NamedTuple):
    """Replace lines with others.

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
    """An edit of a file by an agent.

    Attributes:
        time: the time of the edit.
        path: the path of the file, as the agent wrote it.
        folder: the folder that a relative path is relative to; empty if unknown.
        before, after: the states; None where the transcript does not have them.
        steps: the changes that lead from the state before to the state after, in order.
        shown: the lines that the agent displayed for the edit; a computed state is compared with
            them. Agents change them for display: tabs and line ends are not compared.
        dedented: the displayed lines lack the indentation that all of them have.
        moved_to: the new path, if the file was renamed as well.
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
