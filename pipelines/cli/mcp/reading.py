"""Select the lines that `read` shows: of a session's entry, its diff, or one file of the diff.

1. Each line begins with its number in the selection, so no text can end the quotation.
2. Control characters are written as escapes, format characters are removed, long lines are cut.
3. At most `_LINES` lines and `_CHARACTERS` characters are shown. Then follow the number of lines
   left out and the range that shows more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.patches.changes import FileChange, changes_of
from codec.shown_text import FRAME, counted, one_line, quoted, shown
from pipelines.cli.mcp.parameters import BadArguments
from pipelines.cli.output import visible

_LINES: Final = 200
_CHARACTERS: Final = 16_000
_LONGEST: Final = 400
#: The most files of a diff that are listed.
_FILES: Final = 20
_NAME: Final = 200
_RANGE: Final = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?", re.ASCII)


class Selection(NamedTuple):
    """Lines that can be shown, and their description."""

    name: str
    lines: Sequence[str]


def read_range(text: str) -> range:
    """Return the lines that a text such as `10-40` or `10` names, counted from 1.

    Raises:
        ValueError: it is not a range.
    """
    m = _RANGE.fullmatch(text)
    first = int(m["first"]) if m else 0
    last = int(m["last"] or first) if m else 0
    if not 0 < first <= last:
        raise ValueError('expected a range such as "10-40", counted from 1')
    return range(first, last + 1)


def in_lines(selection: Selection, wanted: range | None) -> str:
    """Return the wanted lines of a selection as quoted data, as many as the limits allow.

    Args:
        selection: the lines to choose from.
        wanted: the numbers of lines, from 1; None for all.

    Raises:
        BadArguments: no line has one of these numbers.
    """
    total = len(selection.lines)
    asked = wanted or range(1, total + 1)
    if total < asked.start:
        raise BadArguments(f"lines: {selection.name} has only {counted(total, 'line')}")
    numbers = range(asked.start, min(asked.stop, total + 1, asked.start + _LINES))
    rows = [f"{n}|{_clean(selection.lines[n - 1])}" for n in numbers]
    sizes = accumulate(len(row) + 1 for row in rows)
    rows = rows[: max(1, sum(size <= _CHARACTERS for size in sizes))]
    end = asked.start + len(rows) - 1
    head = f"{selection.name}, lines {asked.start}-{end} of {total}" if rows else selection.name
    left = asked.start - 1 + total - end
    left_out = f"{counted(left, 'line')} left out"
    more = f'{left_out}; "lines":"{end + 1}-{min(end + _LINES, total)}" shows more'
    foot = [more if end < total else left_out] if left else []
    return "\n".join((FRAME, head, *rows, *foot))


def diff_summary(changes: Sequence[FileChange]) -> str:
    """Return a summary of a diff: its files and the number of their changed lines."""
    rows = [f"{_named(c)} {_counts(c)}" for c in changes[:_FILES]]
    left = len(changes) - len(rows)
    more = [counted(left, "more file")] if left else []
    files = counted(len(changes), "file")
    return "\n".join((f'its diff ("part":"diff") changes {files}:', *rows, *more))


def of_diff(key: Key, data: bytes, file: str | None) -> Selection:
    """Return a diff, or the part of it about one file.

    Args:
        key: the key of the session.
        data: the diff.
        file: a path, or the end of one; None for all files.

    Raises:
        BadArguments: no file, or more than one, has this name.
    """
    lines = data.decode(errors="replace").removesuffix("\n").split("\n")
    if file is None:
        return Selection(f"diff of {key}", lines)
    change = _only(list(changes_of(data)), file)
    span = change.span
    return Selection(f"diff of {_named(change)} in {key}", lines[span.start : span.stop])


def _only(changes: Sequence[FileChange], file: str) -> FileChange:
    """Return the change of the file that a name identifies."""
    asked = file.removeprefix("./")
    exact = [c for c in changes if asked in (c.old, c.new)]
    found = exact or [c for c in changes if c.new.endswith(f"/{asked}")]
    if len(found) == 1 or exact:
        return found[0]
    names = ", ".join(_named(c) for c in (found or changes)[:_FILES])
    left = len(found or changes) - _FILES
    names += f" and {left} more" if left > 0 else ""
    if found:
        raise BadArguments(f"file: several files end with {quoted(file, _NAME)}: {names}")
    raise BadArguments(
        f"file: the diff does not change {quoted(file, _NAME)}; it changes {names or 'no file'}"
    )


def _named(change: FileChange) -> str:
    return quoted(change.new, _NAME)


def _counts(change: FileChange) -> str:
    added = sum(line.mark == "+" for line in change.lines)
    return f"+{added}-{len(change.lines) - added}"


def _clean(line: str) -> str:
    text = visible(shown(line.removesuffix("\r")))
    left = len(text) - _LONGEST
    return text if left <= 0 else f"{text[:_LONGEST]}… ({counted(left, 'more character')})"


def error_text(error: Exception) -> str:
    """Return an error as one line for a model; it may quote the input."""
    return f"error: {one_line(str(error), 1000)}"
