"""Read the history of a file at HEAD from git.

git reads objects only, without settings, attributes and references of the repository, so what is
shown depends on nothing but the commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from codec.patches.changes import FileChange, changes_of
from pipelines.outcomes.errors import NotFound, Unavailable
from pipelines.recording.commit_graph import known_commits
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository

_COMMIT: Final = re.compile(rb"^\0(?P<commit>[0-9a-f]{40,64}) (?P<time>\d{1,12})\n", re.M)
_OPTIONS: Final = (
    "--full-index", "--find-renames=50%", "--unified=0", "--diff-algorithm=myers", "--no-color",
    "--src-prefix=a/", "--dst-prefix=b/", "--format=%x00%H %at",
)  # fmt: skip
_HEADER: Final = re.compile(
    rb"(?P<commit>[0-9a-f]{40,64}) (?P<old>\d{1,9}) (?P<new>\d{1,9})(?: \d+)?"
)

Graph = Mapping[str, Sequence[str]]


class Step(NamedTuple):
    """The change of one commit to a file, with the author's time in seconds since 1970."""

    commit: str
    time: int
    change: FileChange


class Blamed(NamedTuple):
    """The origin of a line.

    Attributes:
        commit: that added it.
        number: that it had there.
        text: of the line.
    """

    commit: str
    number: int
    text: bytes


def file_history(repository: Repository, head: str, path: str) -> list[Step]:
    """Return the changes of commits to a file, newest first; renames are followed.

    Args:
        repository: that has the file.
        head: the commit to begin at, by its whole hash.
        path: relative to the top of the repository.

    Raises:
        NotFound: the clone lacks commits of its history.
    """
    arguments = ("log", "--follow", "-p", *_OPTIONS, head, "--", path)
    return list(_steps(run_git(repository, *arguments, plain=True).stdout, path))


def blame(repository: Repository, head: str, path: str, number: int) -> Blamed:
    """Return the commit that added a line of a file, by git's own rules.

    Args:
        repository: that has the file.
        head: the commit whose version of the file is asked about.
        path: relative to the top of the repository.
        number: of the line, from 1.

    Raises:
        NotFound: the file or the line does not exist at that commit, or the clone lacks commits.
    """
    arguments = ("blame", "--porcelain", "-L", f"{number},{number}", head, "--", path)
    try:
        output = run_git(repository, *arguments, plain=True).stdout
    except Unavailable as e:
        raise NotFound(
            f"{path}:{number}: {e.problem}", hint="Name a line of the file at HEAD"
        ) from e
    first, *rest = output.split(b"\n")
    m = _HEADER.fullmatch(first)
    text = next((line[1:] for line in rest if line.startswith(b"\t")), None)
    if m is None or text is None:
        raise NotFound(f"{path}:{number}: git blames no commit")
    return Blamed(m["commit"].decode(), int(m["old"]), text)


def graph_with(repository: Repository, head: str, ends: Iterable[str]) -> Graph:
    """Return the parents of all commits that HEAD or one of some commits reaches.

    Args:
        repository: whose commits.
        head: a commit.
        ends: names of commits, of which the repository may lack some.
    """
    known = known_commits(repository, sorted(set(ends)))
    tips = "".join(f"{commit}\n" for commit in sorted({head, *known})).encode()
    lines = run_git(repository, "rev-list", "--parents", "--stdin", data=tips).stdout.decode()
    return {commit: parents for commit, *parents in map(str.split, lines.splitlines())}


def descendants(graph: Graph, commit: str) -> set[str]:
    """Return a commit and all commits of a graph that reach it."""
    children: dict[str, list[str]] = {}
    for child, parents in graph.items():
        for parent in parents:
            children.setdefault(parent, []).append(child)
    found: set[str] = set()
    waiting = [commit]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += children.get(name, ())
    return found


def _steps(output: bytes, path: str) -> Iterable[Step]:
    """Read what `git log --follow -p` prints: the file has an earlier name before a rename."""
    marks = list(_COMMIT.finditer(output))
    ends = [m.start() for m in marks[1:]] + [len(output)]
    name = path
    for m, end in zip(marks, ends):
        for change in changes_of(output[m.end() : end].lstrip(b"\n")):
            if change.new == name:
                yield Step(m["commit"].decode(), int(m["time"]), change)
                name = change.old
                break
