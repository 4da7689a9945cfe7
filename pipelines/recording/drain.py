"""Sessions of the events that hooks left in the spool: what waits is recorded, then removed.

1. An event is removed once its session is durable in the workspace. A run that is killed between
   the two is repeated by the next, and an id is recorded once.
2. A session is recorded once, by its agent's name of it. What it commits after that (it was
   resumed, or a turn ended and another began) is recorded as its continuation, so that no commit
   is lost; a continuation without a commit is none.
3. What an agent recorded itself is not recorded again: a session whose commits are all in recorded
   ranges is not recorded.
4. An event that cannot be used is set aside in `spool/broken` and named; it holds up nothing.
5. The end of a turn (`stop`) is what a session has done so far, for agents that do not tell of
   their end. The session that asks leaves its own to the time after it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from codec.agents.hook_input import HookInput, decode_input
from codec.agents.spool_entry import HEAD_LIMIT, TAIL_LIMIT, Entry, decode_entry
from codec.agents.transcripts import Told, read_transcript
from codec.errors import EncodeError, FormatError
from codec.manifest.jsonl import decode_fact
from codec.records import NUMBER_LIMIT, Session
from pipelines.errors import NotFound, StorageError
from pipelines.findings import Finding
from pipelines.fs.files import locked, make_folder, move, remove
from pipelines.git.local_state import is_foreign, refuse_planted
from pipelines.recording.session import Recording, keep_session
from pipelines.recording.session_commits import Beginning, Taken, commits_until, recorded_ends
from pipelines.recording.spool import BROKEN, spool_of, waiting
from pipelines.workspace.git_patches import patch_of
from pipelines.workspace.git_queries import subject_of
from pipelines.workspace.location import MANIFEST, Workspace, moment, read_config
from pipelines.workspace.reading import mapped_file

#: What an agent is called that does not tell its model.
NAMES: Final = {"claude": "claude-code", "codex": "codex"}
#: Of a transcript that is longer, the tokens are not known.
TRANSCRIPT_LIMIT: Final = 1 << 25
#: Folders where agents keep transcripts, and variables that name others.
_AGENT_FOLDERS: Final = ("~/.claude", "~/.codex", "~/.gemini")
_AGENT_VARIABLES: Final = ("CLAUDE_CONFIG_DIR", "CODEX_HOME")
#: How much of the manifest's end is looked at for what the session recorded itself.
_RECENT: Final = 1 << 22
_ENTRY_LIMIT: Final = HEAD_LIMIT + TAIL_LIMIT + (1 << 16)
#: Nanoseconds after which the start of a session that never ended is forgotten.
_FORGOTTEN: Final = 90 * 86_400 * 10**9


class _Event(NamedTuple):
    """An event that waits, and the name of its file."""

    name: str
    entry: Entry
    input: HookInput


class Drained(NamedTuple):
    """What became of the spool: the sessions that were recorded, and what was noticed."""

    sessions: tuple[Session, ...] = ()
    findings: tuple[Finding, ...] = ()


def drain(workspace: Workspace, *, within: str = "") -> Drained:
    """Record the sessions that wait in the spool of a workspace.

    Args:
        workspace: whose spool; its worktrees share it, and each records its own.
        within: the session that asks, by its agent's name of it: it is not over.

    Raises:
        Conflict: the spool is committed to the repository, or is another user's.
        WorkspaceLocked: another process is at it, or is writing to the workspace.
        FormatError: the workspace's settings cannot be read.
        OSError: something cannot be read or written; what was not recorded still waits.
    """
    spool = spool_of(workspace.home)
    refuse_planted(spool, "a spool of events")
    with locked(os.path.join(spool, "lock"), wait=0):
        return _drain(workspace, spool, within)


def spool_findings(workspace: Workspace) -> list[Finding]:
    """What waits in the spool, and what was set aside there."""
    spool = spool_of(workspace.home)
    found = []
    count = sum(not name.endswith(".start") for name in waiting(spool))
    if count:
        message = f"events of hooks that wait to be recorded: {count}"
        hint = "'session-codec context' records them"
        found.append(Finding(code="spool-waits", message=message, level="note", hint=hint))
    with suppress(FileNotFoundError):
        names = sorted(os.listdir(os.path.join(spool, BROKEN)))
        found += [_broken(name, "an event that cannot be used was set aside") for name in names]
    return found


def _drain(workspace: Workspace, spool: str, within: str) -> Drained:
    events, findings = _read_events(workspace, spool)
    groups: dict[tuple[str, str], list[_Event]] = {}
    for event in events:
        groups.setdefault((event.entry.agent, event.input.session_id), []).append(event)
    ready = [_ended(g) for (_, name), g in groups.items() if _is_over(g, within == name)]
    sessions: list[Session] = []
    for stretch in sorted(ready, key=lambda s: s[-1].entry.time):
        try:
            sessions += _record(workspace, stretch, findings)
        except (EncodeError, UnicodeError) as e:
            findings += [_set_aside(spool, event.name, str(e)) for event in stretch]
        except StorageError as e:
            message = f"a session of a hook waits: {e.problem}"
            findings.append(Finding(code="spool-waits", message=message, hint=e.hint))
        else:
            _forget(spool, stretch)
    if events:
        _forget_abandoned(spool, events)
    return Drained(sessions=tuple(sessions), findings=tuple(findings))


def _forget(spool: str, stretch: list[_Event]) -> None:
    """Remove events whose session is recorded; one that may go on keeps its start.

    The starts go first: an end alone is an id that is known.
    """
    for event in sorted(stretch, key=lambda e: e.entry.event != "start"):
        if event.entry.event != "start" or stretch[-1].entry.event == "end":
            remove(os.path.join(spool, event.name))


def _forget_abandoned(spool: str, events: list[_Event]) -> None:
    """Remove the starts of sessions that nothing was heard of for long."""
    heard = {e.input.session_id: e.entry.time for e in events}
    for event in events:
        silent = events[-1].entry.time - heard[event.input.session_id]
        if event.entry.event == "start" and silent > _FORGOTTEN:
            remove(os.path.join(spool, event.name))


def _is_over(group: list[_Event], is_own: bool) -> bool:
    """Whether there is something to record."""
    ended = _ended(group)
    return bool(ended) and not (is_own and ended[-1].entry.event == "stop")


def _ended(group: list[_Event]) -> list[_Event]:
    """The events up to the last end; a start after it is of what is not over."""
    last = max((n for n, e in enumerate(group, 1) if e.entry.event != "start"), default=0)
    return group[:last]


def _read_events(workspace: Workspace, spool: str) -> tuple[list[_Event], list[Finding]]:
    """The events that are this workspace's, the oldest first, and those that are none."""
    events: list[_Event] = []
    findings: list[Finding] = []
    for name in waiting(spool):
        try:
            path = os.path.join(spool, name)
            if is_foreign(path):
                continue  # its user's own verbs record it
            entry = decode_entry(_read(path, _ENTRY_LIMIT, follow=False))
            if not _is_ours(workspace, entry.root):
                continue
            if entry.agent not in NAMES:
                raise FormatError(f"of an unknown agent {entry.agent!r}")
            _time(entry)
            events.append(_Event(name, entry, decode_input(entry.data)))
        except FileNotFoundError:
            continue  # recorded by another process
        except (FormatError, OSError, ValueError, OverflowError) as e:
            findings.append(_set_aside(spool, name, str(e)))
    return sorted(events, key=lambda e: (e.entry.time, e.name)), findings


