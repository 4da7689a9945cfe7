"""Read times of the command line: `2025-11`, `yesterday`, `7d`, or the form of v2."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from codec.timestamps import is_canonical

TIME_FORMS: Final = "2025-11-06T14:30:00Z, 2025-11-06, 2025-11, today, yesterday or 7d"
_AGO = re.compile(r"(?P<count>\d{1,6})(?P<unit>[mhdw])", re.ASCII)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_REST: Final = "0000-01-01T00:00:00Z"
#: The lengths of a year, a month, a day, a minute, a second, and of the whole time.
_LENGTHS: Final = (4, 7, 10, 13, 16, 20)


def read_time(text: str) -> str:
    """Return a time in the form of v2, or the beginning of one.

    Args:
        text: a year, month, day, hour, minute or second; `today`, `yesterday`; or an age such as
            `30m`, `12h`, `7d`, `2w`, counted back from now. All are UTC.

    Raises:
        ValueError: it is not a time.
    """
    now = datetime.now(UTC)
    day = {"today": now, "yesterday": now - timedelta(days=1)}.get(text.lower())
    if day is not None:
        return day.strftime("%Y-%m-%d")
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return _before(now, timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])}))
    completed = text + _REST[len(text) :]
    if len(text) in _LENGTHS and (is_canonical(text) or is_canonical(completed)):
        return text
    raise ValueError(f"{text!r} is not a time; write it as {TIME_FORMS}")


def read_age(text: str) -> str:
    """Return the time `30d`, `12h` or `2w` ago, in the form of v2.

    Raises:
        ValueError: it is not an age.
    """
    if _AGO.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not an age; write it as 30d, 12h or 2w")
    return read_time(text)


def read_month(text: str) -> str:
    """Return a month such as `2025-11`.

    Raises:
        ValueError: it is not a month.
    """
    if _MONTH.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a month; write it as 2025-11")
    return text


def read_moment(text: str) -> datetime:
    """Return the moment at which a time begins; `7d` is seven days from now.

    Raises:
        ValueError: it is not a time.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        try:
            return datetime.now(UTC) + timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
        except OverflowError:
            raise ValueError(f"{text!r} is not a time: it is later than the year 9999") from None
    start = read_time(text)
    return datetime.fromisoformat(start + _REST[len(start) :])


def _before(now: datetime, age: timedelta) -> str:
    try:
        return (now - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return "0001"  # before every session
