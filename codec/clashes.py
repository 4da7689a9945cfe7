"""Two sessions with one key: which keeps it, and what the others are called.

Two clones that record in the same second both give the time as the key. Once they meet:

1. The session with the least digest keeps the key; each of the others gets its own suffix, the
   time, `.` and the first six hex digits of its digest (more, should even that be taken).
2. A digest is of the content alone, so that it does not matter who merges, or in what order: every
   clone comes to the same keys.
3. One entry of a v1 log that was counted with several tokenizers is one session with all counts.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from codec.manifest import content_line, identity_of
from codec.pieces import FACTS, split_lines
from codec.records import Session, key_time

_SUFFIXES = (6, 12, 64)


class Settled(NamedTuple):
    """A session of a clash as it stands, and as it is to stand."""

    session: Session
    becomes: Session


def settle(sessions: Iterable[Session]) -> list[Settled]:
    """What becomes of the sessions that share a key with another; nothing of any other session.

    Args:
        sessions: in any order; all of a time, where one of it is given.
    """
    by_key: defaultdict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        by_key[session.key].append(session)
    clashes = {key: _ranked(group) for key, group in by_key.items() if len(group) > 1}
    clashes = {key: ranked for key, ranked in clashes.items() if len(ranked) > 1}
    times = {key_time(key) for key in clashes}
    holders = {k: content_line(g[0]) for k, g in by_key.items() if key_time(k) in times}
    holders.update((key, content_line(ranked[0].becomes)) for key, ranked in clashes.items())
    settled: list[Settled] = []
    for key in sorted(clashes):
        for session, becomes in clashes[key]:
            line = content_line(becomes)
            new_key = key if holders[key] == line else _own_key(becomes, line, holders)
            settled.append(Settled(session, becomes._replace(key=new_key)))
    return settled


def settle_merge(ours: bytes, theirs: bytes) -> list[Settled]:
    """What becomes of the sessions whose key two manifests give to different content.

    A clash that one of them has by itself is no matter of the merge, and left as it is.

    Args:
        ours, theirs: the bytes of two manifests.
    """
    lines = split_lines(ours), split_lines(theirs)
    shared = set(lines[0]).intersection(lines[1])
    mine, yours = ({s.key for s in _sessions(set(side) - shared)} for side in lines)
    contested = mine & yours
    if not contested:
        return []
    times = {key_time(key) for key in contested}
    near = {line for side in lines for line in side if _time_in(line) in times}
    return [s for s in settle(_sessions(near)) if s.session.key in contested]


def rekeyed_facts(pieces: Sequence[bytes], settled: Sequence[Settled]) -> list[bytes]:
    """The pieces of a manifest with what becomes of its sessions, facts that are equal now once."""
    if not settled:
        return list(pieces)
    becomes = {(s.key, content_line(s)): FACTS.encode(b) for s, b in settled}
    keys = {session.key for session, _ in settled}
    made = set(becomes.values())
    united: dict[int | bytes, bytes] = {}
    for index, piece in enumerate(pieces):
        fact = FACTS.read(piece) if FACTS.named_key(piece) in keys else None
        line = becomes.get((fact.key, content_line(fact))) if isinstance(fact, Session) else None
        new = line or piece
        united.setdefault(new if new in made else index, new)
    return list(united.values())


def _time_in(line: bytes) -> str:
    """The time of the session that a line is of, found without reading it as JSON."""
    return key_time(FACTS.named_key(line) or "")


def _sessions(lines: Iterable[bytes]) -> Iterable[Session]:
    facts = (FACTS.read(line) for line in lines)
    return (fact for fact in facts if isinstance(fact, Session))


def _ranked(sessions: Iterable[Session]) -> list[Settled]:
    """The sessions of one key, joined where they are one, the one that keeps the key first."""
    joined: dict[str, Session] = {}
    group = list({content_line(session): session for session in sessions}.values())
    group.sort(key=content_line)
    for session in group:
        content = _uncounted(session)
        joined[content] = _join(joined.get(content, session), session)
    pairs = [Settled(session, joined[_uncounted(session)]) for session in group]
    return sorted(pairs, key=lambda p: (identity_of(p.becomes), content_line(p.becomes)))


def _uncounted(session: Session) -> str:
    """The content of a session without its token counts."""
    if session.v1 is None:
        return content_line(session)
    return content_line(session._replace(v1=session.v1._replace(tokens={})))


def _join(session: Session, other: Session) -> Session:
    """A session with the token counts of another, which is the same otherwise."""
    if session is other or session.v1 is None or other.v1 is None:
        return session
    a, b = session.v1.tokens, other.v1.tokens
    tokens = {name: max(a.get(name, 0), b.get(name, 0)) for name in sorted({*a, *b})}
    return session._replace(v1=session.v1._replace(tokens=tokens))


def _own_key(session: Session, line: str, holders: dict[str, str]) -> str:
    """The first of a session's own keys that no other content has; it is taken from now on."""
    for digest in (identity_of(session), hashlib.sha256(line.encode()).hexdigest()):
        for length in _SUFFIXES:
            key = f"{session.time}.{digest[:length]}"
            if holders.setdefault(key, line) == line:
                return key
    raise AssertionError("two contents with one SHA-256")
