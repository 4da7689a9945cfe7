"""A repair names each kind of fault with its line and loses nothing unknown."""

from __future__ import annotations

import pytest

from codec.kinds import Key
from codec.manifest.jsonl import identity_of
from codec.merge.key_conflicts import Settled
from codec.merge.repair import Repair, repair_manifest, repair_rows
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES, Format
from codec.records import Session

DAYS = [f"2026-03-0{n}" for n in range(1, 6)]
SESSIONS = [
    Session(key=Key(d), time=d, agent="a", task=f"t{d[-1]}", status="PASS", notes=f"learned {d}")
    for d in DAYS
]
ONE, TWO, THREE, FOUR, FIVE = SESSIONS
SETTLED = [Settled(s, s) for s in SESSIONS]
ROWS = pytest.mark.parametrize("form", [DELTAS, METRICS, REFERENCES])
LINES = pytest.mark.parametrize("form", [DELTAS, METRICS])


def rows(form: Format, *parts: Session | bytes) -> bytes:
    return form.head + b"".join(p if isinstance(p, bytes) else form.encode(p) for p in parts)


def facts(*parts: Session | bytes) -> bytes:
    return b"".join(p if isinstance(p, bytes) else FACTS.encode(p) for p in parts)


def mended(form: Format, data: bytes) -> list[tuple[str, str]]:
    """Repair a file; assert that it ends in order and needs no second repair."""
    repaired = repair_rows(form, data, SETTLED)
    assert repaired.data == rows(form, *SESSIONS)
    assert repair_rows(form, repaired.data, SETTLED) == (repaired.data, [])
    return [(r.code, r.key or "") for r in repaired.repairs]


@ROWS
def test_a_file_that_is_right_is_not_touched(form: Format) -> None:
    assert mended(form, rows(form, *SESSIONS)) == []
    last = rows(form, *SESSIONS, b"\n\n", b"by hand\n" if form is REFERENCES else b"\n")
    assert repair_rows(form, last, SETTLED) == (last, [])
    assert repair_rows(form, b"", []) == (b"", [])


@ROWS
def test_a_file_that_was_lost_is_rebuilt(form: Format) -> None:
    head = [] if form is DELTAS else [("missing-header", "")]
    assert sorted(mended(form, b"")) == sorted(head + [("missing-row", d) for d in DAYS])


@ROWS
def test_marks_that_editors_and_systems_add_to_a_file_are_removed(form: Format) -> None:
    whole = rows(form, *SESSIONS)
    assert mended(form, b"\xef\xbb\xbf" + whole) == [("byte-order-mark", "")]
    assert mended(form, whole.replace(b"\n", b"\r\n")) == [("line-ends", "")]
    assert mended(form, whole + b"\0" * 512) == [("fragment", ""), ("torn-line", "")]


@ROWS
def test_of_a_committed_conflict_both_sides_stay(form: Format) -> None:
    one, two, three, four, five = map(form.encode, SESSIONS)
    conflict = rows(
        form, one, b"<<<<<<< HEAD\n", two, three, b"||||||| base\n", b"=======\n", four,
        b">>>>>>> other branch\n", five,
    )  # fmt: skip
    assert mended(form, conflict) == [("conflict-mark", "")] * 4
    # outside of a conflict such lines are lines like others
    text = rows(form, *SESSIONS, b"=======\n", b">>>>>>> quoted\n")
    codes = [r.code for r in repair_rows(form, text, SETTLED).repairs]
    assert codes == ([] if form is REFERENCES else ["broken-line"] * 2)


def test_a_conflict_inside_an_entry_loses_neither_entry() -> None:
    one, two = (REFERENCES.encode(s).splitlines(keepends=True) for s in (ONE, TWO))
    halves = [b"<<<<<<< HEAD\n", *one[:2], b"=======\n", *two[:2], b">>>>>>> x\n", *two[2:]]
    found = mended(REFERENCES, rows(REFERENCES, b"".join(halves), *SESSIONS[2:]))
    assert found == [("conflict-mark", ""), ("row-differs", DAYS[0])] + [("conflict-mark", "")] * 2


@LINES
def test_a_torn_line_is_ended_if_it_is_whole_and_removed_if_it_is_complete_elsewhere(
    form: Format,
) -> None:
    whole = rows(form, *SESSIONS)
    assert mended(form, whole[:-1]) == [("torn-line", "")]
    assert mended(form, whole + b"2026-0") == [("fragment", ""), ("torn-line", "")]
    begun = form.encode(FIVE)[:20]
    assert mended(form, rows(form, *SESSIONS[:4], begun)) == [
        ("row-differs", DAYS[4]),
        ("torn-line", ""),
    ]


