"""What was committed stays: it comes back where it is lost, and what changed on purpose is left."""

from __future__ import annotations

from typing import TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key, Sha256
from codec.manifest.fact_lines import split_lines
from codec.manifest.facts import Archive, archive_name
from codec.manifest.jsonl import encode_fact, identity_of
from codec.merge.lost_facts import Lost, with_committed
from codec.merge.tracked_formats import FACTS
from codec.records import Session, V1Entry

DAYS = (Key("2026-03-01"), Key("2026-03-02"), Key("2026-03-03"))
ONE, TWO, THREE = (Session(key=d, time=d, agent="a", task="t", status="PASS") for d in DAYS)
SHA256 = Sha256("ab" * 32)
ARCHIVE = Archive(
    name=archive_name("2026-03", SHA256), sha256=SHA256, size=9, keys=DAYS[:2], zstd="1.5.7"
)


def facts(*parts: Session | Archive | bytes) -> bytes:
    return b"".join(p if isinstance(p, bytes) else f"{encode_fact(p)}\n".encode() for p in parts)


ALL = facts(ONE, TWO, ARCHIVE, THREE)


@pytest.mark.parametrize(
    "data",
    [ALL, ALL.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + ALL, facts(THREE, ARCHIVE, TWO, ONE)],
)
def test_a_manifest_with_every_fact_is_unchanged(data: bytes) -> None:
    assert with_committed(data, ALL) == (data, [])
    assert with_committed(data, b"") == (data, [])


def test_lost_facts_are_restored_and_new_facts_stay() -> None:
    new = Session(key=Key("2026-03-04"), time="2026-03-04", agent="a", task="t", status="PASS")
    data, lost = with_committed(facts(ONE, new), ALL)
    assert data == facts(ONE, new, TWO, ARCHIVE, THREE)
    assert lost == [Lost("lost-fact", 0, DAYS[1]), Lost("lost-fact", 0, None),
                    Lost("lost-fact", 0, DAYS[2])]  # fmt: skip
    assert with_committed(data, ALL) == (data, [])
    assert with_committed(b"", ALL)[0] == ALL


@pytest.mark.parametrize(
    "broken",
    [
        facts(TWO).replace(b"PASS", b"FAIL"),
        facts(TWO).replace(b"PASS", b"MAYBE"),
        facts(TWO)[:40] + b"\n",
        facts(TWO)[:40] + b"\0" * 100 + b"\n",
    ],
)
def test_an_edited_session_is_restored(broken: bytes) -> None:
    data, lost = with_committed(facts(ONE, broken, ARCHIVE, THREE), ALL)
    assert (data, lost) == (ALL, [Lost("edited-fact", 2, DAYS[1])])


def test_a_session_of_another_clone_with_the_same_key_stays_beside_the_one_that_was_lost() -> None:
    theirs = TWO._replace(agent="b")
    data, lost = with_committed(facts(ONE, theirs, ARCHIVE, THREE), ALL)
    assert data == facts(ONE, theirs, ARCHIVE, THREE, TWO)
    assert lost == [Lost("lost-fact", 0, DAYS[1])]


def test_a_last_line_that_is_torn_is_whole_again() -> None:
    data, lost = with_committed(ALL[:-30], ALL)
    assert (data, lost) == (ALL, [Lost("edited-fact", 4, DAYS[2])])


def test_a_session_under_another_key_is_not_lost() -> None:
    moved = TWO._replace(key=Key(f"{DAYS[1]}.{identity_of(TWO)[:6]}"))
    data = facts(ONE, moved, TWO._replace(agent="b"), ARCHIVE, THREE)
    assert with_committed(data, ALL) == (data, [])


def test_a_session_of_v1_with_more_counts_is_not_lost() -> None:
    before = ONE._replace(v1=V1Entry(source="LOG.md", sha256=SHA256, tokens={"a": 1}))
    after = ONE._replace(v1=V1Entry(source="LOG.md", sha256=SHA256, tokens={"a": 1, "b": 2}))
    assert with_committed(facts(after), facts(before)) == (facts(after), [])


def test_an_archive_whose_sessions_got_other_keys_is_not_lost() -> None:
    moved = ARCHIVE._replace(keys=(Key(DAYS[0]), Key(f"{DAYS[1]}.abcdef")))
    data = facts(ONE, TWO, THREE, moved)
    assert with_committed(data, ALL) == (data, [])


def test_a_committed_line_that_was_not_a_fact_is_not_restored() -> None:
    assert with_committed(ALL, b"by hand\n" + ALL + b"{}\n") == (ALL, [])
    assert FACTS.read(b"by hand\n") is None


PARTS = (ONE, TWO, THREE, ARCHIVE, ONE._replace(agent="b"), ONE._replace(agent="c"), b"by hand\n",
         facts(ONE)[:50] + b"\n", b"\n", b"\0\0\n", b'{"fact":"later"}\n')  # fmt: skip
manifests = st.lists(st.sampled_from(PARTS), max_size=8).map(lambda parts: facts(*parts))


@given(data=manifests, committed=manifests, torn=st.integers(0, 60))
def test_every_committed_fact_is_there_afterwards_and_once_is_enough(
    data: bytes, committed: bytes, torn: int
) -> None:
    data = data[: len(data) - torn] if torn < len(data) else data
    whole, _ = with_committed(data, committed)
    after = {identity_of(f) for f in map(FACTS.read, split_lines(whole)) if _is_session(f)}
    before = {identity_of(f) for f in map(FACTS.read, split_lines(committed)) if _is_session(f)}
    assert before <= after
    assert with_committed(whole, committed) == (whole, [])


def _is_session(fact: object) -> TypeGuard[Session]:
    return isinstance(fact, Session)
