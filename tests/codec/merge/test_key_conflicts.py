"""Two sessions with the same key get the same new keys in every clone, whatever merged before."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import permutations
from types import FrameType

import pytest

from codec.kinds import Key, Sha256
from codec.manifest.facts import Revision
from codec.manifest.identity import histories_of
from codec.manifest.jsonl import encode_fact, identity_of
from codec.merge.key_conflicts import (
    Settled,
    moved_keys,
    rekeyed_facts,
    settle,
    settle_merge,
)
from codec.merge.repair import repair_manifest
from codec.merge.tracked_formats import FACTS
from codec.records import Session, V1Entry

TIME = "2026-03-01T10:00:00Z"


def session(agent: str, key: str = TIME, **more: object) -> Session:
    made = Session(key=Key(key), time=TIME, agent=agent, task="t", status="PASS")
    return made._replace(**more)  # type: ignore[arg-type]


def manifest(*sessions: Session) -> bytes:
    return b"".join(map(FACTS.encode, sessions))


def keys(settled: list[Settled]) -> dict[str, str]:
    return {before.agent: after.key for before, after in settled}


A, B, C = sorted((session(a) for a in "abc"), key=identity_of)


def test_the_least_digest_keeps_the_key_and_the_others_get_their_own() -> None:
    assert keys(settle([C, A, B])) == {
        A.agent: TIME,
        B.agent: f"{TIME}.{identity_of(B)[:6]}",
        C.agent: f"{TIME}.{identity_of(C)[:6]}",
    }


def test_sessions_with_keys_of_their_own_are_let_be() -> None:
    other = session("d", key=f"{TIME}.abcdef")
    assert settle([A, other]) == []
    assert {s.agent for s, _ in settle([A, B, other])} == {A.agent, B.agent}


def test_a_digest_does_not_depend_on_the_key() -> None:
    assert identity_of(A._replace(key=Key(f"{TIME}.abcdef"))) == identity_of(A)
    assert identity_of(A) != identity_of(B)


def test_the_digest_of_a_migrated_session_is_its_entry_hash() -> None:
    entry = V1Entry(source="LOG.md", sha256=Sha256("12" * 32), tokens={"x": 1})
    assert identity_of(session("a", v1=entry)) == "12" * 32


def test_whoever_meets_first_all_come_to_the_same_keys() -> None:
    ends = set()
    for first, second, third in permutations((A, B, C)):
        facts = [FACTS.encode(first)]
        for met in (second, third, first):
            settled = settle_merge(b"".join(facts), FACTS.encode(met))
            facts = rekeyed_facts([*facts, FACTS.encode(met)], settled)
        ends.add(frozenset(facts))
    assert len(ends) == 1
    assert len(next(iter(ends))) == 3


def test_a_session_that_was_settled_before_is_recognised() -> None:
    settled = [after for _, after in settle([A, B])]
    again = settle_merge(manifest(*settled), manifest(B))
    assert {(before.key, after.key) for before, after in again} == {
        (TIME, TIME),
        (TIME, settled[1].key),
    }
    pieces = [FACTS.encode(s) for s in (*settled, B)]
    assert rekeyed_facts(pieces, again) == pieces[:2]


def test_a_suffix_that_another_content_has_is_skipped() -> None:
    six = f"{TIME}.{identity_of(B)[:6]}"
    assert (
        keys(settle([A, B, C._replace(key=Key(six))]))[B.agent] == f"{TIME}.{identity_of(B)[:12]}"
    )


def test_a_suffixed_key_can_conflict_too() -> None:
    key = Key(f"{TIME}.abcdef")
    settled = settle([A._replace(key=key), B._replace(key=key)])
    assert keys(settled) == {A.agent: key, B.agent: f"{TIME}.{identity_of(B)[:6]}"}


def test_a_conflict_that_one_side_has_by_itself_is_left_to_doctor() -> None:
    later = C._replace(key=Key("2026-03-02"), time="2026-03-02")
    assert settle_merge(manifest(A, B), manifest(later)) == []
    assert settle_merge(manifest(A, B), manifest(A, B)) == []
    assert len(settle_merge(manifest(A, B), manifest(C))) == 3


ENTRY = V1Entry(source="LOG.md", sha256=Sha256("12" * 32), tokens={"x": 1})


def test_one_entry_counted_with_two_tokenizers_is_one_session_with_both_counts() -> None:
    one = session("a", v1=ENTRY)
    two = session("a", v1=ENTRY._replace(tokens={"y": 2}))
    (found,) = histories_of([one, two])
    assert found.session.v1 is not None
    assert found.session.v1.tokens == {"x": 1, "y": 2}
    pieces = [FACTS.encode(one), FACTS.encode(two)]
    assert rekeyed_facts(pieces, settle_merge(pieces[0], pieces[1])) == pieces


def test_one_entry_read_by_two_readers_is_one_session_as_the_newer_reader_has_it() -> None:
    old, new = session("z", v1=ENTRY), session("a", v1=ENTRY, reader=2)
    for order in ([old, new], [new, old]):
        (found,) = histories_of(order)
        assert (found.session, *found.facts) == (new, *order)
    assert [after for _, after in settle([old, new])] == [new, new]


def test_of_two_facts_by_one_reader_the_same_one_counts_in_any_order() -> None:
    one, two = session("a", id="x"), session("b", id="x")
    assert histories_of([one, two])[0].session == histories_of([two, one])[0].session


def test_a_fact_without_its_texts_counts_before_a_newer_reader() -> None:
    erased = session("a", v1=ENTRY, private=True)
    (found,) = histories_of([session("a", v1=ENTRY, reader=9, notes="n"), erased])
    assert found.session == erased


def test_a_newer_reader_that_finds_another_time_gives_the_session_another_key() -> None:
    old = session("a", v1=ENTRY)
    new = old._replace(key=Key("2026-03-01"), time="2026-03-01", reader=1)
    other = session("b")  # of the time that the session no longer has
    assert [h.session for h in histories_of([old, new, other])] == [new, other]
    assert moved_keys(settle([old, new, other])) == {}


def test_a_session_with_several_keys_has_one_of_them() -> None:
    suffixed = A._replace(key=Key(f"{TIME}.abcdef"))
    assert keys(settle([A, suffixed])) == {A.agent: TIME}
    assert keys(settle([B, B._replace(key=Key(f"{TIME}.abcdef")), A]))[B.agent] == f"{TIME}.abcdef"


def test_an_entry_that_became_another_one_is_one_session_with_it() -> None:
    old, new = session("a", v1=ENTRY), session("b", v1=ENTRY._replace(sha256=Sha256("34" * 32)))
    assert len(histories_of([old, new])) == 2
    became = Revision(
        of="12" * 32, after=(), by="log", changes={"v1": {"source": "LOG.md", "sha256": "34" * 32}}
    )
    back = became._replace(of="34" * 32, changes={"v1": {"source": "LOG.md", "sha256": "12" * 32}})
    (found,) = histories_of([old, new], [became])
    assert found.session.key == TIME
    assert found.facts == (old, new)
    assert len(histories_of([old, new], [became, back])) == 1


def test_a_line_that_says_the_same_in_other_spacing_is_the_same_session() -> None:
    spaced = encode_fact(B).replace('":"', '": "').encode() + b"\n"
    settled = settle_merge(FACTS.encode(A), spaced)
    pieces = rekeyed_facts([FACTS.encode(A), spaced, FACTS.encode(B)], settled)
    assert [FACTS.key_of(piece) for piece in pieces] == [after.key for _, after in settled]


def _calls(work: Callable[[], object]) -> int:
    """Return how many functions are called, those of C included."""
    count = 0

    def counting(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("suffix", ["", ".{n:06x}"])
def test_the_work_of_a_repair_grows_with_the_number_of_clashing_facts(suffix: str) -> None:
    key = "2025-01-05T10:00:00Z"

    def manifest(number: int) -> bytes:
        return b"".join(
            json.dumps({
                "fact": "session", "key": key + suffix.format(n=n), "time": key, "agent": "a",
                "task": "t", "status": "PASS", "id": f"i{n}",
                "patch": {"sha256": f"{n:064x}", "bytes": 9},
            }).encode() + b"\n"
            for n in range(number)
        )  # fmt: skip

    few, many = (manifest(number) for number in (100, 800))
    assert _calls(lambda: repair_manifest(many)) < 10 * _calls(lambda: repair_manifest(few))
