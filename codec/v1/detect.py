"""Detect the form in which a log marks its sessions, by counting its dated lines.

1. One kind of line at one level marks sessions: the one with the most dated lines. Headings are
   tried first, then headings dated by a field below them, bold lines, list items and lines.
2. A dated title is not a session if other lines are dated, too. Dated headings below a dated
   heading with a title belong to it; below a bare day they are the sessions.
3. If a weak form, or a title dated by a field, fits only few of the headings, the file
   is not a log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import Final

from codec.errors import FormatError
from codec.lazy_pattern import LazyPattern
from codec.v1.date_patterns import TIME_PATTERN
from codec.v1.dates import day_of_name, parse_timestamp
from codec.v1.dialects import (
    FIELD_REACH,
    Dialects,
    Marker,
    date_field,
    line_text,
    lines_from,
)
from codec.v1.forms import FORMS, Form, clock_heading, match_forms, match_line
from codec.v1.heading import Heading, refine
from codec.v1.labels import place_of
from codec.v1.lines import OPEN, parsed
from codec.v1.outline import DATED, Head, Kind, front_matter, heads_of, listed_lines
from codec.v1.text import decode_text
from codec.v1.undated import is_undated_entry

#: If a log has more headings than this, a single dated item or field is a coincidence.
_CHANCE: Final = 2
#: A line of prose that begins with a date is not an entry unless a time or a sign follows.
_ENTRY_LINE: Final = LazyPattern(
    r"\[?(?:(?:START|BEGIN)\S*\s)"
    rf"|(?:[A-Z][a-z]+ #?\d+\s*[|:–—-]\s*)?[\[(`]?(?:{TIME_PATTERN})"
    r"(?:[\])`]|\s*[|:–—-]|\s\s|\t|(?<=:\d\d)\s|(?<=Z)\s|(?P<list>\s*[,;]\s))"
)


def detect(data: bytes, name: str | None = None, *, day: str = "", whole: bool = False) -> Dialects:
    """Return the kind and level of line that marks the sessions of a log.

    Args:
        data: the log.
        name: the only form to try, if given.
        day: the day in the file's name, as `YYYY-MM-DD`.
        whole: the file may be a single session whose day is in its name or title.

    Raises:
        FormatError: no line marks a session.
    """
    forms = tuple(f for f in FORMS if name in (None, f.name))
    if not forms:
        known = ", ".join(f.name for f in FORMS)
        raise FormatError(f"no such dialect: {name}", field="dialect", hint=f"Known: {known}")
    heads = heads_of(data, forms)
    below = _below_day(data, heads, day) if name is None else None
    if below is not None:
        return below
    chosen = _by_headings(data, heads, forms, whole=whole)
    if chosen is not None:
        return chosen
    sections = sum(head.level > 1 for head in heads)
    listed = _by_lines(data, forms, least=2 if sections > _CHANCE else 1)
    if listed is not None:
        return listed
    file = _whole_file(data, heads, day, whole=whole)
    if file is not None:
        return file
    raise FormatError(
        "not a session log: no dated session heading was found",
        hint=(
            "Looked for headings such as '### 2025-11-06T14:30:00Z | agent | task', "
            "'## Session: 2025-11-06 | title', '## 2025-11-06', '## title (2025-11-06)', headings "
            "with a 'Date:' line below, and bold lines, list items and lines that begin with a "
            "date. Rows of a table are not read: write each as a dated heading. Pass "
            "--heading-pattern to name another form"
        ),
    )


def _by_headings(
    data: bytes, heads: list[Head], forms: tuple[Form, ...], *, whole: bool
) -> Dialects | None:
    """Return the dialect of a log whose sessions are headings, by their most frequent kind."""
    seen = Counter(head.kind for head in heads if head.kind)
    if len(seen) > 1:
        seen = Counter({at: n for at, n in seen.items() if not _is_title(at, n)}) or seen
    for marker, weak in ((Marker.HEADING, False), (Marker.HEADING, True), (Marker.FIELD, False)):
        levels = {level: n for (m, level, w), n in seen.items() if (m, w) == (marker, weak)}
        if not levels:
            continue
        level = _level_of(heads, levels, (marker, weak))
        if all(map(_is_title, seen, seen.values())) and _by_lines(data, forms, least=2):
            return None
        if (weak or marker is Marker.FIELD) and _is_chance(data, heads, level, marker, whole=whole):
            continue
        counted = tuple(f for f in forms if weak or not f.weak)
        titles = _titles_above(heads, level) if marker is Marker.HEADING and not weak else 0
        if titles:
            return Dialects(marker=Marker.FIELD, level=titles, forms=counted)
        return Dialects(marker=marker, level=level, forms=counted)
    return None


def _level_of(heads: list[Head], levels: dict[int, int], kind: tuple[Marker, bool]) -> int:
    """Return the level of the sessions.

    It is the level with the most dated headings. If these are below dated headings that have a
    title, and do not outnumber them by far, it is the level of the latter.
    """
    best = min(levels, key=lambda at: (-levels[at], at))
    marker, weak = kind
    for level in sorted(levels):
        if level >= best:
            break
        own = [h for h in heads if h.kind == (marker, level, weak)]
        titled = sum(bool(h.heading and (h.heading.task or h.heading.agent)) for h in own)
        if titled * 2 > len(own) > 1 and levels[best] <= 3 * len(own):
            return level
    return best


def _is_title(at: Kind, times: int) -> bool:
    """Return True for the only dated title of a log whose sessions are marked in another way."""
    _, level, weak = at
    return times == 1 and (level == 1 or weak)


def _is_chance(data: bytes, heads: list[Head], level: int, marker: Marker, *, whole: bool) -> bool:
    """Return True if too few of the headings at a level are dated to be sessions.

    A single dated title is a session only if it has the fields of a session and no sections.
    """
    own = [head for head in heads if head.level == level]
    dated = sum(head.kind is not None for head in own)
    if level == 1 and dated == 1 and not whole:
        sections = sum(head.level == 2 for head in heads)
        title = next(head for head in own if head.kind)
        below = islice(lines_from(data, title.end), FIELD_REACH)
        return sections > 1 or not is_undated_entry(title.line, below)
    if marker is Marker.FIELD and dated == 1 and len(own) > _CHANCE:
        return not any(_is_undated(data, head) for head in own if head.kind is None)
    return marker is Marker.HEADING and dated * 2 <= len(own) - (len(own) == 1)


def _is_undated(data: bytes, head: Head) -> bool:
    return is_undated_entry(head.line, islice(lines_from(data, head.end), FIELD_REACH))


def _is_reported(data: bytes, head: Head) -> bool:
    """Return True if the text below a heading begins with a summary or an outcome."""
    first = next(filter(str.strip, islice(lines_from(data, head.end), 3)), "")
    line = parsed(first.strip()) if first else None
    return bool(line and line.kind > OPEN and line.label in ("summary", "outcome"))


def _titles_above(heads: list[Head], level: int) -> int:
    """Return the level of the titles directly above the bare dates of a level; 0 if none are."""
    above = set()
    for before, head in zip([None, *heads], heads, strict=False):
        if head.level != level or not head.kind:
            continue
        bare = head.heading and not (head.heading.task or head.heading.agent)
        gap = (
            head.line
            and before is not None
            and head.end - before.end <= len(head.line.encode()) + 4
        )
        if not bare or not gap or before is None or _is_headed(before) or before.level >= level:
            return 0
        above.add(before.level)
    return above.pop() if len(above) == 1 and 1 not in above else 0


def _is_headed(head: Head) -> bool:
    """Return True if a heading contains its date itself."""
    return head.kind is not None and head.kind[0] is Marker.HEADING


def _below_day(data: bytes, heads: list[Head], day: str) -> Dialects | None:
    """Return the dialect of a log with entries below headings of days, or of the log of one day."""
    days = [h for h in heads if h.kind and h.kind[0] is Marker.HEADING]
    bare = [h for h in days if h.heading and _is_bare_day(h.heading)]
    level = min((h.level for h in bare), default=0)
    day = day or (_only_day(data, heads) if not bare else "")
    if not day and (not bare or len(bare) * 2 < len([h for h in days if h.level == level])):
        return None
    below = [h for h in _children(heads, level, day) if not h.kind]
    clocks = Counter(h.level for h in below if _is_clocked(h))
    if clocks:
        deepest = min(clocks, key=lambda at: (-clocks[at], at))
        peers = [h for h in days if h.level == deepest]
        if len(peers) < clocks[deepest]:
            return Dialects(
                marker=Marker.DAY, level=deepest, forms=FORMS, day_level=level, day=day, clocks=True
            )
    if not level or any(h.level > level for h in days):
        return None
    entries = Counter(
        h.level for h in below if _names_agent(h) or _is_undated(data, h) or _is_reported(data, h)
    )
    for at, n in entries.items():
        titles = [h for h in below if h.level == at and not place_of(h.line.strip("# ")).field]
        if n * 2 > len(titles):
            return Dialects(marker=Marker.DAY, level=at, forms=FORMS, day_level=level, day=day)
    return None


def _only_day(data: bytes, heads: list[Head]) -> str:
    """Return the day of headings that state only a time of day, from the title or a field above."""
    clocked = [h for h in heads if h.level > 1 and not h.kind and _is_clocked(h)]
    dated = [h for h in heads if h.level > 1 and h.kind]
    if (
        len(clocked) < 2
        or len(dated) > 1
        or any(h.kind[0] is not Marker.FIELD for h in dated if h.kind)
    ):
        return ""
    times = [h.heading.time for h in heads if h.level == 1 and h.heading]
    if not times:
        above = decode_text(data[: clocked[0].end]).splitlines()
        times = [found[0] for found in map(date_field, above) if found]
    days = set()
    for time in times:
        with suppress(FormatError):
            days.add(day_of_name(time) or parse_timestamp(time).text[:10])
    return days.pop() if len(days) == 1 else ""


def _is_bare_day(heading: Heading) -> bool:
    """Return True if a heading is only a day."""
    return not (heading.task or heading.agent or heading.status or ":" in heading.time)


def _is_clocked(head: Head) -> bool:
    text = line_text(head.line, Marker.HEADING, head.level)
    return bool(text) and (":" in head.line or "：" in head.line or "h" in head.line
                           or "时" in head.line or "時" in head.line or "시" in head.line
                           ) and clock_heading(text or "") is not None  # fmt: skip


def _names_agent(head: Head) -> bool:
    """Return True if a heading without a date names a known agent and a task."""
    text = line_text(head.line, Marker.HEADING, head.level)
    heading = refine(Heading(time="", task=text)) if text else None
    return heading is not None and bool(heading.agent and heading.task)


def _children(heads: list[Head], level: int, day: str) -> Iterator[Head]:
    """Yield the headings below days, or all headings if the file's name states the day."""
    below = bool(day)
    for head in heads:
        if level and head.level <= level:
            below = bool(day) or (head.level == level and head.kind is not None)
            if head.level == level or not day:
                continue
        if below:
            yield head


