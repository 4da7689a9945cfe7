"""Cut a v1 log into spans of bytes.

Splitting works on bytes and loses nothing by construction. No Markdown parser is used: none keeps
source positions, and one line of a patch that looks like a fence would hide the sessions after
it.

1. The spans of a split, joined, are the input, for any bytes.
2. A fence opens with three or more backticks or tildes, indented by up to three spaces, and
   closes with the same character, at least as many. In a patch, only a fence line at column 0
   closes, and a session heading at column 0 shows that the fence was never closed.
3. A heading inside a closed fence is a quoted example. An unclosed fence does not count.
4. A session ends at the next session heading, or at a heading of a higher level outside fences.
   Undated headings of its own level belong to it, except those after the last entry.
5. The time is linear in the input, even for malicious input.

`v1.fences` decides where fences end; FORMATS.md has the examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codec.v1.dates import is_clock
from codec.v1.dialects import Dialects, Marker, lines_from
from codec.v1.fences import FENCE, HEADING, TEMPLATE, Events, Fences
from codec.v1.heading import Heading, refine
from codec.v1.labels import place_of
from codec.v1.text import Log
from codec.v1.undated import (
    STRONG,
    Suspect,
    begins_dated,
    is_doubtful,
    is_misplaced,
    is_undated_entry,
)

_FULL_DIFF = re.compile(rb"(?:\A|\n)[ \t#*_>-]*Full[ \t]Diff\b", re.I)


class Span(NamedTuple):
    """A range of bytes of the log: one session, or other text.

    Attributes:
        start, end: byte offsets, end exclusive.
        heading: its parsed first line; None if the span is not a session.
        patch: byte offsets of the patch between its fence lines, the last line end included.
        spare_patches: further patches in it, which stay in the text.
        unclosed: the patch's fence is not closed.
        templates: offsets of headings in it that are quoted or are templates.
        quoted: offsets of headings that would be sessions outside of an unmarked fence.
        suspects: offsets of lines that look like sessions and are not, with the reason.
        inside: the number of session headings inside closed fences.
    """

    start: int
    end: int
    heading: Heading | None = None
    patch: tuple[int, int] | None = None
    spare_patches: int = 0
    unclosed: bool = False
    templates: tuple[int, ...] = ()
    quoted: tuple[int, ...] = ()
    suspects: tuple[tuple[int, Suspect], ...] = ()
    inside: int = 0


def join(data: Log, spans: Iterator[Span] | list[Span]) -> bytes:
    """Return the bytes of the spans, joined: the input of the split."""
    return b"".join(data[s.start : s.end] for s in spans)


def split(
    data: Log, dialects: Dialects, reached: Callable[[int], object] = lambda _: None
) -> Iterator[Span]:
    """Yield the spans of a log, in file order; together they cover it.

    Args:
        data: the log.
        dialects: the form in which it marks its sessions.
        reached: called from time to time with the offset that was reached.
    """
    if dialects.marker is Marker.FILE:
        return _whole(data, dialects)
    return _Splitter(data, dialects, reached).spans()


def _whole(data: Log, dialects: Dialects) -> Iterator[Span]:
    """Yield the only session of a log that is one entry."""
    splitter = _Splitter(data, dialects, lambda _: None)
    now = _OpenSpan(0, refine(Heading(time=dialects.day, task=dialects.title)))
    splitter.pass_over(now)
    if len(data):
        yield now.close(data, len(data))


class _Splitter:
    """The walk over the fence lines and headings of one log."""

    def __init__(self, data: Log, dialects: Dialects, reached: Callable[[int], object]) -> None:
        self.data = data
        self.dialects = dialects
        self.events = Events(data, dialects, reached)
        self.fences = Fences(self.events)
        self.day = dialects.day
        self.now = _OpenSpan(0, None)
        self.has_sessions = False
        self.labels: set[bytes] = set()  # sections at the sessions' level inside earlier entries

    def spans(self) -> Iterator[Span]:
        """Yield the spans in file order.

        The last session and the text after it are held back until the next session shows that it
        was not the last: sections at the end are cut off only from the last session.
        """
        waiting: list[Span] = []
        tail = 0
        now = self.now
        for start, heading, is_day in self._boundaries():
            if heading is not None and not is_day and now.is_day and now.is_bare(self.data, start):
                now.heading = None
            if start > now.start:
                if now.heading is not None:
                    yield from waiting
                    waiting, tail = [], now.tail
                    self.labels.update(now.sections)
                waiting.append(now.close(self.data, start))
            now = self.now = _OpenSpan(start, heading, is_day=is_day)
        if len(self.data) > now.start:
            if now.heading is not None:
                yield from waiting
                waiting, tail = [], now.tail
            waiting.append(now.close(self.data, len(self.data)))
        yield from self._without_tail(waiting, tail)

    def _boundaries(self) -> Iterator[tuple[int, Heading | None, bool]]:
        """Yield the beginnings of spans: offset, session heading, and whether it is a day's."""
        events, i = self.events, 0
        while i < len(events):
            now = self.now
            if events.kind[i] == FENCE:
                i = self._fence(i, now)
                continue
            start = events.at[i]
            heading = self._dated(events.session_heading(i))
            if heading is not None and not self._is_date_of(heading, start, now):
                self.has_sessions = True
                yield start, heading, False
            elif heading is None and self._is_higher(i):
                yield start, *self._higher(i)
                if self.now.heading is None:
                    self._note_other(i, self.now)
            elif heading is None:
                self._note(i, now)
            i += 1

    def pass_over(self, now: _OpenSpan) -> None:
        """Read the fences of a log that is one session."""
        i = 0
        while i < len(self.events):
            i = self._fence(i, now) if self.events.kind[i] == FENCE else i + 1

    def _dated(self, heading: Heading | None) -> Heading | None:
        """Return a heading with the day that applies to it; None if it has no date."""
        if heading is None or self.dialects.marker is not Marker.DAY:
            return heading
        if heading.time and not is_clock(heading.time):
            return heading
        if not self.day:
            return None
        return heading._replace(time=f"{self.day} {heading.time}".rstrip())

    def _is_date_of(self, heading: Heading, start: int, now: _OpenSpan) -> bool:
        """Return True if a heading is only the date of the heading before it."""
        known = now.heading
        if known is None or known.time != heading.time or heading.task or heading.agent:
            return False
        line = self.events.line_at(now.start)[0]
        return known.time not in line and now.is_bare(self.data, start)

    def _is_higher(self, i: int) -> bool:
        return self.events.kind[i] == HEADING and self.events.level(i) < self.dialects.level

    def _higher(self, i: int) -> tuple[Heading | None, bool]:
        """Parse a heading of a higher level; return it and True if it states a day."""
        level = self.dialects.day_level
        if not level or self.events.level(i) > level:
            return None, False
        line = self.events.line_at(self.events.at[i])[0]
        heading = self.dialects.match_day(line) if self.events.level(i) == level else None
        self.day = heading.time if heading else self.dialects.day
        return heading, heading is not None

    def _note(self, i: int, now: _OpenSpan) -> None:
        """Record a heading of the sessions' level that does not begin a session."""
        events, start = self.events, self.events.at[i]
        if events.kind[i] != HEADING or events.level(i) != self.dialects.level:
            self._note_other(i, now)
            return
        if TEMPLATE.match(self.data, start):
            now.templates.append(start)
            return
        line, end = events.line_at(start)
        text = line.lstrip("#").strip().lower().encode()
        known = place_of(line.lstrip("# ")).field
        own = text in self.labels or (bool(known) and now.is_bare(self.data, start))
        if not now.tail and not own:
            now.tail = start
        now.sections.add(text)
        if is_doubtful(line):
            now.suspects.append((start, "unreadable"))
        elif is_undated_entry(line, lines_from(self.data, end)):
            now.suspects.append((start, "undated"))

    def _note_other(self, i: int, now: _OpenSpan) -> None:
        """Record a suspected start of a session that is not a heading of the sessions' level."""
        start = self.events.at[i]
        line, end = self.events.line_at(start)
        if self.events.kind[i] != HEADING:
            if now.heading and self.dialects.marker is not Marker.CUSTOM and begins_dated(line):
                now.suspects.append((start, "unreadable"))
            return
        below = lines_from(self.data, end)
        weak = now.heading is None and any(form.weak for form in self.dialects.forms)
        forms = self.dialects.forms if weak else STRONG
        if self.has_sessions and is_misplaced(line, now.heading, below, forms):
            now.suspects.append((start, "misplaced"))

    def _fence(self, i: int, now: _OpenSpan) -> int:
        """Skip the fence that opens at event `i`; return the index at which to continue."""
        fence = self.events.fence(i)
        if fence is None:
            return i + 1
        if self.fences.is_patch(fence):
            close, end = self.fences.patch_end(i, fence)
            now.patches.append((fence.end, end))
            now.unclosed = now.unclosed or close is None
            return self.events.index_from(i, end) if close is None else close + 1
        close = self.fences.closing(i, fence)
        if close is None:
            return i + 1
        for j in range(i + 1, close):
            self._note_quoted(j, now, marked=bool(fence.info))
        return close + 1

    def _note_quoted(self, j: int, now: _OpenSpan, *, marked: bool) -> None:
        """Record a heading of the sessions' level inside a closed fence."""
        events = self.events
        if events.kind[j] != HEADING or events.level(j) != self.dialects.level:
            return
        start = events.at[j]
        if TEMPLATE.match(self.data, start):
            now.templates.append(start)
        elif events.session_heading(j):
            now.templates.append(start)
            now.inside += 1
            if not marked:
                now.quoted.append(start)

    def _without_tail(self, spans: list[Span], tail: int) -> Iterator[Span]:
        """Yield the last session without its last sections, then a span of those sections."""
        if not spans or not tail or spans[0].heading is None:
            yield from spans
            return
        last = spans[0]
        if last.patch and last.patch[1] > tail:
            tail = last.end
        yield _part(last, last.start, tail)
        if tail < last.end:
            yield _part(last, tail, last.end)._replace(
                heading=None, patch=None, spare_patches=0, unclosed=False, inside=0
            )
        yield from spans[1:]


