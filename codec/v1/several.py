"""Detect entries with more than one session below one heading.

Only the first session is read, so the user has to know.

1. Repeated fields: below a bare day, a second task; below any heading, two or more repeated fields
   that each session has once. A repeated status alone belongs to the parts of one session.
2. Times of day: below a bare day, two or more lines, items or table rows that begin with one.
   Below a title they describe the course of one session.
"""

from __future__ import annotations

import re
from typing import Final

from codec.v1.date_patterns import CLOCK_PATTERN
from codec.v1.fields import Body
from codec.v1.heading import Heading
from codec.v1.lines import Line

_ONCE: Final = frozenset({"task", "status", "agent", "date", "started", "finished"})
_CLOCK = re.compile(rf"[|\s]*[*_`\[(]{{0,3}}(?:{CLOCK_PATTERN})")


def several_sessions(heading: Heading, body: Body) -> bool:
    """Return True if the text below a heading looks like more than one session."""
    repeated = body.repeated & _ONCE if body.repeated else body.repeated
    if len(repeated) > 1:
        return True
    if not _is_bare_day(heading):
        return False
    return "task" in repeated or sum(map(_begins_with_clock, body.lines)) > 1


def _is_bare_day(heading: Heading) -> bool:
    """Return True if a heading is only a day, without a time of day."""
    return not (heading.task or heading.name or heading.agent or heading.status or heading.notes
                or heading.title or ":" in heading.time)  # fmt: skip


def _begins_with_clock(line: Line) -> bool:
    return _CLOCK.match(line.text) is not None
