"""Merge one of the tracked files for git, as its merge driver.

1. git merges one file at a time. If two sessions have the same key, the manifests of both sides are
   needed to match rows with sessions: the commit of a side is found by the content of this file. So
   it does not matter what git is doing: merge, pull, rebase, cherry-pick, stash.
2. If a side cannot be found, both rows stay, and `doctor --repair` settles them.
3. The file of our side, in which git expects the result, is replaced once the result is complete.
   If anything fails, git's union merge is used instead, with the file as it was.
4. The content of a repository is read as data. Nothing that it names is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from codec.kinds import Key
from codec.manifest.fact_lines import kept_in
from codec.merge.key_conflicts import settle_merge
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS, METRICS, REFERENCES, Format
from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import read_bytes, replace_file
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository, calling_repository
from pipelines.workspace import location as workspace
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.manifest_view import decode_manifest

_ROWS: Final[Mapping[str, Format]] = {
    workspace.DELTAS: DELTAS,
    workspace.METRICS: METRICS,
    workspace.PROGRESS: REFERENCES,
}
#: Where a side is searched for first: the index, our side, and the operation that git is running.
_NEAR: Final = (
    "", "HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD", "ORIG_HEAD",
    "FETCH_HEAD", "refs/stash",
)  # fmt: skip
_GITHEAD: Final = re.compile(r"GITHEAD_([0-9a-f]{40,64})")


def merge_files(ancestor: str, ours: str, theirs: str, path: str) -> None:
    """Merge three versions of a file, and write the result to that of our side.

    Args:
        ancestor, ours, theirs: the paths of the versions.
        path: git's name of the file, relative to the top of the repository.

    Raises:
        Conflict: the file is not one that is merged record by record.
    """
    versions = read_bytes(ancestor), read_bytes(ours), read_bytes(theirs)
    folder, name = _named(path)
    if name == workspace.MANIFEST:
        merged = merge_manifests(*versions)
    else:
        manifests = cache(lambda: _manifests(ours, theirs, path, folder + workspace.MANIFEST))
        merged = merge_rows(
            _ROWS[name],
            *versions,
            lambda: settle_merge(*manifests()),
            lambda: kept_in(*manifests()).get(name, frozenset()),
            lambda: _keys_in_order(*manifests()),
        )
    replace_file(os.path.abspath(ours), [merged])


def _keys_in_order(ours: bytes, theirs: bytes) -> list[Key]:
    """Return the keys of the sessions of two manifests, sorted as the sessions are."""
    manifest = decode_manifest(merge_manifests(b"", ours, theirs))
    return [session.key for session in manifest.in_order()]


def _named(path: str) -> tuple[str, str]:
    """Return the folder of the workspace (empty, or with `/` at its end) and the file's name."""
    for name in (workspace.MANIFEST, *_ROWS):
        if f"/{path}".endswith(f"/{name}"):
            return path.removesuffix(name), name
    raise Conflict(
        f"{path}: not a file that is merged record by record",
        hint="Remove merge=session-codec from its attributes; 'session-codec install' sets it"
        " for the right files",
    )


def _manifests(ours: str, theirs: str, path: str, manifest: str) -> tuple[bytes, bytes]:
    """Return the manifests of both sides; empty if a side cannot be found.

    Args:
        ours, theirs: the paths of files with the content of each side at `path`.
        path, manifest: paths in the repository.
    """
    if "\n" in path:  # it would not be one line of the request
        return b"", b""
    repository = calling_repository()
    files = os.path.abspath(ours), os.path.abspath(theirs)
    done = run_git(repository, "hash-object", "--no-filters", "--", *files)
    wanted = done.stdout.decode().split()
    near = [*_NEAR, *(m[1] for m in map(_GITHEAD.fullmatch, os.environ) if m)]
    sides = _holders(repository, path, near)
    if not sides.keys() >= {*wanted}:
        found = run_git(repository, "rev-list", "--all", "--reflog", "HEAD", "--", path)
        sides = {**_holders(repository, path, found.stdout.decode().split()), **sides}
    if not sides.keys() >= {*wanted}:
        return b"", b""
    mine, yours = (read_blob(repository, f"{sides[blob]}:{manifest}") or b"" for blob in wanted)
    return mine, yours


def _holders(repository: Repository, path: str, commits: Sequence[str]) -> dict[str, str]:
    """Return commits by their content at a path; for equal contents, the first commit."""
    asked = os.fsencode("".join(f"{commit}:{path}\n" for commit in commits))
    done = run_git(repository, "cat-file", "--batch-check=%(objectname)", data=asked)
    held = [answer.decode(errors="replace") for answer in done.stdout.split(b"\n")[:-1]]
    return dict(zip(reversed(held), reversed(commits), strict=True))
