"""Read the manifests of the local branches that have moved since git was last asked.

The state of the branches is a hash over the files of git that change with them, so git runs only
after one has moved. A manifest is read once: the caller keeps the ids of those that it has read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.git_queries import prefix_of, repository_of
from pipelines.workspace.location import MANIFEST, Workspace

#: Files of git's common folder that change when a branch moves, and the folder of loose branches.
_BRANCHES: Final = ("packed-refs", os.path.join("reftable", "tables.list"))
_LOOSE: Final = os.path.join("refs", "heads")


class Moved(NamedTuple):
    """The manifests of the local branches, after one of the branches has moved.

    Attributes:
        state: identifies the state of all local branches.
        manifests: ids of their manifests.
        contents: the bytes of the manifests that were not read before.
    """

    state: str
    manifests: tuple[str, ...]
    contents: Iterator[bytes]


def read_moved(workspace: Workspace, state: str, manifests: Collection[str]) -> Moved | None:
    """Return the manifests of the local branches; None if no branch has moved.

    Args:
        workspace: the workspace of the branches.
        state: the state of the branches when git was last asked.
        manifests: the ids of the manifests that were read.

    Raises:
        Denied, NotFound, Unavailable: git cannot be asked.
    """
    repository, prefix = repository_of(workspace), prefix_of(workspace)
    now = _state_of_branches(repository.common)
    if prefix is None or now == state:
        return None
    blobs = _manifests(repository, prefix)
    new = [blob for blob in blobs if blob not in manifests]
    return Moved(now, tuple(blobs), _contents(repository, new))


def _manifests(repository: Repository, prefix: str) -> list[str]:
    """Return the ids of the manifests at the tips of the local branches, each once."""
    form = f"--format=%(objectname):{prefix.replace('%', '%%')}{MANIFEST}"
    names = run_git(repository, "for-each-ref", form, "refs/heads").stdout
    found = run_git(repository, "cat-file", "--batch-check=%(objecttype) %(objectname)", data=names)
    lines = found.stdout.decode(errors="replace").split("\n")
    return list(dict.fromkeys(x.removeprefix("blob ") for x in lines if x.startswith("blob ")))


def _contents(repository: Repository, blobs: Sequence[str]) -> Iterator[bytes]:
    """Yield the contents of blobs, one after the other."""
    for blob in blobs:
        yield read_blob(repository, blob) or b""


def _state_of_branches(common: str) -> str:
    """Return a value that changes when a local branch moves, found without running git."""
    marks = [_mark(os.path.join(common, name)) for name in _BRANCHES]
    for folder, folders, _ in os.walk(os.path.join(common, _LOOSE)):
        folders.sort()
        marks.append(f"{folder} {_mark(folder)}")
    return hashlib.sha256("\n".join(marks).encode(errors="surrogateescape")).hexdigest()


def _mark(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"
