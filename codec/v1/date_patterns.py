"""Patterns of dates and times as people write them, built from the words of many languages.

They match text that looks like a time. `v1.dates` reads it.
"""

from __future__ import annotations

import re
from typing import Final

from codec.v1.date_words import (
    AMBIGUOUS_ZONES,
    MONTH_NAMES,
    NOT_ZONES,
    OTHER_ZONES,
    WEEKDAYS,
    WORD_ZONES,
    ZONES,
)

MONTHS: Final = {name: n for n, names in enumerate(MONTH_NAMES, 1) for name in names.split()}


def any_of(words: list[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _beginnings(words: list[str], length: int) -> str:
    """Return a pattern that matches words by the first letters of the given words."""
    return f"(?i:{any_of(sorted({word[:length] for word in words}))})[^\\W0-9_]{{0,10}}"


def _by_beginning(words: list[str], length: int) -> str:
    """Return a pattern that matches words and tries each common beginning once."""
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[:length], []).append(word[length:])
    return f"(?i:{'|'.join(f'{start}(?:{any_of(ends)})' for start, ends in rests.items())})"


MONTH: Final = _beginnings(list(MONTHS), 3)
_LONG_DAYS: Final = _by_beginning(
    [word for word in WEEKDAYS.split() if len(word) > 2 or word[0] == "周"], 3
)
WEEKDAY: Final = rf"{_LONG_DAYS}(?!\w)\.?"
DAY: Final = r"\d{1,2}(?:st|nd|rd|th|er|[.ºª°])?"
_DATE: Final = (
    rf"(?:{WEEKDAY},? (?:den |el )?|[Tt]he )?"
    r"(?:\d{4}-\d{1,2}-\d{1,2}(?!\d)|\d{4}/\d{1,2}/\d{1,2}(?!\d)"
    r"|\d{4}\. ?\d{1,2}\. ?\d{1,2}\.?(?!\d)"
    r"|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日号號일]"
    r"|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"|\d{1,2}\. ?\d{1,2}\. ?\d{4}(?!\d)|\d{1,2}/\d{1,2}/\d{4}(?!\d)|\d{1,2}-\d{1,2}-\d{4}(?!\d)"
    rf"|{DAY}[ -](?:(?:de|of) )?{MONTH}\.?,?(?: (?:de|del|of))?[ -]\d{{4}}"
    r"(?: ?(?:г\.?|года|р\.|року)(?!\w))?"
    rf"|{MONTH}\.? {DAY}(?: ?[-–] ?{DAY})?,?(?: del?)? \d{{4}}"
    rf"|\d{{4}}-{MONTH}-\d{{1,2}}(?!\d))"
)
REGION: Final = (
    r"(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+(?:/[A-Za-z_]+)?"
)
OFFSET: Final = r"(?:UTC|GMT) ?[+\-−]\d{1,2}(?::?\d{2})?(?!\d)|[+−-]\d{2}:?\d{2}(?!\d)"
#: A word in capitals that, directly after a time of day, can only be the abbreviation of a zone.
_UNKNOWN_ZONE: Final = rf"(?!(?:{any_of(NOT_ZONES.split())})\b)[A-Z]{{2,4}}T\b"
ZONE_NAMES: Final = (
    rf"{any_of([*ZONES, *WORD_ZONES, *AMBIGUOUS_ZONES, *OTHER_ZONES.split()])}"
    rf"|(?-i:{_UNKNOWN_ZONE})"
)
#: An unknown word counts as a zone only if the heading ends or continues after it.
_ZONE: Final = (
    rf"(?:{OFFSET}|(?-i:{any_of([*ZONES, *AMBIGUOUS_ZONES])})\b|{REGION}"
    rf"|(?:(?-i:{any_of([*WORD_ZONES, *OTHER_ZONES.split()])})"
    rf"|(?:(?<=[:：h]\d\d )|(?<=[:：h]\d\d \()|(?<=[AaPp][Mm] ))(?-i:{_UNKNOWN_ZONE}))"
    r"(?=[)\]）]|\s*(?:[-–—|:·•,;]|$)))"
)
#: `14:00-14:30` is a range; `T14:00-05:00`, `14:00:00-05:00` and `14:00 -05:00` have an offset.
_NOT_A_RANGE: Final = (
    r"(?:(?!-)|(?<=[Tt]\d\d:\d\d)|(?<=[Tt]\d{4})|(?<=[Tt]\d{6})|(?<=:\d\d:\d\d)|(?<=[.,]\d\d\d)"
    r"|(?<=[.,]\d{6})|(?<= ))"
)
ZONE_BEHIND: Final = rf"(?: ?{_NOT_A_RANGE}{_ZONE}| ?[(\[（]{_ZONE}[)\]）])?"
EARLY: Final = ["上午", "午前", "오전", "早上", "凌晨"]
LATE: Final = ["下午", "午後", "오후", "晚上"]
#: `14.30` is a clock only before "Uhr" and in a range of two.
_DOTTED: Final = r"(?:[01]?\d|2[0-3])\.[0-5]\d(?![.\d])"
_DOTTED_CLOCK: Final = (
    rf"{_DOTTED}(?: ?Uhr(?!\w)|(?= ?[-–—] ?{_DOTTED}))"
    rf"|(?:(?<=\.\d\d[-–—])|(?<=\.\d\d [-–—] )){_DOTTED}(?: ?Uhr(?!\w))?"
)
_HOURS: Final = (
    rf"(?:(?:{any_of([*EARLY, *LATE])}) ?)?(?:{_DOTTED_CLOCK}"
    rf"|\d{{1,2}}[:：]\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?"
    r"(?: ?(?:Uhr|hrs?|hs?|ч)(?!\w)| ?[AaPp]\.?[Mm]\b\.?)?"
    r"|\d{1,2} ?h ?\d{2}(?!\w)"
    r"|(?:(?<=à )|(?<=às ))\d{1,2} ?h(?!\w)|\d{1,2} Uhr(?!\w)|\d{1,2} ?[AaPp]\.?[Mm]\b\.?"
    r"|\d{1,2} ?[时時点點시](?: ?\d{1,2} ?[分분])?)"
)
_ISO_HOURS: Final = r"\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?"
GLUED: Final = (
    r"(?:[_@-](?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?![\d-])"
    r"|[Tt_](?:[01]\d|2[0-3])-[0-5]\d(?:-[0-5]\d)?(?![\d-]))"
)
BEFORE_CLOCK: Final = (
    r"(?: [-–—@|·/] | ?[(（]|,? (?:at |à |um |a las |alle |às |om |kl\. |в |ore |alle ore )?|,|_)"
)
NOTED_DAY: Final = rf"(?:,? ?[(（](?:{any_of(WEEKDAYS.split())})\.?[)）]|,? {WEEKDAY}(?=[ ,]|$))"
#: A date, with or without a time of day, inside a heading. Without named groups, so that one
#: pattern can use it several times.
TIME_PATTERN: Final = (
    rf"{_DATE}(?:[Tt]{_ISO_HOURS}(?!-\d\d-)|{GLUED}"
    rf"|(?i:{NOTED_DAY})?(?:(?:{BEFORE_CLOCK}|(?<=[)）日일])){_HOURS}[)）]?)?)"
    rf"{ZONE_BEHIND}"
)
#: A time of day alone: the end of a range such as `2025-11-06 14:00 - 14:30`.
CLOCK_PATTERN: Final = rf"{_HOURS}{ZONE_BEHIND}"
