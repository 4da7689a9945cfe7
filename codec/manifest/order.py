"""The order in which sessions happened.

1. Sessions are listed by time, then by key; a date without a time comes before the times of its
   day. Facts `follows` say more only where times cannot: of a session without a time of day, and of
   sessions with one time.
2. A fact that was made without knowing whether its log is newest first is assumed. It does not
   count beside a fact that is sure about either of its entries.
3. Facts that contradict each other do not count. So the order depends on the facts alone, and two
   clones with the same facts list the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from codec.kinds import Key
from codec.manifest.facts import Follows
from codec.records import Session


class Dated(NamedTuple):
    """An entry of a v1 log: its hash, and the time of its session."""

    entry: str
    time: str


def follows_of(entries: Sequence[Dated]) -> list[Follows]:
    """Return the order of a log's entries whose times do not decide it.

    Args:
        entries: in the order of the file.
    """
    turned, assumed = _direction([e.time for e in entries])
    found: list[Follows] = []
    last_at: dict[str, str] = {}  # by time, and by date: the entry before
    for entry, time in reversed(entries) if turned else entries:
        before = last_at.get(time)
        if before is not None and before != entry:
            found.append(Follows(entry=entry, after=before, assumed=assumed))
        last_at[time] = last_at[time[:10]] = entry
    return found


def in_order(
    sessions: Iterable[Session], follows: Iterable[Follows], entries: Mapping[str, Session]
) -> list[Session]:
    """Return sessions in the order in which they happened.

    Args:
        sessions: in any order.
        follows: facts about their entries, and about any others.
        entries: the sessions by the hashes of all entries that they have or had.
    """
    ordered = sorted(sessions, key=lambda s: (s.time, s.key))
    links = _links(follows, entries)
    if not links:
        return ordered
    days: dict[str, list[Session]] = {}
    for session in ordered:
        days.setdefault(session.time[:10], []).append(session)
    return [s for day, group in days.items() for s in _arranged(group, links.get(day))]


def _direction(times: Sequence[str]) -> tuple[bool, bool]:
    """Return whether a log is newest first, and whether its times leave that open.

    Times within one day are asked first: days can be newest first, and entries below them not.
    """
    within = [(a, b) for a, b in pairwise(times) if a[:10] == b[:10] and "T" in a and "T" in b]
    for pairs in (within, [(a[:10], b[:10]) for a, b in pairwise(times)]):
        rise = sum((a < b) - (a > b) for a, b in pairs)
        if rise:
            return rise < 0, False
    return False, True


def _links(
    follows: Iterable[Follows], entries: Mapping[str, Session]
) -> dict[str, set[tuple[Key, Key]]]:
    """Return the pairs of keys, earlier and later, that times leave open, by date."""
    sure: defaultdict[str, set[tuple[Key, Key]]] = defaultdict(set)
    assumed: defaultdict[str, set[tuple[Key, Key]]] = defaultdict(set)
    for fact in follows:
        before, after = entries.get(fact.after), entries.get(fact.entry)
        if before is None or after is None or before.key == after.key:
            continue
        if before.time == after.time or before.time[:10] == after.time:
            kind = assumed if fact.assumed else sure
            kind[after.time[:10]].add((before.key, after.key))
    for day, pairs in assumed.items():
        told = {key for pair in sure.get(day, ()) for key in pair}
        sure[day] |= {pair for pair in pairs if told.isdisjoint(pair)}
    return dict(sure)


def _arranged(group: list[Session], pairs: set[tuple[Key, Key]] | None) -> list[Session]:
    """Return the sessions of one day, which are sorted by time and key, as the pairs have them."""
    if not pairs:
        return group
    known = {s.key: s for s in group}
    pairs = _without_circles({p for p in pairs if p[0] in known and p[1] in known})
    later: defaultdict[Key, list[Key]] = defaultdict(list)
    waits: defaultdict[Key, int] = defaultdict(int)
    for before, after in pairs:
        later[before].append(after)
        waits[after] += 1
    # What a session made ready comes directly after it, before anything that was ready longer.
    ready = [(0, s.time, s.key) for s in group if not waits[s.key]]
    heapify(ready)
    result: list[Session] = []
    while ready:
        key = heappop(ready)[2]
        result.append(known[key])
        for after in later[key]:
            waits[after] -= 1
            if not waits[after]:
                heappush(ready, (-len(result), known[after].time, after))
    return result


def _without_circles(pairs: set[tuple[Key, Key]]) -> set[tuple[Key, Key]]:
    """Return pairs without those between members of circles."""
    backward = _peeled(pairs)
    circles = {(a, b) for b, a in _peeled({(b, a) for a, b in backward})}
    return pairs - circles


def _peeled(pairs: set[tuple[Key, Key]]) -> set[tuple[Key, Key]]:
    """Return the pairs that are left once those that nothing leads to are removed, repeatedly."""
    later: defaultdict[Key, list[Key]] = defaultdict(list)
    waits: defaultdict[Key, int] = defaultdict(int)
    for before, after in pairs:
        later[before].append(after)
        waits[after] += 1
    free = [key for key in later if not waits[key]]
    gone: set[str] = set()
    while free:
        key = free.pop()
        gone.add(key)
        for after in later[key]:
            waits[after] -= 1
            if not waits[after]:
                free.append(after)
    return {pair for pair in pairs if pair[0] not in gone}
