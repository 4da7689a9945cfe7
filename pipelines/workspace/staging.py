"""Staging folders, in which new diffs are written before they get their names.

`.session-codec/staging-WORKTREE-TOKEN/` is beside `.diffs`, usually on the same file system. The
token is random, so that nobody can prepare the name; WORKTREE separates worktrees that share
`.diffs`. Version 0.1.0 used no token.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final

from pipelines.system.fs.files import make_folder, remove_folder
from pipelines.system.git.local_state import refuse_linked
from pipelines.workspace.location import Workspace

# Compiled at its first use: there is nothing to match without an interrupted verb.
_SUFFIX: Final = r"(?a:(?:-[0-9a-f]{16})?)"
_WHAT: Final = "a staging folder"


def new_token() -> str:
    """Return a random token for the names of a journal and its staging folder."""
    return f"-{os.urandom(8).hex()}"


def staging_of(workspace: Workspace, token: str) -> str:
    """Return the path of a staging folder."""
    return workspace.staging_prefix + token


def make_staging(workspace: Workspace, token: str) -> str:
    """Create an empty staging folder after deleting those of interrupted runs; return its path.

    The caller must hold the lock.

    Raises:
        Conflict: there is one that came with a clone, or belongs to another user.
    """
    remove_staging(workspace)
    path = staging_of(workspace, token)
    make_folder(os.path.dirname(path))
    os.mkdir(path)
    return path


def remove_staging(workspace: Workspace) -> None:
    """Delete all staging folders of a worktree, under the lock and after `recover`.

    Raises:
        Conflict: there is one that came with a clone, or belongs to another user.
    """
    folder, prefix = os.path.split(workspace.staging_prefix)
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(folder)):
            if name.startswith(prefix) and re.fullmatch(_SUFFIX, name.removeprefix(prefix)):
                path = os.path.join(folder, name)
                refuse_linked(path, _WHAT)
                remove_folder(path)


def staged_files(folder: str) -> list[str]:
    """Return the paths of all files in a staging folder; empty if it does not exist.

    Raises:
        Conflict: the folder came with a clone, or belongs to another user.
    """
    refuse_linked(folder, _WHAT)
    return [
        os.path.join(directory, name) for directory, _, names in os.walk(folder) for name in names
    ]
