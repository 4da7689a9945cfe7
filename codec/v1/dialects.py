"""The forms in which v1 logs mark their sessions.

A log marks its sessions by dated lines: headings of one level, headings with a date field below,
bold lines, list items, or lines of their own. `v1.detect` chooses the form of a log; then
`Dialects.match` decides for each line whether it begins a session, and parses it.

1. A log marks its sessions in one form; a dated line of another level or kind is content.
2. Several forms of headings may be used at that level (`time | agent | task` and `time - title`).
   The weak forms, with the date last or in the middle, count only if no strong
   form does.
3. If a heading of a higher level, or the file's name, states the day, headings below it begin
   sessions without a date of their own.
4. A template (`### [timestamp] | [model]`) has no date, so it does not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from codec.errors import FormatError
from codec.lazy_pattern import LazyPattern
from codec.v1.beside_date import SESSION_WORD
from codec.v1.date_patterns import CLOCK_PATTERN, TIME_PATTERN
from codec.v1.dates import is_clock
from codec.v1.forms import (
    BLANKS,
    FORMS,
    LEADING_STATUS,
    LINE_LIMIT,
    Form,
    clock_heading,
    heading_of,
    match_forms,
    match_line,
)
from codec.v1.heading import SEPARATOR, Heading, refine
from codec.v1.labels import DATE_LABELS, FIELD_OF, label_of, place_of
from codec.v1.text import Log, decode_text
from codec.vocabulary import is_status


class Marker(Enum):
    """The kind of line that begins a session."""

    HEADING = "heading"
    FIELD = "heading with a date field below"
    BOLD = "bold line"
    BULLET = "list item"
    LINE = "line"
    DAY = "heading below a day"
    FILE = "the whole file"
    CUSTOM = "heading pattern"


#: The beginning of a line that counts the sessions: `Iteration 3`.
COUNTED_LINE: Final = rb"(?:Session|Iteration|Run|Loop|Cycle|Round|Turn|Entry) #?\d"
#: The number of an item of a list; in `2. 4. 2026` it is a day.
LIST_NUMBER: Final = r"\d{1,3}[.)](?!\s*\d{1,2}\.\s*\d{4})"
_BOLD_LINE = re.compile(r"\*\*(?P<text>.+?)\*\*(?P<rest>.*)")
_BULLET_LINE = re.compile(rf"(?:[-*+]|{LIST_NUMBER})[ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>.+)")
_LEADING_SIGNS = re.compile(r"(?:[^\w\[(`（【]|_)*(?=[\w\[(`（【])")
_BOLD_STATUS = re.compile(r"(?:\*\*|__|`)(?P<text>[^*_`]{2,80})(?:\*\*|__|`)\s*$")
_DATE_LABEL = re.compile(
    r"[ \t]*(?:[-*+>|][ \t]+)?(?:\[[ xX]\][ \t]+)?[^\w\s*_|]{0,3}[ \t]*(?:\*\*|__)?"
    r"(?P<label>[^\W\d_][^:：|*]{0,40}?)(?:\*\*|__)?[ \t]*[:：|](?:\*\*|__)?[ \t]*`?[\[(]?(?=[\w])"
)
_FIELD_TIME: Final = LazyPattern(
    rf"(?P<time>(?>{TIME_PATTERN}))"
    rf"(?:\s*(?:-|–|—|→|to)\s*(?P<end>(?>{TIME_PATTERN}|{CLOCK_PATTERN})))?",
    re.IGNORECASE,
)
_DATE_HEADING: Final = LazyPattern(rf"[\[(`]?(?P<time>{TIME_PATTERN})[\])`]?")
_EMPHASIS = re.compile(r"\*{1,3}|`|(?<!\w)_{1,3}|_{1,3}(?!\w)")
#: The forms of a line that is only a date.
_ALONE: Final = tuple(f for f in FORMS if f.name in ("title", "bare"))
_NUMBERED: Final = LazyPattern(rf"(?:{SESSION_WORD})(?:{SEPARATOR}(?P<task>.+))?", re.IGNORECASE)
#: A longer heading is not only a date.
_DATE_LIMIT: Final = 40
#: The number of lines below a heading in which a date field dates it.
FIELD_REACH: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialects:
    """The form in which one log marks its sessions.

    Attributes:
        marker: the kind of line.
        level: 1 to 6 for headings of that level; 7, below every heading, for other lines.
        forms: the forms that are tried.
        custom: a pattern of the user, for a whole line.
        day_level: the level of the headings that give the day of the sessions below them.
        day: the day in the file's name, as `YYYY-MM-DD`.
        clocks: below a day, only headings with a time of day begin sessions.
        title: the title of a file that is a single session.
    """

    marker: Marker
    level: int
    forms: tuple[Form, ...]
    custom: re.Pattern[str] | None = None
    day_level: int = 0
    day: str = ""
    clocks: bool = False
    title: str = ""

    def match(self, line: str, below: Callable[[], Iterable[str]]) -> Heading | None:
        """Return the parsed heading if `line` begins a session.

        Args:
            line: one line at column 0, without its line end.
            below: returns the lines below it, some of which are searched for a date field.
        """
        if self.custom is not None:
            m = self.custom.fullmatch(line)
            return heading_of(m) if m else None
        if self.marker is Marker.FIELD:
            return field_heading(line, self.level, below)
        if self.marker is Marker.FILE:
            return None
        text = line_text(line, self.marker, self.level)
        if text is None:
            return None
        if self.marker is Marker.DAY:
            return self._below_day(text)
        if self.marker in (Marker.LINE, Marker.BULLET):
            return match_line(text, self.forms)
        found = match_forms(text, self.forms)
        if found is None and self.marker is Marker.HEADING:
            return field_heading(line, self.level, below, mixed=True)
        return found

    def _below_day(self, text: str) -> Heading | None:
        found = clock_heading(text) or match_forms(text, self.forms)
        if found is not None or self.clocks or place_of(text).field:
            return found
        return refine(Heading(time="", task=text[:LINE_LIMIT]))

    def match_day(self, line: str) -> Heading | None:
        """Return the parsed day if `line` dates the sessions below it."""
        text = line_text(line, Marker.HEADING, self.day_level)
        return None if text is None else match_forms(text, FORMS)


def custom_dialect(pattern: str) -> Dialects:
    """Return a dialect that uses a user's own pattern for whole lines.

    The pattern has a group named `time`, or three named `year`, `month` and `day`.

    Raises:
        FormatError: it is not a regular expression, or does not have these groups.
    """
    try:
        custom = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as e:
        raise FormatError(f"not a regular expression: {e}", field="heading pattern") from None
    groups = set(custom.groupindex)
    if "time" not in groups and not groups.issuperset(("year", "month", "day")):
        raise FormatError(
            "has no group named time, and no groups named year, month and day",
            field="heading pattern",
            hint=r"Name the groups: '## (?P<time>\S+) (?P<agent>\S+): (?P<task>.*)'",
        )
    hashes = re.match(r"\^?(?P<marks>#{1,6})(?!#)", pattern)
    level = len(hashes["marks"]) if hashes else 7
    return Dialects(marker=Marker.CUSTOM, level=level, forms=(), custom=custom)


def _without_closing_marks(text: str) -> str:
    """Return a heading's text without a closing `##` after white space."""
    before = text.rstrip("#")
    return before.rstrip(" \t") if before[-1:] in ("", " ", "\t") else text


