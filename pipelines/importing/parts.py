"""Match the parts of transcripts with sessions that are already recorded.

1. A session is identified by the agent's id: hooks and `record` put it into the id of the session
   (`NAME`, `NAME#TIME` for a part that was resumed, `NAME~2` for a further task), `import` into the
   field `transcript`.
2. A part that was resumed begins at its time. Of several tasks in a part, each ends when it was
   recorded, and the next one begins then.
3. A part that nobody recorded is a new session, with the agent's id as its id.
4. A session that was recorded without the agent's id is matched by the output of its `record`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from codec.agents.transcript_events import Command
from codec.manifest.identity import History
from codec.records import Session
from pipelines.workspace.manifest_view import Manifest

#: A time later than all times of transcripts, in milliseconds.
END: Final = 1 << 62
_SECOND: Final = 1000
_ID: Final = re.compile(r"(?P<name>[^#~]*)(?:#(?P<since>\d{1,18}))?(?:~(?P<number>\d{1,9}))?")
#: An id that session-codec chose because it did not know the agent's.
_OWN_ID: Final = re.compile(r"[0-9a-f]{16}")


class Part(NamedTuple):
    """A part of a session.

    Attributes:
        history: the history, as it is recorded; None if it is new.
        since, until: its first and last millisecond since 1970.
    """

    history: History | None
    since: int = 0
    until: int = END


class Known:
    """The sessions of a workspace, by the agents' ids."""

    def __init__(self, manifest: Manifest) -> None:
        self._by_name: defaultdict[str, list[History]] = defaultdict(list)
        self._unnamed: dict[str, History] = {}
        for key, session in manifest.sessions.items():
            history = manifest.history(key)
            if name := agents_id(session):
                self._by_name[name].append(history)
            elif _OWN_ID.fullmatch(session.id):
                self._unnamed[key] = history

    @property
    def has_unnamed(self) -> bool:
        """Return True if a session was recorded without an agent's id."""
        return bool(self._unnamed)

    def parts(self, name: str, more: Sequence[History] = ()) -> list[Part]:
        """Return the parts of a session, in order; a part has no history if nobody recorded it.

        Args:
            name: the agent's id of the session.
            more: sessions that were recorded without the id.
        """
        return list(_parts([*self._by_name.get(name, ()), *more]))

    def recorded_by(self, commands: Iterable[Command]) -> list[History]:
        """Return the sessions that commands recorded without the agent's id."""
        outputs = [c.output for c in commands if "session-codec" in c.text and "record" in c.text]
        found = {word for output in outputs for word in output.split()}
        return [self._unnamed[key] for key in sorted(found & self._unnamed.keys())]


def agents_id(session: Session) -> str:
    """Return the agent's id of a recorded session; empty if it is not known."""
    if session.transcript is not None:
        return session.transcript.session
    found = _ID.fullmatch(session.id)
    return "" if found is None or _OWN_ID.fullmatch(session.id) else found["name"]


def milliseconds(time: str) -> int:
    """Return the milliseconds from 1970 to a v2 time."""
    moment = datetime.fromisoformat(time)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * _SECOND)


def _parts(histories: Sequence[History]) -> Iterator[Part]:
    roots: defaultdict[int, list[History]] = defaultdict(list)
    for history in histories:
        found = _ID.fullmatch(history.base.id)
        roots[int(found["since"] or 0) if found else 0].append(history)
    starts = sorted(roots)
    if not starts:
        yield Part(None)
        return
    if starts[0]:
        yield Part(None, 0, starts[0] - 1)
    for start, following in zip(starts, [*starts[1:], END + 1], strict=True):
        since = start
        tasks = sorted(roots[start], key=lambda h: (_ended(h.session), h.session.key))
        for number, history in enumerate(tasks, 1):
            last = number == len(tasks)
            until = following - 1 if last else max(_ended(history.session), since)
            yield Part(history, since, until)
            since = until + 1


def _ended(session: Session) -> int:
    """Return the time when a session was recorded; for an imported session, its start."""
    time = session.transcript.until if session.transcript is not None else session.time
    return milliseconds(time) + _SECOND - 1


def by_person(history: History) -> Mapping[str, object]:
    """Return the fields of a session that the user changed."""
    return {
        name: value
        for revision in history.revisions
        if revision.by == "person"
        for name, value in revision.changes.items()
    }
