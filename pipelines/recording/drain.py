"""Record the sessions whose events hooks left in the spool.

1. The sessions of a run are written to the pending store at once; their events are removed when the
   sessions are durable. A run that is killed before that is repeated; each id is recorded once.
2. Every part of a session that ended is recorded, with or without commits. A session that the agent
   recorded itself is completed, not recorded again.
3. The next verb in any worktree records a session, whatever its worktree.
4. An unusable event is moved to `spool/broken` and reported; it does not block others.
5. The session that runs the verb is not over, and is left to a later verb.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from codec.agents.transcript_events import PartFacts, minutes
from codec.errors import EncodeError
from codec.manifest.facts import Revision
from codec.manifest.identity import History
from codec.manifest.jsonl import identity_of
from codec.records import NUMBER_LIMIT, Session
from pipelines.outcomes.errors import NotFound, StorageError
from pipelines.outcomes.findings import Finding
from pipelines.recording.claims import Claims, Span, head_at
from pipelines.recording.commit_graph import Past, read_past
from pipelines.recording.finishing import (
    known_history,
    known_parts,
    with_recording,
)
from pipelines.recording.recorded_ranges import Recorded, recorded_by, recorded_ranges
from pipelines.recording.session import Recording, new_session
from pipelines.recording.session_commits import Beginning, Stretch, Taken, commits_of_stretch
from pipelines.recording.spool import remove_old_claims, spool_of
from pipelines.recording.spooled_events import (
    NAMES,
    Part,
    parts_of,
    read_events,
    set_aside,
)
from pipelines.system.fs.files import remove
from pipelines.system.fs.locks import locked
from pipelines.system.git.local_state import refuse_planted
from pipelines.workspace import pending
from pipelines.workspace.git_patches import patch_of
from pipelines.workspace.git_queries import repository_of, subject_of
from pipelines.workspace.location import Workspace, at, moment, read_config

_SECOND: Final = 1000
#: The number of sessions that are recorded at once, and so of patches in memory.
_BATCH: Final = 16
#: Ids that session-codec chose because it did not know the agent's.
_OWN_ID: Final = re.compile(r"[0-9a-f]{16}")


class Drained(NamedTuple):
    """The result of a drain: recorded sessions and findings."""

    sessions: tuple[Session, ...] = ()
    findings: tuple[Finding, ...] = ()


class _Draining(NamedTuple):
    """The state of a drain."""

    workspace: Workspace
    spool: str
    claims: Claims
    past: Past | None
    known: Sequence[Recorded]
    findings: list[Finding]
    facts: list[Session | Revision]
    patches: list[bytes]

    def recorded(self) -> list[Recorded]:
        """Return the newest facts with commits; the facts of this run come first."""
        of_run = filter(None, map(recorded_by, reversed(self.facts)))
        return [*of_run, *self.known]

    def add(self, fact: Session | Revision, patch: bytes | None = None) -> None:
        """Add a fact that the run will write to the pending store."""
        self.facts.append(fact)
        if patch:
            self.patches.append(patch)

    def revise(self, history: History, becomes: Session, patch: bytes | None = None) -> None:
        """Add the revision of a recorded session."""
        from pipelines.recording.revising import revision_to  # a new session does not need it

        self.add(revision_to(history, becomes, "hook"), patch)


def drain(workspace: Workspace, *, within: str = "") -> Drained:
    """Record the sessions in the spool of a workspace.

    Args:
        workspace: the workspace of the spool, which its worktrees share.
        within: the agent's id of the session that asks, which is not over.

    Raises:
        Conflict: the spool is committed to the repository, or belongs to another user.
        WorkspaceLocked: another process is draining it.
        FormatError: the workspace's settings cannot be read.
        OSError: a file cannot be read or written; unrecorded events stay in the spool.
    """
    spool = spool_of(workspace.home)
    refuse_planted(spool, "a spool of events")
    with locked(os.path.join(spool, "lock"), wait=0):
        return _drain(workspace, spool, within)


def _drain(workspace: Workspace, spool: str, within: str) -> Drained:
    events, findings = read_events(spool)
    parts = parts_of(events)
    read_config(workspace)  # if it is broken, all events stay
    claims = Claims(parts)
    ready = [part for part in (_ready(part, within) for part in parts) if part is not None]
    sessions: list[Session] = []
    for first in range(0, len(ready), _BATCH):
        batch = ready[first : first + _BATCH]
        known = recorded_ranges(workspace)
        past = _past(workspace, [claims.span_of(part) for part in batch], known)
        run = _Draining(workspace, spool, claims, past, known, findings, [], [])
        sessions += _record_all(run, batch)
    remove_old_claims(spool)
    return Drained(sessions=tuple(sessions), findings=tuple(findings))


def _record_all(run: _Draining, parts: Sequence[Part]) -> list[Session]:
    """Record parts of sessions; return the new and changed sessions."""
    sessions: list[Session] = []
    done: list[Part] = []
    for part in parts:
        try:
            sessions += _record(run, part)
        except (EncodeError, UnicodeError) as e:
            run.findings.extend(set_aside(run.spool, event.name, str(e)) for event in part.events)
        except StorageError as e:
            message = f"a session of a hook waits: {e.problem}"
            run.findings.append(Finding(code="spool-waits", message=message, hint=e.hint))
        else:
            done.append(part)
    pending.put(run.workspace, run.facts, run.patches)
    for part in done:
        _forget(run.spool, part)
    return sessions


def _past(workspace: Workspace, spans: Sequence[Span], recorded: Sequence[Recorded]) -> Past | None:
    """Return the history of several sessions; None if each has to read its own."""
    placed = [span for span in spans if span.part.start is not None and span.head]
    if workspace.repository is None or len(placed) < 2:
        return None
    first = min(placed, key=lambda span: span.since)
    begun = first.part.start.entry.head if first.part.start else ""
    ends = (end for fact in recorded for end in fact.ends)
    heads = (*(span.head for span in placed), *ends)
    floor = [begun] if begun else []
    try:
        return read_past(workspace, repository_of(workspace), heads, floor, first.since // _SECOND)
    except StorageError:
        return None  # each session then reads its own, and reports the error


def _ready(part: Part, within: str) -> Part | None:
    """Return the events of a part that can be recorded; None if it goes on and no turn ended."""
    if part.session_id == within and part.is_last and not part.ended:
        return None
    return part if part.is_over() else part.until_stop()


def _forget(spool: str, part: Part) -> None:
    """Remove the events of a recorded part; a part that goes on keeps its start.

    Starts are removed first: an end that is left by an interruption has a recorded id.
    """
    for event in sorted(part.events, key=lambda e: e.entry.event != "start"):
        if part.is_over() or event.entry.event != "start":
            remove(os.path.join(spool, event.name))


def _record(run: _Draining, part: Part) -> list[Session]:
    """Record or complete a part of a session; return the session if it is new or changed."""
    known = known_parts(run.workspace, part.record_id)
    if part.start is None and known:
        return []  # a second hook reported the same event after the session was recorded
    span = run.claims.span_of(part)
    repository = _repository(run.workspace, part)
    recorded = run.recorded()
    own = known[-1] if known else None
    taken = _commits(run, repository, span, _without(recorded, own))
    if own is None and (adopted := _adopted(recorded, taken, span)):
        own = known_history(run.workspace, adopted.id)
        taken = _commits(run, repository, span, _without(recorded, own))
    since = _closed(known[:-1], span.facts_since)
    stated = span.files.facts(since, span.until)
    if own is None:
        recording = _recording(repository, span, stated, taken)
        keys = [fact.key for fact in run.facts if isinstance(fact, Session)]
        done = new_session(run.workspace, recording, keys)
        run.findings.extend(done.findings)
        if done.is_new:
            run.add(done.session, done.patch)
        return [done.session]
    if taken is not None and not _replaces(own, taken):
        more = _commits(run, repository, span, recorded)
        taken = _added(own, more) if more is not None else None
    recording = _recording(repository, span, stated, taken)
    for earlier in known[:-1]:
        _complete_earlier(run, earlier, span, known)
    becomes = with_recording(own.session, recording)
    if becomes == own.session:
        return []
    run.revise(own, becomes, recording.patch)
    return [becomes]


def _closed(earlier: Sequence[History], since: int) -> int:
    """Return the start of a part's last session: the time when the previous one was recorded."""
    return _time_of(earlier[-1].session) if earlier else since


