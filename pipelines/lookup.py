"""From what a person calls a session to the session.

A name is a key, the beginning of one, `latest`, or `latest~N`, the Nth before the latest. Only
sessions that exist are found: those with a delta line and a manifest line.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from codec.errors import FormatError
from codec.manifest import decode_fact
from codec.records import Session, key_time
from pipelines.errors import Conflict, NotFound
from pipelines.files import mapped, read_bytes
from pipelines.workspace import DELTAS, MANIFEST, Workspace

_KEY_OF_LINE = re.compile(rb"^([^ |\n]+) \| [^\n]*\n", re.M)
_LATEST = re.compile(r"latest(?:~(?P<back>\d{1,9}))?")
_NAMED = 5


def find_session(workspace: Workspace, name: str) -> Session:
    """The session that a name means.

    Raises:
        NotFound: there is none; the nearest keys are named.
        Conflict: several keys begin with it.
        FormatError: its line in the manifest cannot be read.
    """
    return _read_fact(workspace, find_key(workspace, name))


def find_key(workspace: Workspace, name: str) -> str:
    """The key that a name means; raises as `find_session` does."""
    found: list[bytes] = _KEY_OF_LINE.findall(read_bytes(workspace.path(DELTAS)))
    keys = sorted({k.decode(errors="replace") for k in found}, key=lambda k: (key_time(k), k))
    latest = _LATEST.fullmatch(name)
    if latest:
        back = int(latest["back"] or 0)
        if back >= len(keys):
            count = f"there are only {len(keys)} sessions" if keys else "there are no sessions yet"
            raise NotFound(f"{name}: {count}")
        return keys[-1 - back]
    keys.sort()
    at = bisect_left(keys, name)
    if at < len(keys) and keys[at] == name:
        return name
    fitting = [k for k in keys[at : at + _NAMED + 1] if k.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        more = ", ..." if len(fitting) > _NAMED else ""
        raise Conflict(
            f"several sessions begin with {name}",
            hint=f"Name one: {', '.join(fitting[:_NAMED])}{more}",
        )
    nearest = keys[max(0, at - 2) : at + 2]
    raise NotFound(
        f"{name}: no such session",
        hint=f"Nearest: {', '.join(nearest)}" if nearest else "The workspace has no sessions",
    )


def _read_fact(workspace: Workspace, key: str) -> Session:
    """A session's line of the manifest, found without reading all of it as JSON."""
    path = workspace.path(MANIFEST)
    needle = f'"key":"{key}"'.encode()
    with mapped(path) as data:
        at = data.find(needle)
        while at >= 0:
            start = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at)
            fact = _decoded(data[start : end if end >= 0 else len(data)])
            if isinstance(fact, Session) and fact.key == key and end >= 0:
                return fact
            at = data.find(needle, at + 1)
    raise NotFound(
        f"{key}: has a delta line and no line in {MANIFEST}",
        hint="The line was added by hand, or the manifest's was lost in a merge: see git history",
    )


def _decoded(line: bytes) -> object:
    try:
        return decode_fact(line.decode(errors="replace"))
    except FormatError:
        return None  # a line that says the key and is no fact
