"""Logs of the kinds that people write are read as a reader would read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codec.errors import FormatError
from tests.support.reading import read_sessions, read_spans

CASES = json.loads(
    (Path(__file__).parents[3] / "fixtures" / "v1-kinds" / "cases.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in CASES])
def test_a_log_gives_the_sessions_that_a_reader_sees(case: dict[str, Any]) -> None:
    day = case.get("day", "")
    if "error" in case:
        with pytest.raises(FormatError, match=case["error"]):
            read_sessions(case["log"], day)
    else:
        assert read_sessions(case["log"], day) == case["sessions"]


LABELS = [
    "**Notes:**",
    "**Notes**",
    "### Notes",
    "Notes:",
    "- **Notes:**",
    "#### 📝 Notes",
    "__Notes__",
]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "items", ["- a b\n- c d\n", "1. a b\n2. c d\n", "* a b\n* c d\n", "\n- a b\n- c d\n"]
)
def test_a_label_of_any_form_holds_for_the_list_below_it(label: str, items: str) -> None:
    (session,) = read_sessions(f"## 2026-03-01 - Gate\n{label}\n{items}")
    assert session["notes"] == "a b; c d"


@pytest.mark.parametrize(
    "label",
    [
        "Blockers / Risks",
        "Learnings & notes",
        "Next steps (for the next agent)",
        "2. Summary",
        "Was getan wurde?",
    ],
)
def test_a_decorated_label_is_known(label: str) -> None:
    (session,) = read_sessions(f"## 2026-03-01 - Gate\n**{label}:** the hinge is new\n")
    assert "the hinge is new" in session["notes"]


@pytest.mark.parametrize(
    "text",
    [
        "(UTC)",
        "(Europe/Rome)",
        "(JST)",
        "Session 4",
        "#12",
        "Sesión 3",
        "第3次会话",
        "14:30 UTC",
        "(Mon)",
    ],
)
def test_a_zone_a_number_and_a_clock_are_not_a_task(text: str) -> None:
    (session,) = read_sessions(f"## 2026-03-01 {text}\n**Status:** done\n")
    assert session["task"] == "-"


@pytest.mark.parametrize(
    "value", ["claude/fix-gate-1a2b", "src/gate.py", "`tools/x.sh`", "feature/gate", "main"]
)
@pytest.mark.parametrize(
    "place", ["## 2026-03-01 | {} | Gate\n", "## 2026-03-01 - Gate\n**Agent:** {}\n"]
)
def test_a_branch_or_a_path_is_not_an_agent(place: str, value: str) -> None:
    (session,) = read_sessions(place.format(value))
    assert (session["agent"], session["task"]) == ("-", "Gate")


@pytest.mark.parametrize(
    "text", ["The gate closes now", "Fixed the gate", "all of it works", "3 files changed"]
)
@pytest.mark.parametrize("label", ["Result", "Outcome", "Ergebnis", "结果"])
def test_a_sentence_is_not_a_status_but_a_note(label: str, text: str) -> None:
    (session,) = read_sessions(f"## 2026-03-01 - Gate\n- {label}: {text}\n")
    assert (session["status"], session["notes"]) == ("UNKNOWN", text)
    assert "remark" not in session


def test_an_entry_with_text_is_never_empty() -> None:
    for text in (
        "x y",
        "- `a.py`: b",
        "```\nthe gate is shut\n```",
        "| a | b |",
        "> quoted",
        "Commits: 3f2a9c1",
    ):
        (session,) = read_sessions(f"## 2026-03-01 - Gate\n{text}\n")
        assert session["notes"], text


def test_only_a_section_after_the_last_entry_is_cut_off() -> None:
    log = "## 2026-03-01 - a\n## Ideas\nx\n## 2026-03-02 - b\ny\n## Backlog\nz\n"
    spans = read_spans(log)
    assert [log[s.start : s.end] for s in spans] == [
        "## 2026-03-01 - a\n## Ideas\nx\n",
        "## 2026-03-02 - b\ny\n",
        "## Backlog\nz\n",
    ]


def test_a_section_that_every_entry_has_belongs_to_the_last_one_too() -> None:
    log = "## 2026-03-01 - a\nx\n## Files\nx\n## 2026-03-02 - b\ny\n## Files\nz\n"
    assert [s.end for s in read_spans(log)] == [len(log) // 2, len(log)]


@pytest.mark.parametrize(
    "date",
    [
        "2026-03-02", "**2026-03-02**", "*2026-03-02*", "__2026-03-02__", "_2026-03-02_",
        "***2 March 2026***", "`2026-03-02`", "[2026-03-02]", "(2026-03-02)", "> 2026-03-02",
        "> *2026-03-02*", "📅 2026-03-02", "**2026年3月2日**", "\n**02.03.2026**",
    ],
)  # fmt: skip
@pytest.mark.parametrize("level", ["#", "##", "####"])
def test_a_date_alone_below_a_title_dates_it_in_any_emphasis(date: str, level: str) -> None:
    log = f"{level} Paint the gate\n{date}\n\nTwo coats.\n\n{level} Oil it\n{date}\n\nOnce.\n"
    first, second = read_sessions(log)
    assert (first["time"], first["title"], first["notes"]) == (
        "2026-03-02", "Paint the gate", "Two coats.",
    )  # fmt: skip
    assert (second["title"], second["notes"]) == ("Oil it", "Once.")


def test_dates_alone_that_begin_entries_do_not_date_the_heading_above_the_first() -> None:
    log = "## Log\n\n**2026-03-01**\nBuilt.\n\n**2026-03-02**\nOiled.\n\n**2026-03-03**\nSanded.\n"
    assert [s["notes"] for s in read_sessions(log)] == ["Built.", "Oiled.", "Sanded."]
