"""How a log marks its sessions is found out, and a file that marks none is refused."""

from __future__ import annotations

import pytest

from codec.errors import FormatError
from codec.v1.detect import detect
from codec.v1.dialects import FIELD_REACH, Dialects, Marker, custom_dialect, lines_from
from codec.v1.forms import FORMS
from codec.v1.heading import Heading
from codec.v1.labels import LABELS, label_of

T = "2025-11-06T14:30:00Z"
D = "2025-11-06"


def found(log: str) -> tuple[Marker, int]:
    dialects = detect(log.encode())
    return dialects.marker, dialects.level


def heading_of(line: str, *below: str) -> Heading | None:
    return detect(line.encode()).match(line, lambda: below)


HEADINGS = [
    (f"### {T} | human | a-task", Heading(time=T, agent="human", task="a-task")),
    (
        f"### {T} - 2025-11-06T15:00:00Z | human | a",
        Heading(time=T, time_end="2025-11-06T15:00:00Z", agent="human", task="a"),
    ),
    (
        "### 2025-11-06 14:00 – 14:30 | human | a",
        Heading(time="2025-11-06 14:00", time_end="14:30", agent="human", task="a"),
    ),
    (f"### [{T}] | human | a | b", Heading(time=T, agent="human", task="a | b")),
    (f"### {T} | human |", Heading(time=T, agent="human")),
    (f"### {T} - A Title", Heading(time=T, task="A Title")),
    (f"## {D}: A Title", Heading(time=D, task="A Title")),
    (f"## {D} — A Title (v0.8.0)", Heading(time=D, task="A Title (v0.8.0)")),
    (f"## {D} 14:30:05 -05:00", Heading(time=f"{D} 14:30:05 -05:00")),
    (f"## {D} 14:30 UTC", Heading(time=f"{D} 14:30 UTC")),
    (f"## {T}", Heading(time=T)),
    (f"### {D} PT — Move it", Heading(time=f"{D} PT", task="Move it")),
    (f"### {D} 01:30 PM EDT — Move it", Heading(time=f"{D} 01:30 PM EDT", task="Move it")),
    ("### November 6, 2025 (Morning)", Heading(time="November 6, 2025", task="Morning")),
    ("### November 6-7, 2025", Heading(time="November 6-7, 2025")),
    (
        f"## Session: {D} | Web search (Session: codex-001)",
        Heading(time=D, task="Web search"),
    ),
    (f"## Session: {D} 18:02", Heading(time=f"{D} 18:02")),
    (f"## Session: {D} (project maintenance)", Heading(time=D, task="project maintenance")),
    (f"### Session 1 ({D})", Heading(time=D)),
    ("## Session #2 - June 20, 2025", Heading(time="June 20, 2025")),
    (f"# Session Log - {D}", Heading(time=D)),
    (f"## {D} Session", Heading(time=D)),
    (f"## {D} Session 2", Heading(time=D)),
    (
        f"### Session {D} (agent: claude) — closed it",
        Heading(time=D, agent="claude", task="closed it"),
    ),
    (f"### [{D} 10:45] - researcher", Heading(time=f"{D} 10:45", name="researcher")),
    (f"### [{D} 10:45] - two words", Heading(time=f"{D} 10:45", task="two words")),
    (f"### ✅ **{D}** - bold", Heading(time=D, task="bold", status="✅")),
    (f"### {D} - closed ###", Heading(time=D, task="closed")),
    (f"### Fix the build ({D})", Heading(time=D, task="Fix the build")),
    (f"### human | Fix the build | {D}", Heading(time=D, agent="human", task="Fix the build")),
    (f"### human | {T} | Fix the build", Heading(time=T, agent="human", task="Fix the build")),
    (f"**{T}** - bold", Heading(time=T, task="bold")),
    (f"**{T} - bold**", Heading(time=T, task="bold")),
    (f"- {T} | human | listed", Heading(time=T, agent="human", task="listed")),
    (f"* **{D}** — listed", Heading(time=D, task="listed")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "heading"), HEADINGS)
def test_a_dated_line_names_its_fields(line: str, heading: Heading) -> None:
    assert heading_of(line) == heading


@pytest.mark.parametrize(
    "below",
    [
        ("Date: 2025-11-06",),
        ("", "- Date: 2025-11-06"),
        ("**Date:** 2025-11-06 (Thursday)",),
        ("- **Started**: `2025-11-06`",),
        ("- 日期：2025-11-06",),
        *[("x",) * (FIELD_REACH - 1) + ("Timestamp: 2025-11-06",)],
    ],
)
@pytest.mark.parametrize(
    ("title", "task"),
    [("Fix it", "Fix it"), ("Session 001", ""), ("Session 1 — Fix it", "Fix it")],
)
def test_a_date_field_dates_the_heading_above_it(
    title: str, task: str, below: tuple[str, ...]
) -> None:
    log = "\n".join([f"### {title}", *below])
    assert found(log) == (Marker.FIELD, 3)
    heading = detect(log.encode()).match(f"### {title}", lambda: below)
    assert heading is not None
    assert (heading.time[:10], heading.task) == ("2025-11-06", task)


@pytest.mark.parametrize(
    "below",
    [("x",) * FIELD_REACH + ("Date: 2025-11-06",), ("#### More", "Date: 2025-11-06"), ("Date: ?",)],
)
def test_a_date_that_is_far_or_of_another_heading_does_not(below: tuple[str, ...]) -> None:
    dialects = Dialects(marker=Marker.FIELD, level=3, forms=FORMS)
    assert dialects.match("### Fix it", lambda: below) is None


