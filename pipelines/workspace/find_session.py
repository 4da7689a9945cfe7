"""Resolve a user-supplied name to a session.

A name is a key, the beginning of one, `latest`, or `latest~N`, the Nth before the latest. The keys
are those of the delta lines. If these do not have the name, the manifest is read: after a merge,
sessions of the same second get different keys there before the delta lines are repaired.
"""

from __future__ import annotations

import mmap
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from codec.kinds import Key
from codec.manifest.fact_lines import read_fact
from codec.manifest.jsonl import identity_of
from codec.names import key_time
from codec.records import Session
from codec.shown_text import counted
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.workspace.location import DELTAS, MANIFEST, Workspace
from pipelines.workspace.reading import mapped_file, read_file, read_manifest

if TYPE_CHECKING:
    from pipelines.workspace.manifest_view import Manifest

_KEY_OF_LINE = re.compile(rb"^([^ |\n]+) \| [^\n]*\n", re.M)
_LATEST = re.compile(r"latest(?:~(?P<back>\d{1,9}))?")
_NAMED = 5
_FOLLOWS: Final = b'"follows"'
#: Kinds of facts that change sessions of other facts.
_REVISING: Final = (b'"revision"', b'"purged-text"')


def find_session(workspace: Workspace, name: str) -> Session:
    """Return the session with a name, as it is now.

    Raises:
        NotFound: no session has the name; the error lists the nearest keys.
        Conflict: several keys begin with the name.
    """
    return _read_fact(workspace, find_key(workspace, name))


def find_key(workspace: Workspace, name: str) -> Key:
    """Return the key for a name; raises the errors of `find_session`."""
    found: list[bytes] = _KEY_OF_LINE.findall(read_file(workspace, DELTAS))
    try:
        return _key_among(workspace, {Key(k.decode(errors="replace")) for k in found}, name)
    except NotFound:
        return _key_among(workspace, read_manifest(workspace).sessions, name)


def _key_among(workspace: Workspace, found: Collection[Key], name: str) -> Key:
    """Return the one of the given keys that has a name; raises the errors of `find_session`."""
    if not name:
        raise NotFound("the key is empty", hint="'latest' is the newest session")
    keys = sorted(found, key=lambda k: (key_time(k), k))
    latest = _LATEST.fullmatch(name)
    if latest:
        keys = _in_order(workspace, keys)
        back = int(latest["back"] or 0)
        if back >= len(keys):
            count = f"only {counted(len(keys), 'session')}" if keys else "no session"
            raise NotFound(f"{name}: the workspace has {count}")
        return keys[-1 - back]
    keys.sort()
    at = bisect_left(keys, name)
    if at < len(keys) and keys[at] == name:
        return keys[at]
    fitting = [k for k in keys[at : at + _NAMED + 1] if k.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        more = ", ..." if len(fitting) > _NAMED else ""
        raise Conflict(
            f"several sessions begin with {name}",
            hint=f"Use one of: {', '.join(fitting[:_NAMED])}{more}",
        )
    nearest = keys[max(0, at - 2) : at + 2]
    raise NotFound(
        f"{name}: no such session",
        hint=f"Nearest: {', '.join(nearest)}" if nearest else "The workspace has no sessions",
    )


def _in_order(workspace: Workspace, keys: list[Key]) -> list[Key]:
    """Return keys, sorted by time, in the order in which their sessions happened."""
    with mapped_file(workspace, MANIFEST) as data:
        if data.find(_FOLLOWS) < 0:
            return keys
    ranks = {s.key: rank for rank, s in enumerate(read_manifest(workspace).in_order())}
    known = iter(sorted((key for key in keys if key in ranks), key=ranks.__getitem__))
    return [next(known) if key in ranks else key for key in keys]


def current(workspace: Workspace, fact: Session) -> Session:
    """Return a session as it is now, given one of its facts; a revision may have changed it."""
    with mapped_file(workspace, MANIFEST) as data:
        if not _is_revised(data) and len(list(_facts_with(data, fact.key))) == 1:
            return fact
    manifest = read_manifest(workspace)
    identity = identity_of(fact)
    found = (s for s in manifest.sessions.values() if manifest.identity(s.key) == identity)
    return next(found, fact)


def _read_fact(workspace: Workspace, key: Key) -> Session:
    """Return the session with a key, without decoding all of the manifest."""
    with mapped_file(workspace, MANIFEST) as data:
        facts = list(_facts_with(data, key))
        if len(facts) == 1 and not _is_revised(data):
            return facts[0]
    return session_of(read_manifest(workspace), key)


def session_of(manifest: Manifest, key: Key) -> Session:
    """Return the session of the manifest with a key.

    Raises:
        NotFound: only a delta line has the key.
    """
    session = manifest.sessions.get(key)
    if session is None:
        raise NotFound(
            f"{key}: has a delta line and no line in {MANIFEST}",
            hint="The line was added by hand, or the manifest's was lost in a merge: see git "
            "history",
        )
    return session


def _is_revised(data: mmap.mmap | bytes) -> bool:
    """Return True if a session may differ from its fact."""
    return any(data.find(kind) >= 0 for kind in _REVISING)


def _facts_with(data: mmap.mmap | bytes, key: Key) -> Iterator[Session]:
    """Yield the facts of sessions with a key."""
    needle = f'"key":"{key}"'.encode()
    at = data.find(needle)
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        fact = read_fact(data[start : end if end >= 0 else len(data)])
        if isinstance(fact, Session) and fact.key == key and end >= 0:
            yield fact
        at = data.find(needle, at + 1)
