"""Apply the revisions of a session to it.

1. A revision names the revisions that it replaces by their hashes, so that revisions form a graph
   without cycles, whatever the order of their lines. A revision that no other one names is a head.
2. With one head its fields count. Several heads (two clones revised one session) are settled field
   by field: a field that only one of them changed since their last common revision has its value; a
   field that several changed has that of the first head, in the order of `_rank`.
3. So every clone that has the same lines comes to the same session, and what two clones changed in
   different fields is not lost.
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
    """Return a session as its revisions leave it.

    Args:
        session: what its facts describe.
        revisions: all of this session, in any order.
    """
    graph = {fact_digest(r): r for r in revisions}
    return revised(session, _settled(graph, _heads(graph, graph)))


def _heads(graph: _Graph, among: Collection[str]) -> list[str]:
    """Return those of some revisions that none of them replaces, the first one first."""
    replaced = {digest for name in among for digest in graph[name].after}
    return sorted((d for d in among if d not in replaced), key=lambda d: _rank(graph, d))


def _rank(graph: _Graph, digest: str) -> tuple[bool, int, str]:
    revision = graph[digest]
    return revision.changes.get("private") is not True, _AUTHORS[revision.by], digest


def _settled(graph: _Graph, heads: Collection[str]) -> Mapping[str, Any]:
    """Return the fields that several heads, the first one first, state together."""
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
    """Return a revision and all that it replaces, directly or not."""
    found: set[str] = set()
    waiting = [head]
    while waiting:
        digest = waiting.pop()
        if digest in graph and digest not in found:
            found.add(digest)
            waiting += graph[digest].after
    return found
