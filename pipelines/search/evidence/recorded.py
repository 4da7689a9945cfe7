"""Find the sessions that recorded a commit, and the session whose time is nearest to one.

1. A session recorded commits, or a range: the commits that its end reaches and its base does not.
   Only the part of the history between both is visited.
2. If the repository does not have the base, such as an amended commit that git removed, the range
   has no beginning: then only its end belongs to the session.
3. The commits that a transcript shows being made count as well. They are abbreviated, and count if
   exactly one commit begins with these digits.
4. Only sessions whose recorded commits are not in the history of HEAD are matched by time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import Final

from codec.records import Session
from codec.timestamps import seconds_of
from pipelines.diffs.store import commits_of
from pipelines.search.evidence.file_history import Graph

#: The fewest digits of a hash that git prints.
SHORTEST: Final = 7
#: The seconds before and after a session in which its commits may be.
_NEAR: Final = 3600


class Recorded:
    """An index of sessions by recorded commit and by time.

    Attributes:
        in_head: the keys of the sessions with recorded commits in the history of HEAD.
    """

    def __init__(self, sessions: Iterable[Session], graph: Graph, head: str) -> None:
        """Assign the commits of a graph to the sessions that recorded them.

        Args:
            sessions: all sessions of a workspace.
            graph: the parents of the commits reachable from HEAD and the sessions' commits,
                children first.
            head: the commit of HEAD.
        """
        places = {commit: place for place, commit in enumerate(graph)}
        hashes = sorted(graph)
        reached = _reached(graph, head)
        self.in_head: set[str] = set()
        self._by_commit: dict[str, list[Session]] = {}
        timed: list[tuple[int, int, Session]] = []
        for session in sessions:
            made = list(_made(session, hashes))
            commits = {c for text in commits_of(session) for c in _named(text, graph, places)}
            for commit in commits.union(made):
                self._by_commit.setdefault(commit, []).append(session)
            ends = (text.rpartition("..")[2] for text in commits_of(session))
            if not reached.isdisjoint((*ends, *made)):
                self.in_head.add(session.key)
            elif (began := seconds_of(session.time)) is not None:
                timed.append((began, began + 60 * (session.metrics.duration_min or 0), session))
        self._timed = sorted(timed, key=lambda t: (t[0], t[2].key))
        self._begins = [began for began, _, _ in self._timed]
        self._latest = list(accumulate((ended for _, ended, _ in self._timed), max))

    def of(self, commit: str) -> Sequence[Session]:
        """Return the sessions that recorded a commit."""
        return self._by_commit.get(commit, ())

    def near(self, time: int) -> Session | None:
        """Return the session with the nearest time; None if no session is near.

        Args:
            time: the time of a commit, in seconds since 1970.
        """
        fitting: list[tuple[int, str, Session]] = []
        at = bisect_right(self._begins, time + _NEAR)
        while at and self._latest[at - 1] >= time - _NEAR:
            at -= 1
            began, ended, session = self._timed[at]
            distance = max(began - time, time - ended, 0)
            if distance <= _NEAR:
                fitting.append((distance, session.key, session))
        return min(fitting)[2] if fitting else None


def ends_of(sessions: Iterable[Session]) -> Iterator[str]:
    """Yield the commits that sessions name; for a range, both ends."""
    for session in sessions:
        for text in commits_of(session):
            yield from text.split("..")


def _made(session: Session, hashes: Sequence[str]) -> Iterator[str]:
    """Yield the commits in a session's transcript, in full, given the sorted hashes of a graph."""
    for name in session.transcript.commits if session.transcript is not None else ():
        at = bisect_left(hashes, name)
        found = [commit for commit in hashes[at : at + 2] if commit.startswith(name)]
        if len(found) == 1 and len(name) >= SHORTEST:
            yield found[0]


def _named(text: str, graph: Graph, places: Mapping[str, int]) -> Iterator[str]:
    """Yield the commits of a graph that a recorded commit or range includes."""
    base, _, end = text.rpartition("..")
    if end not in places:
        return
    if base in places:
        yield from _between(base, end, graph, places)
    else:
        yield end


def _between(base: str, end: str, graph: Graph, places: Mapping[str, int]) -> Iterator[str]:
    """Yield the commits that one commit reaches and another does not.

    Commits are visited children first, so it is known whether the base reaches a commit when it is
    visited; the walk ends when only such commits are left.
    """
    if base == end:
        return
    seen, before = {base, end}, {base}
    waiting = [(places[name], name) for name in seen]
    heapify(waiting)
    left = 1
    while left:
        _, commit = heappop(waiting)
        is_before = commit in before
        if not is_before:
            left -= 1
            yield commit
        for parent in graph[commit]:
            if is_before:
                left -= parent in seen and parent not in before
                before.add(parent)
            if parent not in seen and parent in places:
                seen.add(parent)
                heappush(waiting, (places[parent], parent))
                left += not is_before


def _reached(graph: Graph, commit: str) -> set[str]:
    """Return a commit and its ancestors."""
    found: set[str] = set()
    waiting = [commit]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph.get(name, ())
    return found