def _read(path: str, limit: int, *, follow: bool) -> bytes:
    """The beginning of a file.

    Raises:
        OSError: it cannot be read, or is something else than a file.
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


def _is_ours(workspace: Workspace, root: bytes) -> bool:
    """Whether an event is of this workspace, or of a worktree that is gone."""
    path = os.fsdecode(root)
    if os.path.realpath(path) == os.path.realpath(workspace.root):
        return True
    return not os.path.exists(os.path.join(path, *MANIFEST.split("/")))


def _record(workspace: Workspace, stretch: list[_Event], findings: list[Finding]) -> list[Session]:
    """Record what a session did in a stretch of its events, which ends with an end."""
    first, last = stretch[0], stretch[-1]
    name = last.input.session_id
    begun = first.entry.event == "start"
    taken = _commits(workspace, first.entry if begun else None, last.entry, findings)
    if taken is not None and not taken.commits and taken.recorded:
        return []
    since = _time(first.entry) if begun else None
    if taken is not None and taken.ranges and (before := _recorded_until(workspace, taken)):
        since = _moment(before.time)
    recording = _recording(workspace, stretch, taken, since)
    recorded = keep_session(workspace, recording)
    if not recorded.is_new and taken is not None and taken.commits:
        since = _moment(recorded.session.time)
        more = recording._replace(
            id=f"{name}#{last.entry.head[:12]}",
            duration_min=_minutes(since, _time(last.entry)),
            tokens_used=None,  # the transcript has those of the whole
        )
        recorded = keep_session(workspace, more)
    findings += recorded.findings
    return [recorded.session] if recorded.is_new else []


def _recording(
    workspace: Workspace,
    stretch: list[_Event],
    taken: Taken | None,
    since: datetime | None,
) -> Recording:
    """Return what a stretch of events says about its session."""
    last = stretch[-1]
    told = _transcript(last.input)
    models = (e.input.model for e in reversed(stretch))
    made = taken is not None and taken.commits > 0
    prompt = told.prompt if read_config(workspace).prompts else ""
    task = prompt or (subject_of(workspace, last.entry.head) if made else "")
    return Recording(
        agent=told.model or next(filter(None, models), "") or NAMES[last.entry.agent],
        task=task or _branch(last.entry),
        patch=patch_of(workspace, taken.ranges) if taken is not None and made else None,
        ranges=taken.ranges if taken is not None and made else None,
        commits=taken.commits if taken is not None else None,
        duration_min=_minutes(since or _moment(told.began), _time(last.entry)),
        tokens_used=told.tokens if (told.tokens or 0) < NUMBER_LIMIT else None,
        id=last.input.session_id,
        time=f"{moment(_time(last.entry))[:19]}Z",
    )


def _recorded_until(workspace: Workspace, taken: Taken) -> Session | None:
    """Return the session whose range ends where these commits begin."""
    base = taken.ranges[0].partition("..")[0]
    found = (s for s in _recent(workspace) if s.range.partition("..")[2] == base)
    return next(found, None)


def _recent(workspace: Workspace) -> Iterator[Session]:
    """The sessions with a range at the end of the manifest."""
    with mapped_file(workspace, MANIFEST) as manifest:
        lines = manifest[-_RECENT:].split(b"\n")
    for line in lines:
        if b'"range":' in line:
            with suppress(FormatError):  # a line cut by where we began, or that verify tells of
                fact = decode_fact(line.decode(errors="replace"))
                if isinstance(fact, Session) and fact.range:
                    yield fact


def _commits(
    workspace: Workspace, first: Entry | None, last: Entry, findings: list[Finding]
) -> Taken | None:
    """Return the commits of a session; None where they are not known.

    Args:
        workspace: whose repository.
        first: the start of the session, None if no hook saw it.
        last: its end.
        findings: what was noticed is added.
    """
    if first is None or not last.head or workspace.repository is None:
        return None
    begun = Beginning(first.head, first.time // 10**9)
    is_here = os.path.realpath(os.fsdecode(last.root)) == os.path.realpath(workspace.root)
    ends = recorded_ends(workspace)
    try:
        return commits_until(workspace, last.head, begun, ends, has_reflog=is_here)
    except NotFound as e:
        message = f"the commits of a session are not known: {e.problem}"
        findings.append(Finding(code="commits-unknown", message=message, level="note"))
        return None


def _transcript(source: HookInput) -> Told:
    """Return what the transcript says; nothing if it cannot be read, or is not an agent's."""
    path = os.path.normpath(source.transcript_path)
    try:
        if not any(map(partial(_is_below, path), _transcript_folders())):
            return Told()
        data = _read(path, TRANSCRIPT_LIMIT + 1, follow=True)
    except (OSError, ValueError):
        return Told()
    told = read_transcript(data[:TRANSCRIPT_LIMIT].split(b"\n"), source.session_id)
    return told if len(data) <= TRANSCRIPT_LIMIT else told._replace(tokens=None)


