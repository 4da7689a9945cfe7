"""Two sessions with one key: the same answer for everybody, whatever they have met before."""

from __future__ import annotations

from itertools import permutations

from codec.clashes import Settled, rekeyed_facts, settle, settle_merge
from codec.manifest import encode_fact, identity_of
from codec.pieces import FACTS
from codec.records import Session, V1Entry

TIME = "2026-03-01T10:00:00Z"


def session(agent: str, key: str = TIME, **more: object) -> Session:
    made = Session(key=key, time=TIME, agent=agent, task="t", status="PASS")
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
    assert identity_of(A._replace(key=f"{TIME}.abcdef")) == identity_of(A)
    assert identity_of(A) != identity_of(B)


def test_the_digest_of_a_migrated_session_is_its_entry_hash() -> None:
    entry = V1Entry(source="LOG.md", sha256="12" * 32, tokens={"x": 1})
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


def test_a_suffix_that_another_content_has_is_passed_over() -> None:
    six = f"{TIME}.{identity_of(B)[:6]}"
    assert keys(settle([A, B, C._replace(key=six)]))[B.agent] == f"{TIME}.{identity_of(B)[:12]}"


def test_a_suffixed_key_can_clash_too() -> None:
    key = f"{TIME}.abcdef"
    settled = settle([A._replace(key=key), B._replace(key=key)])
    assert keys(settled) == {A.agent: key, B.agent: f"{TIME}.{identity_of(B)[:6]}"}


def test_a_clash_that_one_side_has_by_itself_is_left_to_doctor() -> None:
    later = C._replace(key="2026-03-02", time="2026-03-02")
    assert settle_merge(manifest(A, B), manifest(later)) == []
    assert settle_merge(manifest(A, B), manifest(A, B)) == []
    assert len(settle_merge(manifest(A, B), manifest(C))) == 3


def test_one_entry_counted_with_two_tokenizers_is_one_session_with_both_counts() -> None:
    one = session("a", v1=V1Entry(source="LOG.md", sha256="12" * 32, tokens={"x": 1}))
    two = session("a", v1=V1Entry(source="LOG.md", sha256="12" * 32, tokens={"y": 2}))
    settled = settle_merge(manifest(one), manifest(two))
    (fact,) = rekeyed_facts([FACTS.encode(one), FACTS.encode(two)], settled)
    assert b'"tokens":{"x":1,"y":2}' in fact
    # and whoever has only one of the counts still, adds nothing
    settled = settle_merge(fact, manifest(two))
    assert rekeyed_facts([fact, FACTS.encode(two)], settled) == [fact]


def test_one_entry_that_was_mapped_differently_stays_as_two() -> None:
    entry = V1Entry(source="LOG.md", sha256="12" * 32)
    settled = settle([session("a", v1=entry), session("b", v1=entry)])
    assert sorted(after.key for _, after in settled) == [TIME, f"{TIME}.121212"]


def test_a_line_that_says_the_same_in_other_spacing_is_the_same_session() -> None:
    spaced = encode_fact(B).replace('":"', '": "').encode() + b"\n"
    settled = settle_merge(FACTS.encode(A), spaced)
    pieces = rekeyed_facts([FACTS.encode(A), spaced, FACTS.encode(B)], settled)
    assert [FACTS.key_of(piece) for piece in pieces] == [after.key for _, after in settled]
