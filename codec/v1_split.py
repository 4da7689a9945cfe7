"""A v1 log, cut into spans of bytes.

Splitting is by bytes and lossless by construction. No Markdown parser is used: none keeps
source positions, and one line of a patch that looks like a fence would swallow the sessions
after it.

1. The spans of a split, joined, are the input, for any bytes at all.
2. A fence opens with three or more backticks or tildes, indented by up to three spaces, and
   closes with the same character, at least as many. In a patch only a fence line at column 0
   closes, and a session heading at column 0 is a boundary: the fence was never closed.
3. A heading inside a closed fence is a quoted example. A fence that never closes is no fence.
4. A session ends at the next session heading, or at a heading of a higher level outside fences.
   Headings of its own level that are no session heading belong to it.
5. Time is linear in the input, also for input made to be slow.

What logs leave open is decided in `_closing_plain` and `_patch_end`, and told in FORMATS.md.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from codec.v1_dialects import Dialects, Heading, Marker, lines_from
from codec.v1_text import Log, decode_text

PATCH_INFO: Final = frozenset({b"diff", b"patch"})
PATCH_STARTS: Final = (b"diff --git", b"diff --cc", b"diff --combined", b"Index: ")
#: A fence marked so quotes Markdown, and a fence inside it nests.
QUOTE_INFO: Final = frozenset({b"markdown", b"md", b"mdx"})

#: Fences that are longer count as this long: each length is searched for by itself.
_LONGEST: Final = 32
_FENCE, _HEADING, _MARK = 1, 2, 3  # the groups of the pattern
_BOM = b"\xef\xbb\xbf"
_FENCE_OR_HEADING = rb"( {0,3}(?:```|~~~))|(#{1,6}[ \t])"
#: What a line that can begin a session begins with, where that is no heading.
_MARKS: Final = {
    Marker.BOLD: rb"|(\*\*)",
    Marker.BULLET: rb"|([-*+][ \t])",
    Marker.CUSTOM: rb"|([^\n])",
}
#: Behind backticks there is no other; the marks are all that stand there.
_FENCE_LINE = re.compile(rb" {0,3}(`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,})([^\n]*)\n?")
_TEMPLATE = re.compile(
    rb"#{1,6}[ \t]+(?:\*\*)?(?:[\[<{][^\]>}\n]*[\]>}]|YYYY[-/]MM[-/]DD)[^\n]*", re.I
)
_DOUBTFUL = re.compile(rb"#{1,6}[ \t]+[\[(*`]{0,3}\d{4}[-/]\d{1,2}[-/]\d{1,2}[^\n]*")
_FULL_DIFF = re.compile(rb"(?:\A|\n)[ \t#*_>-]*Full[ \t]Diff\b", re.I)
_PATCH_LINE = re.compile(
    rb"[ +\\@]|-(?!--\r?$)|diff |index |Index: |=====|new |deleted |old |similarity |dissimilarity "
    rb"|rename |copy |Binary |GIT binary |literal |delta |---\s+\S|\r?$"
)
_HEADING_NEXT = re.compile(rb"(?P<blank>(?:[ \t]*\r?\n)*) {0,3}(?=#{1,6}[ \t])")
_LABEL_BEFORE = re.compile(rb":[*_]*[ \t]*\r?\n\Z")


class Span(NamedTuple):
    """A run of bytes of the log: one session, or something that is none.

    Attributes:
        start, end: byte offsets, end exclusive.
        heading: what its first line says; None where the span is no session.
        patch: byte offsets of the patch between its fence lines, the last line end included.
        spare_patches: further patches in it, which stay where they are.
        unclosed: the patch's fence is not closed.
        templates: offsets of headings in it that are quoted or are templates.
        quoted: offsets of those that would be sessions but for an unmarked fence around them.
        doubtful: offsets of headings that begin with a date that cannot be read.
    """

    start: int
    end: int
    heading: Heading | None = None
    patch: tuple[int, int] | None = None
    spare_patches: int = 0
    unclosed: bool = False
    templates: tuple[int, ...] = ()
    quoted: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()


class _Fence(NamedTuple):
    mark: bytes
    length: int
    info: bytes
    at_column_0: bool
    end: int  # offset after the fence line


def join(data: Log, spans: Iterator[Span] | list[Span]) -> bytes:
    """The bytes of the spans, one after the other: the input of the split that made them."""
    return b"".join(data[s.start : s.end] for s in spans)


class LineNumbers:
    """The 1-based line numbers of offsets that are asked for in ascending order.

    Args:
        data: the log.
        passed: called with the start and end of each run of bytes that was counted.
    """

    def __init__(self, data: Log, passed: Callable[[int, int], object] = lambda *_: None) -> None:
        self._data = data
        self._passed = passed
        self._offset = 0
        self._line = 1

    def at(self, offset: int) -> int:
        """The line that the offset stands in."""
        while self._offset < offset:
            stop = min(offset, self._offset + (1 << 20))
            self._line += self._data[self._offset : stop].count(b"\n")
            self._passed(self._offset, stop)
            self._offset = stop
        return self._line


def split(
    data: Log, dialects: Dialects, reached: Callable[[int], object] = lambda _: None
) -> Iterator[Span]:
    """Cut a log into spans, in file order; together they cover it.

    Args:
        data: the log.
        dialects: how it marks its sessions.
        reached: called now and then with the offset that was reached.
    """
    return _Splitter(data, dialects, reached).spans()


class _Splitter:
    """The walk over the fence lines and headings of one log."""

    def __init__(self, data: Log, dialects: Dialects, reached: Callable[[int], object]) -> None:
        self.data = data
        self.dialects = dialects
        self.at = array("Q")  # where each fence line, heading or other mark begins
        self.kind = bytearray()
        # What was found not to close is not looked for again, which keeps the walk linear.
        self.open_patch: dict[bytes, tuple[int, int, int]] = {}  # by mark: length, until, boundary
        self.unclosed: dict[bytes, int] = {}  # by mark: no fence this long or longer closes
        self.stray: dict[tuple[bytes, int], int] = {}  # by mark and length: stray up to this index
        self.nested: dict[int, int | None] = {}  # by opening index: the index that closes it
        self._scan(reached)

    def _scan(self, reached: Callable[[int], object]) -> None:
        unheaded = self.dialects.level == 7
        body = _FENCE_OR_HEADING + (_MARKS[self.dialects.marker] if unheaded else b"")
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

    def spans(self) -> Iterator[Span]:
        """The spans in file order."""
        data = self.data
        now = _OpenSpan(0, None)
        i = 0
        while i < len(self.at):
            if self.kind[i] == _FENCE:
                i = self._fence(i, now)
                continue
            start = self.at[i]
            heading = self._session_heading(i)
            if heading is None and not self._is_higher(i):
                self._note(i, now)
            else:
                if start > now.start:
                    yield now.close(data, start)
                now = _OpenSpan(start, heading)
            i += 1
        if len(data) > now.start:
            yield now.close(data, len(data))

    def _is_higher(self, i: int) -> bool:
        return self.kind[i] == _HEADING and self._level(self.at[i]) < self.dialects.level

    def _note(self, i: int, now: _OpenSpan) -> None:
        """Remember a heading of the sessions' level that is a template, or has a broken date."""
        start = self.at[i]
        if self.kind[i] == _HEADING and self._level(start) == self.dialects.level:
            if _TEMPLATE.match(self.data, start):
                now.templates.append(start)
            elif _DOUBTFUL.match(self.data, start):
                now.doubtful.append(start)

    def _fence(self, i: int, now: _OpenSpan) -> int:
        """Pass the fence that opens at event `i`; the index to go on from."""
        fence = self._fence_at(i)
        if fence is None:
            return i + 1
        if _is_patch(self.data, fence):
            close, end = self._patch_end(i, fence)
            now.patches.append((fence.end, end))
            now.unclosed = now.unclosed or close is None
            return self._index_from(i, end) if close is None else close + 1
        close = self._closing_fence(i, fence)
        if close is None:
            return i + 1
        for j in range(i + 1, close):
            self._note_quoted(j, now, marked=bool(fence.info))
        return close + 1

    def _note_quoted(self, j: int, now: _OpenSpan, *, marked: bool) -> None:
        """Remember a heading of the sessions' level that stands in a closed fence."""
        start = self.at[j]
        if self.kind[j] != _HEADING or self._level(start) != self.dialects.level:
            return
        if _TEMPLATE.match(self.data, start):
            now.templates.append(start)
        elif self._session_heading(j):
            now.templates.append(start)
            if not marked:
                now.quoted.append(start)

    def _patch_end(self, i: int, fence: _Fence) -> tuple[int | None, int]:
        """Where the patch whose fence opens at event `i` ends: (index that closes it, offset).

        A fence that nothing closes ends before the next session heading, or where the log ends.
        There, the patch ends before the first line that no patch has, blank lines taken back.
        """
        close, boundary = self._patch_close(i, fence)
        if close is not None:
            return close, boundary
        end = at = fence.end
        while at < boundary:
            stop = self.data.find(b"\n", at, boundary)
            stop = boundary if stop < 0 else stop + 1
            line = self.data[at:stop]
            if not _PATCH_LINE.match(line.rstrip(b"\n")):
                break
            at = stop
            end = at if line.strip() else end
        return None, end

    def _patch_close(self, i: int, fence: _Fence) -> tuple[int | None, int]:
        """The index of the fence line that closes a patch and its offset; without one, the offset
        of the session heading that ends the search, or of the end of the log.
        """
        length, until, boundary = self.open_patch.get(fence.mark, (0, 0, 0))
        if i < until and fence.length >= length:
            return None, boundary
        for j in range(i + 1, len(self.at)):
            if self.kind[j] == _FENCE:
                f = self._fence_at(j)
                if f and f.at_column_0 and self._closes(f, fence):
                    return j, self.at[j]
            elif self.kind[j] == _HEADING and self._session_heading(j):
                self.open_patch[fence.mark] = fence.length, j, self.at[j]
                return None, self.at[j]
        self.open_patch[fence.mark] = fence.length, len(self.at), len(self.data)
        return None, len(self.data)

    def _closing_fence(self, i: int, fence: _Fence) -> int | None:
        """The index of the fence line that closes the one at event `i`; None where none does."""
        if self._is_quote(fence):
            return self._closing_quote(i, fence)
        return self._closing_plain(i, fence)

    def _is_quote(self, fence: _Fence) -> bool:
        """A fence that is marked Markdown, or begins with a heading: fences nest in it.

        A session heading makes none, for a stray fence at the end of a session has the heading of
        the next there; behind blank lines only a template does.
        """
        if fence.info in QUOTE_INFO:
            return True
        heading = _HEADING_NEXT.match(self.data, fence.end)
        if heading is None:
            return False
        if _TEMPLATE.match(self.data, heading.end()):
            return True
        return not heading["blank"] and self._heading_at(heading.end()) is None

    def _closing_quote(self, i: int, fence: _Fence) -> int | None:
        if i in self.nested:
            return self.nested[i]
        open_ = [i]
        for j in range(i + 1, len(self.at)):
            f = self._fence_at(j) if self.kind[j] == _FENCE else None
            if f is None or f.mark != fence.mark or f.length < fence.length:
                continue
            if f.info:
                open_.append(j)
                continue
            self.nested[open_.pop()] = j
            if not open_:
                return j
        self.nested.update(dict.fromkeys(open_))
        return None

    def _closing_plain(self, i: int, fence: _Fence) -> int | None:
        """A session heading inside, and then a line that can only open a fence (it is marked, or
        stands below a `Label:`), show that the fence at `i` was a stray one.
        """
        if fence.length >= self.unclosed.get(fence.mark, sys.maxsize):
            return None
        if i < self.stray.get((fence.mark, fence.length), 0):
            return None
        heading = 0
        for j in range(i + 1, len(self.at)):
            if self.kind[j] != _FENCE:
                if not heading and self._session_heading(j):
                    heading = j
                continue
            f = self._fence_at(j)
            if f is None or f.mark != fence.mark or f.length < fence.length:
                continue
            if heading and (f.info or self._below_label(j)):
                self.stray[fence.mark, fence.length] = heading
                return None
            if not f.info:
                return j
        self.unclosed[fence.mark] = fence.length
        return None

    def _fence_at(self, i: int) -> _Fence | None:
        start = self.at[i]
        m = _FENCE_LINE.match(self.data, start)
        if m is None:
            return None
        marks, info = m.groups()
        words = info.split(None, 1)
        return _Fence(
            marks[:1],
            min(len(marks), _LONGEST),
            words[0].lower() if words else b"",
            m.start(1) == start,
            m.end(),
        )

    @staticmethod
    def _closes(f: _Fence, opening: _Fence) -> bool:
        return f.mark == opening.mark and f.length >= opening.length and not f.info

    def _session_heading(self, i: int) -> Heading | None:
        return self._heading_at(self.at[i])

    def _heading_at(self, start: int) -> Heading | None:
        end = self.data.find(b"\n", start)
        end = end if end >= 0 else len(self.data)
        line = decode_text(self.data[start:end]).rstrip("\r")
        return self.dialects.match(line, lambda: lines_from(self.data, end))

    def _level(self, start: int) -> int:
        marks = self.data[start : start + 7]
        return len(marks) - len(marks.lstrip(b"#"))

    def _below_label(self, j: int) -> bool:
        start = self.at[j]
        return _LABEL_BEFORE.search(self.data[max(0, start - 64) : start]) is not None

    def _index_from(self, i: int, offset: int) -> int:
        """The first event after `i` that begins at or after `offset`."""
        i += 1
        while i < len(self.at) and self.at[i] < offset:
            i += 1
        return i