def _complete_earlier(
    run: _Draining, history: History, span: Span, known: Sequence[History]
) -> None:
    """Complete a session from the transcript, if another session of the same part followed it."""
    at_ = [h.base.id for h in known].index(history.base.id)
    since = _closed(known[:at_], span.facts_since)
    stated = span.files.facts(since, _time_of(history.session))
    recording = Recording(
        agent=history.session.agent, task="", tokens_used=stated.tokens,
        duration_min=minutes(stated.work) if stated.work is not None else None,
    )  # fmt: skip
    becomes = with_recording(history.session, recording)
    if becomes != history.session:
        run.revise(history, becomes)


def _time_of(session: Session) -> int:
    return int(datetime.fromisoformat(session.time).replace(tzinfo=UTC).timestamp() * _SECOND)


def _repository(workspace: Workspace, part: Part) -> Workspace:
    """Return the workspace in which a part ran, if it still exists and is in git; else this one."""
    root = os.fsdecode(part.events[0].entry.root)
    if os.path.realpath(root) == os.path.realpath(workspace.root) or not os.path.isdir(root):
        return workspace
    found = at(root)
    return found if found.repository is not None else workspace


def _without(recorded: Sequence[Recorded], own: History | None) -> list[Recorded]:
    identity = identity_of(own.base) if own is not None else ""
    return [fact for fact in recorded if fact.identity != identity]


