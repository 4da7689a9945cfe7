"""Record a session on completion of its task.

The plan asks git for the patch; `recording.session.record_session` then writes all of it.
"""

from __future__ import annotations

from pipelines.recording.session import Recording
from pipelines.workspace.location import Workspace


def plan(
    workspace: Workspace,
    recording: Recording,
    *,
    commits: str | None = None,
    worktree: bool = False,
    asking: str = "",
) -> Recording:
    """Return a recording with what git knows; reads only.

    Args:
        workspace: whose repository is asked.
        recording: all but what git knows.
        commits: `A..B`, `A...B`, or one commit for what it changed; None for those of the session.
        worktree: the patch is what is not committed yet, instead.
        asking: the session that is running, by its agent's name of it, if that is known.

    Raises:
        Denied: git does not trust the owner of the repository.
        NotFound: the repository does not have the commits, or there is none.
        Unavailable: git is not installed, or failed.
    """
    from pipelines.workspace.git_patches import patch_of, worktree_patch

    if worktree:
        return recording._replace(patch=worktree_patch(workspace), commits=0)
    if commits is None:
        from pipelines.recording.session_commits import own_commits

        taken = own_commits(workspace, asking)
        ranges, count = taken.ranges, taken.commits
    else:
        from pipelines.workspace.git_queries import resolve

        found, count = resolve(workspace, commits)
        ranges = (found,)
    return recording._replace(patch=patch_of(workspace, ranges), ranges=ranges, commits=count)
