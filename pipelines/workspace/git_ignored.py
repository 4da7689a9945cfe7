"""Find tracked files that git ignores, and the exceptions for `.gitignore`.

GitHub's template for Node ignores `*.log`, which hides `SESSION_DELTAS.log`: the file is then never
committed, and no clone has it. An exception in the workspace's own `.gitignore` overrides the
user's excludes and every `.gitignore` above it, unless a whole folder above is ignored.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from codec.summaries.paths import FOLDER, is_path
from pipelines.outcomes.errors import Denied, NotFound, Unavailable
from pipelines.outcomes.findings import Finding
from pipelines.system.git.worktree import git_folders, opened
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES, Workspace

#: The files that every clone needs, beside summaries.
COMMITTED: Final = (MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES)


class Ignored(NamedTuple):
    """A file that git ignores.

    Attributes:
        name: the name of the file, relative to the workspace.
        rule: the pattern that matches it.
        source: the file that has the pattern.
        line: the line of the pattern, counted from 1.
    """

    name: str
    rule: str
    source: str
    line: int


def exceptions(names: Iterable[str]) -> list[str]:
    """Return the lines of `.gitignore` that make git accept some files of a workspace."""
    lines: dict[str, None] = {}
    for name in names:
        folders = name.split("/")[:-1]
        lines.update((f"!/{'/'.join(folders[: i + 1])}/", None) for i in range(len(folders)))
        lines[f"!/{FOLDER}/*.json" if is_path(name) else f"!/{name}"] = None
    return list(lines)


def ignored_files(workspace: Workspace, more: Iterable[str] = ()) -> list[Ignored]:
    """Return the files that clones need and git ignores; git runs only if necessary.

    A file that git already tracks stays tracked, whatever the patterns. If git cannot run, the list
    is empty: other checks report that.

    Args:
        workspace: the workspace of the files.
        more: paths of files that will be written, relative to the workspace.
    """
    folders = git_folders(workspace.repository) if workspace.repository else None
    if workspace.repository is None or folders is None:
        return []
    below = os.path.relpath(workspace.root, workspace.repository).replace(os.sep, "/")
    wanted = dict.fromkeys((*COMMITTED, *_summaries(workspace), *more))
    names = [name for name in wanted if not _is_in_index(folders[0], _joined(below, name))]
    if not names:
        return []
    try:
        return list(_ignored(workspace, names))
    except (Denied, NotFound, Unavailable):
        return []


def ignored_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield a finding for each file that clones need and git ignores."""
    for file in ignored_files(workspace):
        yield Finding(
            code="ignored",
            message=f"is ignored by git ('{file.rule}' in {file.source}:{file.line}), so no clone "
            "gets it",
            file=file.name,
            hint="'session-codec doctor --repair' adds an exception to .gitignore",
        )


def _summaries(workspace: Workspace) -> list[str]:
    """Return the paths of the files of summaries, relative to the workspace."""
    try:
        found = os.listdir(workspace.path(*FOLDER.split("/")))
    except OSError:  # usually there are no summaries
        return []
    return sorted(path for name in found if is_path(path := f"{FOLDER}/{name}"))


def _joined(below: str, name: str) -> str:
    return name if below == "." else f"{below}/{name}"


def _is_in_index(git: str, path: str) -> bool:
    """Return True if git's index contains a path; checked without starting git."""
    try:
        with (
            open(os.path.join(git, "index"), "rb", opener=opened) as f,
            mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return data.find(os.fsencode(path) + b"\0") >= 0
    except (OSError, ValueError):  # missing, or empty
        return False


def _ignored(workspace: Workspace, names: Iterable[str]) -> Iterator[Ignored]:
    from pipelines.system.git.process import run_git
    from pipelines.workspace.git_queries import (  # imported only by verbs that need it
        prefix_of,
        repository_of,
    )

    repository, prefix = repository_of(workspace), prefix_of(workspace)
    if prefix is None:
        return
    asked = b"".join(os.fsencode(f"{prefix}{name}") + b"\0" for name in names)
    done = run_git(
        repository, "check-ignore", "--verbose", "-z", "--stdin", data=asked, answers=(0, 1)
    )
    fields = [os.fsdecode(field) for field in done.stdout.split(b"\0")]
    for source, line, rule, path in zip(*(iter(fields[:-1]),) * 4, strict=True):
        if not rule.startswith("!"):
            yield Ignored(path.removeprefix(prefix), rule, source, int(line))
