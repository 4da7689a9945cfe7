"""The forms of lines that begin a session, and the meaning of their parts.

Each form is a pattern for the text of a line with a time in it. `v1.heading` interprets the parts
around the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from codec.lazy_pattern import LazyPattern
from codec.v1.agents import is_agent, is_role
from codec.v1.beside_date import SESSION_WORD, is_beside_date, remark_end
from codec.v1.date_patterns import CLOCK_PATTERN, TIME_PATTERN
from codec.v1.dates import begins_with_date
from codec.v1.heading import SEPARATOR, Heading, columns, refine
from codec.vocabulary import is_status

#: The number of characters of a line that are read.
LINE_LIMIT: Final = 1024
_ORDINAL = re.compile(r"(?:#?\d{1,4}[.)]|#\d{1,4}:?)\s+(?!\d{1,2}\. ?\d{4})")
#: Every form has a date, and every date has a year of four digits.
_YEAR = re.compile(r"\d{4}")
BLANKS = re.compile(r"\s{2,}")
LEADING_STATUS = re.compile(r"(?P<sign>[✅✔✓❌✗✘🔴🟢🟡🚧⚠])\ufe0f?\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A form of dated line.

    Attributes:
        name: its name.
        pattern: a pattern for the whole text of the line, with named groups.
        weak: it counts only in logs without a strong form.
        usual: a short pattern for most lines of the form. `pattern` matches the same lines, with
            the same groups.
    """

    name: str
    pattern: LazyPattern
    weak: bool = False
    usual: re.Pattern[str] | None = None

    def match(self, text: str) -> re.Match[str] | None:
        """Match the whole text of a line."""
        m = self.usual.fullmatch(text) if self.usual is not None else None
        return m or self.pattern.fullmatch(text)


_OPEN: Final = r"[\[(`（【]?"
_CLOSE: Final = r"(?:\]\([^()\s]{0,200}\)|[\])`）】])?"
# Times are atomic: a time matches as a whole or not at all, so its seconds cannot become a title.
#: The last day of a range, or a number, behind a date: `2026-03-01~02`, `2026-03-01 ~ 03-04`,
#: `2026-03-01/02`, `2026-03-01b`.
_LAST_DAY: Final = (
    r"(?:(?:(?<=[-./]\d\d)|(?<=[-./]\d))[~〜～/–-](?:\d{1,2}[-/])?\d{1,2}(?![\w/]|[:：.,]\d|-\d)"
    r"|(?<=[-/]\d\d)(?:\s*[~〜～→]\s*\d\d[-/]\d\d(?![\w/-]|[:：]\d)|[a-h](?![\w'’])))?"
)
_SPAN: Final = (
    rf"{_OPEN}(?P<time>(?>{TIME_PATTERN})){_LAST_DAY}{_CLOSE}"
    r"(?:\s*(?:-|–|—|→|~|〜|～|\.\.\.?|/(?=\d{4}-\d\d-\d\dT)"
    r"|\b(?:to|bis|until|hasta|até|fino alle|à|до)\b)\s*"
    rf"{_OPEN}(?P<end>(?>{TIME_PATTERN}|{CLOCK_PATTERN})){_CLOSE})?"
)
_ONLY_SPAN: Final = LazyPattern(_SPAN)
_CLOCK_SPAN: Final = (
    rf"{_OPEN}(?P<time>(?>{CLOCK_PATTERN})){_CLOSE}"
    rf"(?:\s*(?:-|–|—|→|~|〜|～|\bto\b|\bbis\b)\s*{_OPEN}(?P<end>(?>{CLOCK_PATTERN})){_CLOSE})?"
)
_SEP: Final = SEPARATOR
_WORD: Final = SESSION_WORD
_ID: Final = r"(?:\s*\(Session:?\s*[^)]*\))?"
_NEXT: Final = rf"(?:{_SEP}|\s+|(?=[(（【\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]))"
_START: Final = r"(?:START(?:ED)?|BEGIN|BEGAN)"
_END: Final = r"(?:END(?:ED)?|STOP(?:PED)?|FINISH(?:ED)?|DONE)"

_USUAL = re.compile(
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)(?P<end>(?!))? \| "
    r"(?P<agent>[^|\s]+(?: [^|\s]+)*) \| (?P<task>\S.*)"
)

