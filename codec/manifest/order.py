"""The order in which sessions happened.

1. Sessions are sorted by time, then by key; a date without a time precedes the times of its day.
   Facts `follows` refine the order only where times cannot: for sessions without a time of day, and
   for sessions with the same time.
2. A fact is assumed if its log did not show whether it is newest first. An assumed fact does not
   count if another fact about one of its entries is not assumed.
3. Facts that contradict each other do not count. So the order depends only on the facts, and two
   clones with the same facts list sessions in the same order.
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
    """Return the order of the entries of a log whose times do not give it.

    Args:
        entries: in the order of the file.
    """
    turned, assumed = _direction([e.time for e in entries])
    found: list[Follows] = []
    last_at: dict[str, str] = {}  # by time, and by date: the last entry
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
        follows: facts about their entries, and possibly about others.
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
    """Return whether a log is newest first, and whether its times cannot show this.

    Times within one day decide first, because a log can list its days newest first and the entries
    of a day oldest first.
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
    """Return the pairs of keys, earlier and later, whose order times leave open, by date."""
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
    """Return the sessions of one day, sorted by time and key, in the order of the pairs."""
    if not pairs:
        return group
    known = {s.key: s for s in group}
    pairs = _without_circles({p for p in pairs if p[0] in known and p[1] in known})
    later: defaultdict[Key, list[Key]] = defaultdict(list)
    waits: defaultdict[Key, int] = defaultdict(int)
    for before, after in pairs:
        later[before].append(after)
        waits[after] += 1
    # A session that becomes free follows directly, before others that were free already.
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
    """Return the pairs except those that are part of a cycle."""
    backward = _peeled(pairs)
    circles = {(a, b) for b, a in _peeled({(b, a) for a, b in backward})}
    return pairs - circles


def _peeled(pairs: set[tuple[Key, Key]]) -> set[tuple[Key, Key]]:
    """Return the pairs that remain after keys without predecessors are removed repeatedly."""
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