def _commits(
    run: _Draining, repository: Workspace, span: Span, recorded: Sequence[Recorded]
) -> Taken | None:
    """Return the commits of a part of a session; None if they are unknown."""
    start = span.part.start
    if repository.repository is None or not span.head or not span.since:
        return None
    first = start.entry.head if start else head_at(span.root, span.since)
    stretch = Stretch(
        head=span.head,
        begun=Beginning(first, span.since // _SECOND),
        until=span.until // _SECOND,
        root=span.root,
        branch=span.part.last.entry.branch,
        whose=run.claims.attribution(span),
    )
    try:
        return commits_of_stretch(repository, stretch, recorded, run.past)
    except NotFound as e:
        message = f"the commits of a session are not known: {e.problem}"
        run.findings.append(Finding(code="commits-unknown", message=message, level="note"))
        return None


def _adopted(recorded: Sequence[Recorded], taken: Taken | None, span: Span) -> Session | None:
    """Return a session that was recorded without an id while this part ran, with its commits."""
    for fact in recorded:
        session = fact.session
        if session is None or taken is None or not _OWN_ID.fullmatch(session.id):
            continue
        time = _time_of(session)
        if span.since - _SECOND < time <= span.until + _SECOND and taken.made & {*fact.ends}:
            return session
    return None


def _replaces(own: History, taken: Taken) -> bool:
    """Return True if the found commits include all recorded commits of a session."""
    session = own.session
    ranges = session.commits_of or ((session.range,) if session.range else ())
    ends = {commits.rpartition("..")[2] for commits in ranges}
    return ends <= taken.made and not (session.patch and not ranges)


def _added(own: History, more: Taken) -> Taken | None:
    """Return the recorded commits of a session, and further ones."""
    session = own.session
    ranges = session.commits_of or ((session.range,) if session.range else ())
    if not ranges or not more.ranges:
        return None
    commits = (session.metrics.commits or 0) + more.commits
    return Taken((*ranges, *more.ranges), commits, subject=more.subject)


def _recording(
    repository: Workspace, span: Span, stated: PartFacts, taken: Taken | None
) -> Recording:
    """Return the recording for a part of a session."""
    part = span.part
    made = taken if taken is not None and taken.commits else None
    task = stated.prompt if read_config(repository).prompts else ""
    if not task and made is not None:
        task = made.subject or subject_of(repository, made.ranges[-1].rpartition("..")[2])
    models = (event.input.model for event in reversed(part.events))
    work = stated.work
    if work is None and part.start is not None:
        work = max(span.until - span.since, 0)
    return Recording(
        agent=stated.model or next(filter(None, models), "") or NAMES[part.agent],
        task=task or _branch(part),
        patch=patch_of(repository, made.ranges) if made is not None else None,
        ranges=made.ranges if made is not None else None,
        commits=taken.commits if taken is not None else None,
        duration_min=minutes(work) if work is not None else None,
        tokens_used=stated.tokens if (stated.tokens or 0) < NUMBER_LIMIT else None,
        id=part.record_id,
        time=f"{moment(datetime.fromtimestamp(span.until // _SECOND, UTC))[:19]}Z",
    )


def _branch(part: Part) -> str:
    """Return the name of the branch if it describes a task, else empty."""
    name = part.last.entry.branch.encode(errors="replace").decode()
    return "" if name in {"main", "master", "trunk", "develop"} else name
