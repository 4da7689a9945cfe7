"""A refresh follows the repository, and never takes a word from a person."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.manifest.facts import ReferencesBuilt
from codec.manifest.jsonl import decode_fact, encode_fact, fact_id
from codec.references.merge import Refresh, Standing, refresh
from codec.references.values import Value

Values = dict[str, Value]


def one(**texts: str) -> Values:
    return {f"stack.{key}": (text,) for key, text in texts.items()}


def merged(
    mine: Values | None, stated: Values, *builds: ReferencesBuilt, unread: tuple[str, ...] = ()
) -> Refresh:
    return refresh(builds, mine, stated, dict.fromkeys(stated, ("package.json",)), unread=unread)


def first(stated: Values) -> ReferencesBuilt:
    return merged(None, stated).built


def standings(found: Refresh) -> dict[str, str]:
    return {name.partition(".")[2]: c.standing.value for name, c in found.changes.items()}


def test_where_there_is_not_a_file_all_that_is_stated_is_built() -> None:
    found = merged(None, one(a="1", b="2"))
    assert found.values() == one(a="1", b="2")
    assert found.built.values == one(a="1", b="2")
    assert found.built.sources["stack.a"] == ("package.json",)


def test_built_values_follow_the_repository() -> None:
    built = first(one(a="1", b="2"))
    found = merged(one(a="1", b="2"), one(a="9", c="3"), built)
    assert standings(found) == {"a": "changed", "b": "removed", "c": "added"}
    assert found.values() == one(a="9", c="3")
    assert found.built.after == (fact_id(built),)


def test_a_users_change_survives_later_statements() -> None:
    built = first(one(a="1"))
    for stated in (one(a="1"), one(a="2"), one()):
        found = merged(one(a="mine"), stated, built)
        assert found.values() == one(a="mine")
        assert standings(found) == {"a": "yours"}
        built = found.built


def test_a_value_that_a_user_reset_to_an_older_build_stays() -> None:
    old = first(one(a="1"))
    newer = merged(one(a="1"), one(a="2"), old).built
    found = merged(one(a="1"), one(a="2"), newer)
    assert found.values() == one(a="1")


def test_a_value_that_a_user_added_stays() -> None:
    built = first(one(a="1"))
    mine = {**one(mine="x", a="1"), "mandates.bekind": ("Be kind",)}
    found = merged(mine, one(a="2"), built)
    assert found.values() == {**mine, **one(a="2")}
    assert list(found.values()) == list(mine)


def test_a_value_that_a_user_removed_is_not_added_again() -> None:
    built = first(one(a="1", b="2"))
    for stated in (one(a="1", b="2"), one(a="1", b="3"), one(a="1"), one(a="1", b="2")):
        found = merged(one(a="1"), stated, built)
        assert found.values() == one(a="1")
        built = found.built
    assert built.declined == {"stack.b"}


def test_a_removed_value_that_a_user_adds_again_is_refreshed_again() -> None:
    built = merged(one(), one(a="1"), first(one(a="1"))).built
    assert built.declined == {"stack.a"}
    again = merged(one(a="1"), one(a="1"), built)
    assert again.built.declined == frozenset()
    assert merged(one(a="1"), one(a="2"), again.built).values() == one(a="2")


def test_a_file_that_is_gone_is_built_again() -> None:
    built = merged(one(), one(a="1"), first(one(a="1"))).built
    found = merged(None, one(a="1"), built)
    assert found.values() == one(a="1")
    assert found.built.declined == frozenset()
    assert found.built.after == (fact_id(built),)


def test_a_users_file_is_adopted_and_nothing_is_added() -> None:
    found = merged(one(a="mine", b="2", x="own"), one(a="1", b="2", c="3"))
    assert found.values() == one(a="mine", b="2", x="own")
    assert standings(found) == {"a": "yours", "b": "same", "c": "declined", "x": "yours"}
    assert found.built.declined == frozenset({"stack.c"})
    assert found.droppable(()) == []


def test_values_of_an_unreadable_source_are_kept() -> None:
    built = first(one(a="1", b="2"))
    found = merged(one(a="1", b="2"), one(b="less"), built, unread=("package.json",))
    assert found.values() == one(a="1", b="2")
    assert set(standings(found).values()) == {"unread"}
    assert found.built.values == built.values
    assert found.built.sources == built.sources
    later = merged(one(a="1", b="2"), one(b="2"), found.built)
    assert later.values() == one(b="2")


def test_after_a_merge_builds_of_both_branches_count() -> None:
    base = first(one(a="1"))
    left = merged(one(a="1"), one(a="2", l="x"), base).built
    right = merged(one(a="1"), one(a="3"), base).built
    found = merged(one(a="2", l="x"), one(a="4", l="y"), left, right)
    assert found.values() == one(a="4", l="y")
    assert set(found.built.after) == {fact_id(left), fact_id(right)}


def test_after_a_merge_a_value_that_is_stated_again_is_added_again() -> None:
    base = first(one(a="1", b="2"))
    left = merged(one(a="1", b="2"), one(a="1"), base).built
    right = merged(one(a="1", b="2"), one(a="9", b="2"), base).built
    both = merged(one(a="9"), one(a="9"), left, right)
    assert both.built.declined == frozenset()
    assert merged(one(a="9"), one(a="9", b="2"), both.built).values() == one(a="9", b="2")


def test_after_a_merge_a_users_removal_in_one_branch_counts() -> None:
    base = first(one(a="1", b="2"))
    left = merged(one(a="1"), one(a="1", b="2"), base).built
    right = merged(one(a="1", b="2"), one(a="9", b="2"), base).built
    assert merged(one(a="9"), one(a="9", b="2"), left, right).values() == one(a="9")


def test_new_values_follow_their_predecessors_and_the_order_of_the_file_stays() -> None:
    built = first(one(a="1", c="3"))
    mine = {**one(c="3", own="x", a="1"), "mandates.m": ("m",)}
    found = merged(mine, one(first="0", a="1", b="2", c="3"), built)
    assert [n.partition(".")[2] for n in found.values()] == ["first", "c", "own", "a", "b", "m"]


def test_values_left_out_for_the_budget_return_when_there_is_room() -> None:
    stated = one(a="1", b="2")
    small = refresh((), None, stated, {}, dropped=("stack.b",))
    assert small.values() == one(a="1")
    assert small.changes["stack.b"].standing is Standing.DROPPED
    assert merged(one(a="1"), stated, small.built).values() == stated
    again = refresh([first(stated)], stated, stated, {}, dropped=("stack.b",))
    assert again.values() == one(a="1")
    assert again.built.declined == frozenset()


# Any history

NAMES = st.sampled_from([f"stack.{c}" for c in "abc"] + ["mandates.x", "routing_rules.y"])
VALUES = st.dictionaries(NAMES, st.sampled_from([("1",), ("2",), ("3", "4")]), max_size=5)
EDITS = st.dictionaries(NAMES, st.one_of(st.none(), st.just(("own",))), max_size=2)
STEPS = st.lists(st.tuples(VALUES, EDITS), min_size=1, max_size=6)


def edited(file: Mapping[str, Value], edits: Mapping[str, Value | None]) -> Values:
    after = {name: value for name, value in file.items() if name not in edits}
    return after | {name: value for name, value in edits.items() if value is not None}


@given(STEPS)
def test_in_any_history_edits_stay_and_other_values_follow_the_repository(
    steps: list[tuple[Values, dict[str, Value | None]]],
) -> None:
    file: Values | None = None
    builds: list[ReferencesBuilt] = []
    own: dict[str, Value | None] = {}
    for stated, edits in steps:
        found = refresh(builds, file, stated, {})
        file, builds = found.values(), [found.built]
        assert file == edited(stated, own)
        # Removing a missing value is not an edit; withdrawing one's own value says nothing about
        # what may be stated later.
        real = {n: v for n, v in edits.items() if v is not None or n in file}
        file = edited(file, real)
        own.update(real)
        for name, value in real.items():
            if value is None and name not in stated:
                del own[name]


@given(VALUES, VALUES, VALUES)
def test_a_second_refresh_changes_nothing(old: Values, mine: Values, stated: Values) -> None:
    once = refresh([first(old)], mine, stated, {})
    twice = refresh([once.built], once.values(), stated, {})
    assert twice.values() == once.values()
    assert not twice.changed()
    assert (twice.built.values, twice.built.declined) == (once.built.values, once.built.declined)


@given(VALUES, VALUES, VALUES)
def test_a_build_survives_the_manifest(old: Values, mine: Values, stated: Values) -> None:
    built = refresh([first(old)], mine, stated, dict.fromkeys(stated, ("a", "b"))).built
    assert decode_fact(encode_fact(built)) == built


@pytest.mark.parametrize(
    "line",
    [
        '{"fact":"references"}',
        '{"fact":"references","after":[],"values":[]}',
        '{"fact":"references","after":[1],"values":{}}',
        '{"fact":"references","after":[],"values":{"a":{"is":"x","from":[]}}}',
        '{"fact":"references","after":[],"values":{"a":{"is":["x"]}}}',
        '{"fact":"references","after":[],"values":{},"declined":{}}',
    ],
)
def test_a_build_of_another_shape_is_not_a_fact(line: str) -> None:
    with pytest.raises(ValueError, match=r"is missing|unexpected value"):
        decode_fact(line)
