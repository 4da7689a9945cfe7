"""Periods of a report: a year, a quarter, a month, a week, or a range of days.

A period has a first and a last day, as `query --since --until` takes them, so both select the same
sessions on every machine: all times are UTC.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import Key

PERIOD_FORMS: Final = "2025, 2025-Q4, 2025-11, 2025-W45 or 2025-11-03..2025-11-20"
_FORM = re.compile(
    r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-W(?P<week>\d\d)|-(?P<month>\d\d))?", re.ASCII
)
_END = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)


class Period(NamedTuple):
    """A run of days.

    Attributes:
        name: the name, as the user wrote it, with `Q` and `W` in upper case.
        first, last: its days, both included.
    """

    name: str
    first: date
    last: date

    @property
    def since(self) -> str:
        """Return the first day in the form of `query --since`."""
        return self.first.isoformat()

    @property
    def until(self) -> str:
        """Return the last day in the form of `query --until`."""
        return self.last.isoformat()

    def contains(self, key: Key) -> bool:
        """Return True if a session with this key is in the period."""
        return self.since <= key[:10] <= self.until

    def before(self) -> Period:
        """Return the period of the same kind that ends the day before this one begins.

        Raises:
            FormatError: it would begin before the year 1.
        """
        try:
            last = self.first - timedelta(days=1)
            form = _FORM.fullmatch(self.name)
            if form is None:
                first = last - (self.last - self.first)
                return Period(f"{first}..{last}", first, last)
            if form["week"]:
                year, week, _ = last.isocalendar()
                return read_period(f"{year:04d}-W{week:02d}")
        except OverflowError:
            raise FormatError("no period before the year 1") from None
        if form["quarter"]:
            return read_period(f"{last.year:04d}-Q{(last.month + 2) // 3}")
        return read_period(f"{last.isoformat()[: len(self.name)]}")

    def parts(self) -> tuple[Period, ...]:
        """Return the quarters of a year, or the months of a quarter; no parts for other periods."""
        form = _FORM.fullmatch(self.name)
        if form is None or form["week"] or form["month"]:
            return ()
        if form["quarter"]:
            last = int(form["quarter"]) * 3
            names = [f"{form['year']}-{month:02d}" for month in range(last - 2, last + 1)]
        else:
            names = [f"{form['year']}-Q{quarter}" for quarter in range(1, 5)]
        return tuple(map(read_period, names))


def read_period(text: str) -> Period:
    """Return the period that a text names.

    Raises:
        FormatError: it is not a period, or ends before it begins.
    """
    text = text.upper()
    try:
        start, dots, end = text.partition("..")
        if dots and _END.fullmatch(start) and _END.fullmatch(end):
            first, last = _days(start)[0], _days(end)[1]
            if last < first:
                raise FormatError(f"{text!r} ends before it begins")
            return Period(text, first, last)
        if not dots and _FORM.fullmatch(text):
            return Period(text, *_days(text))
    except ValueError as e:
        if isinstance(e, FormatError):
            raise
    raise FormatError(f"{text!r} is not a period; write it as {PERIOD_FORMS}")


def quarter_of(key: str) -> str:
    """Return the name of the quarter that a key is in, `2025-Q4`."""
    return f"{key[:4]}-Q{(int(key[5:7]) + 2) // 3}"


def _days(text: str) -> tuple[date, date]:
    """Return the first and the last day of a year, quarter, month, week or day."""
    form = _FORM.fullmatch(text)
    if form is None:
        day = date.fromisoformat(text)
        return day, day
    year = int(form["year"])
    if form["week"]:
        return date.fromisocalendar(year, int(form["week"]), 1), date.fromisocalendar(
            year, int(form["week"]), 7
        )
    if form["quarter"]:
        month = int(form["quarter"]) * 3
        return date(year, month - 2, 1), _end_of(year, month)
    if form["month"]:
        return date(year, int(form["month"]), 1), _end_of(year, int(form["month"]))
    return date(year, 1, 1), date(year, 12, 31)


def _end_of(year: int, month: int) -> date:
    """Return the last day of a month."""
    if month == 12:
        return date(year, 12, 31)
    return date(year, month + 1, 1) - timedelta(days=1)
