"""Detect entries with more than one session below one heading.

Only the first session is read, so the user has to know.

1. Repeated fields: below a bare day, a second task; below any heading, two or more repeated fields
   that each session has once. A repeated status alone belongs to the parts of one session.
2. Times of day: below a bare day, two or more lines, items or table rows that begin with one.
   Below a title they describe the course of one session.
3. Dated lines: a line with another date than the heading, underlined or above a task, a status or
   an agent.
"""

from __future__ import annotations

import re
from typing import Final

from codec.lazy_pattern import LazyPattern
from codec.v1.date_patterns import CLOCK_PATTERN
from codec.v1.fields import Body
from codec.v1.heading import Heading
from codec.v1.labels import place_of
from codec.v1.lines import Line

_ONCE: Final = frozenset({"task", "status", "agent", "date", "started", "finished"})
_CLOCK: Final = LazyPattern(rf"[|\s]*[*_`\[(]{{0,3}}(?:{CLOCK_PATTERN})")


_DATED_LINE = re.compile(
    r"^(?:\*\*)?[\[(]?(?P<date>20\d\d-\d\d-\d\d|\d{1,2}\.\d{1,2}\.20\d\d)\b[^\n]{0,40}?[^\W\d_][^\n]*\n"
    r"(?:(?P<line>---+|===+)[ \t]*$|[*_]{0,2}(?P<label>[^\W\d_][^\n:：]{0,30})[:：])",
    re.M,
)


def several_sessions(heading: Heading, body: Body, prose: str) -> bool:
    """Return True if the text below a heading looks like more than one session.

    Args:
        heading: the heading.
        body: the text as it was read.
        prose: the text as it is written.
    """
    repeated = body.repeated & _ONCE if body.repeated else body.repeated
    if len(repeated) > 1:
        return True
    if "20" in prose and any(_is_dated(m, heading) for m in _DATED_LINE.finditer(prose)):
        return True
    if not _is_bare_day(heading):
        return False
    return "task" in repeated or sum(map(_begins_with_clock, body.lines)) > 1


def _is_dated(m: re.Match[str], heading: Heading) -> bool:
    """Return True if a dated line looks like the heading of another session."""
    if m["date"] in heading.time:
        return False
    return m["line"] is not None or place_of(m["label"]).field in ("task", "status", "agent")


def _is_bare_day(heading: Heading) -> bool:
    """Return True if a heading is only a day, without a time of day."""
    return not (heading.task or heading.name or heading.agent or heading.status or heading.notes
                or heading.title or ":" in heading.time)  # fmt: skip


def _begins_with_clock(line: Line) -> bool:
    return _CLOCK.match(line.text) is not None
