"""Follow the edits of a session: the state of each file before the first and after the last one.

1. A state is taken from the transcript, else computed from the state before and the steps of the
   edit, else looked up by the caller (in git). If none of these finds it, it is unknown; nothing
   is guessed.
2. A computed state is compared with the lines that the agent displayed. Where they differ, the
   state is unknown and the edit counts as contradicted.
3. Whole files are held only for the first and the last state of each file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from codec.agents.edit_events import ABSENT, Edit, Hunk, Replacement, State

#: Finds the state before an edit from the path of the file and the edit; None if unknown.
Find = Callable[[str, Edit], State | None]
#: The spaces by which agents replace a tab when they display a line.
_TAB: Final = b"  "


class FileStates(NamedTuple):
    """The states of a file, and the number of its edits.

    Attributes:
        before: the earliest known state; None if none is known.
        after: the state after the last edit; None if unknown.
        edits: the number of edits.
        known: the edits whose state before is known.
        exact: the edits whose states before and after are known.
        contradicted: the edits that differ from what the agent displayed.
        changed_between: how often something else changed the file between two edits.
    """

    before: State | None = None
    after: State | None = None
    edits: int = 0
    known: int = 0
    exact: int = 0
    contradicted: int = 0
    changed_between: int = 0

    @property
    def is_whole(self) -> bool:
        """Return True if the first state, the last state and all states between them are known."""
        return self.before is not None and self.after is not None and self.exact == self.edits


class States:
    """Follow the edits of a session, each given once and in order.

    Args:
        find: finds the state before an edit that the transcript does not have.
    """

    def __init__(self, find: Find = lambda path, edit: None) -> None:
        self.files: dict[str, FileStates] = {}
        self._find = find

    def take(self, edit: Edit) -> None:
        """Follow one more edit."""
        path = absolute(edit.path, edit.folder)
        known = self.files.get(path, FileStates())
        before = edit.before or known.after or self._find(path, edit)
        after, fits = after_edit(edit, before)
        if after is None and edit.before is None and known.after is not None:
            before = self._find(path, edit)  # something else changed the file in between
            after, fits = after_edit(edit, before)
        if edit.moved_to:
            self._put(path, known, before, ABSENT if after is not None else None, fits=fits)
            target = absolute(edit.moved_to, edit.folder)
            self._put(target, self.files.get(target, FileStates()), ABSENT, after, fits=fits)
        else:
            self._put(path, known, before, after, fits=fits)

    def _put(
        self, path: str, known: FileStates, before: State | None, after: State | None, *, fits: bool
    ) -> None:
        between = known.after is not None and before is not None and known.after != before
        self.files[path] = FileStates(
            before=known.before or before,
            after=after,
            edits=known.edits + 1,
            known=known.known + (before is not None),
            exact=known.exact + (before is not None and after is not None),
            contradicted=known.contradicted + (not fits),
            changed_between=known.changed_between + between,
        )


def absolute(path: str, folder: str) -> str:
    """Return the path of a file without `.` and `..`; absolute if the folder is known."""
    return posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))


def after_edit(edit: Edit, before: State | None) -> tuple[State | None, bool]:
    """Return the state after an edit, and whether it agrees with what the agent displayed.

    Args:
        edit: the edit, as the agent recorded it.
        before: the state before; None if unknown.
    """
    after = edit.after
    if after is None and before is not None:
        data = _applied(before.data or b"", edit.steps) if edit.steps else None
        after = State(data) if data is not None else None
    if after is None or before is None or not edit.shown:
        return after, True
    fits = _fits(before.data or b"", after.data or b"", edit.shown, dedented=edit.dedented)
    return (after if fits or edit.after is not None else None), fits


def could_precede(edit: Edit, data: bytes) -> bool:
    """Return True if a content is proved to be the state before an edit.

    The steps must apply, and the displayed lines, or those of the hunks, must be at their line
    numbers.
    """
    placed = edit.shown or tuple(s for s in edit.steps if isinstance(s, Hunk) and s.start >= 0)
    if not placed:
        return False
    after, fits = after_edit(edit, State(data))
    return after is not None and fits


def _applied(data: bytes, steps: Iterable[Replacement | Hunk]) -> bytes | None:
    """Return a content after some steps; None if a step does not apply."""
    hunks = [step for step in steps if isinstance(step, Hunk)]
    if hunks:
        return _with_hunks(data, hunks)
    for step in steps:
        if isinstance(step, Replacement):
            replaced = _replaced(data, step)
            if replaced is None:
                return None
            data = replaced
    return data


def _replaced(data: bytes, step: Replacement) -> bytes | None:
    if not step.old:
        return step.new
    old = step.old
    if step.with_line_end and not step.new and old + b"\n" in data and old[-1:] != b"\n":
        old += b"\n"
    if old not in data:
        return None
    return data.replace(old, step.new, -1 if step.every else 1)


def _with_hunks(data: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """Return a content with its lines replaced; None if the old lines of a hunk are missing."""
    lines = _lines(data)
    result: list[bytes] = []
    at = 0
    searched = False
    for hunk in hunks:
        placed = hunk.start >= 0
        searched = searched or not placed
        if placed:  # a hunk without old lines names the line before it
            start: int | None = hunk.start - bool(hunk.old)
        else:
            start = _position(lines, at, hunk)
        if start is None or start < at or not _has(lines, start, hunk.old, placed=placed):
            return None
        result += [*lines[at:start], *hunk.new]
        at = start + len(hunk.old)
    joined = b"".join([*result, *lines[at:]])
    return joined + b"\n" if searched and joined and joined[-1:] != b"\n" else joined


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of a content with their ends; only a line feed ends a line."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _has(lines: Sequence[bytes], start: int, old: Sequence[bytes], *, placed: bool) -> bool:
    found = lines[start : start + len(old)]
    if placed:
        return [*found] == [*old]
    return [line.strip() for line in found] == [line.strip() for line in old]


def _position(lines: Sequence[bytes], at: int, hunk: Hunk) -> int | None:
    """Return the position of a hunk's old lines, after its anchors; None if they are missing."""
    for anchor in hunk.after:
        found = next((n for n in range(at, len(lines)) if lines[n].strip() == anchor.strip()), None)
        if found is None:
            return None
        at = found + 1
    if not hunk.old:
        return len(lines)
    for same in (bytes, bytes.rstrip, bytes.strip):
        wanted = [same(line) for line in hunk.old]
        for n in range(at, len(lines) - len(wanted) + 1):
            if (
                same(lines[n]) == wanted[0]
                and [same(line) for line in lines[n : n + len(wanted)]] == wanted
            ):
                return n
    return None


