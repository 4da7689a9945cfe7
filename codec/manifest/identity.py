"""Group the facts of a manifest by session, and choose the key of each session.

Two clones that record in the same second both use the time as the key, and two clones that read
one entry with two versions of the reader describe it differently. After a merge:

1. Facts with one identity (`jsonl.identity_of`) describe one session. A private fact counts first,
   else the one of the newest reader, else the greater one; it gets the token counts of all. If a
   revision says that one entry became another, the facts of both describe one session.
2. Of the sessions that claim a key, the one with the least identity keeps it; each other session
   gets a suffix: the time, `.` and the first six hex digits of its identity (more if that key is
   taken, too). A session that claims several keys has the least of those that it keeps.
3. An identity depends neither on the key nor on the reader. So the keys depend neither on who
   merges nor on the order of merges: every clone chooses the same ones.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.manifest.facts import Revision
from codec.manifest.jsonl import content_line, identity_of
from codec.manifest.revisions import apply_revisions
from codec.records import Session

_SUFFIXES: Final = (6, 12, 64)


class History(NamedTuple):
    """A session, and the facts that describe it.

    Attributes:
        session: the session now, with its key in this workspace.
        base: the session before any revision.
        facts: all facts that describe it, as their lines state them.
        revisions: all revisions of it, in any order.
    """

    session: Session
    base: Session
    facts: tuple[Session, ...]
    revisions: tuple[Revision, ...] = ()


def are_plain(sessions: Sequence[Session]) -> bool:
    """Return True if each fact describes a different session under a different key."""
    if len({session.key for session in sessions}) < len(sessions):
        return False
    bare = [s for s in sessions if s.v1 is None and not s.id]
    named = [name_of_fact(s) for s in sessions if s.v1 is not None or s.id]
    if len(bare) > len({session.time for session in bare}):  # else no content lines are equal
        named += map(content_line, bare)
    return len(set(named)) == len(named)


def histories_of(sessions: Iterable[Session], revisions: Sequence[Revision] = ()) -> list[History]:
    """Return the sessions that facts describe, in the order of their first facts.

    Args:
        sessions: facts; if one fact with a time is given, all facts with that time must be given.
        revisions: revisions of these sessions, and possibly of others.
    """
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(name_of_fact(session), []).append(session)
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


def name_of_fact(session: Session) -> str:
    """Return a value that is equal for facts with one identity, without hashing."""
    if session.v1 is not None:
        return session.v1.sha256
    return f"id:{session.id}" if session.id else content_line(session)


def _base_of(group: Sequence[Session]) -> Session:
    """Join the facts of a session into one record, which has the key of one of them."""
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
    """Join the groups of an entry and its later versions; return groups and revisions."""
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


def _keys_of(groups: dict[str, list[Session]], bases: dict[str, Session]) -> dict[str, Key]:
    """Return the key of each group: the least key that it keeps, else a new one."""
    claims: dict[Key, list[str]] = {}
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
    keys: dict[str, Key] = {}
    for key, name in holders.items():
        keys[name] = min(key, keys.get(name, key))
    for name in sorted(groups.keys() - keys.keys(), key=identity.__getitem__):
        keys[name] = _own_key(bases[name].time, identity[name], name, holders)
    return keys


def _own_key(time: str, identity: str, name: str, holders: dict[Key, str]) -> Key:
    """Return the first free key with a suffix for a session, and reserve it."""
    digest = identity
    while True:
        for length in _SUFFIXES:
            key = Key(f"{time}.{digest[:length]}")
            if holders.setdefault(key, name) == name:
                return key
        digest = hashlib.sha256(digest.encode()).hexdigest()
