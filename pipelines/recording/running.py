"""Find the session that runs a verb, by variables that agents export.

Claude Code exports `CLAUDE_CODE_SESSION_ID`, Codex `CODEX_THREAD_ID`, and our plugin for OpenCode
`OPENCODE_SESSION_ID`. If one agent runs another, commands have both variables; the agent whose
process is nearer counts.

Every `record` loads this module, so it imports the reader of events only if the spool has events.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.errors import FormatError
from pipelines.recording.spool import spool_of, waiting
from pipelines.system.git.worktree import ancestors, repository_of
from pipelines.workspace.location import Workspace

if TYPE_CHECKING:
    from pipelines.recording.attribution import Attribution
    from pipelines.recording.session_commits import Beginning
    from pipelines.recording.spooled_events import Event, Part

VARIABLES: Final = {
    "codex": "CODEX_THREAD_ID",
    "claude": "CLAUDE_CODE_SESSION_ID",
    "opencode": "OPENCODE_SESSION_ID",
}
_STARTS: Final = 32
_FAR: Final = 1 << 16
_SECOND: Final = 10**9
_STILL_RUNNING: Final = 1 << 62


class Running(NamedTuple):
    """The session that runs a verb.

    Attributes:
        session_id: the agent's id of it; empty for a command of a user.
        record_id: the id under which it is recorded; empty for a command of a user.
        begun: HEAD of this worktree at its beginning; None if no hook saw it.
        whose: decides between sessions that run at the same time; None without others.
    """

    session_id: str = ""
    record_id: str = ""
    begun: Beginning | None = None
    whose: Attribution | None = None


def session_ids() -> dict[str, str]:
    """Return the sessions that the environment names, by agent."""
    found = {agent: os.environ.get(name, "") for agent, name in VARIABLES.items()}
    return {agent: name for agent, name in found.items() if name and name.isprintable()}


def asking_session(workspace: Workspace) -> str:
    """Return the agent's id of the session that runs a verb; empty without one."""
    names = session_ids()
    if len(names) < 2:
        return next(iter(names.values()), "")
    return _nearest(names, _starts(workspace))


def running_session(workspace: Workspace, root: str) -> Running:
    """Return the session that runs a verb, and HEAD at its beginning.

    Args:
        workspace: the workspace of the session.
        root: the real path of the worktree whose commits are searched.
    """
    names = session_ids()
    parts = _parts(workspace)
    if not names:
        here = [p for p in parts if _root_of(p) == root]
        return Running(begun=_begun(here[-1], root)) if here else Running()
    name = _nearest(names, [event for part in parts for event in part.events])
    own = [part for part in parts if part.session_id == name and part.start is not None]
    if not own:
        return Running(session_id=name, record_id=name)
    begun = _begun(own[-1], root)
    whose = None
    if len(parts) > 1:
        from pipelines.recording.claims import Claims

        claims = Claims(parts)
        whose = claims.attribution(claims.span_of(own[-1])._replace(until=_STILL_RUNNING))
    return Running(name, own[-1].record_id, begun, whose)


def _parts(workspace: Workspace) -> list[Part]:
    """Return the running sessions that hooks saw, the oldest first."""
    starts = _starts(workspace)
    if not starts:
        return []
    from pipelines.recording.spooled_events import parts_of

    return parts_of(starts)


def _starts(workspace: Workspace) -> list[Event]:
    """Return the starts of unrecorded sessions, the oldest first."""
    spool = spool_of(workspace.home)
    names = [name for name in waiting(spool) if name.endswith(".start")][-_STARTS:]
    if not names:
        return []
    from pipelines.recording.spooled_events import read_event

    found = []
    for name in names:
        try:
            event = read_event(spool, name)
        except (FormatError, OSError, ValueError, OverflowError):
            continue  # draining the spool reports it
        if event is not None:
            found.append(event)
    return found


def _nearest(names: dict[str, str], starts: Sequence[Event]) -> str:
    """Return the session whose process is the nearest ancestor of ours."""

    from pipelines.recording.agent_process import distance_to

    def distance(name: str) -> int:
        own = [e for e in starts if e.input.session_id == name and e.entry.process]
        found = distance_to(own[-1].entry.process) if own else None
        return _FAR if found is None else found

    return min(names.values(), key=distance)


def _begun(part: Part, root: str) -> Beginning:
    """Return the commit that HEAD had in a worktree when a session began."""
    from pipelines.recording.session_commits import Beginning

    entry = part.events[0].entry
    commit = entry.head
    if _root_of(part) != root:
        from pipelines.recording.claims import head_at

        commit = head_at(root, entry.time // 10**6)
    return Beginning(commit, entry.time // _SECOND)


def _root_of(part: Part) -> str:
    root = os.fsdecode(part.events[0].entry.root)
    return os.path.realpath(repository_of(ancestors(root)) or root)
