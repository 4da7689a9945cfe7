"""List the headings of a log, and the lines that could be whole entries, each parsed.

1. Headings inside fences are quotes: they count only if there are no dates outside.
2. A line that is only a date dates the heading above it. If most such lines are not below a
   heading, they begin entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from codec.v1.dialects import (
    COUNTED_LINE,
    Marker,
    date_line,
    field_heading,
    line_text,
    lines_from,
)
from codec.v1.forms import Form, match_forms
from codec.v1.heading import Heading
from codec.v1.text import decode_text

DATED = re.compile(
    rb"\d{4}[-/.] ?\d\d?[-/.] ?\d|\d{4} ?(?:\xe5\xb9\xb4|\xeb\x85\x84)|\d{8}"
    rb"|\d[./-] ?\d\d?[./-] ?\d{4}"
    rb"|[a-zA-Z\x80-\xff]\.? (?:de )?\d{1,2}[a-z, \xe2-]"
    rb"|\d(?:st|nd|rd|th|er|\.|\xc2\xba)? ?(?:de )?[A-Za-z\x80-\xff]{3}"
    rb"|\d{4}-[A-Z]|\d{4}\xe2\x80\x91\d"
)
_BOM = b"\xef\xbb\xbf"
_FRONT_MATTER = re.compile(
    rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?P<lines>(?:(?!---)[^\n]{0,200}\n){1,60})"
    rb"---[ \t]*(?:\r?\n|\Z)"
)
_OUTLINE = re.compile(
    rb"\n(?:(?P<fence> {0,3}(?:`{3,}|~{3,}))(?P<info>[^\n]*)|(?P<line>#{1,6}[ \t][^\n]*))"
)
_LISTED = re.compile(
    rb"\n(?P<line>(?:\*\*|[-*+][ \t]|[\[(`\d]|START|BEGIN|" + COUNTED_LINE + rb")[^\n]*)"
)

#: A kind of dated line: marker, level, and whether only a weak form matches it.
Kind = tuple[Marker, int, bool]


class Head(NamedTuple):
    """One heading of a log, the end of its line, and whether it is inside a fence.

    `dated_below` is True if a line below it that is only a date dates it.
    """

    line: str
    level: int
    end: int
    inside: bool
    heading: Heading | None = None
    kind: Kind | None = None
    dated_below: bool = False


def heads_of(data: bytes, forms: tuple[Form, ...]) -> list[Head]:
    """Return the relevant headings of a log, each parsed."""
    heads = [_classify(data, head, forms) for head in _outline(data)]
    if any(head.dated_below for head in heads) and _dates_elsewhere(data, heads):
        heads = [h._replace(heading=None, kind=None) if h.dated_below else h for h in heads]
    if any(head.kind and not head.inside for head in heads):
        return [head for head in heads if not head.inside]
    return heads


def _outline(data: bytes) -> Iterator[Head]:
    """Yield the headings of a log. Fences are paired in order; a patch ends at column 0."""
    first = data[: max(data.find(b"\n"), 0) or len(data)].removeprefix(_BOM)
    mark, length, patch = b"", 0, False
    opening = _OUTLINE.match(b"\n" + first)
    found = [opening] if opening else []
    for number, m in enumerate((*found, *_OUTLINE.finditer(data))):
        fence = m["fence"]
        if fence is None:
            line = decode_text(m["line"]).rstrip("\r")
            level = len(line) - len(line.lstrip("#"))
            end = len(first) if number < len(found) else m.end()
            yield Head(line, level, end, bool(mark))
            continue
        marks, info = fence.strip(), m["info"].strip()
        if not mark:
            mark, length = marks[:1], len(marks)
            patch = info.lower() in (b"diff", b"patch")
        elif marks[:1] == mark and len(marks) >= length and not info:
            mark = mark if patch and fence.startswith(b" ") else b""


def _classify(data: bytes, head: Head, forms: tuple[Form, ...]) -> Head:
    """Return a heading that could begin a session, parsed."""
    text = line_text(head.line, Marker.HEADING, head.level) or ""
    if DATED.search(head.line.encode()):
        for weak in (False, True):
            heading = match_forms(text, (f for f in forms if f.weak == weak))
            if heading:
                kind = (Marker.HEADING, head.level, weak)
                return head._replace(heading=heading, kind=kind)
    heading = field_heading(head.line, head.level, lambda: lines_from(data, head.end))
    if heading is None:
        return head
    first = next(filter(str.strip, lines_from(data, head.end)), "")
    kind = (Marker.FIELD, head.level, False)
    return head._replace(heading=heading, kind=kind, dated_below=date_line(first) is not None)


def _dates_elsewhere(data: bytes, heads: list[Head]) -> bool:
    """Return True if lines with only a date usually begin entries, and do not date headings."""
    below = sum(head.dated_below for head in heads)
    lines = (decode_text(raw) for raw in listed_lines(data) if DATED.search(raw))
    return sum(date_line(line) is not None for line in lines) > 2 * below


def listed_lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines that could be whole entries."""
    end = data.find(b"\n")
    first = data[: end if end >= 0 else len(data)]
    m = _LISTED.match(b"\n" + first.removeprefix(_BOM))
    if m:
        yield m["line"]
    for m in _LISTED.finditer(data):
        yield m["line"]


def front_matter(data: bytes) -> list[str]:
    """Return the lines of the YAML front matter with which a log begins."""
    m = _FRONT_MATTER.match(data)
    return decode_text(m["lines"]).splitlines() if m else []
