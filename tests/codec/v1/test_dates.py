"""Times of logs become v2 times, and nothing is invented."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from codec.errors import FormatError
from codec.timestamps import is_canonical, minutes_between
from codec.v1.date_patterns import CLOCK_PATTERN, TIME_PATTERN
from codec.v1.dates import (
    Clues,
    Timestamp,
    parse_range_end,
    parse_timestamp,
)

DAYS = [
    "2025-11-06",
    "2025/11/06",
    "November 6, 2025",
    "Nov 6 2025",
    "Nov. 6th, 2025",
    "6 November 2025",
    "6 Nov. 2025",
    "2025-11-06 PT",
    "2025-11-06 UTC",
    "November 6-7, 2025",
    "November 6th – 8th, 2025",
]
MOMENTS = [
    ("2025-11-06T14:30:00Z", "14:30:00"),
    ("2025-11-06T14:30:00.999Z", "14:30:00"),
    ("2025-11-06T14:30Z", "14:30:00"),
    ("2025-11-06 14:30:05 UTC", "14:30:05"),
    ("2025-11-06 14:30 (UTC)", "14:30:00"),
    ("2025-11-06T16:30:00+02:00", "14:30:00"),
    ("2025-11-06 09:30:00 -05:00", "14:30:00"),
    ("2025-11-06 09:30 -0500", "14:30:00"),
    ("2025-11-06 09:30 AM EST", "14:30:00"),
    ("2025-11-06 7:30 PDT", "14:30:00"),
    ("Nov 6, 2025 at 2:30 pm GMT", "14:30:00"),
    ("2025-11-06 12:00 am UTC", "00:00:00"),
    ("2025-11-06 12:00 pm UTC", "12:00:00"),
]
ASSUMED = ["2025-11-06 14:30", "2025-11-06T14:30:00", "2025-11-06 - 14:30", "2025-11-06 2:30 PM"]


@pytest.mark.parametrize("text", DAYS)
def test_a_date_without_a_time_stays_a_date(text: str) -> None:
    assert re.fullmatch(TIME_PATTERN, text)
    assert parse_timestamp(text) == Timestamp(text="2025-11-06", assumed=False)


@pytest.mark.parametrize(("text", "clock"), MOMENTS)
def test_a_zone_that_is_named_is_converted_and_fractions_are_cut(text: str, clock: str) -> None:
    assert re.fullmatch(TIME_PATTERN, text)
    assert parse_timestamp(text) == Timestamp(text=f"2025-11-06T{clock}Z", assumed=False)


@pytest.mark.parametrize("text", ASSUMED)
def test_a_time_without_a_zone_is_read_in_the_callers_zone_and_marked(text: str) -> None:
    assert re.fullmatch(TIME_PATTERN, text)
    assert parse_timestamp(text) == Timestamp(text="2025-11-06T14:30:00Z", assumed=True)
    east = timezone(timedelta(hours=2))
    assert parse_timestamp(text, Clues(zone=east)).text == "2025-11-06T12:30:00Z"


def test_an_ambiguous_zone_does_not_decide_the_time() -> None:
    found = parse_timestamp("2025-11-06 14:30 PT", Clues(zone=ZoneInfo("America/Los_Angeles")))
    assert found == Timestamp(text="2025-11-06T22:30:00Z", assumed=True)


@pytest.mark.parametrize("text", ["2025-11-06t14:30z", "november 6, 2025 2:30 Pm utc"])
def test_case_does_not_matter(text: str) -> None:
    assert parse_timestamp(text).text == "2025-11-06T14:30:00Z"


def test_a_converted_time_can_fall_on_another_day() -> None:
    assert parse_timestamp("2025-12-31 23:30 -05:00").text == "2026-01-01T04:30:00Z"


def test_an_early_year_keeps_its_four_digits() -> None:
    found = parse_timestamp("0999-01-01 10:00Z")
    assert found.text == "0999-01-01T10:00:00Z"
    assert is_canonical(found.text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-13-01",
        "2025-02-30",
        "2025-11-06 24:00",
        "2025-11-06 14:60",
        "2025-11-06 13:00 pm",
        "2025-11-06 0:30 am",
        "2025-11-06T14:30:00+99:00",
        "0001-01-01 00:00 +05:00",
        "9999-12-31 23:00 -05:00",
        "Foo 6, 2025",
        "2025-11-06 soon",
        "14:30",
        "٢٠٢٥-11-06",
        "2025-11-06 14:30 and more",
    ],
)
def test_a_time_that_is_invalid_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "text",
    ["2025-11-06 CT scan", "2025-11-06 mt", "2025-11-06 14:30 tomorrow"],
)
def test_a_word_after_a_time_is_not_taken_for_its_zone(text: str) -> None:
    m = re.match(TIME_PATTERN, text)
    assert m
    assert m[0] in ("2025-11-06", "2025-11-06 14:30")


def test_a_bare_time_of_day_needs_its_day() -> None:
    assert re.fullmatch(CLOCK_PATTERN, "14:30")
    assert parse_timestamp("14:30Z", day="2025-11-06").text == "2025-11-06T14:30:00Z"


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2025-11-06 14:00", "14:30", "2025-11-06T14:30:00Z"),
        ("2025-11-06 14:00 +02:00", "14:30", "2025-11-06T12:30:00Z"),
        ("2025-11-06 23:30 -05:00", "23:45", "2025-11-07T04:45:00Z"),
        ("2025-11-06 23:30 -05:00", "23:45 -05:00", "2025-11-07T04:45:00Z"),
        ("2025-11-06T23:30:00Z", "2025-11-07T00:10:00Z", "2025-11-07T00:10:00Z"),
        ("Nov 6, 2025", "14:30Z", "2025-11-06T14:30:00Z"),
        ("unknown", "2025-11-06", "2025-11-06"),
    ],
)
def test_a_range_ends_on_the_day_and_in_the_zone_of_its_start(
    start: str, end: str, text: str
) -> None:
    assert parse_range_end(start, end).text == text


@pytest.mark.parametrize(("start", "end"), [("2025-13-06", "14:30"), ("unknown", "14:30")])
def test_a_range_without_a_day_has_no_end(start: str, end: str) -> None:
    with pytest.raises(FormatError):
        parse_range_end(start, end)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2025-11-06", True),
        ("2025-11-06T14:30:00Z", True),
        ("2024-02-29", True),
        ("2025-02-29", False),
        ("2025-11-06T24:00:00Z", False),
        ("2025-11-06T14:30Z", False),
        ("2025-11-06T14:30:00", False),
        ("2025-11-06 14:30:00Z", False),
        ("٢٠٢٥-11-06", False),
        ("2025-11-06\n", False),
        ("", False),
    ],
)
def test_only_real_times_in_v2_form_are_canonical(text: str, is_one: bool) -> None:
    assert is_canonical(text) is is_one


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2025-11-06T14:00:00Z", "2025-11-06T14:30:00Z", 30),
        ("2025-11-06T14:00:00Z", "2025-11-06T14:00:29Z", 0),
        ("2025-11-06T14:00:00Z", "2025-11-06T14:00:30Z", 1),
        ("2025-11-06T23:50:00Z", "2025-11-07T00:10:00Z", 20),
        ("2025-11-06T14:00:00Z", "2025-11-06T13:00:00Z", None),
        ("2025-11-06", "2025-11-06T14:00:00Z", None),
        ("2025-11-06T14:00:00Z", "2025-11-07", None),
    ],
)
def test_minutes_are_known_only_between_two_times_in_order(
    start: str, end: str, minutes: int | None
) -> None:
    assert minutes_between(start, end) == minutes
