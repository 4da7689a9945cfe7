"""An entry is read as it is written; nothing is counted or guessed."""

from __future__ import annotations

import pytest

from codec.kinds import Sha256
from codec.records import NO_METRICS, Metrics
from codec.v1.dialects import Dialects, Marker
from codec.v1.entry import Entry, entry_hash, read_entry
from codec.v1.forms import FORMS
from codec.v1.split import Span, split

DIALECTS = Dialects(marker=Marker.HEADING, level=3, forms=FORMS)
HEADING = "### 2025-11-06T14:30:00Z | human | a-task\n"
BARE = "### 2025-11-06T14:30:00Z\n"


def entry_of(body: str | bytes, heading: str = HEADING) -> Entry:
    data = heading.encode() + (body.encode() if isinstance(body, str) else body)
    (span,) = [s for s in split(data, DIALECTS) if s.heading]
    return read_entry(data[span.start : span.end], span, Sha256("0" * 64))


def declared(body: str) -> Metrics:
    return entry_of(body).declared


def test_a_heading_without_text_gives_only_its_own_values() -> None:
    assert entry_of("") == Entry(
        time="2025-11-06T14:30:00Z",
        time_end="",
        started="",
        finished="",
        agent="human",
        task="a-task",
        title="",
        first="",
        status="",
        declared=NO_METRICS,
        notes=(),
        sha256=Sha256("0" * 64),
    )


def test_a_span_that_is_not_a_session_is_not_read() -> None:
    with pytest.raises(ValueError, match="not a session"):
        read_entry(b"text", Span(start=0, end=4), Sha256(""))


@pytest.mark.parametrize(
    "line",
    [
        "Status: PASS (deployed)",
        "**Status**: PASS (deployed)",
        "**Status:** PASS (deployed)",
        "- Status: PASS (deployed)",
        "* **Status:** PASS (deployed)",
        "1. Status: PASS (deployed)",
        "  - status: PASS (deployed)",
        "STATUS: PASS (deployed)",
        "Result: PASS (deployed)",
        "- 状态：PASS (deployed)",
        "### Notes\nStatus: PASS (deployed)",
        "#### Status\nPASS (deployed)",
    ],
)
def test_a_field_is_read_in_every_way_that_logs_write_it(line: str) -> None:
    assert entry_of(f"{line}\n").status == "PASS (deployed)"


@pytest.mark.parametrize(
    "text",
    [
        "```\nStatus: FAIL\n```\n",
        "```diff\n+x\nStatus: FAIL\n```\n",
        "The Status: FAIL is quoted in prose of more than forty characters, Status: FAIL\n",
        "https://example.org/Status:FAIL\n",
        "Next Agent Status: FAIL\n",
        "Status\n",
    ],
)
def test_a_line_that_only_resembles_a_field_is_not_a_field(text: str) -> None:
    assert entry_of(text).status == ""


def test_the_first_line_that_gives_a_field_wins_and_a_better_label_over_it() -> None:
    assert entry_of("Status: PASS\n\nStatus: FAIL\n").status == "PASS"
    assert entry_of("Result: 3 files\n\nStatus: PASS\n").status == "PASS"
    assert entry_of("Status:\n\nStatus: PASS\n").status == "PASS"


def test_an_exit_code_replaces_a_missing_status() -> None:
    assert entry_of("- exit_code: 0\n").status == "exit_code: 0"
    assert entry_of("- exit_code: 1\n- status: success\n").status == "success"


@pytest.mark.parametrize("label", ["Agent", "AI", "Owner", "harness", "Model", "**AI**"])
def test_the_agent_is_taken_from_its_field_where_the_heading_names_none(label: str) -> None:
    assert entry_of(f"{label}: `codex`\n", BARE).agent == "codex"
    assert entry_of(f"{label}: `codex`\n").agent == "human"


@pytest.mark.parametrize(
    ("fields", "agent", "task"),
    [
        ("Task: Do it\n", "researcher", ""),
        ("", "", "researcher"),
        ("Task: Do it\nAgent: codex\n", "codex", "researcher"),
        ("Agent: codex\n", "codex", "researcher"),
    ],
)
def test_a_word_after_a_bracketed_time_is_the_agent_only_if_a_task_is_named(
    fields: str, agent: str, task: str
) -> None:
    entry = entry_of(fields, "### [2025-11-06 10:45] - researcher\n")
    assert (entry.agent, entry.task) == (agent, task)


def test_text_after_the_patch_is_read_and_the_patch_is_not() -> None:
    body = "Full Diff:\n```diff\n+Status: FAIL\n```\nCommits: 2\n"
    entry = entry_of(body)
    assert (entry.status, entry.declared.commits) == ("", 2)


def test_text_after_an_unclosed_patch_is_read() -> None:
    body = "```diff\n diff\n+Status: FAIL\n\nCommits: 2\n"
    assert entry_of(body).declared.commits == 2


def test_crlf_and_windows_1252_are_read_as_text() -> None:
    entry = entry_of(b"Task: na\xefve\r\nStatus: PASS\r\n")
    assert (entry.title, entry.status) == ("naïve", "PASS")


