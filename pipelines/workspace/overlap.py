"""Refuse a remote that overlaps the workspace: it would not be a second copy.

Folders are compared by device and inode, so that links and bind mounts are recognized.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from pipelines.outcomes.errors import Conflict
from pipelines.workspace.location import Workspace

#: The folders of a remote, each of which may be a link.
_OBJECTS: Final = ("", "archive", "loose", "snapshot", "v1")
#: The folders of a workspace that another mount may show.
_STORED: Final = ("", "archive", "v1")

_Identity = tuple[int, int]


def check_apart(path: str, workspace: Workspace) -> None:
    """Raise Conflict if a directory that will be a remote overlaps a workspace.

    Args:
        path: the absolute path of the directory, which need not exist.
        workspace: the workspace to copy.

    Raises:
        Conflict: one is inside of the other, or they share a folder.
    """
    own = [workspace.root, *(os.path.join(workspace.diffs, name) for name in _STORED)]
    theirs = [os.path.join(path, name) for name in _OBJECTS]
    if _is_inside(theirs, own) or _is_inside(own, [path]):
        raise Conflict(
            f"{path} overlaps the workspace {workspace.root}",
            hint="Use a directory outside of it; for a copy, on another disk if possible",
        )


def _is_inside(inner: list[str], outer: list[str]) -> bool:
    """Return True if a path is one of the given folders, or is below one."""
    names = {os.path.realpath(path) for path in outer}
    identities = {identity for path in outer if (identity := _identity(path)) is not None}
    for path in inner:
        for folder in _above(os.path.realpath(path)):
            if folder in names or _identity(folder) in identities:
                return True
    return False


def _above(path: str) -> Iterator[str]:
    """Yield a path and every folder above it."""
    yield path
    while (parent := os.path.dirname(path)) != path:
        path = parent
        yield path


def _identity(path: str) -> _Identity | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
