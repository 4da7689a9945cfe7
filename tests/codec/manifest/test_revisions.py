"""Revisions: a chain gives its last fields, and two clones that revised give one session."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from codec.kinds import Key, Sha256
from codec.manifest.facts import Author, Revision
from codec.manifest.jsonl import fact_digest, identity_of
from codec.manifest.revisions import apply_revisions, heads_of
from codec.records import PatchRef, Session

SESSION = Session(
    key=Key("2026-03-01"), time="2026-03-01", agent="a", task="t", status="PASS", notes="n", id="x"
)


def revise(*after: Revision, by: Author = "person", **changes: Any) -> Revision:
    digests = tuple(sorted(map(fact_digest, after)))
    return Revision(of=identity_of(SESSION), after=digests, by=by, changes=changes)


def revised(*revisions: Revision) -> Session:
    """Apply revisions in every order; the result must not depend on it."""
    (found,) = {
        (s := apply_revisions(SESSION, order)).task: s for order in permutations(revisions)
    }.values()
    assert all(apply_revisions(SESSION, order) == found for order in permutations(revisions))
    return found


def test_no_revision_changes_nothing() -> None:
    assert apply_revisions(SESSION, []) is SESSION
    assert heads_of([]) == ()


def test_changing_to_and_fro_is_a_chain_whose_last_fields_count() -> None:
    first = revise(task="b")
    second = revise(first)
    third = revise(second, task="b")
    assert len({*map(fact_digest, (first, second, third))}) == 3
    assert [revised(*r).task for r in ([first], [first, second], [first, second, third])] == [
        "b", "t", "b",
    ]  # fmt: skip
    assert heads_of([first, third, second]) == (fact_digest(third),)


def test_a_field_that_is_null_is_gone() -> None:
    assert revised(revise(notes=None)).notes == ""


def test_fields_that_two_clones_changed_apart_both_count() -> None:
    base = revise(title="T")
    made = revised(base, revise(base, title="T", status="FAIL"), revise(base, title="T", notes="m"))
    assert (made.title, made.status, made.notes) == ("T", "FAIL", "m")


@pytest.mark.parametrize(("first", "second"), [("person", "hook"), ("hook", "log")])
def test_of_two_changes_of_one_field_the_author_decides(first: Author, second: Author) -> None:
    assert revised(revise(by=first, task="b"), revise(by=second, task="c")).task == "b"


def test_of_two_changes_by_one_author_the_lesser_digest_decides() -> None:
    b, c = revise(task="b"), revise(task="c")
    assert revised(b, c).task == min(b, c, key=fact_digest).changes["task"]


def test_texts_that_one_clone_removed_stay_away_whoever_changed_them_elsewhere() -> None:
    private = revise(by="log", private=True, notes=None, title=None)
    for text in ("m", "o", "p"):
        made = revised(private, revise(notes=text, title=text, commits=3))
        assert (made.private, made.notes, made.title) == (True, "", "")
        assert made.metrics.commits == 3


def test_a_later_revision_replaces_all_that_it_names() -> None:
    b, c = revise(task="b"), revise(task="c", notes="m")
    assert revised(b, c, revise(b, c, task="d")) == SESSION._replace(task="d")


def test_a_change_is_taken_back_against_a_common_revision_not_against_the_session() -> None:
    base = revise(task="b", notes="m")
    back, other = revise(base, notes="m"), revise(base, task="b", notes="o")
    made = revised(base, back, other)
    assert (made.task, made.notes) == ("t", "o")


def test_a_revision_that_was_lost_does_not_hide_those_after_it() -> None:
    lost = revise(task="b")
    made = revised(revise(lost, task="b", notes="m"), revise(lost, task="b", status="FAIL"))
    assert (made.task, made.notes, made.status) == ("b", "m", "FAIL")


def test_crossing_merges_come_to_one_session() -> None:
    b, c = revise(status="FAIL"), revise(notes="m")
    both, again = revise(b, c, status="FAIL", notes="o"), revise(c, b, status="PARTIAL", notes="m")
    made = revised(b, c, both, again)
    assert (made.status, made.notes) == ("PARTIAL", "o")


def test_a_diff_is_revised_as_a_whole() -> None:
    sha256 = "ab" * 32
    made = revised(revise(diff={"sha256": sha256, "bytes": 1}))
    assert made.patch == PatchRef(sha256=Sha256(sha256), size=1)