# Figures


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("0", 0),
        ("1,247", 1247),
        ("1_247", 1247),
        ("+12", 12),
        ("-12", 12),
        ("−12", 12),
        ("~12", 12),
        ("about 12 lines", 12),
        ("**12**", 12),
        ("12 (estimated)", 12),
        ("12.", 12),
        ("none", None),
        ("", None),
        ("1.5k", None),
        ("12k", None),
        ("12%", None),
        ("1.5", None),
        ("1,24", None),
        ("9" * 16, None),
        ("9" * 5000, None),
        ("twelve", None),
    ],
)
def test_a_figure_is_taken_only_where_it_is_a_whole_number(text: str, number: int | None) -> None:
    assert declared(f"Commits: {text}\n").commits == number
    assert declared(f"Lines added: {text}\n").lines_added == number
    assert declared(f"Tokens: {text}\n").tokens_used == number


@pytest.mark.parametrize(
    "body",
    [
        "Lines: +1,247 -89\n",
        "Lines changed: +1247/-89\n",
        "LOC: + 1247, − 89\n",
        "Diff: +1247 -89 in 3 files\n",
        "Diff Summary:\n```\n a | 3\n Lines: +1247 -89\n```\n",
        "Lines added: 1247\nLines removed: 89\n",
        "- lines_added: 1247\n- lines_removed: 89\n",
        "Insertions: 1247\nDeletions: 89\nLines: +1 -1\n",
    ],
)
def test_lines_are_declared_in_pairs_or_one_by_one(body: str) -> None:
    assert declared(body) == Metrics(lines_added=1247, lines_removed=89)


@pytest.mark.parametrize("body", ["Lines: +, -5\n", "Lines: +,a -5\n", f"Lines: +{'9' * 99} -1\n"])
def test_signs_without_figures_declare_nothing(body: str) -> None:
    assert declared(body) == NO_METRICS


def test_one_known_half_leaves_the_other_unknown() -> None:
    assert declared("Lines removed: 45\n") == Metrics(lines_removed=45)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("45 min", 45),
        ("45min", 45),
        ("45 minutes", 45),
        ("~45 minutes", 45),
        ("1h 30m", 90),
        ("1 hour and 30 minutes", 90),
        ("2.5 hours", 150),
        ("90 s", 2),
        ("29 seconds", 0),
        ("1h", 60),
        ("1h30", None),
        ("1 session", None),
        ("45-60 min", None),
        ("unknown", None),
        ("9" * 400 + " min", None),
    ],
)
def test_a_duration_is_minutes_or_unknown(text: str, minutes: int | None) -> None:
    assert declared(f"Duration: {text}\n").duration_min == minutes


def test_minutes_may_be_a_figure_of_their_own() -> None:
    assert declared("duration_min: 12\n").duration_min == 12


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dpl_9xYz", "dpl_9xYz"),
        ("`v1.2.3` to production", "v1.2.3"),
        ("yes", None),
        ("none", None),
    ],
)
def test_a_deployment_is_an_identifier(text: str, name: str | None) -> None:
    assert declared(f"Deployment: {text}\n").deployment == name


# Notes


def test_notes_of_every_kind_are_kept_in_their_order_and_none_is_left_out() -> None:
    body = (
        "Escalation: None\nBlockers: waiting for keys\nLessons: None.\n"
        "Notes: first\nsecond\n- third\n\n---\n"
    )
    assert entry_of(body).notes == (
        ("notes", "first second; third"),
        ("blockers", "waiting for keys"),
    )


@pytest.mark.parametrize(
    "text", ["None", "none yet", "N/A", "n/a.", "-", "—", "nil", "None (all done)"]
)
def test_notes_without_content_are_left_out(text: str) -> None:
    assert entry_of(f"Notes: {text}\n").notes == ()


def test_a_heading_may_label_the_notes_below_it() -> None:
    assert entry_of("#### Notes\nAll is well.\n").notes == (("notes", "All is well."),)


# The hash


BODY = b"### 2025-11-06 | a | b\ntext\n"


@pytest.mark.parametrize(
    "same",
    [
        BODY.rstrip(),
        BODY + b"\n\n",
        BODY + b"\n---\n",
        BODY + b"\n***\n\n___\n",
        BODY + b"-----\n",
        BODY.replace(b"\n", b"\r\n"),
        BODY.replace(b"\n", b"\r\n") + b"\r\n---\r\n",
    ],
)
def test_following_text_and_line_ends_do_not_change_an_entrys_hash(same: bytes) -> None:
    assert entry_hash(same) == entry_hash(BODY)


@pytest.mark.parametrize(
    "other",
    [
        BODY + b"x",
        BODY + b"a ---\n",
        BODY + b"--\n",
        b" " + BODY,
        BODY.replace(b"\ntext", b"\n\ntext"),
        BODY.replace(b"text", b"te\rxt"),
    ],
)
def test_another_content_has_another_hash(other: bytes) -> None:
    assert entry_hash(other) != entry_hash(BODY)


def test_an_entry_of_rules_alone_still_has_a_hash() -> None:
    assert len(entry_hash(b"---\n---\n")) == 64
