"""Find the files that session-codec wrote, and commit them.

Only session-codec's own files are added and committed; other staged files stay staged.
"""

from __future__ import annotations

import os
from typing import Final

from pipelines.system.git.process import run_git
from pipelines.workspace.git_queries import prefix_of, repository_of
from pipelines.workspace.location import (
    DELTAS,
    GITATTRIBUTES,
    GITIGNORE,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)

#: The files that verbs write and that belong into a commit.
WRITTEN: Final = (
    MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES, GITIGNORE, GITATTRIBUTES, "AGENTS.md",
    "CLAUDE.md", ".claude/settings.json", ".codex/hooks.json",
)  # fmt: skip


def uncommitted(workspace: Workspace) -> list[str]:
    """Return the files of `WRITTEN`, relative to the workspace, that differ from HEAD or are new.

    Raises:
        Denied, Unavailable: git cannot run.
    """
    prefix = prefix_of(workspace) if workspace.repository else None
    if prefix is None:
        return []
    paths = [f":(top,literal){prefix}{name}" for name in WRITTEN]
    arguments = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--")
    done = run_git(repository_of(workspace), *arguments, *paths)
    names = (os.fsdecode(entry[3:]) for entry in done.stdout.split(b"\0") if entry)
    return [name.removeprefix(prefix) for name in names]


def commit_sessions(workspace: Workspace, message: str) -> list[str]:
    """Commit the files of `uncommitted`, and return their names; none if nothing changed.

    The user's hooks do not run, because they check code, and the commit has none.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: git refuses, for example during a merge, or without the author's name.
    """
    names = uncommitted(workspace)
    if names:
        repository, prefix = repository_of(workspace), prefix_of(workspace)
        paths = [f":(top,literal){prefix}{name}" for name in names]
        run_git(repository, "add", "--", *paths)
        run_git(repository, "commit", "--quiet", "--only", "-m", message, "--", *paths,
                with_identity=True)  # fmt: skip
    return names
