"""Notes give decisions, lessons, blockers and next steps, each text once."""

from __future__ import annotations

import re

from codec.kinds import Key
from codec.records import Session
from pipelines.report.period.document import Code, Document, Items, Section, Table, Text
from pipelines.report.period.groups import groups, repeated, reverted
from pipelines.report.period.markdown import markdown
from pipelines.report.period.page import page
from pipelines.report.period.texts import parts_of, said_in


def session(day: int, task: str = "t", notes: str = "", title: str = "") -> Session:
    key = f"2025-11-{day:02d}"
    return Session(
        key=Key(key), time=key, agent="a", task=task, status="PASS", notes=notes, title=title
    )


def test_a_label_begins_a_part_and_a_colon_in_a_sentence_does_not() -> None:
    assert parts_of("Use WAL. Decisions: one writer; no pool. Next: port. to: be read") == [
        ("lessons", "Use WAL."),
        ("decisions", "one writer; no pool."),
        ("next", "port. to: be read"),
    ]


def test_texts_that_differ_in_case_and_signs_are_one_with_all_keys() -> None:
    said = said_in(
        [
            session(1, notes="Pin the version."),
            session(2, notes="Another lesson"),
            session(3, notes="pin version"),
        ],
        most=2,
    )["lessons"]
    assert said.total == 2
    assert [(s.text, s.keys) for s in said.rows] == [
        ("pin version", ("2025-11-01", "2025-11-03")),
        ("Another lesson", ("2025-11-02",)),
    ]


def test_tasks_with_several_sessions_are_repeated_and_reverts_are_named() -> None:
    sessions = [session(1, "add-cache"), session(2, "revert-cache"), session(3, "add-cache"),
                session(4, "x", title="Roll back a cache"), session(5, "irrevertible")]  # fmt: skip
    assert [(r.task, r.keys) for r in repeated(sessions, most=2).rows] == [
        ("add-cache", ("2025-11-01", "2025-11-03"))
    ]
    assert [s.key for s in reverted(sessions)] == ["2025-11-02", "2025-11-04"]


def test_a_session_is_in_one_group_and_common_words_are_not_a_group() -> None:
    sessions = [session(n, f"shared-{'cache' if n < 4 else 'auth'}-{n}") for n in range(1, 8)]
    found = groups(sessions, {s.key: {"src/api"} for s in sessions[:3]})
    assert [(g.name, g.by, len(g.keys)) for g in found] == [("cache", "wording", 3)]


def test_a_group_has_the_name_of_all_that_its_tasks_share() -> None:
    verbs = ("fix", "speed-up", "test", "add-old")
    tasks = [f"{verb}-search-index" for verb in verbs] + [f"{verb}-ci-auth" for verb in verbs]
    found = groups([session(n, task) for n, task in enumerate(tasks, 1)], {})
    assert [(g.name, len(g.keys)) for g in found] == [("ci-auth", 4), ("search-index", 4)]


HOSTILE = "<script>alert(1)</script> [a](javascript:x) | `c` https://x.example *b* www.x.example"


def test_texts_of_sessions_are_not_markup_in_any_format() -> None:
    blocks = (
        Text(("1. " + HOSTILE,)),
        Items((("- " + HOSTILE, Code("a`b")),)),
        Table(("h",), ((HOSTILE,),)),
    )
    document = Document(HOSTILE, HOSTILE, (Section(HOSTILE, blocks),))
    text = markdown(document)
    assert "\n1\\. " in text
    assert "- \\- " in text
    assert "``a`b``" in text
    for sign in ("<script", "](", "https://", " www.", "*b*"):
        assert not re.search(rf"(?<!\\){re.escape(sign)}", text)
    table = text[text.index("| h |") :].strip().split("\n")
    assert len(table) == 3
    assert table[2].replace("\\|", "").count("|") == 2
    html = page(document)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 8  # the title twice: in the head and on the page
