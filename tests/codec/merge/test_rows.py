"""Rows are made to agree with the manifest, each in its place, and nothing unknown is lost."""

from __future__ import annotations

import pytest

from codec.kinds import Key
from codec.merge.key_conflicts import Settled
from codec.merge.rows import rebuild_rows
from codec.merge.tracked_formats import DELTAS, METRICS, REFERENCES, Format
from codec.records import Session

DAYS = [f"2026-03-0{n}" for n in range(1, 6)]
SESSIONS = [Session(key=Key(d), time=d, agent="a", task=f"t{d[-1]}", status="PASS") for d in DAYS]
AS_THEY_ARE = [Settled(s, s) for s in SESSIONS]
FORMATS = pytest.mark.parametrize("form", [DELTAS, METRICS, REFERENCES])


@FORMATS
def test_correct_rows_stay_unchanged(form: Format) -> None:
    pieces = [*form.split(form.head), *map(form.encode, reversed(SESSIONS))]
    assert rebuild_rows(form, pieces, AS_THEY_ARE) == (pieces, [])


@FORMATS
def test_each_problem_is_repaired_in_place_and_reported(form: Format) -> None:
    one, two, three, four, five = map(form.encode, SESSIONS)
    wrong = form.encode(SESSIONS[2]._replace(status="FAIL"))
    unknown = form.encode(SESSIONS[0]._replace(key=Key("2020-01-01"), time="2020-01-01"))
    pieces = [b"a note\n", two, one, unknown, wrong, two, four, wrong]
    rebuilt, changes = rebuild_rows(form, pieces, AS_THEY_ARE)
    assert rebuilt == [b"a note\n", two, one, unknown, three, four, five]
    assert [tuple(c) for c in changes] == [
        ("row-differs", DAYS[2], 4),
        ("repeated-line", DAYS[1], 5),
        ("second-row", DAYS[2], 7),
        ("missing-row", DAYS[4], 8),
    ]


@FORMATS
def test_a_wrong_row_is_replaced_by_the_right_one_wherever_that_is(form: Format) -> None:
    wrong = form.encode(SESSIONS[0]._replace(status="FAIL"))
    right = form.encode(SESSIONS[0])
    rebuilt, changes = rebuild_rows(form, [wrong, right], AS_THEY_ARE[:1])
    assert rebuilt == [right]
    assert [c.kind for c in changes] == ["second-row"]


@FORMATS
def test_a_row_that_cannot_be_read_gives_way_only_where_that_is_asked_for(form: Format) -> None:
    broken = form.encode(SESSIONS[0]).replace(b"PASS", b"DONE")
    right = form.encode(SESSIONS[0])
    assert rebuild_rows(form, [broken], AS_THEY_ARE[:1])[0] == [broken, right]
    assert rebuild_rows(form, [broken], AS_THEY_ARE[:1], broken=True)[0] == [right]


@FORMATS
def test_the_row_of_a_conflict_gets_the_new_key_and_a_shared_one_is_doubled(form: Format) -> None:
    kept, moved = SESSIONS[0], SESSIONS[0]._replace(agent="b")
    twin = SESSIONS[0]._replace(title="only the manifest distinguishes this from the first")
    settled = [
        Settled(kept, kept),
        Settled(moved, moved._replace(key=Key(f"{DAYS[0]}.abcdef"))),
        Settled(twin, twin._replace(key=Key(f"{DAYS[0]}.123456"))),
    ]
    pieces = [form.encode(moved), form.encode(kept)]
    rebuilt, changes = rebuild_rows(form, pieces, settled)
    assert rebuilt == [form.encode(settled[n].becomes) for n in (1, 0, 2)]
    assert [c.kind for c in changes] == ["key-clash", "missing-row"]
    assert rebuild_rows(form, rebuilt, settled) == (rebuilt, [])
