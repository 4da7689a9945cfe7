"""Dates and times as people write them in logs.

1. Nothing is invented: a date without a time stays a date, a day and a month whose order is not
   known are refused, and a zone with several meanings is reported.
2. A time without a zone is read in the zone that the caller names, and the result says so.
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
from codec.timestamps import is_canonical
from codec.v1.date_words import AMBIGUOUS_ZONES, MONTH_NAMES, OTHER_ZONES, WEEKDAYS, ZONES

#: The order of day and month in dates such as `05/06/2026`; empty where it is not known.
DateOrder = Literal["", "dmy", "mdy"]

MONTHS: Final = {name: n for n, names in enumerate(MONTH_NAMES, 1) for name in names.split()}


def _any(words: list[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _beginnings(words: list[str], length: int) -> str:
    """Return a pattern of the beginnings of words: far shorter than the words, and as exact."""
    return f"(?i:{_any(sorted({word[:length] for word in words}))})[^\\W0-9_]{{0,10}}"


_MONTH: Final = _beginnings(list(MONTHS), 3)
_LONG_DAYS: Final = _beginnings([word for word in WEEKDAYS.split() if len(word) > 2], 3)
_WEEKDAY: Final = rf"{_LONG_DAYS}(?:-feira)?\.?"
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th|er|[.ºª°])?"
_DATE: Final = (
    rf"(?:{_WEEKDAY},? )?"
    r"(?:\d{4}-\d{1,2}-\d{1,2}(?!\d)|\d{4}/\d{1,2}/\d{1,2}(?!\d)|\d{4}\.\d{1,2}\.\d{1,2}\.?(?!\d)"
    r"|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日号號일]"
    r"|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"|\d{1,2}\. ?\d{1,2}\. ?\d{4}(?!\d)|\d{1,2}/\d{1,2}/\d{4}(?!\d)|\d{1,2}-\d{1,2}-\d{4}(?!\d)"
    rf"|{_DAY}[ -](?:(?:de|of) )?{_MONTH}\.?,?(?: (?:de|del|of))?[ -]\d{{4}}"
    r"(?: ?(?:г\.?|года|р\.|року)(?!\w))?"
    rf"|{_MONTH}\.? {_DAY}(?: ?[-–] ?{_DAY})?,?(?: del?)? \d{{4}}"
    rf"|\d{{4}}-{_MONTH}-\d{{1,2}}(?!\d))"
)
_REGION: Final = (
    r"(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+(?:/[A-Za-z_]+)?"
)
_OFFSET: Final = r"(?:UTC|GMT) ?[+\-−]\d{1,2}(?::?\d{2})?(?!\d)|[+−-]\d{2}:?\d{2}(?!\d)"
_ZONE_NAMES: Final = _any([*ZONES, *AMBIGUOUS_ZONES, *OTHER_ZONES.split()])
#: A zone that is not read is one only where the heading goes on or ends behind it.
_ZONE: Final = (
    rf"(?:{_OFFSET}|(?-i:{_any([*ZONES, *AMBIGUOUS_ZONES])})\b|{_REGION}"
    rf"|(?-i:{_any(OTHER_ZONES.split())})(?=[)\]）]|\s*(?:[-–—|:·•,;]|$)))"
)
#: `14:00-14:30` is a range; `T14:00-05:00`, `14:00:00-05:00` and `14:00 -05:00` have an offset.
_NOT_A_RANGE: Final = (
    r"(?:(?!-)|(?<=[Tt]\d\d:\d\d)|(?<=[Tt]\d{4})|(?<=[Tt]\d{6})|(?<=:\d\d:\d\d)|(?<=[.,]\d\d\d)"
    r"|(?<=[.,]\d{6})|(?<= ))"
)
_ZONE_BEHIND: Final = rf"(?: ?{_NOT_A_RANGE}{_ZONE}| ?[(\[（]{_ZONE}[)\]）])?"
_EARLY: Final = ["上午", "午前", "오전", "早上", "凌晨"]
_LATE: Final = ["下午", "午後", "오후", "晚上"]
_HOURS: Final = (
    rf"(?:(?:{_any([*_EARLY, *_LATE])}) ?)?(?:\d{{1,2}}[:：]\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?"
    r"(?: ?(?:Uhr|hrs?|hs?|ч)(?!\w)| ?[AaPp]\.?[Mm]\b\.?)?"
    r"|\d{1,2}h\d{2}(?!\w)|\d{1,2} Uhr(?!\w)|\d{1,2} ?[时時点點시](?: ?\d{1,2} ?[分분])?)"
)
_ISO_HOURS: Final = r"\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?"
_GLUED: Final = r"[_-](?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?![\d-])"
_BEFORE_CLOCK: Final = (
    r"(?: [-–—@|·/] | ?[(（]|,? (?:at |à |um |a las |alle |às |om |kl\. |в )?|,|_)"
)
_NOTED_DAY: Final = rf"(?:,? ?[(（](?:{_any(WEEKDAYS.split())})\.?[)）]|,? {_WEEKDAY}(?=[ ,]|$))"
#: A date, with or without a time of day, as it may stand inside a heading. No named groups, so
#: that it can be used several times in one pattern.
TIME_PATTERN: Final = (
    rf"{_DATE}(?:[Tt]{_ISO_HOURS}|{_GLUED}|(?i:{_NOTED_DAY})?(?:{_BEFORE_CLOCK}{_HOURS}[)）]?)?)"
    rf"{_ZONE_BEHIND}"
)
#: A time of day alone: the end of a range such as `2025-11-06 14:00 - 14:30`.
CLOCK_PATTERN: Final = rf"{_HOURS}{_ZONE_BEHIND}"

_DATE_PARTS = re.compile(
    rf"(?:{_WEEKDAY},? )?(?:(?P<y>\d{{4}})(?:[-/.]|\ ?[年년]\ ?)(?P<m>\d{{1,2}})"
    r"(?:[-/.]|\ ?[月월]\ ?)"
    r"(?P<d>\d{1,2})(?:\.(?!\d)|\ ?[日号號일])?"
    r"|(?P<yc>20\d\d)(?P<mc>\d\d)(?P<dc>\d\d)(?!\d)"
    r"|(?P<d3>\d{1,2})\. ?(?P<m3>\d{1,2})\. ?(?P<y3>\d{4})"
    r"|(?P<a>\d{1,2})(?P<sep>[/-])(?P<b>\d{1,2})(?P=sep)(?P<y4>\d{4})"
    rf"|(?P<d2>{_DAY})[ -](?:(?:de|of) )?(?P<mon2>{_MONTH})\.?,?(?: (?:de|del|of))?[ -]"
    r"(?P<y2>\d{4})"
    r"(?: ?(?:г\.?|года|р\.|року)(?!\w))?"
    rf"|(?P<mon1>{_MONTH})\.? (?P<d1>{_DAY})(?: ?[-–] ?{_DAY})?,?(?: del?)? (?P<y1>\d{{4}})"
    rf"|(?P<y5>\d{{4}})-(?P<mon5>{_MONTH})-(?P<d5>\d{{1,2}}))".replace(r"\d", "[0-9]"),
    re.I,
)  # fmt: skip
_CLOCK_PARTS = re.compile(
    rf"(?:(?P<early>{_any(_EARLY)})|(?P<late>{_any(_LATE)}))? ?"
    r"(?:(?P<h>\d{1,2})"
    r"(?:[:：h](?P<min>\d{2})|\ ?[时時点點시](?:\ ?(?P<min2>\d{1,2})\ ?[分분])?|\ Uhr)"
    r"(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?|(?P<hc>\d{2})(?P<minc>\d{2})(?P<sc>\d{2})?(?!\d))"
    r"(?:\ ?(?:Uhr|hrs?|hs?|ч)(?!\w))?(?:\ ?(?P<half>[AaPp])\.?[Mm]\b\.?)?\ ?[(\[（]?"
    rf"(?P<zone>{_OFFSET}|{_ZONE_NAMES}|{_REGION})?[)\]）]?(?-i:\ [A-Z]{{2,5}})?[)）]?"
    .replace(r"\d", "[0-9]"),
    re.I,
)  # fmt: skip
_BEFORE = re.compile(rf"(?:{_NOTED_DAY})?(?:T|[_-](?=\d{{4}})|{_BEFORE_CLOCK})?", re.I)
_ZONE_OFFSET = re.compile(
    r"(?:UTC|GMT)? ?(?P<sign>[+\-−])(?P<hours>\d{1,2}?)(?::?(?P<minutes>\d{2}))?", re.I
)
_ONLY_ZONE = re.compile(rf"\ ?[(\[（]?(?:{_OFFSET}|{_ZONE_NAMES}|{_REGION})[)\]）]?", re.I)
_DAY_IN_NAME = re.compile(r"(?<!\d)(?P<y>20\d\d)([-_.]?)(?P<m>\d\d)\2(?P<d>\d\d)(?!\d)", re.ASCII)
_ONLY_DAY = re.compile(_NOTED_DAY, re.I)


class Timestamp(NamedTuple):
    """A time in its v2 form.

    Attributes:
        text: `YYYY-MM-DDTHH:MM:SSZ`, or `YYYY-MM-DD`.
        assumed: the log gave a time of day without a zone, so the caller's zone was used.
        unread: the zone that the log names and that was not read; empty without such a zone.
    """

    text: str
    assumed: bool = False
    unread: str = ""


class Clues(NamedTuple):
    """How the ambiguous dates and times of a log are read.

    Attributes:
        zone: the zone of a time of day that names none.
        dates: the order of day and month in dates that end in the year.
        zones: by abbreviation, the zones that have several meanings.
    """

    zone: tzinfo = UTC
    dates: DateOrder = ""
    zones: Mapping[str, tzinfo] = MappingProxyType({})


NO_CLUES: Final = Clues()


def parse_timestamp(text: str, clues: Clues = NO_CLUES, *, day: str | None = None) -> Timestamp:
    """Read a time as a log writes it.

    Args:
        text: a match of `TIME_PATTERN`, or of `CLOCK_PATTERN` where `day` is given.
        clues: how ambiguous times are read.
        day: the date that a bare time of day belongs to, as `YYYY-MM-DD`.

    Raises:
        FormatError: the text is not a time, the day does not exist, or its day and month are
            ambiguous.
    """
    text = text.strip()
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
    if not rest or _ONLY_ZONE.fullmatch(rest) or _ONLY_DAY.fullmatch(rest):
        return Timestamp(text=when.isoformat())
    between = _BEFORE.match(rest)
    return _checked(text, when, rest[between.end() if between else 0 :], clues)


def parse_range(start: str, end: str, clues: Clues = NO_CLUES) -> tuple[Timestamp, Timestamp]:
    """Read a range. Both ends are in the zone that either names, and on the day of the start.

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
    if zone is not None and last.assumed:
        last = last._replace(assumed=False)
    return first, last


