"""Apply revisions to a session.

1. A revision names the revisions that it replaces by their hashes, so revisions form a graph
   without cycles, whatever the order of their lines. A revision that no other replaces is a head.
2. If there is one head, its fields count. If there are several (two clones revised one session),
   each field is settled: a field that only one head changed since their last common revision has
   its value; a field that several changed has the value of the first head by `_rank`.
3. So all clones with the same lines compute the same session, and changes of different fields by
   two clones are all kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, get_args

from codec.manifest.facts import Author, Revision
from codec.manifest.jsonl import fact_digest
from codec.manifest.session_fields import revised
from codec.records import Session

_AUTHORS: Final[Mapping[str, int]] = {author: n for n, author in enumerate(get_args(Author))}
_ABSENT: Final = object()

_Graph = Mapping[str, Revision]


def heads_of(revisions: Iterable[Revision]) -> tuple[str, ...]:
    """Return the digests of the revisions that no other one replaces, sorted."""
    graph = {fact_digest(r): r for r in revisions}
    return tuple(sorted(_heads(graph, graph)))


def apply_revisions(session: Session, revisions: Iterable[Revision]) -> Session:
    """Return a session after its revisions.

    Args:
        session: the session that its facts describe.
        revisions: all revisions of it, in any order.
    """
    graph = {fact_digest(r): r for r in revisions}
    return revised(session, _settled(graph, _heads(graph, graph)))


def _heads(graph: _Graph, among: Collection[str]) -> list[str]:
    """Return the given revisions that none of the others replaces, in order of rank."""
    replaced = {digest for name in among for digest in graph[name].after}
    return sorted((d for d in among if d not in replaced), key=lambda d: _rank(graph, d))


def _rank(graph: _Graph, digest: str) -> tuple[bool, int, str]:
    revision = graph[digest]
    return revision.changes.get("private") is not True, _AUTHORS[revision.by], digest


def _settled(graph: _Graph, heads: Collection[str]) -> Mapping[str, Any]:
    """Return the fields of several heads, combined; `heads` are in order of rank."""
    if not heads:
        return {}
    if len(heads) == 1:
        return graph[next(iter(heads))].changes
    common = set.intersection(*(_line_of(graph, head) for head in heads))
    before = _settled(graph, _heads(graph, common))
    together = dict(before)
    for head in reversed([*heads]):
        stated = graph[head].changes
        for name in {**before, **stated}:
            value = stated.get(name, _ABSENT)
            if value == before.get(name, _ABSENT):
                continue
            if value is _ABSENT:
                together.pop(name, None)
            else:
                together[name] = value
    return together


def _line_of(graph: _Graph, head: str) -> set[str]:
    """Return a revision and all revisions that it replaces, directly or not."""
    found: set[str] = set()
    waiting = [head]
    while waiting:
        digest = waiting.pop()
        if digest in graph and digest not in found:
            found.add(digest)
            waiting += graph[digest].after
    return found
