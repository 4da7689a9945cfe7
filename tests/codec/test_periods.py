"""Names of periods, their days, and the period before."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import FormatError
from codec.kinds import Key
from codec.periods import quarter_of, read_period


@pytest.mark.parametrize(
    ("text", "since", "until", "before"),
    [
        ("2025", "2025-01-01", "2025-12-31", "2024"),
        ("2025-Q4", "2025-10-01", "2025-12-31", "2025-Q3"),
        ("2025-q1", "2025-01-01", "2025-03-31", "2024-Q4"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-01"),
        ("2025-01", "2025-01-01", "2025-01-31", "2024-12"),
        ("2025-W01", "2024-12-30", "2025-01-05", "2024-W52"),
        ("2021-W01", "2021-01-04", "2021-01-10", "2020-W53"),
        ("2025-11-03..2025-11-20", "2025-11-03", "2025-11-20", "2025-10-16..2025-11-02"),
        ("2025-11..2025-12", "2025-11-01", "2025-12-31", "2025-09-01..2025-10-31"),
        ("9999", "9999-01-01", "9999-12-31", "9998"),
    ],
)
def test_a_period_has_these_days(text: str, since: str, until: str, before: str) -> None:
    period = read_period(text)
    assert (period.since, period.until, period.before().name) == (since, until, before)


@pytest.mark.parametrize(
    "text",
    ["", "2025-Q5", "2025-13", "2025-W54", "2025-W53", "25-Q1", "2025-11-31..2025-12-01", "2025-1",
     "2025-12..2025-11", "2025-Q1..2025-Q2", "..", "2025..", "0000", "٢٠٢٥"],
)  # fmt: skip
def test_anything_else_is_not_a_period(text: str) -> None:
    with pytest.raises(FormatError):
        read_period(text)


def test_there_is_not_a_period_before_the_first_year() -> None:
    with pytest.raises(FormatError):
        read_period("0001").before()


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)), st.integers(0, 800))
def test_a_period_follows_the_one_before(first: date, days: int) -> None:
    period = read_period(f"{first}..{min(first + timedelta(days), date(9998, 12, 31))}")
    assert period.parts() == ()
    if first.year > 5:
        before = period.before()
        assert before.last + timedelta(1) == period.first
        assert before.last - before.first == period.last - period.first
    assert read_period(quarter_of(first.isoformat())).contains(Key(first.isoformat()))


@pytest.mark.parametrize(
    ("name", "count"),
    [("2024", 4), ("2024-Q1", 3), ("2025-Q4", 3), ("2025-11", 0), ("2025-W45", 0)],
)
def test_a_year_is_its_quarters_and_a_quarter_its_months(name: str, count: int) -> None:
    period = read_period(name)
    parts = period.parts()
    assert len(parts) == count
    for one, other in itertools.pairwise(parts):
        assert one.last + timedelta(1) == other.first
    if parts:
        assert (parts[0].first, parts[-1].last) == (period.first, period.last)
