"""Find the workspace of a verb, and record the sessions that hooks left in its spool."""

from __future__ import annotations

from codec.errors import CodecError
from pipelines.cli.declared import absolute
from pipelines.cli.output import tell, tell_findings
from pipelines.outcomes.errors import Conflict, PipelineError
from pipelines.recording.spool import has_work, spool_of
from pipelines.workspace.location import Workspace, find


def workspace_of(repo: str) -> Workspace:
    """Return the workspace at or above a path of the command line, after recording its spool.

    Raises:
        WorkspaceMissing: no workspace was found.
        Denied: git does not trust the owner of its repository.
    """
    workspace = find(absolute(repo))
    drain_spool(workspace)
    return workspace


def drain_spool(workspace: Workspace, *, within: str | None = None) -> None:
    """Record the sessions in the spool; if that fails, print a note and continue.

    Args:
        workspace: the workspace of the spool.
        within: the agent's id of the session that asks; None for the one that runs this verb.

    Raises:
        Conflict: the spool is committed to the repository, or belongs to another user.
    """
    if not has_work(spool_of(workspace.home)):
        return
    from pipelines.recording.drain import drain
    from pipelines.recording.running import asking_session

    try:
        asking = asking_session(workspace) if within is None else within
        drained = drain(workspace, within=asking)
    except Conflict:
        raise  # somebody planted it: the user has to remove it
    except (CodecError, PipelineError, OSError) as e:
        tell(f"note: sessions of hooks wait in the spool, and cannot be recorded now: {e}")
        return
    for session in drained.sessions:
        tell(f"recorded {session.key}: {session.agent}, {session.title or session.task}")
    tell_findings(drained.findings)
