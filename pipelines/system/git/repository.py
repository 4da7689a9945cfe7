"""Describe a git repository that was found by reading the file system."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from pipelines.outcomes.errors import NotFound
from pipelines.system.git.worktree import ancestors, git_folders, repository_of

#: Variables in which the git that calls the merge driver names its repository.
_CALLERS: Final = ("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")


class Repository(NamedTuple):
    """A git repository that was found by reading the file system.

    Attributes:
        top: the absolute path of its working tree.
        git: the path of the git folder of this working tree.
        common: the path of the folder that all its worktrees share.
        variables: the variables that the calling git set about it.
    """

    top: str
    git: str
    common: str
    variables: tuple[tuple[str, str], ...] = ()


def repository_at(top: str) -> Repository:
    """Return the repository whose working tree is at a folder.

    Raises:
        NotFound: its `.git` cannot be read.
    """
    folders = git_folders(top)
    if folders is None or not os.path.isdir(folders[0]):
        raise NotFound(
            f"{os.path.join(top, '.git')}: does not name a git repository",
            hint="If it is a linked worktree and its repository was moved: git worktree repair",
        )
    return Repository(top, *folders)


def calling_repository() -> Repository:
    """Return the repository of the git that called this process as its merge driver.

    Raises:
        NotFound: no repository contains the current folder.
    """
    here = os.getcwd()
    variables = tuple((name, os.environ[name]) for name in _CALLERS if name in os.environ)
    if "GIT_DIR" in os.environ:
        folder = os.path.abspath(os.environ["GIT_DIR"])
        common = os.path.abspath(os.environ.get("GIT_COMMON_DIR", folder))
        top = os.path.abspath(os.environ.get("GIT_WORK_TREE", here))
        return Repository(top, folder, common, variables)
    found = repository_of(ancestors(here))
    if found is None:
        raise NotFound(f"{here}: not in a git repository")
    return repository_at(found)._replace(variables=variables)
