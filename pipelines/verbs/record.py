"""Record a session when its task is done.

The plan asks git for the patch; `recording.session.record_session` then writes everything.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.recording.session import Recorded, Recording, record_session
from pipelines.workspace.location import Workspace, read_config, writing

if TYPE_CHECKING:
    from codec.manifest.identity import History
    from codec.records import Session
    from pipelines.recording.running import Running


def plan(
    workspace: Workspace,
    recording: Recording,
    *,
    commits: str | None = None,
    worktree: bool = False,
    running: Running,
) -> Recording:
    """Return a recording with the facts from git added; change nothing.

    Args:
        workspace: the workspace of the repository.
        recording: the recording without the facts that git has.
        commits: `A..B`, `A...B`, or one commit for its changes; None for the session's commits.
        worktree: record uncommitted changes instead.
        running: the session that runs the verb.

    Raises:
        Denied: git does not trust the owner of the repository.
        NotFound: the repository does not have the commits, or the workspace is not in one.
        Unavailable: git is not installed, or failed.
    """
    from pipelines.workspace.git_patches import patch_of, worktree_patch

    if worktree:
        return recording._replace(patch=worktree_patch(workspace), commits=0)
    if commits is None:
        from pipelines.recording.session_commits import commits_until_now

        taken = commits_until_now(workspace, root_of(workspace), running.begun, running.whose)
        ranges, count = taken.ranges, taken.commits
    else:
        from pipelines.workspace.git_queries import resolve

        found, count = resolve(workspace, commits)
        ranges = (found,)
    return recording._replace(patch=patch_of(workspace, ranges), ranges=ranges, commits=count)


def apply(workspace: Workspace, recording: Recording, running: Running) -> Recorded:
    """Record a session, or complete one that a hook recorded while it was running.

    Args:
        workspace: the workspace to record in.
        recording: the session; without an id it gets that of the running session.
        running: the session that runs the verb.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
        EncodeError: the formats cannot hold it.
        WorkspaceLocked: another process was writing for too long.
    """
    if recording.id or not running.record_id:
        return record_session(workspace, recording)
    from pipelines.recording.finishing import known_parts, numbered

    known = known_parts(workspace, running.record_id)
    if known and _is_bare(known[-1].session):
        return _complete(workspace, known[-1], recording)
    name = numbered(running.record_id, len(known))
    return record_session(workspace, recording._replace(id=name))


def root_of(workspace: Workspace) -> str:
    """Return the real path of a workspace's worktree."""
    return os.path.realpath(workspace.repository or workspace.root)


def _is_bare(session: Session) -> bool:
    """Return True if a session has only facts that a hook can find."""
    return session.status == "UNKNOWN" and not (session.notes or session.remark)


def _complete(workspace: Workspace, history: History, recording: Recording) -> Recorded:
    """Complete a hook's session with the agent's own statements, and return the result."""
    from pipelines.recording.finishing import put_revision, with_recording
    from pipelines.recording.flushing import begin_writing
    from pipelines.recording.session import clean_recording, session_of

    recording, findings = clean_recording(workspace, recording)
    said = session_of(recording, read_config(workspace).agents)
    session = with_recording(history.session, recording)._replace(
        agent=said.agent, task=said.task, title=said.title, status=said.status,
        remark=said.remark, notes=said.notes, private=said.private,
    )  # fmt: skip
    if session != history.session:
        put_revision(workspace, history, session, "person", recording.patch)
    with writing(workspace):
        recovered = begin_writing(workspace)
    return Recorded(session, is_new=True, findings=tuple(findings), recovered=recovered)