def line_text(line: str, marker: Marker, level: int) -> str | None:
    """Return the text, without marks, of a line of a given kind and level; else None."""
    if marker in (Marker.HEADING, Marker.FIELD, Marker.DAY):
        text = line.lstrip("#")
        if len(line) - len(text) != level or text[:1] not in (" ", "\t"):
            return None
        text = _without_closing_marks(text.rstrip(" \t"))
    elif marker is Marker.BOLD:
        m = _BOLD_LINE.fullmatch(line)
        if m is None:
            return None
        text = f"{m['text']}{m['rest']}"
    elif marker is Marker.BULLET:
        m = _BULLET_LINE.fullmatch(line)
        if m is None:
            return None
        text = m["text"]
    else:
        text = line
    text = text.strip()
    if not text.isascii():  # full-width bars, and the hyphens that do not break
        text = text.replace("\uff5c", "|").replace("\u2011", "-")
    if "**" in text or text[-1:] == "`":
        bold = _BOLD_STATUS.search(text)
        if bold and bold.start() and is_status(bold["text"]):
            text = f"{text[: bold.start()].rstrip()} [{bold['text'].strip('[]() ')}]"
        text = text.replace("**", "").strip()
    if text[:1].isalnum() or LEADING_STATUS.match(text):
        return text
    signs = _LEADING_SIGNS.match(text)
    return text[signs.end() :] if signs else text


