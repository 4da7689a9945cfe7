"""Ask git about the repository of a workspace: commits, files of a commit, settings."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Final

from pipelines.outcomes.errors import Conflict, NotFound, Unavailable
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository, repository_at
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.location import Workspace

#: The exit code of `rev-parse --verify --quiet` and `config --get` for a missing value.
_OR_NONE: Final = (0, 1)
_LENGTHS: Final = (40, 64)
_DIGITS: Final = frozenset("0123456789abcdef")
#: Compiled when it is used, because every `record` loads this module.
_FILTER_FAILED: Final = r"(?:fatal: )?(?P<path>.*): clean filter '(?P<name>.*)' failed"
_FILTER_KEYS: Final = r"^filter\..*\.(clean|process|required)$"
_OF_USER: Final = frozenset({"system", "global"})


def repository_of(workspace: Workspace) -> Repository:
    """Return the repository of a workspace.

    Raises:
        NotFound: it is not in a repository.
    """
    if workspace.repository is None:
        raise NotFound(
            f"{workspace.root}: not in a git repository",
            hint="Pass --diff FILE to give the patch, or --no-diff to record none",
        )
    return repository_at(workspace.repository)


def prefix_of(workspace: Workspace) -> str | None:
    """Return the path of a workspace in its repository as a prefix; None if it is outside.

    Links are resolved, because git knows a folder by its real path.
    """
    top = os.path.realpath(repository_of(workspace).top)
    root = os.path.realpath(workspace.root)
    if os.path.commonpath([top, root]) != top:
        return None
    folder = os.path.relpath(root, top).replace(os.sep, "/")
    return "" if folder == "." else f"{folder}/"


def is_object(text: str) -> bool:
    """Return True if a text is the full hash of an object."""
    return len(text) in _LENGTHS and _DIGITS.issuperset(text)


def resolve(workspace: Workspace, text: str) -> tuple[str, int]:
    """Return `BASE..HEAD` with full hashes for user-supplied commits, and their number.

    Args:
        workspace: the workspace of the repository.
        text: `A..B`, `A...B` (since they diverged), or one commit for its changes; a merge is
            compared with its first parent.

    Raises:
        NotFound: the repository does not have them.
    """
    repository = repository_of(workspace)
    left, dots, right = text.partition("...") if "..." in text else text.partition("..")
    if not dots:
        head = _known(repository, text)
        return f"{parent_of(repository, head)}..{head}", 1
    base, head = _known(repository, left or "HEAD"), _known(repository, right or "HEAD")
    if dots == "...":
        done = run_git(repository, "merge-base", base, head, answers=_OR_NONE)
        if done.returncode:
            hint = _hint_on_history(repository, "Name A..B")
            raise NotFound(f"{text}: the commits have no common ancestor", hint=hint)
        base = done.stdout.decode().strip()
    count = run_git(repository, "rev-list", "--count", f"{base}..{head}").stdout
    return f"{base}..{head}", int(count)


def parent_of(repository: Repository, commit: str) -> str:
    """Return the first parent of a commit; for the first commit, the empty tree.

    Args:
        repository: the repository that has the commit.
        commit: its full hash.

    Raises:
        NotFound: the clone is shallow and does not have the parent.
    """
    raw = run_git(repository, "cat-file", "commit", commit).stdout
    header = raw.partition(b"\n\n")[0].split(b"\n")
    parents = [line.split()[1].decode() for line in header if line.startswith(b"parent ")]
    if not parents:
        return empty_tree(repository)
    if commit_of(repository, parents[0]) is None:
        from pipelines.system.git.missing import is_shallow

        shallow = is_shallow(repository.common)
        raise NotFound(
            f"the parent {parents[0]} of {commit} is missing"
            + (": this is a shallow clone" if shallow else ""),
            hint="Fetch it with: git fetch --deepen=1" if shallow else "Run: git fsck",
        )
    return parents[0]


def commit_of(repository: Repository, name: str) -> str | None:
    """Return the full hash of a commit; None if no commit has the name."""
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    done = run_git(repository, *arguments, answers=_OR_NONE)
    return None if done.returncode else done.stdout.decode().strip()


def empty_tree(repository: Repository) -> str:
    """Return the hash of the tree without files."""
    return run_git(repository, "hash-object", "-t", "tree", os.devnull).stdout.decode().strip()


def content_at(workspace: Workspace, commit: str, name: str) -> bytes:
    """Return the content of a workspace's file at a commit; empty if it did not exist.

    Args:
        workspace: the workspace; outside of git there is no such file.
        commit: the full hash, or `HEAD`.
        name: the path in the workspace.

    Raises:
        Denied, Unavailable: git cannot run, so the content is unknown.
    """
    prefix = prefix_of(workspace) if workspace.repository else None
    if prefix is None:
        return b""
    return read_blob(repository_of(workspace), f"{commit}:{prefix}{name}") or b""


def blob_at(workspace: Workspace, name: str) -> bytes | None:
    """Return a blob by its full object id; None if the repository does not have it."""
    if workspace.repository is None or not is_object(name):
        return None
    return read_blob(repository_of(workspace), name)


def names_changed(workspace: Workspace, commit: str) -> list[str]:
    """Return the paths below the workspace, relative to it, that differ from a commit.

    Args:
        workspace: the workspace of the working tree.
        commit: the full hash.
    """
    prefix, repository = prefix_of(workspace), repository_of(workspace)
    if prefix is None:
        return []
    done = run_git(
        repository, "diff-index", "--name-only", "--no-renames", "--ignore-submodules=dirty", "-z",
        commit, "--", settings=_without_filters(repository),
    )  # fmt: skip
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def add_worktree(repository: Repository, index: str, pathspecs: Collection[str]) -> None:
    """Add the files of the working tree to an index.

    Raises:
        Conflict: a changed file needs a filter that only the repository configures.
    """
    # Files that are not checked out are marked in the index; other folders may have new files.
    settings = (
        "core.safecrlf=false", "core.sparseCheckout=false", "core.splitIndex=false",
        *_without_filters(repository),
    )  # fmt: skip
    try:
        run_git(repository, "add", "--all", "--", *pathspecs, index=index, settings=settings)
    except Unavailable as e:
        filtered = re.search(_FILTER_FAILED, e.problem.partition(": ")[2])
        if filtered is None:
            raise
        path, name = filtered["path"], filtered["name"]
        raise Conflict(
            f"{path} needs the filter '{name}', which the repository's own configuration names; "
            "session-codec does not run it",
            hint=f"Configure filter.{name} in your own settings (git config --global), or commit "
            "and record the commits",
        ) from None


def subject_of(workspace: Workspace, commit: str) -> str:
    """Return the first line of a commit's message."""
    arguments = ("log", "-1", "--format=%s", "--encoding=UTF-8", "--no-show-signature", commit)
    said = run_git(repository_of(workspace), *arguments, "--").stdout
    return said.decode(errors="replace").strip()