class _OpenSpan:
    """A span whose end is not known yet."""

    __slots__ = ("doubtful", "heading", "patches", "quoted", "start", "templates", "unclosed")

    def __init__(self, start: int, heading: Heading | None) -> None:
        self.start = start
        self.heading = heading
        self.patches: list[tuple[int, int]] = []
        self.templates: list[int] = []
        self.quoted: list[int] = []
        self.doubtful: list[int] = []
        self.unclosed = False

    def close(self, data: Log, end: int) -> Span:
        patches = [p for p in self.patches if p[0] < p[1]] if self.heading else []
        return Span(
            start=self.start,
            end=end,
            heading=self.heading,
            patch=_session_patch(data, self.start, patches),
            spare_patches=max(0, len(patches) - 1),
            unclosed=self.unclosed,
            templates=tuple(self.templates),
            quoted=tuple(self.quoted),
            doubtful=tuple(self.doubtful),
        )


def _is_patch(data: Log, fence: _Fence) -> bool:
    return fence.info in PATCH_INFO or data[fence.end : fence.end + 16].startswith(PATCH_STARTS)


def _session_patch(data: Log, start: int, patches: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The patch of a session: the first after "Full Diff", else the first."""
    if len(patches) < 2:
        return patches[0] if patches else None
    at = start
    for patch in patches:
        if _FULL_DIFF.search(data[at : patch[0]]):
            return patch
        at = patch[1]
    return patches[0]
