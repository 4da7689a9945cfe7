"""Find known sessions that are two versions of one entry of a v1 log.

Two clones that migrate a log for the first time, one of them after an edit, each create a session.
After a merge, the log has the entry of only one of them, and no fact connects the two.

1. A session whose entry vanished is joined to one whose entry is in the log, if `heirs_of` finds
   that the second is a new version of the first.
2. Entries that one log had at the same time are two sessions, even if one was deleted later:
   `follows` facts order the entries of one time, and connect those of one log.
3. Several sessions may be versions of one entry: three clones create three. If the entry was edited
   again before the clones met, none of them is in the log: they are joined to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from codec.records import Session
from codec.v1.heirs import entry_of, heirs_of

#: The first reader whose migrations record the order of entries with the same time.
_FIRST_IN_ORDER: Final = 1


class Logged(NamedTuple):
    """A known session of a log.

    Attributes:
        session: the session as the log last had it.
        entries: the hashes of all entries that it has or had.
    """

    session: Session
    entries: frozenset[str]


def twins_of(
    vanished: Iterable[Logged], present: Iterable[Logged], follows: Iterable[tuple[str, str]]
) -> list[tuple[Session, Session]]:
    """Return the sessions that are older versions of others, each with the session that it joins.

    Args:
        vanished: the sessions whose entries the log no longer has.
        present: the sessions whose entries it has.
        follows: the hashes of entries that one log had, each with the hash of its predecessor.
    """
    left = [one for one in vanished if one.session.reader >= _FIRST_IN_ORDER]
    times = {one.session.time for one in left}
    others = {
        entry_of(one.session): one
        for one in present
        if one.session.time in times and one.session.reader >= _FIRST_IN_ORDER
    }
    if not others:
        return []
    are_apart = _order_of(follows)
    joined = {entry: one.entries for entry, one in others.items()}
    twins: list[tuple[Session, Session]] = []
    while left:
        known = {entry_of(one.session): one.entries for one in left}

        def may_be(old: str, new: str, known: Mapping[str, frozenset[str]] = known) -> bool:
            return not are_apart(known[old], joined[new])

        sessions = [one.session for one in left]
        heirs = heirs_of(sessions, (one.session for one in others.values()), may_be)
        for entry, old in sorted(heirs.items()):
            joined[entry] |= known[entry_of(old)]
            twins.append((old, others[entry].session))
        found = {entry_of(old) for old in heirs.values()}
        left = [one for one in left if heirs and entry_of(one.session) not in found]
    return twins


def twins_among(
    vanished: Iterable[Logged], follows: Iterable[tuple[str, str]]
) -> list[tuple[Session, Session]]:
    """Return the sessions that are versions of each other, each with the session that it joins.

    Args:
        vanished: the sessions whose entries the log no longer has.
        follows: the hashes of entries that one log had, each with the hash of its predecessor.
    """
    order = [*follows]
    kept: dict[str, Logged] = {}
    twins: list[tuple[Session, Session]] = []
    for one in sorted(vanished, key=lambda logged: entry_of(logged.session)):
        found = twins_of([one], kept.values(), order)
        for _, new in found:
            name = entry_of(new)
            kept[name] = Logged(new, kept[name].entries | one.entries)
        if not found:
            kept[entry_of(one.session)] = one
        twins += found
    return twins


def _order_of(
    follows: Iterable[tuple[str, str]],
) -> Callable[[frozenset[str], frozenset[str]], bool]:
    """Return a function that reports whether some entries precede others."""
    later: defaultdict[str, list[str]] = defaultdict(list)
    for entry, before in follows:
        later[before].append(entry)

    def after(entries: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = [*entries]
        while waiting:
            for entry in later.get(waiting.pop(), ()):
                if entry not in found:
                    found.add(entry)
                    waiting.append(entry)
        return found

    def are_apart(first: frozenset[str], second: frozenset[str]) -> bool:
        return not (after(first).isdisjoint(second) and after(second).isdisjoint(first))

    return are_apart
