"""Group the events in the spool into parts of sessions.

1. A part of a session is the work of one process of an agent, from its start to its end. A session
   that is resumed has another part. A start after a compaction does not begin a part.
2. A part is over when its end was recorded, when another part of the session began, or when its
   process ended. If the state of the process is unknown, a day without events ends it.
3. The end of a turn (`stop`) completes the work so far. It is recorded, and completed later.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple

from codec.agents.hook_input import HookInput, decode_input
from codec.agents.spool_entry import HEAD_LIMIT, TAIL_LIMIT, Entry, decode_entry
from codec.errors import FormatError
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_process import has_ended
from pipelines.recording.spool import BROKEN, SILENCE, spool_of, waiting
from pipelines.system.fs.files import make_folder, move
from pipelines.system.git.local_state import is_foreign
from pipelines.workspace.location import Workspace

#: The names of agents whose model is unknown.
NAMES: Final = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini-cli",
    "opencode": "opencode",
    "cursor": "cursor",
}
_ENTRY_LIMIT: Final = HEAD_LIMIT + TAIL_LIMIT + (1 << 16)


class Event(NamedTuple):
    """An event in the spool, and the name of its file."""

    name: str
    entry: Entry
    input: HookInput


class Part(NamedTuple):
    """A part of a session.

    Attributes:
        events: the events, the oldest first.
        is_last: no later part of the session is known.
    """

    events: tuple[Event, ...]
    is_last: bool = True

    @property
    def session_id(self) -> str:
        """Return the agent's id of the session."""
        return self.events[0].input.session_id

    @property
    def agent(self) -> str:
        """Return the agent, by the name with which its hooks are called."""
        return self.events[0].entry.agent

    @property
    def start(self) -> Event | None:
        """Return the start of the session; None if no hook saw it."""
        first = self.events[0]
        return first if first.entry.event == "start" else None

    @property
    def last(self) -> Event:
        """Return the newest event of the session."""
        return self.events[-1]

    @property
    def ended(self) -> bool:
        """Return True if a hook saw the end of the session."""
        return any(event.entry.event == "end" for event in self.events)

    @property
    def record_id(self) -> str:
        """Return the id to record it with: the session's id, with the time if it was resumed."""
        start = self.start
        if start is None or start.input.source != "resume":
            return self.session_id
        return f"{self.session_id}#{start.entry.time // 10**6}"

    @property
    def transcript(self) -> str:
        """Return the path of its transcript; empty if the agent named none."""
        paths = (event.input.transcript_path for event in reversed(self.events))
        return next(filter(None, paths), "")

    def until_stop(self) -> Part | None:
        """Return the part up to the end of its last turn; None if no turn ended."""
        last = max((n for n, e in enumerate(self.events, 1) if e.entry.event == "stop"), default=0)
        return self._replace(events=self.events[:last]) if last else None

    def is_over(self) -> bool:
        """Return True if no event can follow."""
        if self.ended or not self.is_last:
            return True
        processes = [e.entry.process for e in self.events if e.entry.process]
        gone = has_ended(processes[-1]) if processes else None
        return gone or (gone is None and time.time_ns() - self.last.entry.time > SILENCE)


def read_events(spool: str) -> tuple[list[Event], list[Finding]]:
    """Return the events in the spool, oldest first; set aside files that are not events."""
    events: list[Event] = []
    findings: list[Finding] = []
    for name in waiting(spool):
        try:
            event = read_event(spool, name)
        except FileNotFoundError:
            continue  # recorded by another process
        except (FormatError, OSError, ValueError, OverflowError) as e:
            findings.append(set_aside(spool, name, str(e)))
        else:
            if event is not None:
                events.append(event)
    return sorted(events, key=lambda e: (e.entry.time, e.name)), findings


def read_event(spool: str, name: str) -> Event | None:
    """Return an event; None if another user owns it, because that user's verbs record it.

    Raises:
        FormatError, ValueError, OverflowError: it is not an event.
        OSError: it cannot be read.
    """
    path = os.path.join(spool, name)
    if is_foreign(path):
        return None
    entry = decode_entry(read_file(path, _ENTRY_LIMIT, follow=False))
    if entry.agent not in NAMES:
        raise FormatError(f"unknown agent {entry.agent!r}")
    time_of(entry)
    return Event(name, entry, decode_input(entry.data))


def parts_of(events: Iterable[Event]) -> list[Part]:
    """Return the parts of sessions, in the order of their newest events."""
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        groups.setdefault((event.entry.agent, event.input.session_id), []).append(event)
    parts = [part for group in groups.values() for part in _parts(group)]
    return sorted(parts, key=lambda part: part.last.entry.time)


def _parts(events: Sequence[Event]) -> Iterator[Part]:
    """Yield the parts of one session."""
    current: list[Event] = []
    for event in events:
        if current and _begins(event, current):
            yield Part(tuple(current), is_last=False)
            current = []
        current.append(event)
    if current:
        yield Part(tuple(current))


def _begins(event: Event, before: Sequence[Event]) -> bool:
    """Return True if an event begins another part."""
    if event.entry.event != "start" or event.input.source == "compact":
        return False
    if any(e.entry.event == "end" for e in before):
        return True
    processes = [e.entry.process for e in before if e.entry.process]
    if event.entry.process and processes:
        return event.entry.process != processes[-1]
    return event.input.source == "resume"


def time_of(entry: Entry) -> datetime:
    """Return the time of an event.

    Raises:
        OverflowError, ValueError: it is outside of the calendar.
    """
    return datetime.fromtimestamp(entry.time // 10**9, UTC)


def set_aside(spool: str, name: str, why: str) -> Finding:
    """Move an unusable event to another folder, so that it is kept but not read again."""
    make_folder(os.path.join(spool, BROKEN))
    move(os.path.join(spool, name), os.path.join(spool, BROKEN, name))
    return broken(name, f"an event cannot be used and is set aside: {why}")


def broken(name: str, message: str) -> Finding:
    """Return a finding on an event that was set aside."""
    return Finding(
        code="spool-broken",
        message=message,
        file=f".session-codec/spool/{BROKEN}/{name}",
        hint="Inspect the file, record its session with 'session-codec record', and delete it",
    )


def spool_findings(workspace: Workspace) -> list[Finding]:
    """Return findings on waiting and on unusable spool entries."""
    spool = spool_of(workspace.home)
    found = []
    count = sum(not name.endswith(".start") for name in waiting(spool))
    if count:
        message = f"events of hooks that wait to be recorded: {count}"
        hint = "'session-codec context' records them"
        found.append(Finding(code="spool-waits", message=message, level="note", hint=hint))
    with suppress(FileNotFoundError):
        names = sorted(os.listdir(os.path.join(spool, BROKEN)))
        found += [broken(name, "an event that cannot be used was set aside") for name in names]
    return found


def read_file(path: str, limit: int, *, follow: bool) -> bytes:
    """Return the beginning of a file.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    fd = os.open(path, flags if follow else flags | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a file", path)
        with open(fd, "rb", closefd=False) as f:
            return f.read(limit)
    finally:
        os.close(fd)
