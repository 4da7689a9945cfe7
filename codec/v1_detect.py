"""How a log marks its sessions, found out by counting its dated lines.

1. One kind of line and one level marks sessions: the one that most dated lines have. Headings come
   first, then headings dated by a field below them, bold lines, and list items.
2. A dated title, where other lines are dated too, is no session.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from codec.errors import FormatError
from codec.v1_dialects import (
    FORMS,
    Dialects,
    Form,
    Marker,
    field_heading,
    line_text,
    lines_from,
    match_forms,
)
from codec.v1_text import decode_text

_DATED = re.compile(
    rb"\d{4}[-/]\d\d[-/]\d\d|[A-Z][a-z]{2,8}\.? \d{1,2}[a-z, \xe2-]|\d [A-Z][a-z]{2}"
)
_BOM = b"\xef\xbb\xbf"
_HEADINGS = re.compile(rb"\n(?P<line>#{1,6}[ \t][^\n]*)")
_LISTED = re.compile(rb"\n(?P<line>(?:\*\*|[-*+][ \t])[^\n]*)")

#: A kind of dated line: marker, level, and whether only a weak form fits it.
_Kind = tuple[Marker, int, bool]


def detect(data: bytes, name: str | None = None) -> Dialects:
    """How the log marks its sessions: the kind and level of dated line that it has most of.

    Args:
        data: the log.
        name: look for this form alone.

    Raises:
        FormatError: no line begins a session.
    """
    forms = tuple(f for f in FORMS if name in (None, f.name))
    if not forms:
        known = ", ".join(f.name for f in FORMS)
        raise FormatError(f"no such dialect: {name}", field="dialect", hint=f"Known: {known}")
    seen = _count_headings(data, forms)
    if all(map(_is_title, seen, seen.values())):
        listed = _count_listed(data, forms)
        seen = listed if not seen or listed.total() > 1 else seen
    elif len(seen) > 1:
        seen = Counter({at: n for at, n in seen.items() if not _is_title(at, n)})
    for marker, weak in (
        (Marker.HEADING, False),
        (Marker.HEADING, True),
        (Marker.FIELD, False),
        (Marker.BOLD, False),
        (Marker.BULLET, False),
    ):
        levels = {level: n for (m, level, w), n in seen.items() if (m, w) == (marker, weak)}
        if levels:
            level = min(levels, key=lambda at: (-levels[at], at))
            counted = tuple(f for f in forms if weak or not f.weak)
            return Dialects(marker=marker, level=level, forms=counted)
    raise FormatError(
        "not a session log: no dated session heading was found",
        hint=(
            "Looked for headings such as '### 2025-11-06T14:30:00Z | agent | task', "
            "'## Session: 2025-11-06 | title', '## 2025-11-06', '## title (2025-11-06)', headings "
            "with a 'Date:' line below, bold lines and list items that begin with a date. "
            "Another form can be given with --heading-pattern"
        ),
    )


def _count_headings(data: bytes, forms: tuple[Form, ...]) -> Counter[_Kind]:
    """How many headings of each level could begin a session: (marker, level, weak)."""
    strong = tuple(f for f in forms if not f.weak)
    weak = tuple(f for f in forms if f.weak)
    seen: Counter[_Kind] = Counter()
    for raw, end in _lines_at(data, _HEADINGS):
        line = decode_text(raw).rstrip("\r")
        level = len(line) - len(line.lstrip("#"))
        text = line_text(line, Marker.HEADING, level) or ""
        dated = _DATED.search(raw) is not None
        if dated and match_forms(text, strong):
            seen[Marker.HEADING, level, False] += 1
        elif dated and match_forms(text, weak):
            seen[Marker.HEADING, level, True] += 1
        elif field_heading(line, level, lambda at=end: lines_from(data, at)):  # type: ignore[misc]
            seen[Marker.FIELD, level, False] += 1
    return seen


def _count_listed(data: bytes, forms: tuple[Form, ...]) -> Counter[_Kind]:
    """How many bold lines and list items could begin a session."""
    strong = tuple(f for f in forms if not f.weak)
    seen: Counter[_Kind] = Counter()
    for raw, _ in _lines_at(data, _LISTED):
        if _DATED.search(raw):
            line = decode_text(raw).rstrip("\r")
            marker = Marker.BOLD if line.startswith("**") else Marker.BULLET
            text = line_text(line, marker, 7)
            if text is not None and match_forms(text, strong):
                seen[marker, 7, False] += 1
    return seen


def _is_title(at: _Kind, times: int) -> bool:
    """Whether a kind of dated heading is the title of a log whose sessions are marked otherwise."""
    _, level, weak = at
    return times == 1 and (level == 1 or weak)


def _lines_at(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, int]]:
    """The lines that a pattern anchored on a line end finds, and where each ends.

    The first line has no line end before it, so it is looked at by itself.
    """
    end = data.find(b"\n")
    first = data[: end if end >= 0 else len(data)]
    m = pattern.match(b"\n" + first.removeprefix(_BOM))
    if m:
        yield m["line"], len(first)
    for m in pattern.finditer(data):
        yield m["line"], m.end()
