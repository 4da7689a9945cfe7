"""The order of sessions depends on times and facts alone, never on who computes it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key, Sha256
from codec.manifest.facts import Follows
from codec.manifest.order import Dated, follows_of, in_order
from codec.records import Session, V1Entry

DAY = "2026-03-01"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def session(name: str, time: str) -> Session:
    key = f"{time}.{digest(name)[:6]}"
    v1 = V1Entry(source="log.md", sha256=Sha256(digest(name)))
    return Session(key=Key(key), time=time, agent="-", task=name, status="UNKNOWN", v1=v1)


def listed(log: list[tuple[str, str]], follows: list[Follows] | None = None) -> list[str]:
    sessions = [session(*entry) for entry in log]
    entries = {digest(s.task): s for s in sessions}
    if follows is None:
        follows = follows_of([Dated(digest(name), time) for name, time in log])
    return [s.task for s in in_order(reversed(sessions), reversed(follows), entries)]


def at(clock: str) -> str:
    return f"{DAY}T{clock}:00Z"


TIMES = [DAY, at("09:00"), at("10:00"), "2026-03-02"]


@pytest.mark.parametrize(
    ("log", "order"),
    [
        ([("d", DAY), ("c", DAY), ("b", DAY), ("a", DAY)], "dcba"),
        ([("x", "2026-03-02"), ("c", DAY), ("b", DAY)], "bcx"),
        ([("a", at("09:00")), ("c", DAY), ("b", DAY), ("e", at("10:00"))], "acbe"),
        ([("e", at("10:00")), ("b", DAY), ("a", at("09:00")), ("y", "2026-02-01")], "yabe"),
        ([("c", at("09:00")), ("b", at("09:00")), ("a", at("09:00"))], "cba"),
        ([("x", "2026-03-02"), ("b", at("08:00")), ("c", at("09:00")), ("d", DAY)], "bcdx"),
    ],
    ids=["dates", "newest-first", "beside-times", "newest-beside-times", "one-time", "days-turned"],
)
def test_entries_of_one_date_keep_the_order_of_the_log(
    log: list[tuple[str, str]], order: str
) -> None:
    assert "".join(listed(log)) == order


def test_times_go_before_facts_that_contradict_them() -> None:
    log = [("a", at("09:00")), ("b", at("10:00"))]
    assert listed(log, [Follows(entry=digest("a"), after=digest("b"))]) == ["a", "b"]


def test_a_sure_order_goes_before_an_assumed_one() -> None:
    early = follows_of([Dated(digest(n), DAY) for n in "cba"])
    assert all(f.assumed for f in early)
    late = follows_of([Dated(digest("x"), "2026-03-02"), *(Dated(digest(n), DAY) for n in "cba")])
    log = [(n, DAY) for n in "cba"]
    assert listed(log, [*early, *late]) == ["a", "b", "c"]


def test_facts_in_a_circle_do_not_count_and_others_do() -> None:
    pairs = ["ab", "bc", "ca", "cd", "de"]
    facts = [Follows(entry=digest(b), after=digest(a)) for a, b in map(list, pairs)]
    order = listed([(n, DAY) for n in "edcba"], facts)
    assert order.index("c") < order.index("d") < order.index("e")
    assert sorted(order[: order.index("d")] + order[order.index("d") :]) == [*"abcde"]


@given(st.data())
def test_the_order_is_the_same_whatever_the_order_of_facts_and_sessions(
    data: st.DataObject,
) -> None:
    times = data.draw(st.lists(st.sampled_from(TIMES), min_size=2, max_size=8))
    sessions = [session(str(n), time) for n, time in enumerate(times)]
    name = st.sampled_from([digest(s.task) for s in sessions])
    facts = data.draw(st.lists(st.builds(Follows, name, name, st.booleans()), max_size=10))
    entries = {digest(s.task): s for s in sessions}
    expected = in_order(sessions, facts, entries)
    shuffled = data.draw(st.permutations(sessions)), data.draw(st.permutations(facts))
    assert in_order(*shuffled, entries) == expected
    timed = [s.time for s in expected if "T" in s.time]
    assert timed == sorted(timed)
    assert {s.key for s in expected} == {s.key for s in sessions}
