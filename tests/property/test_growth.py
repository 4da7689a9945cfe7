"""Twice as many facts take about twice as many calls, whatever the facts say.

Calls are counted, not timed: a step that compares each fact with each other one has four times as
many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import pytest

from codec.kinds import Key, sha256_of
from codec.manifest.facts import Fact, Follows, Purged, Revision
from codec.manifest.jsonl import encode_fact, fact_digest, identity_of
from codec.merge.key_conflicts import settle_merge
from codec.merge.lost_facts import with_committed
from codec.merge.repair import repair_manifest
from codec.merge.three_way import merge_manifests
from codec.records import PatchRef, Session, V1Entry
from pipelines.workspace.manifest_view import decode_manifest

FEW: Final = 150
#: Twice the facts, and what a sort or a larger table adds.
MOST: Final = 2.4
NOON: Final = "2025-11-06T12:00:00.000000Z"


def session(number: int, time: str) -> Session:
    name = str(number).encode()
    return Session(
        key=Key(f"{time}.{sha256_of(name)[:12]}" if number else time), time=time, agent="a",
        task=f"task-{number}", status="PASS", patch=PatchRef.of(name), id=str(number),
    )  # fmt: skip


def different_times(count: int) -> list[Fact]:
    times = (f"2025-11-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z" for n in range(count))
    return [session(n, time)._replace(key=Key(time)) for n, time in enumerate(times)]


def one_day(count: int) -> list[Fact]:
    """Return entries of one date, each of which follows the one before."""
    hashes = [sha256_of(b"entry %d" % n) for n in range(count)]
    day = (session(n, "2025-11-06")._replace(id="", reader=1) for n in range(count))
    entries = [s._replace(v1=V1Entry("LOG.md", h)) for s, h in zip(day, hashes, strict=True)]
    return [*entries, *map(Follows, hashes[1:], hashes)]


def one_chain(count: int) -> list[Fact]:
    """Return a session that was revised again and again."""
    facts: list[Fact] = [first := session(0, "2025-11-06T12:00:00Z")]
    after: tuple[str, ...] = ()
    for number in range(count):
        facts.append(Revision(identity_of(first), after, "person", {"task": f"new-{number}"}))
        after = (fact_digest(facts[-1]),)
    return facts


def all_heads(count: int) -> list[Fact]:
    """Return a session with many revisions, none of which replaces another one."""
    first = session(0, "2025-11-06T12:00:00Z")
    of = identity_of(first)
    return [first, *(Revision(of, (), "person", {"task": f"new-{n}"}) for n in range(count))]


def one_key(count: int) -> list[Fact]:
    """Return sessions that all claim one key."""
    time = "2025-11-06T12:00:00Z"
    return [session(n, time)._replace(key=Key(time)) for n in range(count)]


def purged(count: int) -> list[Fact]:
    facts = different_times(count)
    gone = [
        Purged(f.key, f.patch.sha256, NOON) for f in facts if isinstance(f, Session) and f.patch
    ]
    return [*facts, *gone]


SHAPES: Final = (different_times, one_day, one_chain, all_heads, one_key, purged)


def read(data: bytes) -> None:
    manifest = decode_manifest(data)
    manifest.in_order()
    manifest.patches()
    manifest.entries()
    manifest.shared_times()


def merge(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    half = len(lines) // 2
    merge_manifests(b"".join(lines[:half]), data, b"".join(lines[half:]))


def settled(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    settle_merge(b"".join(lines[::2]), b"".join(lines[1::2]))


STEPS: Final[dict[str, Callable[[bytes], object]]] = {
    "read": read,
    "repair": repair_manifest,
    "merge": merge,
    "settle keys": settled,
    "compare with a commit": lambda data: with_committed(data, data),
}


def calls(step: Callable[[bytes], object], facts: list[Fact]) -> int:
    """Return how many functions a step calls."""
    data = b"".join(f"{encode_fact(fact)}\n".encode() for fact in facts)
    count = 0

    def counted(_frame: object, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        step(data)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_calls_grow_with_the_facts(shape: Callable[[int], list[Fact]], step: str) -> None:
    few, many = (calls(STEPS[step], shape(count)) for count in (FEW, 2 * FEW))
    assert many < MOST * few, (few, many)
