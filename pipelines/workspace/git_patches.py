"""Make the patch between two states of a repository.

1. The same two trees give the same bytes on every machine, so that a lost diff can be recomputed
   and compared with its hash. git reads the objects through an empty repository: attributes and
   settings of the repository, the user and the system do not apply. All other choices are options
   of the command.
2. The files that session-codec itself writes are not part of a patch: otherwise every commit would
   contain the lines of the previous session.
3. git counts as able to recompute a diff only after its hash was compared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Final

from codec.kinds import Sha256
from codec.records import PatchRef
from pipelines.outcomes.errors import NotFound, Unavailable
from pipelines.system.fs.files import remove
from pipelines.system.git.process import git_output, run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_queries import (
    add_worktree,
    commit_of,
    empty_tree,
    is_object,
    parent_of,
    prefix_of,
    repository_of,
)
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, V1_LOG, Workspace

#: FORMATS.md documents them. If they change, another field than a session's `range` is needed.
PATCH_OPTIONS: Final = (
    "-p", "-r", "--binary", "--full-index", "--find-renames=50%", "-l1000", "--unified=3",
    "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic", "--no-color",
    "--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null",
)  # fmt: skip
#: The files to which verbs and agents append sessions, which are not part of a session's patch.
LEFT_OUT: Final = (MANIFEST, DELTAS, METRICS, PROGRESS, V1_LOG)
#: The sessions of one run of git, and the ranges of a session: the requests fit into a pipe.
_BATCH: Final = 16
_RANGES: Final = 16
_LINE: Final = 1 << 16


def patch_of(workspace: Workspace, commits: Sequence[str], *, plain: bool = True) -> bytes:
    """Return the patch of commits; for several commits, their patches in order.

    Args:
        workspace: the workspace, whose own files are left out.
        commits: `BASE..HEAD` or single commits, by full hashes.
        plain: without attributes and settings; version 0.1.0 applied those of the repository.

    Raises:
        NotFound: the repository does not have all of their objects.
    """
    pairs = (_ends(workspace, text) for text in commits)
    return b"".join(_patch(workspace, *pair, plain=plain) for pair in pairs)


def remade(workspace: Workspace, commits: Sequence[str], patch: PatchRef) -> bytes | None:
    """Return a recorded diff, recomputed by git; None if the result has another hash.

    Early versions made patches with the attributes and settings of the repository. Such a diff is
    tried as well.

    Args:
        workspace: the workspace of the repository.
        commits: the commits of the session, see `patch_of`.
        patch: the recorded hash and size.
    """
    for plain in (True, False):
        try:
            data = patch_of(workspace, commits, plain=plain)
        except NotFound:
            return None
        if _is(data, patch):
            return data
    return None


def remakable(
    workspace: Workspace, sessions: Iterable[tuple[tuple[str, ...], PatchRef]]
) -> set[tuple[tuple[str, ...], PatchRef]]:
    """Return the commits and patches that git can recompute, each compared with its hash.

    Patches are not kept in memory. Patches with a file above 256 MiB are not tried.

    Args:
        workspace: the workspace of the repository.
        sessions: commits as in `patch_of`, and the recorded patch.
    """
    left = set(sessions)
    if workspace.repository is None:
        return set()
    made = set()
    for plain in (True, False):
        refs = dict(_refs(workspace, {commits for commits, _ in left}, plain=plain))
        made |= {(commits, patch) for commits, patch in left if refs.get(commits) == patch}
        left -= made
    return made


def worktree_patch(workspace: Workspace) -> bytes:
    """Return the patch from the last commit to the working tree, new files included.

    Files are added to a copy of the index; the index itself does not change. Line ends, encodings
    and filters are converted as for a commit, but filters that the repository configures do not
    run.

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
    return _patch(workspace, base, tree, plain=True)


def _ends(workspace: Workspace, commits: str) -> tuple[str, str]:
    """Return the two ends of a range; for one commit, its parent and itself.

    Raises:
        NotFound: the repository does not have the commit, or a shallow clone lacks its parent.
    """
    base, dots, head = commits.partition("..")
    if dots:
        return base, head
    repository = repository_of(workspace)
    if commit_of(repository, commits) is None:
        raise NotFound(f"{commits}: no such commit in {repository.top}")
    return parent_of(repository, commits), commits