def get_config(workspace: Workspace, name: str) -> str | None:
    """Return a setting of the repository itself; None if it is not set."""
    arguments = ("config", "--local", "--get", name)
    done = run_git(repository_of(workspace), *arguments, answers=_OR_NONE)
    return None if done.returncode else done.stdout.decode(errors="replace").removesuffix("\n")


def set_config(workspace: Workspace, name: str, value: str) -> None:
    """Change a setting of the repository itself."""
    run_git(repository_of(workspace), "config", "--local", "--replace-all", name, value)


def remove_config(workspace: Workspace, section: str) -> None:
    """Remove a section of the repository's own settings."""
    run_git(repository_of(workspace), "config", "--local", "--remove-section", section)


def _known(repository: Repository, name: str) -> str:
    found = commit_of(repository, name)
    if found is None:
        hint = _hint_on_history(repository, "Pass a commit, or two as A..B")
        if name == "HEAD":
            hint = "Commit first, or record the working tree with --worktree"
        raise NotFound(f"{name}: no such commit in {repository.top}", hint=hint)
    return found


def _hint_on_history(repository: Repository, hint: str) -> str:
    """Return a hint on missing commits; in a shallow clone, how to fetch them."""
    from pipelines.system.git.missing import UNSHALLOW, is_shallow

    return UNSHALLOW if is_shallow(repository.common) else hint


def _without_filters(repository: Repository) -> list[str]:
    """Return settings that switch off filters that only the repository configures.

    Filters of the user or the system stay, those of `git lfs install` for example. A file that
    needs one of the others cannot be added.
    """
    arguments = ("config", "--show-scope", "--null", "--get-regexp", _FILTER_KEYS)
    words = run_git(repository, *arguments, answers=_OR_NONE).stdout.split(b"\0")
    of_user: dict[str, str] = {}
    of_repository: set[str] = set()
    for scope, entry in zip(words[::2], words[1::2]):
        name, _, value = os.fsdecode(entry).partition("\n")
        if scope.decode() in _OF_USER:
            of_user[name] = value
        else:
            of_repository.add(name.rpartition(".")[0])
    return [setting for name in sorted(of_repository) for setting in _pinned(name, of_user)]


def _pinned(section: str, of_user: Mapping[str, str]) -> list[str]:
    values = {key: of_user.get(f"{section}.{key}", "") for key in ("clean", "process")}
    required = "true" if not any(values.values()) else of_user.get(f"{section}.required", "false")
    return [
        *(f"{section}.{key}={value}" for key, value in values.items()),
        f"{section}.required={required}",
    ]