def _fits(before: bytes, after: bytes, shown: Sequence[Hunk], *, dedented: bool) -> bool:
    """Return True if the lines that an agent displayed are at their line numbers in both states."""
    end = max(hunk.start + max(len(hunk.old), len(hunk.new)) for hunk in shown)
    grown = sum(max(len(hunk.new) - len(hunk.old), 0) for hunk in shown)
    old, new = before.split(b"\n", end), after.split(b"\n", end + grown)
    shift = 0
    wanted: list[bytes] = []
    found: list[bytes] = []
    for hunk in shown:
        start = max(hunk.start - 1, 0)
        wanted += [*hunk.old, *hunk.new]
        found += old[start : start + len(hunk.old)]
        start += shift
        found += new[start : start + len(hunk.new)]
        shift += len(hunk.new) - len(hunk.old)
    if dedented:
        found = [*_without_indentation(found)]
    return [*_as_shown(found)] == [*_as_shown(wanted)]


def _without_indentation(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Yield lines without their common indentation; blank lines do not count."""
    full = [line for line in lines if line.strip()]
    shared = min((len(line) - len(line.lstrip()) for line in full), default=0)
    return (line[shared:] for line in lines)


def _as_shown(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines as agents display them."""
    return (line.rstrip(b"\r\n").replace(b"\t", _TAB) for line in lines)