def _patch(workspace: Workspace, base: str, head: str, *, plain: bool) -> bytes:
    """Return the patch between two objects; see `patch_of`."""
    repository = repository_of(workspace)
    arguments = ("diff-tree", *PATCH_OPTIONS, base, head, "--", *_paths(workspace))
    try:
        return run_git(repository, *arguments, plain=plain).stdout
    except (NotFound, Unavailable) as e:
        from pipelines.system.git.missing import advice

        raise NotFound(
            f"git cannot make the patch of {base}..{head}: {e.problem}",
            hint=advice(repository.common, f"git diff {base} {head} > /dev/null"),
        ) from None


def _refs(
    workspace: Workspace, wanted: Collection[tuple[str, ...]], *, plain: bool
) -> Iterator[tuple[tuple[str, ...], PatchRef]]:
    """Yield the commits, hash and size of the patches that git can make."""
    asked = _requests(workspace, wanted)
    waiting, size = list(asked), _BATCH
    while waiting:
        batch = waiting[:size]
        refs, is_whole = _measured(workspace, [asked[commits] for commits in batch], plain=plain)
        yield from zip(batch, refs)
        if is_whole or len(batch) == 1:  # if one fails alone, an object is missing
            waiting, size = waiting[len(batch) :], _BATCH
        else:
            waiting, size = waiting[len(refs) :], 1


def _requests(
    workspace: Workspace, wanted: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], list[bytes]]:
    """Return the input lines for `diff-tree --stdin`, if the repository has the trees."""
    pairs: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for commits in sorted(wanted):
        with suppress(NotFound):
            pairs[commits] = [_ends(workspace, text) for text in commits[:_RANGES]]
    ends = {end for of in pairs.values() for pair in of for end in pair}
    trees = _trees(repository_of(workspace), ends) if ends else {}
    return {
        commits: [f"{trees[base]} {trees[head]}\n".encode() for base, head in of]
        for commits, of in pairs.items()
        if len(commits) <= _RANGES and all(trees.keys() >= {*pair} for pair in of)
    }


def _measured(
    workspace: Workspace, groups: Sequence[Sequence[bytes]], *, plain: bool
) -> tuple[list[PatchRef], bool]:
    """Run git once; return hash and size of each complete patch, and whether all are complete."""
    repository = repository_of(workspace)
    arguments = ("diff-tree", "--stdin", *PATCH_OPTIONS, "--", *_paths(workspace))
    data = b"".join(line for group in groups for line in group)
    refs: list[PatchRef] = []
    try:
        with git_output(repository, *arguments, data=data, plain=plain) as output:
            refs = list(_split(output, groups))
    except Unavailable:
        return refs[:-1], False  # git stopped within the last one
    return refs, True


def _split(output: IO[bytes], groups: Sequence[Sequence[bytes]]) -> Iterator[PatchRef]:
    """Split the output of `diff-tree --stdin`, which repeats the request before each patch.

    No line of a patch consists of two hashes: lines begin with a mark or a word, and lines of
    binary patches are shorter.

    Args:
        output: the output of git.
        groups: the input lines; the patches of a group are one patch.
    """
    headers = iter([(line, n) for n, group in enumerate(groups) for line in group])
    header, number = next(headers, (b"", -1))
    current, size, digest, is_start = -1, 0, hashlib.sha256(), True
    while line := output.readline(_LINE):
        if is_start and line == header:
            if number != current:
                if current >= 0:
                    yield PatchRef(sha256=Sha256(digest.hexdigest()), size=size)
                current, size, digest = number, 0, hashlib.sha256()
            header, number = next(headers, (b"", -1))
        else:
            digest.update(line)
            size += len(line)
        is_start = line.endswith(b"\n")
    if current >= 0:
        yield PatchRef(sha256=Sha256(digest.hexdigest()), size=size)


def _trees(repository: Repository, objects: Collection[str]) -> dict[str, str]:
    """Return the trees of the commits or trees that the repository has, by given name."""
    names = sorted(objects)
    asked = "".join(f"{name}^{{tree}}\n" for name in names).encode()
    form = "--batch-check=%(objectname)"
    answers = run_git(repository, "cat-file", form, data=asked, plain=True).stdout.decode()
    found = zip(names, answers.splitlines(), strict=True)
    return {name: tree for name, tree in found if is_object(tree)}


def _is(data: bytes, patch: PatchRef) -> bool:
    return len(data) == patch.size and hashlib.sha256(data).hexdigest() == patch.sha256


def _paths(workspace: Workspace) -> list[str]:
    """Return pathspecs for all files except those of the workspace."""
    prefix = prefix_of(workspace)
    own = () if prefix is None else LEFT_OUT
    return [":(top)", *(f":(top,exclude,literal){prefix}{name}" for name in own)]