def _transcript_folders() -> Iterator[str]:
    """Yield the folders in which agents keep transcripts; nothing else is read as one."""
    yield from map(os.path.expanduser, _AGENT_FOLDERS)
    yield from filter(os.path.isabs, (os.environ.get(name, "") for name in _AGENT_VARIABLES))


def _is_below(path: str, folder: str) -> bool:
    """Return True if a path is inside a folder, by its name or after following links."""
    real = os.path.realpath
    return os.path.isabs(path) and any(
        os.path.commonpath([top, inner]) == top
        for top, inner in ((os.path.normpath(folder), path), (real(folder), real(path)))
    )


def _branch(entry: Entry) -> str:
    """A branch that says what it is for."""
    name = entry.branch.encode(errors="replace").decode()
    return "" if name in {"main", "master", "trunk", "develop"} else name


def _time(entry: Entry) -> datetime:
    """The time of an event.

    Raises:
        OverflowError, ValueError: it is out of the calendar.
    """
    return datetime.fromtimestamp(entry.time // 10**9, UTC)


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _minutes(began: datetime | None, ended: datetime) -> int | None:
    if began is None or began > ended:
        return None
    return round((ended - began).total_seconds() / 60)


def _set_aside(spool: str, name: str, why: str) -> Finding:
    """Move an event out of the way, so that it is neither lost nor tried again."""
    make_folder(os.path.join(spool, BROKEN))
    move(os.path.join(spool, name), os.path.join(spool, BROKEN, name))
    return _broken(name, f"an event cannot be used and is set aside: {why}")


def _broken(name: str, message: str) -> Finding:
    return Finding(
        code="spool-broken",
        message=message,
        file=f".session-codec/spool/{BROKEN}/{name}",
        hint="Look at it, record its session with 'session-codec record', and remove it",
    )
