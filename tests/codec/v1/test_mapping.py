"""A session is what its entry says; what it does not say stays unknown."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest

from codec.errors import FormatError
from codec.kinds import Sha256
from codec.names import UNNAMED
from codec.patches.diff_stat import DiffStat
from codec.records import NO_METRICS, Metrics, PatchRef, V1Entry
from codec.v1.dates import Clues
from codec.v1.detect import detect
from codec.v1.entry import Entry
from codec.v1.mapping import Mapped, Options, session_of
from tests.support.reading import read_sessions

SHA = "ab" * 32
PATCH = PatchRef(sha256=Sha256("cd" * 32), size=9)
ENTRY = Entry(
    time="2025-11-06T14:30:00Z",
    time_end="",
    started="",
    finished="",
    agent="",
    task="",
    title="",
    first="",
    status="",
    declared=NO_METRICS,
    notes=(),
    sha256=Sha256(SHA),
)


def mapped(
    *,
    patch: PatchRef | None = None,
    stat: DiffStat | None = None,
    options: Options | None = None,
    **said: object,
) -> Mapped:
    entry = ENTRY._replace(**said)  # type: ignore[arg-type]
    return session_of(
        entry,
        source="log.md",
        patch=patch,
        stat=stat,
        tokens={"x": 7},
        options=options or Options(),
    )


def test_an_entry_that_says_nothing_is_all_unknown() -> None:
    session = mapped().session
    assert (session.key, session.time) == ("2025-11-06T14:30:00Z", "2025-11-06T14:30:00Z")
    assert (session.agent, session.task, session.status) == (UNNAMED, UNNAMED, "UNKNOWN")
    assert (session.remark, session.title, session.notes) == ("", "", "")
    assert session.metrics == NO_METRICS
    assert session.patch is None
    assert session.v1 == V1Entry(source="log.md", sha256=Sha256(SHA), tokens={"x": 7})


# Time


def test_a_time_without_a_zone_is_marked_as_assumed() -> None:
    east = Options(clues=Clues(zone=timezone(timedelta(hours=2))))
    found = mapped(time="2025-11-06 14:30", options=east)
    assert found.session.time == "2025-11-06T12:30:00Z"
    assert found.assumed_zone
    assert not mapped().assumed_zone
    assert not mapped(time="2025-11-06").assumed_zone


def test_a_time_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(FormatError):
        mapped(time="2025-13-45")


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ({"time": "2025-11-06 14:00", "time_end": "14:30"}, 30),
        ({"time": "2025-11-06 14:00 +02:00", "time_end": "14:30"}, 30),
        ({"time": "2025-11-06 23:30 -05:00", "time_end": "23:45 -05:00"}, 15),
        ({"time": "2025-11-06T14:00:00Z", "time_end": "2025-11-06T15:00:00Z"}, 60),
        ({"time": "2025-11-06 14:00", "time_end": "13:00"}, None),
        ({"time": "2025-11-06 14:00", "time_end": "25:00"}, None),
        ({"time": "2025-11-06", "time_end": "2025-11-07"}, None),
        ({"started": "2025-11-06T08:00:00Z", "finished": "2025-11-06T08:42:20Z"}, 42),
        ({"started": "08:00", "finished": "08:42"}, 42),
        ({"started": "08:00"}, None),
        ({"started": "morning", "finished": "08:42"}, None),
    ],
)
def test_a_range_gives_the_minutes_where_both_ends_are_known(
    said: dict[str, Any], minutes: int | None
) -> None:
    assert mapped(**said).session.metrics.duration_min == minutes


def test_declared_minutes_win_over_a_range() -> None:
    found = mapped(time_end="15:00Z", declared=Metrics(duration_min=5))
    assert found.session.metrics.duration_min == 5


# Names and notes


@pytest.mark.parametrize(
    ("task", "title", "name", "sentence"),
    [
        ("a-slug", "The whole task", "a-slug", "The whole task"),
        ("A Title: of it", "", "A-Title-of-it", "A Title: of it"),
        ("", "The whole task", "The-whole-task", "The whole task"),
        ("!!!", "The whole\ttask", "The-whole-task", "The whole task"),
        ("", "", UNNAMED, ""),
    ],
)
def test_a_task_is_the_headings_else_the_lines(
    task: str, title: str, name: str, sentence: str
) -> None:
    session = mapped(task=task, title=title).session
    assert (session.task, session.title) == (name, sentence)


def test_blockers_and_escalation_are_named_among_the_notes() -> None:
    notes = (("notes", "a."), ("lessons", "b."), ("blockers", "c."), ("escalation", "d."))
    assert mapped(notes=notes).session.notes == "a. b. Blockers: c. Escalation: d."


# Figures


def test_an_undeclared_figure_is_counted_and_marked() -> None:
    found = mapped(patch=PATCH, stat=DiffStat(added=3, removed=1))
    assert found.session.patch == PATCH
    assert found.session.metrics == Metrics(lines_added=3, lines_removed=1)
    assert found.session.v1 is not None
    assert found.session.v1.counted == ("lines_added", "lines_removed")
    assert found.contradictions == ()


def test_only_the_undeclared_half_is_counted() -> None:
    found = mapped(declared=Metrics(lines_added=3), stat=DiffStat(added=3, removed=1))
    assert found.session.metrics == Metrics(lines_added=3, lines_removed=1)
    assert found.session.v1 is not None
    assert found.session.v1.counted == ("lines_removed",)
    assert found.contradictions == ()


def test_a_declared_figure_that_the_patch_contradicts_is_kept_and_noted() -> None:
    declared = Metrics(lines_added=847, lines_removed=0)
    found = mapped(declared=declared, stat=DiffStat(added=32, removed=1))
    assert found.session.metrics == declared
    assert found.contradictions == (("lines_added", 847, 32), ("lines_removed", 0, 1))


def test_without_a_patch_nothing_is_counted_and_nothing_contradicts() -> None:
    found = mapped(declared=Metrics(lines_added=847))
    assert found.session.metrics == Metrics(lines_added=847)
    assert found.session.v1 is not None
    assert found.session.v1.counted == ()
    assert found.contradictions == ()


@pytest.mark.parametrize(
    ("field", "day"), [("2026-06-05", "2026-06-05"), ("2026-05-06", "2026-05-06")]
)
def test_a_date_field_decides_the_order_of_an_ambiguous_heading(field: str, day: str) -> None:
    (session,) = read_sessions(f"## 05/06/2026 - Dig\n**Date:** {field}\nDug.\n")
    assert session["time"] == day


def test_a_date_field_of_another_day_decides_nothing() -> None:
    with pytest.raises(FormatError, match="ambiguous"):
        read_sessions("## 05/06/2026 - Dig\n**Date:** 2026-07-01\nDug.\n")


def test_a_log_that_is_one_table_is_refused_with_a_hint() -> None:
    with pytest.raises(FormatError) as refused:
        detect(b"# Log\n\n| Date | Task |\n| --- | --- |\n| 2026-03-01 | Dig |\n")
    assert "table" in (refused.value.hint or "")
