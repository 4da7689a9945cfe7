"""What git is asked: which commits, and the patch between two of them.

1. A patch is made by plumbing, with every choice said that a user's configuration could make
   differently: the same two trees give the same bytes on every machine, so that a lost diff can
   be made again and held against its hash.
2. The files that session-codec itself writes are no part of a patch: every commit would carry the
   lines of the session before it.
3. git is asked in the folder that it is given, whatever repository a hook's environment names.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from typing import Final

from pipelines.errors import NotFound, Unavailable
from pipelines.files import remove
from pipelines.git_process import own_environment, run_git
from pipelines.workspace import (
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    V1_LOG,
    Workspace,
)

#: Published in FORMATS.md. A change of them needs another field beside a session's `range`.
PATCH_OPTIONS: Final = (
    "-p", "-r", "--binary", "--full-index", "--find-renames=50%", "-l1000", "--unified=3",
    "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic", "--no-color",
    "--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null",
)  # fmt: skip
#: The files that verbs and agents append sessions to: no part of a session's patch.
LEFT_OUT: Final = (MANIFEST, DELTAS, METRICS, PROGRESS, V1_LOG)


def patch_of(workspace: Workspace, commits: str) -> bytes:
    """The patch between two commits or trees.

    Args:
        workspace: whose repository, and whose own files are left out.
        commits: `BASE..HEAD` by whole hashes.

    Raises:
        NotFound: the repository does not have them.
    """
    base, _, head = commits.partition("..")
    done = _run(workspace, *_diff_tree(workspace, base, head))
    if done.returncode:
        raise NotFound(
            f"git cannot make the patch of {commits}: {_said(done)}",
            hint="Fetch the commits; a shallow clone may not have them",
        )
    return done.stdout


def with_known_ends(workspace: Workspace, ranges: Iterable[str]) -> set[str]:
    """Those ranges of which the repository has both ends: git can make their patches again."""
    ends = {commits: commits.split("..") for commits in ranges}
    asked = sorted({end for pair in ends.values() for end in pair})
    if not asked or workspace.repository is None:
        return set()
    done = run_git(
        "cat-file", "--batch-check=%(objectname)", folder=workspace.repository,
        data="".join(f"{end}\n" for end in asked).encode(),
    )  # fmt: skip
    known = {line for line in done.stdout.decode().splitlines() if " " not in line}
    return {commits for commits, pair in ends.items() if known.issuperset(pair)}


def worktree_patch(workspace: Workspace) -> bytes:
    """The patch from the last commit to the working tree, new files that are not ignored included.

    They are added to a copy of the index; the index itself stays as it is.
    """
    index = git_path(workspace, "index")
    copy = f"{index}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        if os.path.exists(index):
            with open(index, "rb") as source, open(copy, "xb") as target:
                target.write(source.read())
        _git(workspace, "add", "--all", "--", *_paths(workspace), index=copy)
        tree = _git(workspace, "write-tree", index=copy).decode().strip()
    finally:
        remove(copy)
        remove(f"{copy}.lock")
    base = _commit(workspace, "HEAD") or _empty_tree(workspace)
    return _git(workspace, *_diff_tree(workspace, base, tree))


def resolve(workspace: Workspace, text: str) -> tuple[str, int]:
    """What a user calls commits, as `BASE..HEAD` by whole hashes, and how many commits that is.

    Args:
        workspace: whose repository.
        text: `A..B`, `A...B` (since they parted), or one commit for what it changed: a merge is
            held against its first parent.

    Raises:
        NotFound: the repository does not have them.
    """
    left, dots, right = text.partition("...") if "..." in text else text.partition("..")
    if not dots:
        head = _known(workspace, text)
        return f"{_commit(workspace, f'{head}^') or _empty_tree(workspace)}..{head}", 1
    base, head = _known(workspace, left or "HEAD"), _known(workspace, right or "HEAD")
    if dots == "...":
        done = _run(workspace, "merge-base", base, head)
        if done.returncode:
            raise NotFound(f"{text}: git finds no commit where they parted", hint="Name A..B")
        base = done.stdout.decode().strip()
    count = _git(workspace, "rev-list", "--count", f"{base}..{head}")
    return f"{base}..{head}", int(count)


def content_at(workspace: Workspace, commit: str, name: str) -> bytes:
    """What a file of the workspace held at a commit; nothing where there was none, or no git.

    Args:
        workspace: whose repository.
        commit: the whole hash, or `HEAD`.
        name: the path in the workspace.
    """
    if workspace.repository is None:
        return b""
    done = _run(workspace, "cat-file", "blob", f"{commit}:{_prefix(workspace)}{name}")
    return b"" if done.returncode else done.stdout


def blob_at(workspace: Workspace, name: str) -> bytes | None:
    """Return a blob by its whole object id; None where the repository does not have it."""
    if workspace.repository is None:
        return None
    done = _run(workspace, "cat-file", "blob", name)
    return None if done.returncode else done.stdout


def names_changed(workspace: Workspace, commit: str) -> list[str]:
    """Paths below the workspace, relative to it, that the working tree has otherwise than a commit.

    Args:
        workspace: whose repository.
        commit: the whole hash.
    """
    prefix = _prefix(workspace)
    said = _git(workspace, "diff-index", "--name-only", "--no-renames", "-z", commit, "--")
    names = [os.fsdecode(name) for name in said.split(b"\0") if name]
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def subject_of(workspace: Workspace, commit: str) -> str:
    """The first line of a commit's message."""
    said = _git(workspace, "log", "-1", "--format=%s", "--no-show-signature", commit, "--")
    return said.decode(errors="replace").strip()


