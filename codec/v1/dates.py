"""Read dates and times as people write them in logs.

1. Nothing is invented: a date without a time stays a date, a date with an unknown order of day and
   month is refused, and a zone with several meanings is reported.
2. A time without a zone is read in the caller's zone, and the result says so.
3. Offsets are converted to UTC. Fractions of a second are cut, never rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from codec.errors import FormatError
from codec.lazy_pattern import LazyPattern
from codec.timestamps import is_canonical
from codec.v1.date_patterns import (
    BEFORE_CLOCK,
    DAY,
    EARLY,
    GLUED,
    LATE,
    MONTH,
    MONTHS,
    NOTED_DAY,
    OFFSET,
    REGION,
    WEEKDAY,
    ZONE_BEHIND,
    ZONE_NAMES,
    any_of,
)
from codec.v1.date_words import WORD_ZONES, ZONES

#: The order of day and month in dates such as `05/06/2026`; empty if unknown.
DateOrder = Literal["", "dmy", "mdy"]

_DATE_PARTS: Final = LazyPattern(
    rf"(?:{WEEKDAY},? (?:den |el )?|[Tt]he )?"
    r"(?:(?P<y>\d{4})(?:[-/]|\. ?|\ ?[年년]\ ?)(?P<m>\d{1,2})"
    r"(?:[-/]|\. ?|\ ?[月월]\ ?)"
    r"(?P<d>\d{1,2})(?:\.(?!\d)|\ ?[日号號일])?"
    r"|(?P<yc>20\d\d)(?P<mc>\d\d)(?P<dc>\d\d)(?!\d)"
    r"|(?P<d3>\d{1,2})\. ?(?P<m3>\d{1,2})\. ?(?P<y3>\d{4})"
    r"|(?P<a>\d{1,2})(?P<sep>[/-])(?P<b>\d{1,2})(?P=sep)(?P<y4>\d{4})"
    rf"|(?P<d2>{DAY})[ -](?:(?:de|of) )?(?P<mon2>{MONTH})\.?,?(?: (?:de|del|of))?[ -]"
    r"(?P<y2>\d{4})"
    r"(?: ?(?:г\.?|года|р\.|року)(?!\w))?"
    rf"|(?P<mon1>{MONTH})\.? (?P<d1>{DAY})(?: ?[-–] ?{DAY})?,?(?: del?)? (?P<y1>\d{{4}})"
    rf"|(?P<y5>\d{{4}})-(?P<mon5>{MONTH})-(?P<d5>\d{{1,2}}))".replace(r"\d", "[0-9]"),
    re.I,
)  # fmt: skip
_CLOCK_PARTS: Final = LazyPattern(
    rf"(?:(?P<early>{any_of(EARLY)})|(?P<late>{any_of(LATE)}))? ?"
    r"(?:(?P<h>\d{1,2})"
    r"(?:(?:[:：.]|\ ?h\ ?)(?P<min>\d{2})|\ ?h(?!\w)"
    r"|\ ?[时時点點시](?:\ ?(?P<min2>\d{1,2})\ ?[分분])?|\ Uhr"
    r"|(?=\ ?[AaPp]\.?[Mm]\b))"
    r"(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?|(?P<hc>\d{2})(?P<minc>\d{2})(?P<sc>\d{2})?(?!\d))"
    r"(?:\ ?(?:Uhr|hrs?|hs?|ч)(?!\w))?(?:\ ?(?P<half>[AaPp])\.?[Mm]\b\.?)?\ ?[(\[（]?"
    rf"(?P<zone>{OFFSET}|{ZONE_NAMES}|{REGION})?[)\]）]?(?-i:\ [A-Z]{{2,5}})?[)）]?"
    .replace(r"\d", "[0-9]"),
    re.I,
)  # fmt: skip
_BEFORE: Final = LazyPattern(rf"(?:{NOTED_DAY})?(?:T|[_@-](?=\d{{4}})|{BEFORE_CLOCK})?", re.I)
_GLUED_CLOCK: Final = LazyPattern(rf"{GLUED}(?P<zone>{ZONE_BEHIND})")
_ZONE_OFFSET = re.compile(
    r"(?:UTC|GMT)? ?(?P<sign>[+\-−])(?P<hours>\d{1,2}?)(?::?(?P<minutes>\d{2}))?", re.I
)
_ONLY_ZONE: Final = LazyPattern(rf"\ ?[(\[（]?(?:{OFFSET}|{ZONE_NAMES}|{REGION})[)\]）]?", re.I)
_DAY_IN_NAME = re.compile(r"(?<!\d)(?P<y>20\d\d)([-_.]?)(?P<m>\d\d)\2(?P<d>\d\d)(?!\d)", re.ASCII)
_ONLY_DAY: Final = LazyPattern(NOTED_DAY, re.I)


#: The longest range over midnight; a longer one is a mistake.
_NIGHT: Final = timedelta(hours=12)


class Timestamp(NamedTuple):
    """A time in its v2 form.

    Attributes:
        text: the time as `YYYY-MM-DDTHH:MM:SSZ`, or the date as `YYYY-MM-DD`.
        assumed: the log gave a time of day without a zone, so the caller's zone was used.
        unread: a zone that the log names but that was not read; empty without one.
    """

    text: str
    assumed: bool = False
    unread: str = ""


class Clues(NamedTuple):
    """How to read a log's ambiguous dates and times.

    Attributes:
        zone: the zone of times that name none.
        dates: the order of day and month in dates that end with the year.
        zones: the meaning of zone abbreviations that have several, by abbreviation.
    """

    zone: tzinfo = UTC
    dates: DateOrder = ""
    zones: Mapping[str, tzinfo] = MappingProxyType({})


NO_CLUES: Final = Clues()


def parse_timestamp(text: str, clues: Clues = NO_CLUES, *, day: str | None = None) -> Timestamp:
    """Return the time in a text, as a log writes it.

    Args:
        text: a match of `TIME_PATTERN`, or of `CLOCK_PATTERN` if `day` is given.
        clues: how ambiguous times are read.
        day: the date of a bare time of day, as `YYYY-MM-DD`.

    Raises:
        FormatError: the text is not a time, the day does not exist, or the order of its day and
            month is ambiguous.
    """
    text = text.strip().replace("\u2011", "-")
    if is_canonical(text):
        return Timestamp(text=text)
    if day is not None and _CLOCK_PARTS.fullmatch(text):
        return _checked(text, date.fromisoformat(day), text, clues)
    m = _DATE_PARTS.match(text)
    if m is None:
        raise FormatError(f"not a time: {text!r}", hint="Write it as 2025-11-06T14:30:00Z")
    try:
        when = date(*_year_month_day(m, clues.dates))
    except FormatError:
        raise
    except ValueError as e:
        raise FormatError(f"no such time: {text!r} ({e})") from None
    rest = text[m.end() :]
    glued = _GLUED_CLOCK.fullmatch(rest)
    if glued:
        clock = rest[1 : glued.start("zone")].replace("-", "") + glued["zone"]
        return _checked(text, when, clock, clues)
    if not rest or _ONLY_ZONE.fullmatch(rest) or _ONLY_DAY.fullmatch(rest):
        return Timestamp(text=when.isoformat())
    between = _BEFORE.match(rest)
    return _checked(text, when, rest[between.end() if between else 0 :], clues)


def parse_range(start: str, end: str, clues: Clues = NO_CLUES) -> tuple[Timestamp, Timestamp]:
    """Return the start and the end of a range.

    Both are in the zone that either states; an end without a date is on the day of the start.

    Args:
        start, end: as `parse_timestamp` takes them; `end` may be a bare time of day.
        clues: how ambiguous times are read.

    Raises:
        FormatError: as `parse_timestamp`.
    """
    first = parse_timestamp(start, clues)
    m = _DATE_PARTS.match(start.strip())
    day = date(*_year_month_day(m, clues.dates)).isoformat() if m else None
    zone = _named_zone(start, clues)
    last = parse_timestamp(end, clues._replace(zone=zone or clues.zone), day=day)
    if zone is None and first.assumed and not last.assumed:
        own = _named_zone(end, clues)
        if own is not None:
            first = parse_timestamp(start, clues._replace(zone=own))._replace(assumed=False)
    if day is not None and first.text > last.text and "T" in last.text:
        last = last._replace(text=_after_midnight(first.text, last.text, is_clock(end.strip())))
    if zone is not None and last.assumed:
        last = last._replace(assumed=False)
    return first, last


def _after_midnight(start: str, end: str, is_bare: bool) -> str:
    """Return the end of a range; a time without a date may be on the next morning."""
    next_day = datetime.fromisoformat(end) + timedelta(days=1)
    is_next = is_bare and "T" in start and next_day - datetime.fromisoformat(start) <= _NIGHT
    return f"{next_day.isoformat()[:19]}Z" if is_next else end


def parse_range_end(start: str, end: str, clues: Clues = NO_CLUES) -> Timestamp:
    """Return the end of a range whose start may be unknown; see `parse_range`."""
    if _DATE_PARTS.match(start.strip()) is None:
        return parse_timestamp(end, clues)
    return parse_range(start, end, clues)[1]


def day_of_name(name: str) -> str:
    """Return the day in a file name as `YYYY-MM-DD`; empty if it has none."""
    m = _DAY_IN_NAME.search(name)
    if m is None:
        return ""
    try:
        return date(int(m["y"]), int(m["m"]), int(m["d"])).isoformat()
    except ValueError:
        return ""


def begins_with_date(text: str) -> bool:
    """Return True if a text begins with a date, such as `2. April 2026`."""
    return _DATE_PARTS.match(text) is not None


@lru_cache(maxsize=4096)
def is_clock(text: str) -> bool:
    """Return True if a text is a time of day without a date."""
    return _CLOCK_PARTS.fullmatch(text) is not None and _DATE_PARTS.match(text) is None


def _year_month_day(m: re.Match[str], order: DateOrder) -> tuple[int, int, int]:
    if m["y"] or m["yc"] or m["y3"]:
        year, month, day = (m[k] or m[f"{k}c"] or m[f"{k}3"] for k in "ymd")
        return int(year), int(month), int(day)
    if m["y4"]:
        return int(m["y4"]), *_month_day(m[0], int(m["a"]), int(m["b"]), order)
    name = m["mon1"] or m["mon2"] or m["mon5"]
    year, day = m["y1"] or m["y2"] or m["y5"], m["d1"] or m["d2"] or m["d5"]
    month = MONTHS.get(name.lower())
    if month is None:
        raise ValueError(f"not a month: {name!r}")
    return int(year), month, int(re.sub(r"\D", "", day))


def _month_day(text: str, a: int, b: int, order: DateOrder) -> tuple[int, int]:
    """Return month and day of two numbers: by their size, else by the order that the log uses."""
    if a > 12 or a == b:
        return b, a
    if b > 12:
        return a, b
    if not order:
        raise FormatError(
            f"ambiguous date: {text!r} may begin with the day or the month",
            hint="Pass --dates dmy or --dates mdy",
        )
    return (b, a) if order == "dmy" else (a, b)


def _checked(text: str, when: date, clock: str, clues: Clues) -> Timestamp:
    try:
        return _at_clock(when, clock, clues)
    except (ValueError, OverflowError) as e:
        raise FormatError(f"no such time: {text!r} ({e})") from None


def _at_clock(when: date, clock: str, clues: Clues) -> Timestamp:
    m = _CLOCK_PARTS.fullmatch(clock)
    if m is None:
        raise ValueError(f"not a time of day: {clock!r}")
    hour = int(m["h"] or m["hc"])
    half = m["half"] or ("a" if m["early"] else "p" if m["late"] else "")
    if half and (m["half"] or hour <= 12):
        if not 1 <= hour <= 12:
            raise ValueError(f"not a time of day: {clock!r}")
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    zone = _zone(m["zone"], clues)
    local = datetime(
        when.year, when.month, when.day, hour,
        int(m["min"] or m["min2"] or m["minc"] or 0), int(m["s"] or m["sc"] or 0),
        tzinfo=zone or clues.zone,
    )  # fmt: skip
    unread = ""
    name = (m["zone"] or "").upper()
    if zone is None and name and local.tzname() not in (name, f"{name[0]}ST", f"{name[0]}DT"):
        unread = name
    utc = local.astimezone(UTC)
    named = zone is not None or (bool(name) and local.tzname() == name)
    return Timestamp(text=f"{utc.isoformat()[:19]}Z", assumed=not named, unread=unread)


def _named_zone(text: str, clues: Clues) -> tzinfo | None:
    """Return the zone that a time names at its end; None if it does not name one."""
    m = _DATE_PARTS.match(text.strip())
    rest = text.strip()[m.end() :] if m else text.strip()
    between = _BEFORE.match(rest) if m else None
    clock = _CLOCK_PARTS.fullmatch(rest[between.end() if between else 0 :])
    return _zone(clock["zone"], clues) if clock else None


def _zone(text: str | None, clues: Clues) -> tzinfo | None:
    if text is None:
        return None
    fixed = _fixed_zone(text)
    return fixed if fixed is not None else clues.zones.get(text.upper())


@lru_cache(maxsize=256)
def _fixed_zone(text: str) -> tzinfo | None:
    """Return the zone that an offset, an unambiguous abbreviation or a region's name states."""
    if "/" in text:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            return None
    hours = ZONES.get(text.upper(), WORD_ZONES.get(text.upper()))
    if hours is not None:
        return timezone(timedelta(hours=hours))
    m = _ZONE_OFFSET.fullmatch(text)
    if m is None:
        return None
    offset = timedelta(hours=int(m["hours"]), minutes=int(m["minutes"] or 0))
    return timezone(offset if m["sign"] == "+" else -offset)