@pytest.mark.parametrize(
    ("log", "marker", "level"),
    [
        pytest.param(
            f"# Log {D}\n## {D}\n", Marker.HEADING, 2, id="a dated title is not a session"
        ),
        pytest.param(
            f"# Log, begun {D}\n- {D} one\n- {D} two\n", Marker.BULLET, 7, id="nor above list items"
        ),
        pytest.param(
            f"# Log - {D}\n### Session 1\nDate: {D}\n", Marker.FIELD, 3, id="nor above date fields"
        ),
        pytest.param(
            f"# Log - {D}\n- {D} one\n", Marker.HEADING, 1, id="but it may be the session"
        ),
        pytest.param(
            f"## {D}\n### {D} a\n### {D} b\n", Marker.HEADING, 3, id="the level with most of them"
        ),
        pytest.param(
            f"### {D} | a | b\n## Fix ({D})\n## Fix ({D})\n", Marker.HEADING, 3, id="strong forms"
        ),
        pytest.param(
            f"### {D} | a | b\n- **{D}** chose\n- **{D}** chose\n", Marker.HEADING, 3, id="headings"
        ),
        pytest.param(f"**{D}** a\n**{D}** b\n- {D} c\n", Marker.BOLD, 7, id="bold lines"),
        pytest.param(f"\ufeff### {D} | a | b\n", Marker.HEADING, 3, id="behind a BOM"),
        pytest.param(f"### {D} | a | b\r\n", Marker.HEADING, 3, id="with CRLF"),
        pytest.param(f"### {D} | a | b", Marker.HEADING, 3, id="without a line end"),
    ],
)
def test_a_log_marks_its_sessions_in_the_way_it_uses_most(
    log: str, marker: Marker, level: int
) -> None:
    assert found(log) == (marker, level)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# Readme\n\nText.\n",
        "### [timestamp] | [agent] | [task]\n",
        "- Timestamp: YYYY-MM-DDTHH:MM:SS+TZ\n- Agent: Vendor/Model\n",
        f"Text that names {D} in a line.\n",
        f"{D} begins one line of prose.\n",
        f"# Report\n\n- Updated at: {T}\n",
        "## Session 1 — Project Genesis\n**Date:** March 2026\n",
        "## 1.2.3\n### 10:45 | human | no day\n",
        "\x00\x01\x02",
    ],
)
def test_a_file_without_dated_entries_is_refused_with_the_known_forms(text: str) -> None:
    with pytest.raises(FormatError, match="not a session log") as caught:
        detect(text.encode())
    assert "--heading-pattern" in str(caught.value)


def test_weak_forms_count_only_where_no_strong_form_does() -> None:
    strong = detect(f"### {D} | a | b\n### Fix ({D})\n".encode())
    assert strong.match(f"### Fix ({D})", lambda: ()) is None
    assert detect(f"### Fix ({D})\n".encode()).match(f"### Fix ({D})", lambda: ()) is not None


def test_a_named_dialect_looks_for_that_form_alone() -> None:
    log = f"### {D} | a | b\n### {D} - title\n".encode()
    dialects = detect(log, "pipes")
    assert [f.name for f in dialects.forms] == ["pipes"]
    assert dialects.match(f"### {D} - title", lambda: ()) is None
    with pytest.raises(FormatError, match="not a session log"):
        detect(log, "session")
    with pytest.raises(FormatError, match="no such dialect: pipe") as caught:
        detect(log, "pipe")
    assert all(form.name in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    ("pattern", "level"),
    [
        (r"## (?P<time>\S+): (?P<task>.*)", 2),
        (r"^#### (?P<time>\S+)", 4),
        (r"(?P<time>\d{4}-\d\d-\d\d)", 7),
        (r"\* (?P<time>\S+)", 7),
    ],
)
def test_the_level_of_a_pattern_is_that_of_its_marks(pattern: str, level: int) -> None:
    assert custom_dialect(pattern).level == level


def test_a_pattern_gives_its_groups_as_they_match() -> None:
    dialects = custom_dialect(r"@(?P<time>\S+) (?P<agent>\w+) (?P<status>\w+) (?P<task>.*)")
    assert dialects.match(f"@{D} bot FAIL Session 2", lambda: ()) == Heading(
        time=D, agent="bot", status="FAIL", task="Session 2"
    )
    assert dialects.match(f"@{D}", lambda: ()) is None


@pytest.mark.parametrize(("pattern", "problem"), [("(", "not a regular"), ("## .*", "named time")])
def test_a_pattern_that_cannot_work_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        custom_dialect(pattern)


def test_form_names_and_labels_are_distinguished() -> None:
    assert len({form.name for form in FORMS}) == len(FORMS)
    labels = [label for field in LABELS.values() for label in field]
    assert len(set(labels)) == len(labels)
    assert [label_of(label) for label in labels] == labels


@pytest.mark.parametrize(
    "text", ["**Lines  Added**", "lines added", "`Lines Added`", "_lines added_"]
)
def test_a_label_is_read_without_its_marks(text: str) -> None:
    assert label_of(text) == "lines added"


def test_the_lines_below_come_one_by_one_without_line_ends() -> None:
    assert list(lines_from(b"a\nb\r\n\nna\xefve", 1)) == ["b", "", "naïve"]
    assert list(lines_from(b"a", 1)) == []
