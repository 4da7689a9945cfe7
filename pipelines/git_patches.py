"""Make the patch between two states of a repository.

1. The same two trees give the same bytes on every machine, so that a lost diff can be made again
   and compared with its hash. git reads the objects through an empty repository: attributes and
   settings of the repository, of the user and of the system do not apply. What is left to choose
   is said on the command line.
2. The files that session-codec itself writes are not part of a patch: every commit would carry the
   lines of the session before it.
3. git can remake a diff only if its hash was compared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from codec.records import PatchRef
from pipelines.errors import NotFound, Unavailable
from pipelines.files import remove
from pipelines.git import add_worktree, commit_of, empty_tree, is_object, prefix_of, repository_of
from pipelines.git_process import Repository, run_git
from pipelines.workspace import DELTAS, MANIFEST, METRICS, PROGRESS, V1_LOG, Workspace

#: Published in FORMATS.md. A change of them needs another field beside a session's `range`.
PATCH_OPTIONS: Final = (
    "-p", "-r", "--binary", "--full-index", "--find-renames=50%", "-l1000", "--unified=3",
    "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic", "--no-color",
    "--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null",
)  # fmt: skip
#: The files that verbs and agents append sessions to: not part of a session's patch.
LEFT_OUT: Final = (MANIFEST, DELTAS, METRICS, PROGRESS, V1_LOG)
#: Ranges of one run of git; their patches are in memory together.
_BATCH: Final = 64


def patch_of(workspace: Workspace, ranges: str | Sequence[str]) -> bytes:
    """Return the patch between two commits or trees; of several pairs, their patches in order.

    Args:
        workspace: whose repository, and whose own files are left out.
        ranges: `BASE..HEAD` by whole hashes, or several of these.

    Raises:
        NotFound: the repository does not have all of their objects.
    """
    ranges = (ranges,) if isinstance(ranges, str) else ranges
    return b"".join(_patch(workspace, *pair.split("..")) for pair in ranges)


def remade(workspace: Workspace, ranges: str | Sequence[str], patch: PatchRef) -> bytes | None:
    """Return a recorded diff as git makes it again; None where that has another hash.

    Before patches were made without attributes and settings, those of the repository applied. Such
    a diff is tried as well.

    Args:
        workspace: whose repository.
        ranges: of the session, see `patch_of`.
        patch: what was recorded.
    """
    ranges = (ranges,) if isinstance(ranges, str) else ranges
    for plain in (True, False):
        try:
            pairs = (pair.split("..") for pair in ranges)
            data = b"".join(_patch(workspace, *pair, plain=plain) for pair in pairs)
        except NotFound:
            return None
        if _is(data, patch):
            return data
    return None


def remakable(
    workspace: Workspace, sessions: Iterable[tuple[str, PatchRef]]
) -> set[tuple[str, PatchRef]]:
    """Return those ranges and patches that git makes again, each compared with its hash."""
    wanted = sorted(set(sessions))
    if workspace.repository is None:
        return set()
    made = set()
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        patches = _patches(workspace, {commits for commits, _ in batch})
        for commits, patch in batch:
            if commits in patches and (
                _is(patches[commits], patch) or remade(workspace, commits, patch) is not None
            ):
                made.add((commits, patch))
    return made


def worktree_patch(workspace: Workspace) -> bytes:
    """Return the patch from the last commit to the working tree, with new files, without ignored.

    They are added to a copy of the index; the index itself stays as it is. Line ends, encodings and
    filters are converted as for a commit, but filters that the repository configures do not run.

    Raises:
        Conflict: a changed file needs a filter that only the repository configures.
    """
    repository = repository_of(workspace)
    index = os.path.join(repository.git, "index")
    copy = f"{index}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        if os.path.exists(index):
            with open(index, "rb") as source, open(copy, "xb") as target:
                target.write(source.read())
        add_worktree(repository, copy, _paths(workspace))
        tree = run_git(repository, "write-tree", index=copy).stdout.decode().strip()
    finally:
        remove(copy)
        remove(f"{copy}.lock")
    base = commit_of(repository, "HEAD") or empty_tree(repository)
    return _patch(workspace, base, tree)


def _patch(workspace: Workspace, base: str, head: str, *, plain: bool = True) -> bytes:
    """Return the patch between two objects.

    Args:
        workspace: whose repository.
        base, head: whole hashes.
        plain: without attributes and settings; version 0.1.0 applied those of the repository.
    """
    repository = repository_of(workspace)
    arguments = ("diff-tree", *PATCH_OPTIONS, base, head, "--", *_paths(workspace))
    try:
        return run_git(repository, *arguments, plain=plain).stdout
    except Unavailable as e:
        raise NotFound(
            f"git cannot make the patch of {base}..{head}: {e.problem}",
            hint=_advice(repository, base, head),
        ) from None


def _advice(repository: Repository, base: str, head: str) -> str:
    """Say how to get the objects that are missing."""
    packs = os.path.join(repository.common, "objects", "pack")
    names = os.listdir(packs) if os.path.isdir(packs) else []
    if any(name.endswith(".promisor") for name in names):
        return (
            "This is a partial clone, and session-codec does not fetch. Fetch the missing objects "
            f"with: git diff {base} {head} > /dev/null"
        )
    return "Fetch the commits; a shallow clone may not have them"


def _patches(workspace: Workspace, ranges: Collection[str]) -> dict[str, bytes]:
    """Return the patches of those ranges that git can make, by range."""
    repository = repository_of(workspace)
    pairs = {commits: commits.split("..") for commits in ranges}
    trees = _trees(repository, {end for pair in pairs.values() for end in pair})
    known = {
        commits: f"{trees[base]} {trees[head]}\n".encode()
        for commits, (base, head) in pairs.items()
        if base in trees and head in trees
    }
    asked = b"".join(known.values())
    arguments = ("diff-tree", "--stdin", *PATCH_OPTIONS, "--", *_paths(workspace))
    try:
        answer = run_git(repository, *arguments, data=asked, plain=True).stdout
    except Unavailable:  # an object of one of them is missing
        return dict(_one_by_one(workspace, known))
    return dict(_split(answer, known))


def _one_by_one(workspace: Workspace, ranges: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for commits in ranges:
        with suppress(NotFound):
            yield commits, patch_of(workspace, commits)


def _split(answer: bytes, headers: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Split what `diff-tree --stdin` prints: before each patch the line that it was asked with.

    No line of a patch is two hashes: each begins with a mark or a word, and a line of a binary
    patch is shorter.
    """
    at = 0
    ranges = list(headers)
    for number, commits in enumerate(ranges, 1):
        at += len(headers[commits])
        following = b"\n" + headers[ranges[number]] if number < len(ranges) else b""
        if number == len(ranges):
            end = len(answer)
        elif answer.startswith(following[1:], at):
            end = at  # an empty patch
        else:
            end = answer.index(following, at) + 1
        yield commits, answer[at:end]
        at = end


def _trees(repository: Repository, objects: Collection[str]) -> dict[str, str]:
    """Return the trees of those commits or trees that the repository has, by given name."""
    names = sorted(objects)
    asked = "".join(f"{name}^{{tree}}\n" for name in names).encode()
    form = "--batch-check=%(objectname)"
    answers = run_git(repository, "cat-file", form, data=asked, plain=True).stdout.decode()
    found = zip(names, answers.splitlines(), strict=True)
    return {name: tree for name, tree in found if is_object(tree)}


def _is(data: bytes, patch: PatchRef) -> bool:
    return len(data) == patch.size and hashlib.sha256(data).hexdigest() == patch.sha256


def _paths(workspace: Workspace) -> list[str]:
    """Return pathspecs of everything but the files of the workspace."""
    prefix = prefix_of(workspace)
    own = () if prefix is None else LEFT_OUT
    return [":(top)", *(f":(top,exclude,literal){prefix}{name}" for name in own)]