@LINES
def test_lines_that_ran_together_are_lines_again(form: Format) -> None:
    one, two, three, four, five = map(form.encode, SESSIONS)
    assert mended(form, rows(form, one, two[:-1], three, four[:7], four, five)) == [
        ("run-together", ""),
        ("run-together", ""),
        ("fragment", ""),
    ]


@ROWS
def test_rows_that_differ_are_there_twice_or_not_at_all_are_repaired(form: Format) -> None:
    wrong = form.encode(TWO._replace(status="FAIL"))
    assert mended(form, rows(form, ONE, wrong, ONE, THREE, FOUR)) == [
        ("row-differs", DAYS[1]),
        ("repeated-line", DAYS[0]),
        ("missing-row", DAYS[4]),
    ]


def test_a_header_that_is_not_first_is_put_there() -> None:
    below = METRICS.encode(ONE) + rows(METRICS, *SESSIONS[1:])
    assert mended(METRICS, below) == [("missing-header", "")]


def test_a_repeated_header_is_removed() -> None:
    found = mended(METRICS, rows(METRICS, ONE, TWO, METRICS.head, THREE, FOUR, FIVE))
    assert found == [("repeated-line", "")]


@ROWS
def test_a_row_of_an_unknown_session_stays_and_an_unreadable_one_is_removed(form: Format) -> None:
    unknown = ONE._replace(key=Key("2020-01-01"), time="2020-01-01")
    odd = [b"# by hand\n", b"\xff\xfe not text\n", b"Status: whatever\n"]
    stays = odd if form is REFERENCES else []  # text may stand between entries
    data = rows(form, *odd[:1], unknown, *odd[1:], *SESSIONS[:4])
    repaired = repair_rows(form, data, SETTLED)
    assert repaired.data == rows(form, *stays[:1], unknown, *stays[1:], *SESSIONS)
    first = form.head.count(b"\n") + 1
    told = [(r.code, r.line) for r in repaired.repairs if r.code != "missing-row"]
    broken = [("broken-line", first), ("broken-line", first + 2), ("broken-line", first + 3)]
    assert told == ([] if form is REFERENCES else broken)
    twice = repair_rows(form, rows(form, unknown, unknown, *SESSIONS), SETTLED)
    assert twice.data == rows(form, unknown, *SESSIONS)
    assert [r.code for r in twice.repairs] == ["repeated-line"]


def test_a_line_by_hand_in_a_broken_entry_stays_and_the_entry_is_whole() -> None:
    entry = REFERENCES.encode(ONE).replace(b"Metrics: -\n", b"my own remark\n")
    repaired = repair_rows(REFERENCES, rows(REFERENCES, entry, *SESSIONS[1:]), SETTLED)
    assert repaired.data == rows(REFERENCES, ONE, b"my own remark\n", *SESSIONS[1:])
    assert repair_rows(REFERENCES, repaired.data, SETTLED).repairs == []


def test_parts_of_entries_that_are_complete_elsewhere_are_removed() -> None:
    orphans = b"Diff: none\n", b"Notes: learned 2026-03-02\n", b"Notes: my own\n"
    repaired = repair_rows(REFERENCES, rows(REFERENCES, ONE, *orphans, *SESSIONS[1:]), SETTLED)
    assert repaired.data == rows(REFERENCES, ONE, orphans[2], *SESSIONS[1:])
    assert [(r.code, r.line) for r in repaired.repairs] == [("fragment", 9), ("fragment", 10)]


def test_an_unreadable_entry_is_removed_as_a_whole_and_reported_with_line_and_reason() -> None:
    entry = b"### [REF:2020-01-01:a:t]\nStatus: PASS\nMy own: line\n\n"
    data = rows(REFERENCES, *SESSIONS[:1], entry, b"text\n", *SESSIONS[1:])
    repaired = repair_rows(REFERENCES, data, SETTLED)
    assert repaired.data == rows(REFERENCES, ONE, b"text\n", *SESSIONS[1:])
    (repair,) = repaired.repairs
    line = data.split(b"\n").index(b"My own: line") + 1
    assert (repair.code, repair.line) == ("broken-line", line)
    assert "My own: line" in repair.problem