def _known(workspace: Workspace, name: str) -> str:
    found = _commit(workspace, name)
    if found is None:
        hint = "Name a commit, or two as A..B"
        if name == "HEAD":
            hint = "Commit first, or record the working tree with --worktree"
        raise NotFound(f"{name}: no such commit in {_top(workspace)}", hint=hint)
    return found


def _commit(workspace: Workspace, name: str) -> str | None:
    """The whole hash of a commit, None where there is none of that name."""
    name = f"{name}^{{commit}}"
    done = _run(workspace, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if done.returncode and done.stderr:
        raise Unavailable(f"git: {_said(done)}")
    return None if done.returncode else done.stdout.decode().strip()


def git_path(workspace: Workspace, name: str) -> str:
    """Where a file of the repository's own folder is, which linked worktrees share in part."""
    path = os.fsdecode(_git(workspace, "rev-parse", "--git-path", name).removesuffix(b"\n"))
    return os.path.join(_top(workspace), path)


def get_config(workspace: Workspace, name: str) -> str | None:
    """A setting of the repository itself, None where it has none."""
    done = _run(workspace, "config", "--local", "--get", name)
    return None if done.returncode else done.stdout.decode(errors="replace").removesuffix("\n")


def set_config(workspace: Workspace, name: str, value: str) -> None:
    """Make a setting of the repository itself."""
    _git(workspace, "config", "--local", "--replace-all", name, value)


def remove_config(workspace: Workspace, section: str) -> None:
    """Remove a section of the repository's own settings."""
    _git(workspace, "config", "--local", "--remove-section", section)


def _empty_tree(workspace: Workspace) -> str:
    return _git(workspace, "hash-object", "-t", "tree", os.devnull).decode().strip()


def _diff_tree(workspace: Workspace, base: str, head: str) -> list[str]:
    return ["diff-tree", *PATCH_OPTIONS, base, head, "--", *_paths(workspace)]


def _paths(workspace: Workspace) -> list[str]:
    """Everything but the files of the workspace, as pathspecs."""
    prefix = _prefix(workspace)
    return [":(top)", *(f":(top,exclude,literal){prefix}{name}" for name in LEFT_OUT)]


def _prefix(workspace: Workspace) -> str:
    """What the paths of the workspace begin with in the repository."""
    folder = os.path.relpath(workspace.root, _top(workspace)).replace(os.sep, "/")
    return "" if folder == "." else f"{folder}/"


def _top(workspace: Workspace) -> str:
    if workspace.repository is None:
        raise NotFound(
            f"{workspace.root}: not in a git repository",
            hint="Give the patch with --diff FILE, or none with --no-diff",
        )
    return workspace.repository


def _git(workspace: Workspace, *arguments: str, index: str | None = None) -> bytes:
    """What git says; Unavailable where it fails."""
    done = _run(workspace, *arguments, index=index)
    if done.returncode:
        raise failure(done)
    return done.stdout


def _run(
    workspace: Workspace, *arguments: str, index: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in the repository of a workspace, on its index or another."""
    environment = own_environment()
    if index is not None:
        environment["GIT_INDEX_FILE"] = index
    return run_git(*arguments, folder=_top(workspace), environment=environment)


def failure(done: subprocess.CompletedProcess[bytes]) -> Unavailable:
    """What a git that failed said."""
    return Unavailable(f"git {done.args[1]}: {_said(done)}")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip() or f"ended with {done.returncode}"
