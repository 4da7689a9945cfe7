"""Three versions of a file become one: what each case of a merge comes to."""

from __future__ import annotations

import pytest

from codec.kinds import Key
from codec.merge.key_conflicts import Settled
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES, Format
from codec.records import Session

DAYS = [f"2026-03-0{n}" for n in range(1, 6)]
ONE, TWO, THREE, FOUR, FIVE = (
    Session(key=Key(d), time=d, agent="a", task="t", status="PASS", notes="same") for d in DAYS
)
ROWS = pytest.mark.parametrize("form", [DELTAS, METRICS, REFERENCES])
ALL = pytest.mark.parametrize("form", [FACTS, DELTAS, METRICS, REFERENCES])


def file(form: Format, *sessions: Session | bytes) -> bytes:
    """Return a file of these sessions and other lines."""
    pieces = (s if isinstance(s, bytes) else form.encode(s) for s in sessions)
    return form.head + b"".join(pieces)


def merged(form: Format, ancestor: bytes, ours: bytes, theirs: bytes) -> bytes:
    if form is FACTS:
        return merge_manifests(ancestor, ours, theirs)
    return merge_rows(form, ancestor, ours, theirs)


@ALL
def test_ours_keeps_its_order_and_additions_of_theirs_follow(form: Format) -> None:
    base = file(form, TWO, ONE)
    ours, theirs = file(form, TWO, ONE, FIVE), file(form, TWO, ONE, FOUR, THREE)
    assert merged(form, base, ours, theirs) == file(form, TWO, ONE, FIVE, FOUR, THREE)


@ALL
def test_files_that_both_sides_made_have_one_head_and_each_record_once(form: Format) -> None:
    both = merged(form, b"", file(form, ONE, TWO), file(form, TWO, THREE))
    assert both == file(form, ONE, TWO, THREE)
    assert merged(form, b"", b"", file(form, ONE)) == file(form, ONE)
    assert merged(form, b"", form.encode(ONE), file(form, TWO)) == file(form, ONE, TWO)


@ALL
def test_a_head_that_one_side_lost_stays(form: Format) -> None:
    base, headless = file(form, ONE), form.encode(ONE) + form.encode(THREE)
    assert merged(form, base, base, headless) == file(form, ONE, THREE)
    assert merged(form, base, headless, base) == file(form, ONE, THREE)


@ALL
def test_a_record_that_one_side_removed_stays(form: Format) -> None:
    base = file(form, ONE, TWO, THREE)
    assert merged(form, base, file(form, ONE), base) == file(form, ONE, TWO, THREE)
    assert merged(form, base, base, file(form, THREE)) == base


@ALL
def test_a_record_that_both_sides_removed_is_gone(form: Format) -> None:
    base = file(form, ONE, TWO)
    left = file(form, ONE)
    assert merged(form, base, left, left) == left


@ROWS
def test_a_row_that_one_side_changed_is_the_changed_one(form: Format) -> None:
    base, changed = file(form, ONE, TWO), file(form, ONE._replace(agent="b"), TWO)
    assert merged(form, base, changed, base) == changed
    assert merged(form, base, base, changed) == file(form, TWO, ONE._replace(agent="b"))


def test_a_fact_that_one_side_changed_stays_as_it_was_too() -> None:
    base, changed = file(FACTS, ONE), file(FACTS, ONE._replace(agent="b"))
    keys = [FACTS.key_of(p) for p in FACTS.split(merge_manifests(base, changed, base))]
    assert DAYS[0] in keys
    assert len(set(keys)) == 2


@ALL
def test_unreadable_lines_are_kept_and_the_last_one_gets_a_line_end(form: Format) -> None:
    ours, theirs = file(form, ONE, b"\xff rubbish\n"), file(form, TWO, b"{torn")
    assert merged(form, b"", ours, theirs) == file(form, ONE, b"\xff rubbish\n", TWO, b"{torn\n")


@ALL
def test_a_line_without_meaning_that_one_side_removed_is_gone(form: Format) -> None:
    base = file(form, ONE, b"rubbish\n")
    ours, theirs = file(form, ONE), file(form, ONE, b"rubbish\n", TWO)
    assert merged(form, base, ours, theirs) == file(form, ONE, TWO)
    assert merged(form, base, theirs, ours) == file(form, ONE, TWO)


@ALL
def test_merging_again_adds_nothing(form: Format) -> None:
    base, ours, theirs = file(form, ONE), file(form, ONE, TWO), file(form, ONE, THREE)
    once = merged(form, base, ours, theirs)
    assert merged(form, base, once, theirs) == once
    assert merged(form, base, once, once) == once


@ROWS
def test_the_manifests_are_asked_for_where_both_changed_the_file(form: Format) -> None:
    def asked(theirs: bytes) -> bool:
        calls: list[str] = []

        def settle() -> list[Settled]:
            calls.append("asked")
            return []

        merge_rows(form, file(form, ONE), file(form, ONE, TWO), theirs, settle)
        return bool(calls)

    assert not asked(file(form, ONE))
    assert asked(file(form, ONE, THREE))  # it may be of the same entry, read otherwise
    assert asked(file(form, ONE, TWO._replace(agent="b")))
    assert asked(file(form, ONE, TWO, THREE))  # the row of TWO may be of two sessions


@ROWS
def test_without_the_manifests_both_rows_of_a_conflict_stay(form: Format) -> None:
    other = ONE._replace(agent="b")
    both = merge_rows(form, b"", file(form, ONE), file(form, other))
    assert both == file(form, ONE, other)