def _part(span: Span, start: int, end: int) -> Span:
    """Return a part of a span, with the offsets in that part."""

    def held(offsets: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(at for at in offsets if start <= at < end)

    return span._replace(
        start=start,
        end=end,
        templates=held(span.templates),
        quoted=held(span.quoted),
        suspects=tuple(s for s in span.suspects if start <= s[0] < end),
    )


class _OpenSpan:
    """A span whose end is not known yet."""

    __slots__ = (
        "heading", "inside", "is_day", "patches", "quoted", "sections", "start", "suspects", "tail",
        "templates", "unclosed",
    )  # fmt: skip

    def __init__(self, start: int, heading: Heading | None, *, is_day: bool = False) -> None:
        self.start = start
        self.heading = heading
        self.is_day = is_day
        self.patches: list[tuple[int, int]] = []
        self.templates: list[int] = []
        self.quoted: list[int] = []
        self.suspects: list[tuple[int, Suspect]] = []
        self.sections: set[bytes] = set()
        self.tail = 0
        self.inside = 0
        self.unclosed = False

    def is_bare(self, data: Log, end: int) -> bool:
        """Return True if only its first line and blank lines are before an offset."""
        line_end = data.find(b"\n", self.start, end)
        return line_end < 0 or not data[line_end:end].strip()

    def close(self, data: Log, end: int) -> Span:
        """Return the span that ends at an offset."""
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
            suspects=tuple(self.suspects),
            inside=self.inside,
        )


def _session_patch(data: Log, start: int, patches: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the patch of a session: the first after "Full Diff", else the first."""
    if len(patches) < 2:
        return patches[0] if patches else None
    at = start
    for patch in patches:
        if _FULL_DIFF.search(data[at : patch[0]]):
            return patch
        at = patch[1]
    return patches[0]
