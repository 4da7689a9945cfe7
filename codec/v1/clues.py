"""Resolve a log's ambiguous dates and times from the rest of the log.

The order of day and month is that of the dates in which one number is above 12, if all agree. A
zone abbreviation with several meanings has the meaning whose offset or region the log names
elsewhere, if it names only one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta, timezone, tzinfo

from codec.v1.date_words import AMBIGUOUS_ZONES
from codec.v1.dates import Clues, DateOrder
from codec.v1.text import Log

_AMBIGUOUS = re.compile(
    rf"\d{{1,2}}[/-]\d{{1,2}}[/-]\d{{4}}|(?<=[\d mM])(?:{'|'.join(AMBIGUOUS_ZONES)})\b"
)
_DATE = re.compile(rb"(?<![\d/.-])(\d{1,2})([/-])(\d{1,2})\2(?:20\d\d)(?![\d/-])")
_OFFSET = re.compile(rb"\d\d:?\d\d(?::\d\d)? ?(?:(?:UTC|GMT) ?)?([+-])(\d{1,2}):?(\d\d)?(?!\d)")


def needs_clues(times: Iterable[str]) -> bool:
    """Return True if one of the times is ambiguous."""
    return any(time and _AMBIGUOUS.search(time) for time in times)


def find_clues(data: Log, given: Clues) -> Clues:
    """Return the user's settings, completed with the evidence in the log.

    Args:
        data: the log.
        given: the readings that the user chose.
    """
    return given._replace(
        dates=given.dates or _date_order(data), zones={**_zones(data), **given.zones}
    )


def _date_order(data: Log) -> DateOrder:
    day_first = month_first = False
    for m in _DATE.finditer(data):
        first, second = int(m[1]), int(m[3])
        day_first |= 12 < first <= 31 and second <= 12
        month_first |= 12 < second <= 31 and first <= 12
    if day_first == month_first:
        return ""
    return "dmy" if day_first else "mdy"


def _zones(data: Log) -> dict[str, tzinfo]:
    named = {(m[1], int(m[2]), int(m[3] or b"0")) for m in _OFFSET.finditer(data)}
    offsets = {(-1 if sign == b"-" else 1) * (hours * 60 + mins) for sign, hours, mins in named}
    found: dict[str, tzinfo] = {}
    for name, meanings in AMBIGUOUS_ZONES.items():
        held = [
            minutes
            for minutes, words in meanings.items()
            if minutes in offsets or any(data.find(word.encode()) >= 0 for word in words)
        ]
        if len(held) == 1:
            found[name] = timezone(timedelta(minutes=held[0]))
    return found
