"""Find dates in a text, compare them with the days of sessions, and remove them from the text.

A date is supported if a cited session is in that day, week, month or quarter, or if a text of a
cited session has it in the same words. Years are read only next to a month or a quarter; alone,
the digits are a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from codec.periods import quarter_of
from codec.summaries.evidence import MOMENT, Evidence

_MONTHS: Final = re.findall(
    r"\w+",
    """
january february march april may june july august september october november december
""",
)
_SHORT: Final = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
                 "sept": 9, "oct": 10, "nov": 11, "dec": 12}  # fmt: skip
_NUMBER_OF: Final = {name: n for n, name in enumerate(_MONTHS, 1)} | _SHORT
_DAYS: Final = re.findall(
    r"\w+",
    """
monday tuesday wednesday thursday friday saturday sunday
""",
)
#: `march` and `may` are months only with a capital letter; so are the short names.
_MONTH: Final = (
    rf"(?:{'|'.join(f'(?i:{m})' for m in _MONTHS if m not in ('march', 'may'))}"
    rf"|March|May|MARCH|MAY|{'|'.join(m.capitalize() for m in _SHORT)})\b\.?"
)
_ORDINAL: Final = r"(?:st|nd|rd|th)?"
_NAMED = re.compile(
    rf"(?:\b(?P<before>\d{{1,2}}){_ORDINAL}(?: of)? )?\b(?P<month>{_MONTH})"
    rf"(?: (?P<after>\d{{1,2}}){_ORDINAL}(?![\d,.]*\d))?(?:,?(?: of)? (?P<year>\d{{4}})\b)?"
)
_YEAR_MONTH = re.compile(r"(?<![\w-])\d{4}-(?:0[1-9]|1[0-2])(?![\w-])")
_QUARTER = re.compile(
    r"\b(?:(?P<first>\d{4})-?)?[Qq](?P<quarter>[1-9])(?:(?: of)?,? (?P<second>\d{4}))?\b"
)
_WEEK = re.compile(r"\b(?:(?P<year>\d{4})-?[Ww]|[Ww]eek )(?P<week>\d{1,2})\b")
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(_DAYS)})s?\b", re.I)
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight"
    r"|(?:last|next|previous|past|coming) (?:week|weekend|month|quarter|year|night|spring|summer"
    r"|autumn|fall|winter)|(?:in|during|since|until|by|before|after) (?:the )?"
    r"(?:spring|summer|autumn|winter))\b",
    re.I,
)


def without_dates(text: str, evidence: Evidence) -> tuple[str, str | None]:
    """Return a text without its dates, and the first date that is not supported.

    Args:
        text: the text in its plain form.
        evidence: the evidence of the cited sessions.
    """
    wrong: list[str] = []
    checks: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Evidence], bool]], ...] = (
        (MOMENT, _is_moment), (_NAMED, _is_named), (_QUARTER, _is_quarter), (_WEEK, _is_week),
        (_YEAR_MONTH, _is_month), (_WEEKDAY, _is_weekday), (_RELATIVE, lambda m, e: False),
    )  # fmt: skip
    for pattern, is_supported in checks:
        found = pattern.finditer(text)
        wrong += [m[0] for m in found if not (is_supported(m, evidence) or evidence.says(m[0]))]
        text = pattern.sub(" ", text)
    return text, wrong[0] if wrong else None


def _is_moment(m: re.Match[str], evidence: Evidence) -> bool:
    known = (*evidence.keys, *(key.partition(".")[0] for key in evidence.keys), *evidence.days)
    return m[0] in known


def _is_named(m: re.Match[str], evidence: Evidence) -> bool:
    month = _NUMBER_OF[m["month"].lower().rstrip(".")]
    number = m["before"] or m["after"]
    return any(
        day.month == month
        and (number is None or day.day == int(number))
        and (m["year"] is None or day.year == int(m["year"]))
        and not (m["before"] and m["after"])
        for day in _days(evidence.days)
    )


def _is_quarter(m: re.Match[str], evidence: Evidence) -> bool:
    years = {year for year in (m["first"], m["second"]) if year}
    return any(
        quarter_of(day).endswith(f"Q{m['quarter']}") and years <= {day[:4]} for day in evidence.days
    )


def _is_week(m: re.Match[str], evidence: Evidence) -> bool:
    for day in _days(evidence.days):
        year, week, _ = day.isocalendar()
        if week == int(m["week"]) and (m["year"] is None or year == int(m["year"])):
            return True
    return False


def _is_month(m: re.Match[str], evidence: Evidence) -> bool:
    return any(day.startswith(m[0]) for day in evidence.days)


def _is_weekday(m: re.Match[str], evidence: Evidence) -> bool:
    return any(_DAYS[day.weekday()] == m[0].lower().rstrip("s") for day in _days(evidence.days))


def _days(days: Iterable[str]) -> list[date]:
    return [date.fromisoformat(day) for day in days]
