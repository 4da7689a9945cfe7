"""Record a session on completion of its task.

The plan asks git for the patch; `recording.record_session` then writes all of it.
"""

from __future__ import annotations

from pipelines.recording import Recording
from pipelines.workspace import Workspace


def plan(
    workspace: Workspace,
    recording: Recording,
    *,
    commits: str | None = None,
    worktree: bool = False,
) -> Recording:
    """A recording with what git tells; reads only.

    Args:
        workspace: whose repository is asked.
        recording: all but what git tells.
        commits: `A..B`, `A...B`, or one commit for what it changed.
        worktree: the patch is what is not committed yet, instead.

    Raises:
        NotFound: the repository does not have the commits, or there is none.
        Unavailable: there is no git, or it failed.
    """
    if not (commits or worktree):
        return recording
    from pipelines.git import resolve
    from pipelines.git_patches import patch_of, worktree_patch

    if worktree:
        return recording._replace(patch=worktree_patch(workspace), commits=0)
    found, count = resolve(workspace, commits or "")
    return recording._replace(patch=patch_of(workspace, found), range=found, commits=count)
