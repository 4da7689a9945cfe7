"""Find facts that differ from their current sessions, in one manifest and in a merge of two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from codec.kinds import Key
from codec.manifest.erased import erased_in, without_erased
from codec.manifest.fact_lines import read_fact, split_lines
from codec.manifest.facts import Fact, Revision
from codec.manifest.identity import are_plain, histories_of, name_of_fact
from codec.manifest.jsonl import content_line, encode_fact, identity_of
from codec.manifest.session_fields import revised
from codec.merge.tracked_formats import FACTS
from codec.names import key_time
from codec.records import Session

_REVISION = b'"revision"'


class Settled(NamedTuple):
    """A session as one of its facts states it, and as it is now: with its key and revisions."""

    session: Session
    becomes: Session


def settle(sessions: Sequence[Session], revisions: Sequence[Revision] = ()) -> list[Settled]:
    """Return the facts whose sessions depend on other facts, each with its current session.

    A session depends on other facts if it has several, has another key now, or has revisions. All
    facts with the key of such a session are returned as well.

    Args:
        sessions: facts in any order; if one fact with a time is given, all with that time must be
            given.
        revisions: revisions of these sessions, and possibly of others.
    """
    if not revisions and are_plain(sessions):
        return []
    every = histories_of(sessions, revisions)
    count = Counter(fact.key for history in every for fact in history.facts)
    found = [
        Settled(fact, history.session)
        for history in every
        for fact in history.facts
        if history.revisions or fact != history.session or count[fact.key] > 1
    ]
    return sorted(found, key=lambda p: (p.session.key, p.becomes.key, content_line(p.session)))


def settle_merge(ours: bytes, theirs: bytes) -> list[Settled]:
    """Return the facts that a merge of two manifests has to decide, each with its current session.

    These are facts of sessions that both sides have, whose keys both sides use, that a side
    revised, or whose text a side erased. Conflicts within one side are left to `settle`.

    Args:
        ours, theirs: the bytes of two manifests.
    """
    erased = erased_in(ours, theirs)
    every = [split_lines(side) for side in (ours, theirs)]
    lines = [set(without_erased(side, erased)) for side in every]
    gone = list(_sessions({line for side in every for line in side} - lines[0] - lines[1]))
    shared = lines[0] & lines[1]
    new = [side - shared for side in lines]
    mine, yours = (list(_sessions(side)) for side in new)
    keys = {s.key for s in mine} & {s.key for s in yours} | {s.key for s in gone}
    names = {name_of_fact(s) for s in mine} & {name_of_fact(s) for s in yours}
    names |= {name_of_fact(s) for s in gone}
    changed = {r.of for side in new for r in _revisions(side)}
    if not (keys or names or changed):
        return []
    both = lines[0] | lines[1]
    if changed:
        facts = list(_sessions(both))
        names |= {name_of_fact(s) for s in facts if identity_of(s) in changed}
        keys |= {s.key for s in facts if name_of_fact(s) in names}
    else:
        near = (s for s in (*mine, *yours, *gone) if s.key in keys or name_of_fact(s) in names)
        times = {s.time for s in near}
        facts = list(_sessions({line for line in both if _time_in(line) in times}))
    settled = settle(facts, list(_revisions(both)))
    found = {fact.key for fact, _ in settled}
    settled += [Settled(s, s) for s in facts if s.key in keys and s.key not in found]
    now = {name_of_fact(fact): becomes for fact, becomes in settled}
    settled += [Settled(s, now[name_of_fact(s)]) for s in gone if name_of_fact(s) in now]
    return [
        p
        for p in settled
        if not keys.isdisjoint((p.session.key, p.becomes.key)) or name_of_fact(p.session) in names
    ]


def other_versions(
    facts: Iterable[Fact], gone: Sequence[Fact], settled: Sequence[Settled]
) -> Iterator[Settled]:
    """Yield former states of sessions (erased facts, revisions), each with the current session.

    Another clone may have written its rows from such a state: under another key, or with texts of
    which a merge by lines leaves fragments.

    Args:
        facts: all facts of a manifest.
        gone: the facts that were erased.
        settled: all sessions of the manifest.
    """
    revisions = [fact for fact in facts if isinstance(fact, Revision)]
    if not (revisions or gone):
        return
    now = {identity_of(fact): becomes for fact, becomes in settled}
    bases = defaultdict(list)
    for fact in (*(pair.session for pair in settled), *gone):
        if isinstance(fact, Session):
            bases[identity_of(fact)].append(fact)
    for fact in gone:
        if isinstance(fact, Session) and identity_of(fact) in now:
            yield Settled(fact, now[identity_of(fact)])
    for revision in revisions:
        for base in bases[revision.of]:
            if revision.of in now:
                yield Settled(revised(base, revision.changes), now[revision.of])


def moved_keys(settled: Iterable[Settled]) -> dict[tuple[str, str], Key]:
    """Return the new keys of the facts whose key changes; `name_in` names each fact.

    A fact keeps its key if its session has another time now.
    """
    return {
        name_in(fact): becomes.key
        for fact, becomes in settled
        if fact.key != becomes.key and fact.time == becomes.time
    }


def name_in(fact: Session) -> tuple[str, str]:
    """Return the key and the content of a session's fact, which together identify it."""
    return fact.key, content_line(fact)


def rekeyed_facts(pieces: Sequence[bytes], settled: Sequence[Settled]) -> list[bytes]:
    """Return the lines of a manifest with the current keys of its sessions, each fact once."""
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


def _time_in(line: bytes) -> str:
    """Return the time of the session on a line, without decoding the line as JSON."""
    return key_time(FACTS.named_key(line) or "")


def _sessions(lines: Iterable[bytes]) -> Iterator[Session]:
    facts = map(read_fact, lines)
    return (fact for fact in facts if isinstance(fact, Session))


def _revisions(lines: Iterable[bytes]) -> Iterator[Revision]:
    facts = (read_fact(line) for line in lines if _REVISION in line)
    return (fact for fact in facts if isinstance(fact, Revision))
