"""Running git, for whoever needs no more than what it says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Final

from pipelines.errors import Unavailable

#: Variables by which git's hooks tell of a repository.
_FOREIGN: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def own_environment() -> dict[str, str]:
    """The environment, without what a hook says of the repository that it runs in."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def run_git(
    *arguments: str,
    folder: str = ".",
    environment: Mapping[str, str] = os.environ,
    data: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Run git.

    Args:
        arguments: of git.
        folder: where it runs.
        environment: what it runs with; what it says is not translated.
        data: what it reads.

    Raises:
        Unavailable: there is no git.
    """
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env={**environment, "LC_ALL": "C"},
            input=data, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise Unavailable("git is not installed, or not on the PATH") from None


def is_tracked(folder: str, path: str) -> bool:
    """Whether git brought a file or a link.

    Args:
        folder: in the worktree.
        path: absolute.

    Raises:
        Unavailable: there is no git.
    """
    arguments = ("ls-files", "--error-unmatch", "--", path)
    return run_git(*arguments, folder=folder, environment=own_environment()).returncode == 0
