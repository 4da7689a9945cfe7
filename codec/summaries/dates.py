"""Find dates in a text, compare them with the days of sessions, and remove them from the text.

A date is supported if a cited session is in that day, week, month or quarter, or if a text of a
cited session has it in the same words. Years are read only after a preposition, or next to a month
or a quarter; alone, the digits are a number. Words such as "yesterday" are relative to the reader
and supported only by a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from codec.periods import quarter_of
from codec.summaries.calendar_words import DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS
from codec.summaries.evidence import MOMENT, Evidence

#: `march`, `may` and `mars` are months only with a capital letter; so are the short names.
_WORDS: Final = ("march", "may", "mars")
_MONTH: Final = (
    rf"(?:{'|'.join(f'(?i:{m})' for m in MONTHS if m not in _WORDS)}"
    rf"|{'|'.join(f'{m.capitalize()}|{m.upper()}' for m in _WORDS)}|{'|'.join(SHORT_MONTHS)})\b\.?"
)
_NUMBER_OF: Final = MONTHS | {name.lower(): n for name, n in SHORT_MONTHS.items()}
_DAY_OF: Final = DAYS | {name.lower(): n for name, n in SHORT_DAYS.items()}
_ORDINAL: Final = r"(?:st|nd|rd|th|\.)?"
_NAMED = re.compile(
    rf"(?:\b(?P<part>(?i:early|mid|middle of|late|end of|beginning of))[- ])?"
    rf"(?:\b(?P<before>\d{{1,2}}){_ORDINAL}(?: of| de| di)?[ -])?(?<![^\W\d_])(?P<month>{_MONTH})"
    rf"(?:[ -](?:the )?(?P<after>\d{{1,2}}){_ORDINAL}(?![\d,.]*\d))?"
    r"(?:,?(?: of)?[ -](?P<year>\d{4})\b)?"
)
_NUMERIC = re.compile(
    r"(?<![\w./-])(?:(?P<year>\d{4})[/.年](?P<month>\d{1,2})[/.月](?P<day>\d{1,2})日?"
    r"|(?P<one>\d{1,2})[/.-](?P<two>\d{1,2})[/.-](?P<last>\d{4})"
    r"|(?:(?P<nen>\d{4})年)?(?P<tsuki>\d{1,2})月(?:(?P<nichi>\d{1,2})日)?)(?![\w/-])"
)
_DAY_ALONE = re.compile(
    r"\bon the (?P<day>\d{1,2})(?:st|nd|rd|th)\b"
    r"(?! (?:attempt|call|commit|fix|line|request|retry|run|session|test|time|try)\b)",
    re.I,
)
_YEAR = re.compile(
    r"\b(?:in|during|since|until|before|after|through|of|by|early|late|mid)[ -]"
    r"(?P<year>(?:19|20)\d\d)\b(?![-.,]\d| [^\W\d_]+s\b)",
    re.I,
)
_YEAR_MONTH = re.compile(r"(?<![\w-])\d{4}-(?:0[1-9]|1[0-2])(?![\w-])")
_QUARTER = re.compile(
    r"\b(?:(?P<first>\d{4})-?)?[Qq](?P<quarter>[1-9])(?:(?: of)?,? (?P<second>\d{4}))?\b"
)
_ORDINALS: Final = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3,
                    "fourth": 4, "4th": 4, "last": 4}  # fmt: skip
_QUARTER_WORD = re.compile(
    rf"\b(?P<place>{'|'.join(_ORDINALS)}) quarter\b(?:(?: of)?,? (?P<second>\d{{4}})\b)?", re.I
)
_WEEK = re.compile(
    r"\b(?:(?:(?P<year>\d{4})-?)?[Ww]|(?:[Ww]eek|[Ww]eek number|KW|[Ww]oche|[Ss]emaine) )"
    r"(?P<week>\d{1,2})\b"
)
_WEEKDAY = re.compile(
    rf"\b(?:(?:{'|'.join(f'(?i:{d})' for d in DAYS)})s?|(?:{'|'.join(SHORT_DAYS)})\b\.?)(?!\w)"
)
_WEEKEND = re.compile(r"\bweekends?\b", re.I)
_SPAN: Final = (
    r"day|night|morning|afternoon|evening|week|weekend|month|quarter|year|spring|summer|autumn"
    r"|fall|winter|sprint"
)
_RELATIVE = re.compile(
    rf"\b(?:yesterday|today|tomorrow|tonight|overnight|noon|midday|midnight|nowadays"
    rf"|(?:last|next|previous|past|coming|following|first|second|third|fourth) (?:{_SPAN}|half)"
    rf"|(?:this|that|same) (?:{_SPAN})"
    rf"|(?:the|a) (?:{_SPAN}) (?:before|after|earlier|later|ago)"
    r"|(?:in|at|during|since|until|by|before|after) (?:the )?"
    r"(?:spring|summer|autumn|winter|morning|afternoon|evening|night|dawn|dusk)"
    r"|(?:early|late|mid)?-?(?:twenties|thirties|forties|fifties|sixties|seventies|eighties"
    r"|nineties)|(?:christmas|easter|halloween|thanksgiving|ramadan|new year)(?:'s)?"
    r"(?: eve| day)?)\b",
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
        (MOMENT, _is_moment), (_NUMERIC, _is_numeric), (_NAMED, _is_named), (_QUARTER, _is_quarter),
        (_QUARTER_WORD, _is_quarter_word), (_WEEK, _is_week), (_YEAR_MONTH, _is_month),
        (_YEAR, _is_year), (_DAY_ALONE, _is_day), (_RELATIVE, lambda m, e: False),
        (_WEEKDAY, _is_weekday), (_WEEKEND, _is_weekend),
    )  # fmt: skip
    for pattern, is_supported in checks:
        found = pattern.finditer(text)
        wrong += [m[0] for m in found if not (is_supported(m, evidence) or evidence.quotes(m[0]))]
        text = pattern.sub(" ", text)
    return text, wrong[0] if wrong else None


def _is_moment(m: re.Match[str], evidence: Evidence) -> bool:
    known = (*evidence.keys, *(key.partition(".")[0] for key in evidence.keys), *evidence.days)
    return m[0] in known


def _is_named(m: re.Match[str], evidence: Evidence) -> bool:
    month = _NUMBER_OF[m["month"].lower().rstrip(".")]
    number = m["before"] or m["after"]
    part = (m["part"] or "").lower().partition(" ")[0]
    first, last = {
        "early": (1, 12), "beginning": (1, 12), "mid": (8, 23), "middle": (8, 23),
        "late": (19, 31), "end": (19, 31),
    }.get(part, (1, 31))  # fmt: skip
    return any(
        day.month == month
        and (number is None or day.day == int(number))
        and (m["year"] is None or day.year == int(m["year"]))
        and first <= day.day <= last
        and not (m["before"] and m["after"])
        for day in _days(evidence.days)
    )


def _is_numeric(m: re.Match[str], evidence: Evidence) -> bool:
    """Return True for a date in digits; its day and its month may be in either order."""
    days = _days(evidence.days)
    if m["last"]:
        numbers = {(int(m["one"]), int(m["two"])), (int(m["two"]), int(m["one"]))}
        return any(d.year == int(m["last"]) and (d.month, d.day) in numbers for d in days)
    year, month, number = m["year"] or m["nen"], m["month"] or m["tsuki"], m["day"] or m["nichi"]
    return any(
        d.month == int(month)
        and (year is None or d.year == int(year))
        and (number is None or d.day == int(number))
        for d in days
    )


def _is_quarter(m: re.Match[str], evidence: Evidence) -> bool:
    years = {year for year in (m["first"], m["second"]) if year}
    return _has_quarter(int(m["quarter"]), years, evidence)


def _is_quarter_word(m: re.Match[str], evidence: Evidence) -> bool:
    return _has_quarter(_ORDINALS[m["place"].lower()], {m["second"]} - {None}, evidence)


def _has_quarter(quarter: int, years: set[str], evidence: Evidence) -> bool:
    return any(
        quarter_of(day).endswith(f"Q{quarter}") and years <= {day[:4]} for day in evidence.days
    )


def _is_week(m: re.Match[str], evidence: Evidence) -> bool:
    for day in _days(evidence.days):
        year, week, _ = day.isocalendar()
        if week == int(m["week"]) and (m["year"] is None or year == int(m["year"])):
            return True
    return False


def _is_month(m: re.Match[str], evidence: Evidence) -> bool:
    return any(day.startswith(m[0]) for day in evidence.days)


def _is_year(m: re.Match[str], evidence: Evidence) -> bool:
    return any(day.startswith(m["year"]) for day in evidence.days)


def _is_day(m: re.Match[str], evidence: Evidence) -> bool:
    return any(day.day == int(m["day"]) for day in _days(evidence.days))


def _is_weekday(m: re.Match[str], evidence: Evidence) -> bool:
    word = m[0].lower().rstrip(".")
    number = _DAY_OF.get(word, _DAY_OF.get(word.removesuffix("s")))
    return any(day.weekday() == number for day in _days(evidence.days))


def _is_weekend(_: re.Match[str], evidence: Evidence) -> bool:
    return any(day.weekday() >= 5 for day in _days(evidence.days))


def _days(days: Iterable[str]) -> list[date]:
    return [date.fromisoformat(day) for day in days]
