"""Times in the form of the v2 files.

The v2 form is `YYYY-MM-DDTHH:MM:SSZ` in UTC, or `YYYY-MM-DD` if the time of day is not known.
`v1.dates` reads the times of v1 logs.
"""

from __future__ import annotations

import re
from datetime import date, datetime

_CANONICAL = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})(?:T(?P<clock>\d{2}:\d{2}:\d{2})Z)?", re.ASCII)


def is_canonical(text: str) -> bool:
    """Return True if `text` is a time in the v2 form and exists in the calendar."""
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


def minutes_between(start: str, end: str) -> int | None:
    """Return the minutes from one v2 time to another, rounded to whole minutes.

    Return None if either has no time of day, or if `end` is before `start`.
    """
    if "T" not in start or "T" not in end:
        return None
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return int((seconds + 30) // 60) if seconds >= 0 else None


def seconds_of(time: str) -> int | None:
    """Return the seconds from 1970 to a v2 time; None if it has no time of day."""
    return int(datetime.fromisoformat(time).timestamp()) if "T" in time else None
