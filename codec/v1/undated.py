"""Find headings that look like sessions but have no date, or an unreadable one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final, Literal

from codec.lazy_pattern import LazyPattern
from codec.v1.beside_date import SESSION_WORD
from codec.v1.date_patterns import TIME_PATTERN
from codec.v1.dialects import FIELD_REACH, Marker, line_text
from codec.v1.forms import FORMS, Form, match_forms
from codec.v1.heading import Heading
from codec.v1.labels import place_of
from codec.v1.outline import DATED
from codec.vocabulary import is_status

#: The reason why a line that looks like a session is not read as one: its date cannot be read, it
#: has none, or it is a heading of another level.
Suspect = Literal["unreadable", "undated", "misplaced"]
#: The forms that are not weak.
STRONG: Final = tuple(form for form in FORMS if not form.weak)
#: Text that looks like a date, readable or not.
_DATE_LIKE = re.compile(
    r"(?<![\w.])(?:20\d\d[-/.]\d{1,2}(?:[-/.]\w{1,2})?|\d{1,2}[./-]\d{1,2}[./-](?:20)?\d\d|20\d{6})(?![\w.])"
    r"|(?<!\d)20\d\d ?年"
)
_AT_START = re.compile(r"[\[(*`_]{0,3}\d{2,4}[-/.]\d{1,2}[-/.]\w{1,4}")
_DATED_LINE = re.compile(
    r"(?:[-*+]|\d{1,3}[.)])?[ \t]*[\[(*`_]{0,3}"
    r"(?:20\d\d[-/.]\d{1,2}(?:[-/.]\w{1,4})?(?![\w.])|\d{1,2}[./]\d{1,2}[./]20\d\d)"
)
_FIELD = re.compile(
    r"[ \t]*(?:[-*+>|][ \t]+)?(?:\*\*|__)?(?P<label>[^\W\d_][^:：|*]{0,40}?)(?:\*\*|__)?"
    r"[ \t]*[:：|](?:\*\*|__)?[ \t]*(?P<value>.*)"
)
_NUMBERED: Final = LazyPattern(rf"(?:{SESSION_WORD})(?:\W.*)?", re.I | re.S)
_TIME: Final = LazyPattern(TIME_PATTERN, re.IGNORECASE)
_PLACEHOLDER = re.compile(r"[\[<{(].*[\]>})]|.*\w\s*[|/]\s*\w+\s*[|/].*|\.{3}|…|`?\$.*")
#: Headings of descriptions and rules of the log, which have fields but are not entries.
_DESCRIPTIONS = re.compile(
    r"\b(?:format|template|example|metadata|rules?|how to|protocol|instructions?|legend|convention"
    r"|overview|current|snapshot|index|schema|fields?|vorlage|beispiel|regeln|modèle|exemple|plantilla"
    r"|ejemplo|modelo|exemplo|esempio|voorbeeld|шаблон|пример|формат)\b|模板|格式|示例|テンプレート|例|템플릿",
    re.I,
)
_ENTRY_FIELDS: Final = ("task", "status", "agent", "date", "started")


def is_doubtful(line: str) -> bool:
    """Return True if a heading that does not begin a session has text that looks like a date."""
    text = line.lstrip("#").strip()[:120]
    if _AT_START.match(text) or _DATE_LIKE.search(text):
        return True
    is_dated = DATED.search(text.encode()) is not None
    return is_dated and _TIME.search(text) is not None


def begins_dated(line: str) -> bool:
    """Return True if a line or a list item begins with a possible date."""
    return _DATED_LINE.match(line) is not None


def is_misplaced(
    line: str, above: Heading | None, below: Iterable[str], forms: Iterable[Form] = STRONG
) -> bool:
    """Return True if a heading is dated like a session's, but has another level.

    Args:
        line: the heading.
        above: the heading of the session that it is in, None outside of one. A dated heading in a
            session belongs to it, unless it has another date and the fields of an entry.
        below: the lines below it.
        forms: the forms of the headings that begin sessions.
    """
    if not DATED.search(line.encode()):
        return False
    level = len(line) - len(line.lstrip("#"))
    found = match_forms(line_text(line, Marker.HEADING, level) or "", forms)
    if found is None or not (found.task or found.agent):
        return False
    if above is None:
        return level > 1 or forms is STRONG
    return found.time[:10] != above.time[:10] and is_undated_entry(line, below)


def is_undated_entry(line: str, below: Iterable[str]) -> bool:
    """Return True if a heading without a date is followed by the fields of an entry.

    A task or a status is sufficient; an agent or an unreadable date needs another field, or a
    heading with a session number. Placeholders are not values.

    Args:
        line: the heading.
        below: the lines below it.
    """
    text = line.lstrip("#").strip(" *_`")
    if place_of(text).field or _DESCRIPTIONS.search(text):
        return False
    found = set()
    for following in islice(below, FIELD_REACH):
        if following.startswith("#"):
            break
        m = _FIELD.fullmatch(following)
        if m is None:
            continue
        field, value = place_of(m["label"]).field, m["value"].strip(" *_`|")
        stated = field != "status" or is_status(value)
        if field in _ENTRY_FIELDS and stated and value and not _PLACEHOLDER.fullmatch(value):
            found.add(field)
    numbered = _NUMBERED.fullmatch(text) is not None and any(c.isdigit() for c in text)
    return bool(found & {"task", "status"}) or len(found) > 1 or (numbered and bool(found))