def _by_lines(data: bytes, forms: tuple[Form, ...], least: int = 1) -> Dialects | None:
    """Return the dialect of a log whose sessions are bold lines, list items or plain lines."""
    strong = tuple(f for f in forms if not f.weak)
    seen: Counter[Marker] = Counter()
    for raw in listed_lines(data):
        if not DATED.search(raw):
            continue
        line = decode_text(raw).rstrip("\r")
        marker, listed = Marker.BULLET, False
        if line.startswith("**"):
            marker = Marker.BOLD
        elif line_text(line, Marker.BULLET, 7) is None:
            m = _ENTRY_LINE.match(line)
            if m is None:
                continue
            marker, listed = Marker.LINE, m["list"] is not None
        text = line_text(line, marker, 7)
        matched = match_forms if marker is Marker.BOLD else match_line
        found = matched(text, strong) if text is not None else None
        if found and (found.status or found.agent or not listed):
            seen[marker] += 1
    for marker in (Marker.BOLD, Marker.BULLET, Marker.LINE):
        if seen[marker] >= max(least, 2 if marker is Marker.LINE else 1):
            return Dialects(marker=marker, level=7, forms=strong)
    return None


def _whole_file(data: bytes, heads: list[Head], day: str, *, whole: bool) -> Dialects | None:
    """Return the dialect of a file that is a single session; None if no text states its day.

    The v1 log itself is one only if its front matter has the fields of a session.
    """
    front = front_matter(data)
    dates = [found for found in map(date_field, front) if found]
    if not whole and not (dates and is_undated_entry("", front)):
        return None
    title = next((line_text(h.line, Marker.HEADING, h.level) for h in heads if h.level == 1), "")
    dated = next((h.heading for h in heads if h.level == 1 and h.heading), None)
    when = dated.time if dated else min(dates, key=itemgetter(2))[0] if dates else day
    if not when:
        return None
    task = dated.task if dated else title or ""
    return Dialects(marker=Marker.FILE, level=7, forms=(), day=when, title=task)
