"""Ask git for the commits since a point, those in recorded ranges, and their ranges."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pipelines.git.process import run_git
from pipelines.git.repository import Repository
from pipelines.recording.reflogs import Made, Move
from pipelines.workspace.git_patches import LEFT_OUT
from pipelines.workspace.git_queries import parent_of, prefix_of
from pipelines.workspace.location import REFERENCES, Workspace

#: The files that only session-codec writes, and its folder.
_OWN: Final = (*LEFT_OUT, REFERENCES, ".session-codec")

Graph = Mapping[str, Sequence[str]]


def known_commits(
    repository: Repository, commits: Sequence[str], moves: Sequence[Move] = ()
) -> set[str]:
    """Return the commits that the repository has; it keeps those in a reflog."""
    found = {move.new for move in moves}.intersection(commits)
    if found.issuperset(commits):
        return found
    data = "".join(f"{commit}\n" for commit in commits).encode()
    form = "--batch-check=%(objectname) %(objecttype)"
    lines = run_git(repository, "cat-file", form, data=data).stdout.decode().splitlines()
    return {line.removesuffix(" commit") for line in lines if line.endswith(" commit")}


def last_commit(workspace: Workspace, repository: Repository, head: str) -> str:
    """Return the range of the last commit that counts; a merge is compared with its first parent.

    Empty if no commit counts.
    """
    arguments = ("-1", "--first-parent", "--parents", head, "--", *_counted(workspace))
    found = run_git(repository, "rev-list", *arguments).stdout.decode().split()
    if not found:
        return ""
    base = found[1] if len(found) > 1 else parent_of(repository, found[0])
    return f"{base}..{found[0]}"


def walk(
    workspace: Workspace, repository: Repository, tips: Sequence[str], floor: Sequence[str]
) -> dict[str, list[str]]:
    """Return the commits that count since a session began, oldest first, with their parents.

    A parent that does not count is left out in favour of its own.
    """
    arguments = ("--topo-order", "--reverse", "--full-history", "--parents", *tips)
    paths = ("--not", *floor, "--", *_counted(workspace))
    return _read_graph(repository, *arguments, *paths)


def graph_of(repository: Repository, tips: Sequence[str], floor: Sequence[str]) -> Graph:
    """Return all commits since a session began, with their parents."""
    return _read_graph(repository, "--parents", *tips, "--not", *floor, "--")


def reached(graph: Graph, tip: str) -> set[str]:
    """Return the commits of a graph that are reachable from one."""
    found: set[str] = set()
    waiting = [tip]
    while waiting:
        commit = waiting.pop()
        if commit in graph and commit not in found:
            found.add(commit)
            waiting += graph[commit]
    return found


def signatures(repository: Repository, *revisions: str) -> dict[str, str]:
    """Return the properties of commits that a rebase keeps: author, time and subject."""
    form = "--format=tformat:%H %at %ae %s"
    lines = run_git(repository, "rev-list", form, *revisions, "--").stdout.decode(errors="replace")
    pairs = (line.partition(" ") for line in lines.split("\n") if not line.startswith("commit "))
    return {commit: signature for commit, _, signature in pairs if commit}


def ranges_of(
    repository: Repository,
    mine: Collection[str],
    parents: Graph,
    made: Made | None,
) -> Iterator[str]:
    """Yield the ranges of commits that follow each other."""
    runs: list[list[str]] = []
    for commit in mine:
        if runs and list(parents[commit]) == runs[-1][-1:]:
            runs[-1].append(commit)
        else:
            runs.append([commit])
    for run in runs:
        yield f"{_base(repository, run[0], parents, made)}..{run[-1]}"


def _read_graph(repository: Repository, *arguments: str) -> dict[str, list[str]]:
    lines = run_git(repository, "rev-list", *arguments).stdout.decode().splitlines()
    return {commit: parents for commit, *parents in (line.split() for line in lines)}


def _base(repository: Repository, commit: str, parents: Graph, made: Made | None) -> str:
    """Return the base that the first commit of a range is compared with.

    Of a commit of others that was amended, only the amendment is the session's.
    """
    amended = made.amended if made else {}
    old = commit
    seen = {old}
    # An amendment that changes nothing within a second has the same hash, also over several.
    while (before := amended.get(old)) is not None and before not in seen:
        seen.add(before)
        old = before
    if old != commit and made and old not in made.here:
        return old
    return parents[commit][0] if parents[commit] else parent_of(repository, commit)


def _counted(workspace: Workspace) -> list[str]:
    """Return pathspecs of everything but the files that only session-codec writes."""
    prefix = prefix_of(workspace)
    own = () if prefix is None else _OWN
    return [":(top)", *(f":(top,exclude,literal){prefix}{name}" for name in own)]
