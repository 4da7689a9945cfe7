"""Ask git for the commits since a point and in recorded ranges, and group commits into ranges.

Commits are read in one run of git, however many sessions need them: reachability and the base of a
range are computed from their parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final, NamedTuple

from pipelines.recording.reflogs import Log, Made, Move, all_logs
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_patches import LEFT_OUT
from pipelines.workspace.git_queries import parent_of, prefix_of
from pipelines.workspace.location import REFERENCES, Workspace

#: The files that only session-codec writes, and its folder.
_OWN: Final = (*LEFT_OUT, REFERENCES, ".session-codec")
#: Settings and options that keep the output of `git log` independent of the user's settings. Below
#: the subject of a commit are the names of its files, with merges and without renames left out.
#: `--ignore-missing` has to precede `--stdin`, which git reads at once.
_LOG_SETTINGS: Final = ("log.showRoot=true", "log.follow=false")
_LOG: Final = (
    "log", "--ignore-missing", "--stdin", "--full-history", "--sparse", "--topo-order", "--reverse",
    "--name-only", "--no-renames", "--ignore-submodules=none", "--no-relative", "-O/dev/null",
    "--no-color", "--no-decorate", "--no-mailmap", "--no-show-signature", "--encoding=UTF-8",
    "--format=tformat:%x00%H %P%x00%s",
)  # fmt: skip


class Commits(NamedTuple):
    """Commits since a point.

    Attributes:
        parents: the parents of each commit, the oldest first.
        counted: the commits that count: merges, and those that change other files than our own.
        subjects: the first line of each commit's message.
    """

    parents: Mapping[str, Sequence[str]]
    counted: Set[str]
    subjects: Mapping[str, str]

    def reached(self, tips: Iterable[str]) -> set[str]:
        """Return the commits that are reachable from some commits."""
        found: set[str] = set()
        waiting = [*tips]
        while waiting:
            commit = waiting.pop()
            if commit in self.parents and commit not in found:
                found.add(commit)
                waiting += self.parents[commit]
        return found

    def between(self, tips: Iterable[str], floor: Iterable[str]) -> dict[str, str]:
        """Return the commits that count since a session began, oldest first, without merges.

        The value is the first parent, or its nearest ancestor that counts or existed before; empty
        for a commit without one.
        """
        since = self.reached(tips) - self.reached(floor)
        return {
            commit: self._before(commit, since)
            for commit, parents in self.parents.items()
            if commit in since and commit in self.counted and len(parents) <= 1
        }

    def in_ranges(self, ranges: Iterable[str]) -> set[str]:
        """Return the commits in ranges `BASE..HEAD`; for a single commit, it and its ancestors."""
        found: set[str] = set()
        for commits in ranges:
            base, dots, end = commits.rpartition("..")
            found |= self.reached([end]) - (self.reached([base]) if dots else set())
        return found

    def _before(self, commit: str, since: Set[str]) -> str:
        before = next(iter(self.parents[commit]), "")
        while before in since and before not in self.counted:
            before = next(iter(self.parents[before]), "")
        return before


class Past(NamedTuple):
    """The history of a repository while sessions ran, read once for all of them.

    Attributes:
        logs: all reflogs.
        tips: the commits from which `commits` were read.
        commits: the commits since the first session began.
    """

    logs: Sequence[Log]
    tips: Set[str] = frozenset()
    commits: Commits = Commits({}, frozenset(), {})


def read_past(
    workspace: Workspace,
    repository: Repository,
    heads: Iterable[str],
    floor: Sequence[str],
    since: int,
) -> Past:
    """Return the history that is needed to find the commits of sessions.

    Args:
        workspace: the workspace, whose own files do not count.
        repository: the repository of the sessions.
        heads: the commits of which sessions or recorded ranges may consist.
        floor: the commits that existed when the first session began.
        since: when it began, in seconds since 1970.
    """
    logs = all_logs(repository.common)
    moved = (c for log in logs for m in log.moves if m.time >= since for c in (m.old, m.new))
    tips = {commit for commit in (*heads, *moved) if commit.strip("0")}
    return Past(logs, tips, read_commits(workspace, repository, tips, floor))


def read_commits(
    workspace: Workspace, repository: Repository, tips: Iterable[str], floor: Sequence[str]
) -> Commits:
    """Return the commits since a session began; commits missing in the repository are left out."""
    data = "".join(f"{name}\n" for name in (*sorted(tips), *(f"^{c}" for c in floor))).encode()
    done = run_git(
        repository, *_LOG, "--", *_counted(workspace), data=data, settings=_LOG_SETTINGS
    )  # fmt: skip
    words = done.stdout.decode(errors="replace").split("\0")
    parents: dict[str, Sequence[str]] = {}
    counted: set[str] = set()
    subjects: dict[str, str] = {}
    for hashes, text in zip(words[1::2], words[2::2], strict=True):
        commit, *of = hashes.split()
        subject, _, files = text.partition("\n")
        parents[commit] = of
        subjects[commit] = subject.strip()
        if len(of) > 1 or files.strip():
            counted.add(commit)
    return Commits(parents, counted, subjects)


def known_commits(
    repository: Repository, commits: Sequence[str], moves: Sequence[Move] = ()
) -> set[str]:
    """Return the commits that the repository has; those in a reflog are not checked."""
    found = {move.new for move in moves}.intersection(commits)
    if found.issuperset(commits):
        return found
    data = "".join(f"{commit}\n" for commit in commits).encode()
    form = "--batch-check=%(objectname) %(objecttype)"
    lines = run_git(repository, "cat-file", form, data=data).stdout.decode().splitlines()
    return {line.removesuffix(" commit") for line in lines if line.endswith(" commit")}


def last_commit(workspace: Workspace, repository: Repository, head: str) -> str:
    """Return the range of the last commit that counts; a merge is compared with its first parent.

    It is empty if no commit counts.
    """
    arguments = ("-1", "--first-parent", "--parents", head, "--", *_counted(workspace))
    found = run_git(repository, "rev-list", *arguments).stdout.decode().split()
    if not found:
        return ""
    base = found[1] if len(found) > 1 else parent_of(repository, found[0])
    return f"{base}..{found[0]}"


def signatures(repository: Repository, *revisions: str) -> dict[str, str]:
    """Return the properties of commits that a rebase keeps: author, time and subject."""
    form = "--format=tformat:%H %at %ae %s"
    lines = run_git(repository, "rev-list", form, *revisions, "--").stdout.decode(errors="replace")
    pairs = (line.partition(" ") for line in lines.split("\n") if not line.startswith("commit "))
    return {commit: signature for commit, _, signature in pairs if commit}


def ranges_of(
    repository: Repository, mine: Iterable[str], before: Mapping[str, str], made: Made | None
) -> Iterator[str]:
    """Yield the ranges of consecutive commits.

    Args:
        repository: the repository that has the commits.
        mine: the commits, the oldest first.
        before: the commit with which each is compared (`Commits.between`).
        made: the commits that reflogs list.
    """
    runs: list[list[str]] = []
    for commit in mine:
        if runs and before[commit] == runs[-1][-1]:
            runs[-1].append(commit)
        else:
            runs.append([commit])
    for run in runs:
        yield f"{_base(repository, run[0], before, made)}..{run[-1]}"


def _base(repository: Repository, commit: str, before: Mapping[str, str], made: Made | None) -> str:
    """Return the base of a range, with which its first commit is compared.

    If the session amended a commit of others, only the amendment is the session's.
    """
    amended = made.amended if made else {}
    old = commit
    seen = {old}
    # An amendment within the same second that changes nothing has the same hash, even repeatedly.
    while (replaced := amended.get(old)) is not None and replaced not in seen:
        seen.add(replaced)
        old = replaced
    if old != commit and made and old not in made.here:
        return old
    return before[commit] or parent_of(repository, commit)


def own_paths(workspace: Workspace) -> list[str]:
    """Return the paths in the repository of the files and folders that only session-codec writes.

    The list is empty if the workspace is outside of its repository.
    """
    prefix = prefix_of(workspace)
    return [f"{prefix}{name}" for name in _OWN] if prefix is not None else []


def _counted(workspace: Workspace) -> list[str]:
    """Return pathspecs for all files except those that only session-codec writes."""
    return [":(top)", *(f":(top,exclude,literal){name}" for name in own_paths(workspace))]