#: Strong forms first; the first form that matches names the fields.
FORMS: Final = (
    Form(
        name="pipes",
        pattern=LazyPattern(rf"{_SPAN}\s*\|\s*(?P<agent>[^|]*?)\s*\|\s*(?P<task>.*)"),
        usual=_USUAL,
    ),
    Form(
        name="session",
        pattern=LazyPattern(
            rf"(?:{_WORD})(?:\s+(?:of|on|for|from|vom|von|am|du|del|de|do|da|dal|di|от|за))?"
            rf"(?:{_SEP}|\s+|\s*(?=[(（\[]))"
            rf"{_SPAN}(?:(?:{_SEP}|\s+)(?P<task>.+?))?{_ID}",
            re.IGNORECASE,
        ),
    ),
    Form(
        name="start-end",
        pattern=LazyPattern(
            rf"\[?{_START}[:\s]\s*(?P<time>(?>{TIME_PATTERN}))\]?{_SEP[:-3]}?"
            rf"(?:\s*\[?{_END}[:\s]\s*(?P<end>(?>{TIME_PATTERN}|{CLOCK_PATTERN}))\]?)?"
            rf"(?:{_SEP}|\s+)?(?P<task>.*?)"
        ),
    ),
    Form(
        name="bracketed",
        pattern=LazyPattern(rf"\[?(?P<time>(?>{TIME_PATTERN}))\]\s*[-–—]\s*(?P<name>[\w.+-]+)"),
    ),
    Form(name="title", pattern=LazyPattern(rf"{_SPAN}{_NEXT}(?P<task>.+?){_ID}")),
    Form(name="bare", pattern=_ONLY_SPAN),
    Form(
        name="last",
        pattern=LazyPattern(
            r"(?:(?P<agent>[^|]+?)\s*\|\s*)?(?P<task>.+?)"
            rf"(?:{_SEP}|\s+(?:on\s+|@\s*)?|(?=[(（])){_SPAN}"
            r"(?:\s*[;,·|/–—-]\s*(?P<remark>[^()\[\]（）]{1,200}?)[)\]）])?[.\s]*"
        ),
        weak=True,
    ),
    Form(
        name="middle",
        pattern=LazyPattern(rf"(?P<agent>[^|]+?)\s*\|\s*{_SPAN}\s*\|\s*(?P<task>.+?)"),
        weak=True,
    ),
    Form(
        name="within",
        pattern=LazyPattern(
            rf"(?P<task>.+?(?:{_SEP}|\s+)){_SPAN}"
            r"(?:\s*[;,]\s*(?P<remark>[^()\[\]（）]{1,200}?)[)\]）])?"
            rf"(?:{_SEP}|\s+)(?P<rest>.+?)"
        ),
        weak=True,
    ),
)
#: The forms of a heading whose date is in a day above it.
_CLOCK_FORMS: Final = (
    LazyPattern(rf"{_CLOCK_SPAN}(?:{_NEXT}(?P<task>.+?))?", re.IGNORECASE),
    LazyPattern(rf"(?:{_WORD}){_SEP}?\s*{_CLOCK_SPAN}(?:{_NEXT}(?P<task>.+?))?", re.IGNORECASE),
    LazyPattern(
        rf"(?P<task>.+?)(?:{_SEP}|\s+(?:@\s*)?|(?=[(（])){_CLOCK_SPAN}[.\s]*", re.IGNORECASE
    ),
)


def match_forms(text: str, forms: Iterable[Form]) -> Heading | None:
    """Return the heading in a dated line, by the first form that fits; None if no form fits.

    Only the beginning of a very long line is read, and each run of white space becomes one space:
    otherwise the lazy parts of some forms would be slow.
    """
    text = BLANKS.sub(" ", text[:LINE_LIMIT])
    if not _YEAR.search(text):
        return None
    if text[:1] in "✅✔✓❌✗✘🔴🟢🟡🚧⚠" and text:
        sign = LEADING_STATUS.match(text)
        if sign:
            found = match_forms(text[sign.end() :], forms)
            return found._replace(status=found.status or sign["sign"]) if found else None
    numbered = _ORDINAL.match(text)
    if numbered and not begins_with_date(text):
        text = text[numbered.end() :]
    for form in forms:
        m = form.match(text)
        if m:
            return refine(heading_of(m))
    return None


def match_line(text: str, forms: Iterable[Form]) -> Heading | None:
    """Return the heading in a line that is a whole entry, read column by column; else None."""
    text = text[:LINE_LIMIT]
    squeezed = BLANKS.sub(" ", text)
    if not _YEAR.search(squeezed):
        return None
    for form in forms:
        m = form.match(squeezed)
        if m is None:
            continue
        if form.name in ("start-end", "session"):
            heading = Heading(time=m["time"], time_end=m["end"] or "")
            return columns(heading, m["task"] or "")
        span = _ONLY_SPAN.match(text)
        if span is None:
            return refine(heading_of(m))
        heading = Heading(time=span["time"], time_end=span["end"] or "")
        return columns(heading, text[span.end() :])
    return None


def clock_heading(text: str) -> Heading | None:
    """Return the heading in a line with a time of day and without a date; else None."""
    text = BLANKS.sub(" ", text[:LINE_LIMIT])
    for pattern in _CLOCK_FORMS:
        m = pattern.fullmatch(text)
        if m:
            return refine(heading_of(m))
    return None


def heading_of(m: re.Match[str]) -> Heading:
    """Return the heading in a match of a form or of a user's pattern."""
    groups = m.groupdict("")
    time, task, agent = groups.get("time", ""), groups.get("task", ""), groups.get("agent", "")
    if groups.get("year"):
        day = f"{groups['day']} {groups['month']} {groups['year']}"
        if groups["month"].isdigit():
            day = f"{groups['year']}-{groups['month']:0>2}-{groups['day']:0>2}"
        time = f"{day} {time}".strip()
    status = groups.get("status", "").strip()
    if groups.get("rest"):
        before, rest = task.strip(" |-–—:·•/,[]()"), groups["rest"]
        end = remark_end(rest)
        if end:
            rest = rest[end:]
            task = f"{before} " if before else ""
        is_named = is_role(before) and before.isupper() and not is_beside_date(before)
        if is_agent(before) or is_named:
            agent, task = before, rest
        elif is_agent(rest) and not agent:
            agent, task = rest, before
        elif is_status(rest):
            status, task = rest, before
        else:
            task = f"{before} {rest}" if groups.get("remark") else f"{task}{rest}"
    remark = groups.get("remark", "")
    for part in re.split(r"[,;]\s*", remark) if remark else ():
        if is_agent(part) and not agent:
            agent = part
        elif is_status(part) and not status:
            status = part
    return Heading(
        time=time,
        time_end=groups.get("end", ""),
        agent=agent.strip(),
        task=task.strip(),
        status=status,
        name=groups.get("name", ""),
        title=groups.get("title", "").strip(),
        notes=groups.get("notes", "").strip(),
    )