def test_each_repair_names_the_line_that_it_is_of() -> None:
    wrong = DELTAS.encode(TWO._replace(status="FAIL"))
    data = rows(DELTAS, b"<<<<<<< a\n", ONE, b"=======\n", wrong, b">>>>>>> b\n", ONE, THREE, FOUR)
    assert repair_rows(DELTAS, data, SETTLED).repairs == [
        Repair("conflict-mark", 1),
        Repair("conflict-mark", 3),
        Repair("row-differs", 4, Key(DAYS[1])),
        Repair("conflict-mark", 5),
        Repair("repeated-line", 6, Key(DAYS[0])),
        Repair("missing-row", 0, Key(DAYS[4])),
    ]


def test_a_manifest_that_is_right_is_not_touched() -> None:
    data = facts(FIVE, ONE, b'{"fact":"later"}\n', b"\n", TWO)
    repaired, settled = repair_manifest(data)
    assert repaired == (data, [])
    assert settled == [Settled(s, s) for s in (ONE, TWO, FIVE)]


def test_a_line_of_the_manifest_is_removed_unless_it_may_be_the_remains_of_a_fact() -> None:
    data = facts(ONE, b"by hand\n", TWO)
    repaired, _ = repair_manifest(data)
    assert repaired.data == facts(ONE, TWO)
    (repair,) = repaired.repairs
    assert (repair.code, repair.line) == ("broken-fact", 2)


def test_the_manifest_keeps_every_fact_that_is_nowhere_else() -> None:
    later = b'{"fact":"later","n":[1, 2.50]}\n'
    broken = facts(TWO).replace(b"PASS", b"DONE")
    data = facts(
        b"\xef\xbb\xbf", ONE, b"<<<<<<< a\n", ONE, later, b"=======\n", later, broken,
        b">>>>>>> b\n", facts(THREE)[:-1], FOUR, facts(ONE)[:30] + facts(FIVE), facts(THREE)[:40],
    )  # fmt: skip
    repaired, settled = repair_manifest(data)
    assert repaired.data == facts(ONE, later, broken, THREE, FOUR, FIVE)
    assert [(r.code, r.line) for r in repaired.repairs] == [
        ("byte-order-mark", 1), ("conflict-mark", 2), ("repeated-line", 3), ("conflict-mark", 5),
        ("repeated-line", 6), ("conflict-mark", 8), ("run-together", 9), ("run-together", 10),
        ("fragment", 10), ("fragment", 11), ("torn-line", 11),
    ]  # fmt: skip
    assert [s.becomes for s in settled] == [ONE, THREE, FOUR, FIVE]
    assert repair_manifest(repaired.data) == ((repaired.data, []), settled)


def test_a_conflict_is_settled_in_the_manifest_and_in_every_file() -> None:
    first, second = sorted((ONE, ONE._replace(agent="b")), key=identity_of)
    repaired, settled = repair_manifest(facts(second, first, TWO))
    key = f"{DAYS[0]}.{identity_of(second)[:6]}"
    moved = second._replace(key=Key(key))
    assert repaired.data == facts(moved, first, TWO)
    assert repaired.repairs == [Repair("key-clash", 1, Key(key))]
    for form in (DELTAS, METRICS, REFERENCES):
        rebuilt = repair_rows(form, rows(form, second, first, TWO), settled)
        assert rebuilt.data == rows(form, moved, first, TWO)
        assert [(r.code, r.key or "") for r in rebuilt.repairs] == [("key-clash", key)]
        # a run that was stopped after the manifest: the next one comes to the same rows
        again = repair_rows(form, rows(form, second, first, TWO), repair_manifest(repaired.data)[1])
        assert sorted(form.split(again.data)) == sorted(form.split(rebuilt.data))


def test_a_fragment_of_a_repaired_line_is_deleted_in_the_same_run() -> None:
    first, second = (
        ONE._replace(id=x) for x in sorted("ab", key=lambda x: identity_of(ONE._replace(id=x)))
    )
    moved = FACTS.encode(second._replace(key=Key(f"{ONE.key}.{identity_of(second)[:6]}")))
    torn = moved[: moved.index(b'","time"')]
    data = FACTS.encode(first)[:-1] + FACTS.encode(second)[:-1] + torn
    repaired, _ = repair_manifest(data)
    assert repair_manifest(repaired.data)[0].repairs == []
    assert repaired.data == FACTS.encode(first) + moved
