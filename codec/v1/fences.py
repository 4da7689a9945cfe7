"""Find the fences of a v1 log: where code, quotes and patches begin and end.

`_closing_plain` and `patch_end` decide the cases that logs leave open; FORMATS.md has the examples.
Each search remembers the fences that it found unclosed, so that the walk over a log takes linear
time.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from codec.v1.dialects import COUNTED_LINE, Dialects, Marker, lines_from
from codec.v1.heading import Heading
from codec.v1.text import Log, decode_text

FENCE, HEADING, MARK = 1, 2, 3  # the groups of the pattern
PATCH_INFO: Final = frozenset({b"diff", b"patch"})
PATCH_STARTS: Final = (b"diff --git", b"diff --cc", b"diff --combined", b"Index: ")
#: A fence with one of these marks quotes Markdown, and fences inside it nest.
QUOTE_INFO: Final = frozenset({b"markdown", b"md", b"mdx"})
#: These marks mean the same as no mark.
PLAIN_INFO: Final = frozenset({b"", b"text", b"txt", b"plaintext"})
TEMPLATE = re.compile(
    rb"#{1,6}[ \t]+(?:\*\*)?(?:[\[<{][^\]>}\n]*[\]>}]|YYYY[-/]MM[-/]DD)[^\n]*", re.I
)

#: Longer fences count as this long, because each length needs its own search.
_LONGEST: Final = 32
#: Longer fence lines are not kept.
_USUAL: Final = 64
_BOM = b"\xef\xbb\xbf"
_FENCE_OR_HEADING = rb"( {0,3}(?:```|~~~))|(#{1,6}[ \t])"
#: The beginnings of lines, other than headings, that can begin a session.
_MARKS: Final = {
    Marker.BOLD: rb"|(\*\*)",
    Marker.BULLET: rb"|((?:[-*+]|\d{1,3}[.)])[ \t])",
    Marker.LINE: rb"|([\[(`\d]|START|BEGIN|" + COUNTED_LINE + rb")",
    Marker.CUSTOM: rb"|([^\n])",
}
#: After an opening mark of backticks, its line has no more backticks.
_FENCE_LINE = re.compile(rb" {0,3}(`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,})([^\n]*)\n?")
_PATCH_LINE = re.compile(
    rb"[ +\\@]|-(?!--\r?$)|diff |index |Index: |=====|new |deleted |old |similarity |dissimilarity "
    rb"|rename |copy |Binary |GIT binary |literal |delta |---\s+\S|\r?$"
)
_HEADING_NEXT = re.compile(rb"(?P<blank>(?:[ \t]*\r?\n)*) {0,3}(?=#{1,6}[ \t])")
_LABEL_BEFORE = re.compile(rb":[*_]*[ \t]*\r?\n\Z")


class Fence(NamedTuple):
    """A fence line: its mark and length, its info string, and the offset after it."""

    mark: bytes
    length: int
    info: bytes
    at_column_0: bool
    end: int


@lru_cache(maxsize=256)
def _fence_line(line: bytes) -> tuple[bytes, int, bytes, bool] | None:
    """Return the parts of a fence line: its mark, length and info, and if it is at column 0."""
    m = _FENCE_LINE.match(line)
    if m is None:
        return None
    marks, info = m.groups()
    words = info.split(None, 1)
    mark = words[0].lower() if words else b""
    return marks[:1], min(len(marks), _LONGEST), mark, m.start(1) == 0


class Events:
    """The fence lines, headings and other marks of one log, in file order."""

    def __init__(self, data: Log, dialects: Dialects, reached: Callable[[int], object]) -> None:
        self.data = data
        self.dialects = dialects
        self.at = array("Q")  # where each event begins
        self.kind = bytearray()
        self._scan(reached)

    def _scan(self, reached: Callable[[int], object]) -> None:
        unheaded = self.dialects.level == 7
        body = _FENCE_OR_HEADING + (_MARKS.get(self.dialects.marker, b"") if unheaded else b"")
        data, at, kind = self.data, self.at, self.kind
        start = len(_BOM) if data[: len(_BOM)] == _BOM else 0
        first = re.compile(body).match(data, start)
        if first:
            at.append(start)
            kind.append(first.lastindex or 0)
        step = 1 << 24
        report = step
        for m in re.compile(rb"\n(?:" + body + rb")").finditer(data):
            start = m.start()
            at.append(start + 1)
            kind.append(m.lastindex or 0)
            if start > report:
                reached(start)
                report += step

    def __len__(self) -> int:
        return len(self.at)

    def fence(self, i: int) -> Fence | None:
        """Return the fence line at event `i`; None if it cannot open or close a fence."""
        start = self.at[i]
        end = self.data.find(b"\n", start) + 1 or len(self.data)
        line = self.data[start:end]
        parsed = _fence_line(line) if len(line) < _USUAL else _fence_line.__wrapped__(line)
        return parsed and Fence(*parsed, end)

    def session_heading(self, i: int) -> Heading | None:
        """Return the heading at event `i`; None if it does not begin a session."""
        return self.heading_at(self.at[i])

    def heading_at(self, start: int) -> Heading | None:
        """Return the heading at an offset; None if it does not begin a session."""
        line, end = self.line_at(start)
        return self.dialects.match(line, lambda: lines_from(self.data, end))

    def line_at(self, start: int) -> tuple[str, int]:
        """Return the text of the line at an offset, and the end of the line."""
        end = self.data.find(b"\n", start)
        end = end if end >= 0 else len(self.data)
        return decode_text(self.data[start:end]).rstrip("\r"), end

    def level(self, i: int) -> int:
        """Return the level of the heading at event `i`."""
        marks = self.data[self.at[i] : self.at[i] + 7]
        return len(marks) - len(marks.lstrip(b"#"))

    def index_from(self, i: int, offset: int) -> int:
        """Return the first event after `i` that begins at or after `offset`."""
        i += 1
        while i < len(self.at) and self.at[i] < offset:
            i += 1
        return i


class Fences:
    """Searches for the ends of fences."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._data = events.data
        self._open_patch: dict[bytes, tuple[int, int, int]] = {}  # by mark: length, until, boundary
        self._unclosed: dict[bytes, int] = {}  # by mark: no fence this long or longer closes
        self._stray: dict[tuple[bytes, int], int] = {}  # by mark and length: stray up to this index
        self._nested: dict[int, int | None] = {}  # by opening index: the index that closes it

    def is_patch(self, fence: Fence) -> bool:
        """Return True if the fence is marked as a patch, or if its content begins like one."""
        start = self._data[fence.end : fence.end + 16]
        return fence.info in PATCH_INFO or start.startswith(PATCH_STARTS)

    def patch_end(self, i: int, fence: Fence) -> tuple[int | None, int]:
        """Return the index that closes the patch whose fence opens at event `i`, and its offset.

        An unclosed fence ends before the next session heading, or at the end of the log. The patch
        then ends before the first line that a patch cannot have, without blank lines before it.
        """
        close, boundary = self._patch_close(i, fence)
        if close is not None:
            return close, boundary
        end = at = fence.end
        while at < boundary:
            stop = self._data.find(b"\n", at, boundary)
            stop = boundary if stop < 0 else stop + 1
            line = self._data[at:stop]
            if not _PATCH_LINE.match(line.rstrip(b"\n")):
                break
            at = stop
            end = at if line.strip() else end
        return None, end

    def _patch_close(self, i: int, fence: Fence) -> tuple[int | None, int]:
        """Return the index of the fence line that closes a patch and its offset.

        If no line closes it: None, and the offset of the session heading that ends the search, or
        of the end of the log.
        """
        events = self._events
        length, until, boundary = self._open_patch.get(fence.mark, (0, 0, 0))
        if i < until and fence.length >= length:
            return None, boundary
        for j in range(i + 1, len(events)):
            if events.kind[j] == FENCE:
                f = events.fence(j)
                if f and f.at_column_0 and _closes(f, fence):
                    return j, events.at[j]
            elif events.kind[j] == HEADING and events.session_heading(j):
                self._open_patch[fence.mark] = fence.length, j, events.at[j]
                return None, events.at[j]
        self._open_patch[fence.mark] = fence.length, len(events), len(self._data)
        return None, len(self._data)

    def closing(self, i: int, fence: Fence) -> int | None:
        """Return the index of the line that closes the fence at event `i`; None if it is open."""
        return (
            self._closing_quote(i, fence)
            if self._is_quote(fence)
            else self._closing_plain(i, fence)
        )

    def _is_quote(self, fence: Fence) -> bool:
        """Return True for a fence that is marked as Markdown or begins with a heading.

        A session heading does not count, because it may follow a stray fence at the end of the
        session before; after blank lines, only a template counts.
        """
        if fence.info in QUOTE_INFO:
            return True
        if fence.info not in PLAIN_INFO:
            return False
        heading = _HEADING_NEXT.match(self._data, fence.end)
        if heading is None:
            return False
        if TEMPLATE.match(self._data, heading.end()):
            return True
        return not heading["blank"] and self._events.heading_at(heading.end()) is None

    def _closing_quote(self, i: int, fence: Fence) -> int | None:
        if i in self._nested:
            return self._nested[i]
        open_ = [i]
        for j in range(i + 1, len(self._events)):
            f = self._events.fence(j) if self._events.kind[j] == FENCE else None
            if f is None or f.mark != fence.mark or f.length < fence.length:
                continue
            if f.info:
                open_.append(j)
                continue
            self._nested[open_.pop()] = j
            if not open_:
                return j
        self._nested.update(dict.fromkeys(open_))
        return None

    def _closing_plain(self, i: int, fence: Fence) -> int | None:
        """Return the index of the fence that closes another one; None if that one is stray.

        A session heading inside shows that it is stray if a line follows that can only open a fence
        (it is marked, or below a `Label:`), or if the fences of the entry in which the search ends
        form pairs without it.
        """
        if fence.length >= self._unclosed.get(fence.mark, sys.maxsize):
            return None
        if i < self._stray.get((fence.mark, fence.length), 0):
            return None
        events = self._events
        first = last = 0  # session headings inside: the first, and the last before the end
        for j in range(i + 1, len(events)):
            if events.kind[j] != FENCE:
                if events.session_heading(j):
                    first, last = first or j, j
                continue
            f = events.fence(j)
            if f is None or f.mark != fence.mark or f.length < fence.length:
                continue
            if first and (f.info or self._below_label(j) or self._pairs_up(last, fence)):
                self._stray[fence.mark, fence.length] = first
                return None
            if not f.info:
                return j
        self._unclosed[fence.mark] = fence.length
        return None

    def _pairs_up(self, heading: int, fence: Fence) -> bool:
        """Return True if the number of fences from a session heading to the next one is even."""
        events, count = self._events, 0
        for j in range(heading + 1, len(events)):
            if events.kind[j] == FENCE:
                f = events.fence(j)
                count += f is not None and f.mark == fence.mark and f.length >= fence.length
            elif events.session_heading(j):
                break
        return count % 2 == 0

    def _below_label(self, j: int) -> bool:
        start = self._events.at[j]
        return _LABEL_BEFORE.search(self._data[max(0, start - 64) : start]) is not None


def _closes(f: Fence, opening: Fence) -> bool:
    return f.mark == opening.mark and f.length >= opening.length and not f.info