def parse_range_end(start: str, end: str, clues: Clues = NO_CLUES) -> Timestamp:
    """Read the end of a range whose start may be unknown; see `parse_range`."""
    if _DATE_PARTS.match(start.strip()) is None:
        return parse_timestamp(end, clues)
    return parse_range(start, end, clues)[1]


def day_of_name(name: str) -> str:
    """Return the day that a file's name holds, as `YYYY-MM-DD`; empty if it holds none."""
    m = _DAY_IN_NAME.search(name)
    if m is None:
        return ""
    try:
        return date(int(m["y"]), int(m["m"]), int(m["d"])).isoformat()
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def is_clock(text: str) -> bool:
    """Return True if a text is a time of day without a date."""
    return _CLOCK_PARTS.fullmatch(text) is not None and _DATE_PARTS.match(text) is None


def day_of(text: str, clues: Clues = NO_CLUES) -> str:
    """Return the date of a time as `YYYY-MM-DD`, in its own zone.

    Raises:
        FormatError: as `parse_timestamp`.
    """
    m = _DATE_PARTS.match(text.strip())
    if m is None:
        raise FormatError(f"not a time: {text!r}")
    try:
        return date(*_year_month_day(m, clues.dates)).isoformat()
    except FormatError:
        raise
    except ValueError as e:
        raise FormatError(f"no such time: {text!r} ({e})") from None


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
    """Tell day and month apart: by their size, else by the order that the log uses."""
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
    """Return the zone of the clock that a time ends with; None where it names none."""
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
    """Return the zone of an offset, an unambiguous abbreviation or a region's name."""
    if "/" in text:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            return None
    if text.upper() in ZONES:
        return timezone(timedelta(hours=ZONES[text.upper()]))
    m = _ZONE_OFFSET.fullmatch(text)
    if m is None:
        return None
    offset = timedelta(hours=int(m["hours"]), minutes=int(m["minutes"] or 0))
    return timezone(offset if m["sign"] == "+" else -offset)
