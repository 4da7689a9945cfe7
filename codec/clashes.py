"""From the facts of a manifest to its sessions: which facts describe one, and what its key is.

Two clones that record in the same second both give the time as the key, and two clones that read
one entry with two versions of the reader describe it differently. Once they meet:

1. Facts with one identity (`manifest.identity_of`) describe one session. The one that is private
   counts, else the one of the newest reader, else the greater one; it has the token counts of all.
   Where a revision says that an entry became another one, the facts of both describe one session.
2. Of the sessions that claim a key the one with the least identity keeps it; each of the others
   gets its own suffix, the time, `.` and the first six hex digits of its identity (more, should
   even that be taken). A session that claims several keys has the least that it keeps.
3. An identity depends neither on the key nor on the reader, so that it does not matter who merges,
   or in what order: every clone comes to the same keys.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from codec.erased import erased_in, without_erased
from codec.facts import Revision
from codec.manifest import content_line, encode_fact, identity_of
from codec.pieces import FACTS, read_fact, split_lines
from codec.records import Session, key_time
from codec.revisions import apply_revisions

_SUFFIXES = (6, 12, 64)
_REVISION = b'"revision"'


class Settled(NamedTuple):
    """A session as one of its facts has it, and as it is now: with its key, and revised."""

    session: Session
    becomes: Session


class History(NamedTuple):
    """A session, and the facts that it comes from.

    Attributes:
        session: as it is now, with the key that it has in this workspace.
        base: the same before any revision.
        facts: all that describe it, as their lines have them.
        revisions: all that revise it, in no order.
    """

    session: Session
    base: Session
    facts: tuple[Session, ...]
    revisions: tuple[Revision, ...] = ()


def histories_of(sessions: Iterable[Session], revisions: Sequence[Revision] = ()) -> list[History]:
    """Return the sessions that facts describe, in the order of their first facts.

    Args:
        sessions: facts; all of a time, where one of it is given.
        revisions: of these sessions, and of any others.
    """
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(_name_of(session), []).append(session)
    made: dict[str, list[Revision]] = {}
    if revisions:
        groups, made = _revised_groups(groups, revisions)
    bases = {name: g[0] if len(g) == 1 else _base_of(g) for name, g in groups.items()}
    keys = _keys_of(groups, bases)
    found = []
    for name, group in groups.items():
        base = bases[name]
        if keys[name] != base.key:
            base = base._replace(key=keys[name])
        now = apply_revisions(base, made[name]) if name in made else base
        found.append(History(now, base, tuple(group), tuple(made.get(name, ()))))
    return found


def settle(sessions: Iterable[Session], revisions: Sequence[Revision] = ()) -> list[Settled]:
    """Return what becomes of each fact that is not a session just as it stands.

    Those are the facts of a session that has several, or another key now, or revisions, and all
    facts with the key of one of them.

    Args:
        sessions: facts in any order; all of a time, where one of it is given.
        revisions: of these sessions, and of any others.
    """
    every = [Settled(f, h.session) for h in histories_of(sessions, revisions) for f in h.facts]
    count = Counter(fact.key for fact, _ in every)
    found = [pair for pair in every if pair.session != pair.becomes or count[pair.session.key] > 1]
    return sorted(found, key=lambda p: (p.session.key, p.becomes.key, content_line(p.session)))


def settle_merge(ours: bytes, theirs: bytes) -> list[Settled]:
    """Return what becomes of the facts that a merge of two manifests is about.

    Those are the facts of sessions whose key both sides brought, that both sides brought, or that a
    side revised. What one side has by itself is left to `settle`.

    Args:
        ours, theirs: the bytes of two manifests.
    """
    erased = erased_in(ours, theirs)
    lines = [set(without_erased(split_lines(side), erased)) for side in (ours, theirs)]
    shared = lines[0] & lines[1]
    new = [side - shared for side in lines]
    mine, yours = (list(_sessions(side)) for side in new)
    keys = {s.key for s in mine} & {s.key for s in yours}
    names = {_name_of(s) for s in mine} & {_name_of(s) for s in yours}
    changed = {r.of for side in new for r in _revisions(side)}
    if not (keys or names or changed):
        return []
    both = lines[0] | lines[1]
    revisions = list(_revisions(both))
    if changed:
        facts = list(_sessions(both))
        names |= {_name_of(s) for s in facts if identity_of(s) in changed}
        keys |= {s.key for s in facts if _name_of(s) in names}
    else:
        concerned = (s for s in (*mine, *yours) if s.key in keys or _name_of(s) in names)
        times = {s.time for s in concerned}
        facts = list(_sessions({line for line in both if _time_in(line) in times}))
    settled = settle(facts, revisions)
    return [
        p
        for p in settled
        if not keys.isdisjoint((p.session.key, p.becomes.key)) or _name_of(p.session) in names
    ]


def moved_keys(settled: Iterable[Settled]) -> dict[tuple[str, str], str]:
    """Return the new keys of facts that get another one, by `name_in`.

    A fact of another time than its session has now keeps its key.
    """
    return {
        name_in(fact): becomes.key
        for fact, becomes in settled
        if fact.key != becomes.key and fact.time == becomes.time
    }


def name_in(fact: Session) -> tuple[str, str]:
    """Return what tells the fact of a session from all others: its key and its content."""
    return fact.key, content_line(fact)


def rekeyed_facts(pieces: Sequence[bytes], settled: Sequence[Settled]) -> list[bytes]:
    """Return the lines of a manifest with the keys of its sessions, equal facts once."""
    moved = moved_keys(settled)
    if not moved:
        return list(pieces)
    keys = {key for old, new in moved.items() for key in (old[0], new)}
    united: dict[int | str, bytes] = {}
    for index, piece in enumerate(pieces):
        fact = read_fact(piece) if FACTS.named_key(piece) in keys else None
        if not isinstance(fact, Session):
            united[index] = piece
            continue
        key = moved.get(name_in(fact))
        line = encode_fact(fact._replace(key=key)) if key else encode_fact(fact)
        united.setdefault(line, f"{line}\n".encode() if key else piece)
    return list(united.values())


def _name_of(session: Session) -> str:
    """Return what is equal for facts with one identity, without hashing."""
    if session.v1 is not None:
        return session.v1.sha256
    return f"id:{session.id}" if session.id else content_line(session)


def _base_of(group: Sequence[Session]) -> Session:
    """Return what the facts of one session describe together, with the key of one of them."""
    base = max(group, key=lambda s: (s.private, s.reader, content_line(s), s.key))
    counts = [s.v1.tokens for s in group if s.v1 is not None]
    names = sorted({name for tokens in counts for name in tokens})
    if base.v1 is None or all(tokens == base.v1.tokens for tokens in counts):
        return base
    tokens = {name: max(tokens.get(name, 0) for tokens in counts) for name in names}
    return base._replace(v1=base.v1._replace(tokens=tokens))


def _revised_groups(
    groups: dict[str, list[Session]], revisions: Sequence[Revision]
) -> tuple[dict[str, list[Session]], dict[str, list[Revision]]]:
    """Return groups of facts, joined where an entry became another one, and their revisions."""
    identities = {identity_of(group[0]): name for name, group in groups.items()}
    leads: dict[str, str] = {}

    def lead(identity: str) -> str:
        while identity in leads:
            identity = leads[identity]
        return identity

    for revision in revisions:
        entry = revision.changes.get("v1")
        pair = {lead(revision.of), lead(entry["sha256"] if entry else revision.of)}
        if len(pair) > 1:
            leads[max(pair)] = min(pair)
    joined: dict[str, list[Session]] = {}
    names: dict[str, str] = {}
    for identity, name in identities.items():
        first = names.setdefault(lead(identity), name)
        joined.setdefault(first, []).extend(groups[name])
    made: defaultdict[str, list[Revision]] = defaultdict(list)
    for revision in revisions:
        owner = names.get(lead(revision.of))
        if owner is not None:
            made[owner].append(revision)
    return joined, dict(made)


def _keys_of(groups: dict[str, list[Session]], bases: dict[str, Session]) -> dict[str, str]:
    """Return the key of each group: the least that it keeps, else one of its own."""
    claims: dict[str, list[str]] = {}
    for name, group in groups.items():
        time = bases[name].time
        for fact in group:
            if fact.time == time:
                claims.setdefault(fact.key, []).append(name)
    contested = {name for names in claims.values() if len(names) > 1 for name in names}
    identity = {name: min(map(identity_of, groups[name])) for name in contested}
    holders = {
        key: names[0] if len(names) == 1 else min(names, key=identity.__getitem__)
        for key, names in claims.items()
    }
    keys: dict[str, str] = {}
    for key, name in holders.items():
        keys[name] = min(key, keys.get(name, key))
    for name in sorted(groups.keys() - keys.keys(), key=identity.__getitem__):
        keys[name] = _own_key(bases[name].time, identity[name], name, holders)
    return keys


def _own_key(time: str, identity: str, name: str, holders: dict[str, str]) -> str:
    """Return the first key of a session's own that no other one has; it is taken from now on."""
    digest = identity
    while True:
        for length in _SUFFIXES:
            key = f"{time}.{digest[:length]}"
            if holders.setdefault(key, name) == name:
                return key
        digest = hashlib.sha256(digest.encode()).hexdigest()


def _time_in(line: bytes) -> str:
    """Return the time of the session of a line, found without reading it as JSON."""
    return key_time(FACTS.named_key(line) or "")


def _sessions(lines: Iterable[bytes]) -> Iterator[Session]:
    facts = map(read_fact, lines)
    return (fact for fact in facts if isinstance(fact, Session))


def _revisions(lines: Iterable[bytes]) -> Iterator[Revision]:
    facts = (read_fact(line) for line in lines if _REVISION in line)
    return (fact for fact in facts if isinstance(fact, Revision))