def date_field(line: str) -> tuple[str, str, int] | None:
    """Return the time, the end of the range and the rank of a date line; None for other lines."""
    line = line[:LINE_LIMIT].replace("\u2011", "-")
    m = _DATE_LABEL.match(line)
    rank = _date_rank(m["label"]) if m else None
    if m is None or rank is None:
        return None
    time = _FIELD_TIME.match(line, m.end())
    return (time["time"], time["end"] or "", rank) if time else None


@lru_cache(maxsize=4096)
def _date_rank(label: str) -> int | None:
    """Return the rank of a label as a date, 0 for the best; None if it does not date an entry."""
    rank = _DATE_RANKS.get(label_of(label.strip(" *_")))
    for part in re.split(r"\s*[/(（]\s*", label) if rank is None else ():
        rank = _DATE_RANKS.get(label_of(part.strip(" )）"))) if rank is None else rank
    return rank


_DATE_RANKS: Final[Mapping[str, int]] = {
    label: ("date", "started", "updated", "finished").index(FIELD_OF[label].field)
    if label in FIELD_OF and FIELD_OF[label].field != "done"
    else 3
    for label in DATE_LABELS
}


def field_heading(
    line: str, level: int, below: Callable[[], Iterable[str]], *, mixed: bool = False
) -> Heading | None:
    """Return a heading whose date is in a field or on a line below it; None if it has no date.

    Args:
        line: the heading.
        level: its level.
        below: returns the lines below it.
        mixed: other headings of the log contain their dates, so only a field for the date of the
            whole entry counts.
    """
    text = line_text(line, Marker.FIELD, level)
    if text is None:
        return None
    dated: Heading | None = None
    rank, is_first = 9, True
    for number, following in zip(range(FIELD_REACH), below(), strict=False):
        if following.startswith("#"):
            time = _date_heading(following) if dated is None and number < 3 else None
            dated, rank = (Heading(time), 0) if time else (dated, rank)
            break
        found = date_field(following)
        if found and found[2] < rank:
            dated, rank = Heading(found[0], found[1]), found[2]
        elif is_first and (alone := date_line(following)) and not place_of(text).field:
            dated, rank = alone, 0
        is_first = is_first and not following.strip()
    if dated is None or (mixed and rank > 1):
        return None
    text = BLANKS.sub(" ", text[:LINE_LIMIT])
    numbered = _NUMBERED.fullmatch(text)
    task = numbered["task"] or "" if numbered else text
    heading = refine(dated._replace(task=task))
    return heading._replace(time=dated.time)


def date_line(line: str) -> Heading | None:
    """Return the heading of a date line, which may also have an agent or a status; else None."""
    text = line.lstrip("> \t")
    if len(text) > 2 * _DATE_LIMIT or not any(map(str.isdigit, text)):
        return None
    text = _EMPHASIS.sub("", text).strip()
    signs = _LEADING_SIGNS.match(text)
    found = match_forms(text[signs.end() :] if signs else text, _ALONE)
    is_alone = found is not None and not (found.task or found.name or found.title)
    return found if is_alone and found and not is_clock(found.time) else None


def _date_heading(line: str) -> str | None:
    """Return the time in a heading that is only the date of the heading above it; else None."""
    text = line.strip("# \t*_`")
    found = date_field(text)
    if found:
        return found[0]
    if len(text) > _DATE_LIMIT:
        return None
    m = _DATE_HEADING.fullmatch(text)
    return m["time"] if m else None


def lines_from(data: Log, at: int) -> Iterable[str]:
    """Yield the lines after the one that ends at `at`, decoded, without line ends."""
    while (start := data.find(b"\n", at) + 1) > 0:
        at = data.find(b"\n", start)
        at = at if at >= 0 else len(data)
        yield decode_text(data[start:at]).rstrip("\r")
