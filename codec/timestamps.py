"""Times as logs write them, and as the v2 files hold them.

The v2 form is `YYYY-MM-DDTHH:MM:SSZ` in UTC, or `YYYY-MM-DD` where the log gives no time of day.

1. Nothing is invented: a date without a time stays a date.
2. A time without a zone is read in the zone the caller names, and the result says so.
3. Offsets are converted to UTC, fractions of a second are cut, never rounded.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from codec.errors import FormatError

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_MONTH_NAME = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DATE = (
    r"(?:\d{4}-\d{2}-\d{2}|\d{4}/\d{2}/\d{2}"
    rf"|{_MONTH_NAME}\.? \d{{1,2}}(?:st|nd|rd|th)?(?: ?[-–] ?\d{{1,2}}(?:st|nd|rd|th)?)?,? \d{{4}}"
    rf"|\d{{1,2}} {_MONTH_NAME}\.?,? \d{{4}})"
)
_CLOCK = (
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm]\b)?"
    r"(?: ?(?:Z\b|UTC\b|GMT\b|[ECMP][SD]T\b|[+-]\d{2}:?\d{2}\b)|(?: ?\((?:UTC|GMT)\)))?"
)
#: A zone beside a date, or one that does not tell its offset: known to be no title by what follows.
_ZONE_WORD = r"(?: (?:[ECMP][SD]?T|UTC|GMT)(?=\s*(?:[-–—|:)\]]|$)))"
#: A date, with or without a time of day, as it may stand inside a heading. No named groups, so
#: that it can be used several times in one pattern.
TIME_PATTERN: Final = rf"{_DATE}(?:(?:T|,? (?:at )?| [-–—@|] ){_CLOCK})?{_ZONE_WORD}?"
#: A time of day alone: the end of a range such as `2025-11-06 14:00 - 14:30`.
CLOCK_PATTERN: Final = _CLOCK

_CANONICAL = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})(?:T(?P<clock>\d{2}:\d{2}:\d{2})Z)?", re.ASCII)
_PARTS = re.compile(
    r"(?:(?P<y>\d{4})[-/](?P<m>\d{2})[-/](?P<d>\d{2})"
    r"|(?P<mon1>[A-Za-z]+)\.? (?P<d1>\d{1,2})(?:st|nd|rd|th)?(?: ?[-–] ?\d{1,2}(?:st|nd|rd|th)?)?"
    r",? (?P<y1>\d{4})"
    r"|(?P<d2>\d{1,2}) (?P<mon2>[A-Za-z]+)\.?,? (?P<y2>\d{4}))"
    r"(?:(?:T|,? (?:at )?| [-–—@|] )(?P<clock>\d.+))?(?: (?:[ECMP][SD]?T|UTC|GMT))?",
    re.ASCII | re.I,
)
_CLOCK_PARTS = re.compile(
    r"(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?(?: ?(?P<half>[AaPp][Mm]))?"
    r"(?: ?\(?(?P<zone>Z|UTC|GMT|[ECMP][SD]T|[+-]\d{2}:?\d{2})\)?)?(?: [ECMP]T)?",
    re.ASCII | re.I,
)
#: Hours from UTC of the zones that RFC 5322 (4.3) gives a fixed offset.
_ZONE_HOURS: Final = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_ZONE_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})", re.ASCII)


class Timestamp(NamedTuple):
    """A time in its v2 form.

    Attributes:
        text: `YYYY-MM-DDTHH:MM:SSZ`, or `YYYY-MM-DD`.
        assumed: the log gave a time of day without a zone, so the caller's zone was used.
    """

    text: str
    assumed: bool = False


def is_canonical(text: str) -> bool:
    """Whether `text` is a time in the v2 form and names a real day and time of day."""
    m = _CANONICAL.fullmatch(text)
    if m is None:
        return False
    try:
        if m["clock"] is None:
            date.fromisoformat(text)
        else:
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_timestamp(text: str, *, zone: tzinfo = UTC, day: str | None = None) -> Timestamp:
    """Read a time as a log writes it.

    Args:
        text: a match of `TIME_PATTERN`, or of `CLOCK_PATTERN` where `day` is given.
        zone: the zone of a time of day that names none.
        day: the date that a bare time of day belongs to, as `YYYY-MM-DD`.

    Raises:
        FormatError: no such form, or no such day or time of day.
    """
    text = text.strip()
    if is_canonical(text):
        return Timestamp(text=text)
    if day is not None and _CLOCK_PARTS.fullmatch(text):
        text = f"{day}T{text}"
    m = _PARTS.fullmatch(text)
    if m is None:
        raise FormatError(f"not a time: {text!r}", hint="Write it as 2025-11-06T14:30:00Z")
    try:
        when = date(*_year_month_day(m))
        if m["clock"] is None:
            return Timestamp(text=when.isoformat())
        return _at_clock(when, m["clock"], zone)
    except (ValueError, OverflowError) as e:
        raise FormatError(f"no such time: {text!r} ({e})") from None


def parse_range_end(start: str, end: str, *, zone: tzinfo = UTC) -> Timestamp:
    """Read the end of a range; a bare time of day is of the day and in the zone of its start.

    Args:
        start, end: as `parse_timestamp` takes them.
        zone: the zone where neither names one.

    Raises:
        FormatError: no such form, or no such day or time of day.
    """
    m = _PARTS.fullmatch(start.strip())
    if m is None:
        return parse_timestamp(end, zone=zone)
    clock = _CLOCK_PARTS.fullmatch(m["clock"] or "")
    own = _zone(clock["zone"]) if clock else None
    try:
        day = date(*_year_month_day(m)).isoformat()
    except ValueError as e:
        raise FormatError(f"no such time: {start!r} ({e})") from None
    return parse_timestamp(end, zone=own or zone, day=day)


def minutes_between(start: str, end: str) -> int | None:
    """Whole minutes from one v2 time to another, half a minute rounded up.

    None where either has no time of day, or `end` is before `start`.
    """
    if "T" not in start or "T" not in end:
        return None
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return int((seconds + 30) // 60) if seconds >= 0 else None


def _year_month_day(m: re.Match[str]) -> tuple[int, int, int]:
    if m["y"]:
        return int(m["y"]), int(m["m"]), int(m["d"])
    name = m["mon1"] or m["mon2"]
    month = MONTHS.get(name[:3].lower())
    if month is None:
        raise ValueError(f"{name!r} is no month")
    return int(m["y1"] or m["y2"]), month, int(m["d1"] or m["d2"])


def _at_clock(when: date, clock: str, zone: tzinfo) -> Timestamp:
    m = _CLOCK_PARTS.fullmatch(clock)
    if m is None:
        raise ValueError(f"{clock!r} is no time of day")
    hour = int(m["h"])
    if m["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{clock!r} is no time of day")
        hour = hour % 12 + (12 if m["half"].lower() == "pm" else 0)
    local = datetime(
        when.year, when.month, when.day, hour, int(m["min"]), int(m["s"] or 0),
        tzinfo=_zone(m["zone"]) or zone,
    )  # fmt: skip
    utc = local.astimezone(UTC)
    return Timestamp(text=f"{utc.isoformat()[:19]}Z", assumed=m["zone"] is None)


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    m = _ZONE_OFFSET.fullmatch(text)
    if m is None:
        return timezone(timedelta(hours=_ZONE_HOURS.get(text.upper(), 0)))
    offset = timedelta(hours=int(m["hours"]), minutes=int(m["minutes"]))
    return timezone(-offset if m["sign"] == "-" else offset)
