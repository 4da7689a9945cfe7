"""Find the commits that a session made.

1. A session begins at the HEAD that its hook recorded, else at the end of the newest range that was
   recorded on this branch. If neither is known, the session is the last commit.
2. Reflogs show which commits were made, in which worktree, and which branches were left.
   `attribution` decides which of them belong to this session. Commits from a pull, a merge, or the
   target of a rebase do not. Without a reflog, all commits since the beginning count.
3. A commit that a later one replaced (amend, rebase, reset) does not count: only commits that are
   reachable from HEAD at the end, or from where it left a branch, count.
4. A recorded commit is not taken again, nor is a copy of it that a rebase made.
5. Commits that touch only files that session-codec itself writes do not count.
6. Consecutive commits are one range. If others came in between, there are several.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from pipelines.outcomes.errors import NotFound
from pipelines.recording.attribution import Attribution
from pipelines.recording.commit_graph import (
    Commits,
    Past,
    known_commits,
    last_commit,
    ranges_of,
    read_commits,
    signatures,
)
from pipelines.recording.recorded_ranges import Recorded, recorded_ranges
from pipelines.recording.reflogs import Log, Made, Move, all_logs, branch_log, made_by, tips_of
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.system.git.worktree import head_of
from pipelines.workspace.git_queries import commit_of, repository_of
from pipelines.workspace.location import Workspace


class Beginning(NamedTuple):
    """HEAD at the beginning of a session (a commit or None), and the seconds since 1970."""

    commit: str
    time: int


class Stretch(NamedTuple):
    """A part of a session whose commits are to be found.

    Attributes:
        head: the full hash of HEAD at its end.
        begun: its beginning; None if no hook saw it.
        until: its end in seconds since 1970; None for now.
        root: the real path of its worktree.
        branch: the branch of HEAD, empty for a detached one.
        whose: decides which commits are its own; None if no sessions are known.
    """

    head: str
    begun: Beginning | None
    until: int | None
    root: str
    branch: str = ""
    whose: Attribution | None = None


class Taken(NamedTuple):
    """The commits of a session.

    Attributes:
        ranges: each is `BASE..HEAD`, in their order; empty without commits.
        commits: the number of commits.
        seen: all commits that it made, including those that were recorded before.
        made: `seen`, and the commits that later ones replaced.
        subject: the first line of the last commit's message; empty if it was not read.
    """

    ranges: tuple[str, ...]
    commits: int
    seen: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    subject: str = ""


def commits_until_now(
    workspace: Workspace, root: str, begun: Beginning | None, whose: Attribution | None
) -> Taken:
    """Return the commits of the running session, up to HEAD.

    Raises:
        NotFound: there is no repository, no commit yet, or a shallow clone lacks a parent.
    """
    repository = repository_of(workspace)
    head, branch = head_of(repository.top)
    head = head or commit_of(repository, "HEAD") or ""
    if not head:
        raise NotFound(
            f"HEAD: no such commit in {repository.top}",
            hint="Commit first, or record the working tree with --worktree",
        )
    stretch = Stretch(head=head, begun=begun, until=None, root=root, branch=branch, whose=whose)
    return commits_of_stretch(workspace, stretch, recorded_ranges(workspace))


def commits_of_stretch(
    workspace: Workspace, stretch: Stretch, recorded: Sequence[Recorded], past: Past | None = None
) -> Taken:
    """Return the commits of a part of a session.

    Args:
        workspace: the workspace of the repository.
        stretch: the stretch of the session.
        recorded: facts with commits, the newest first, without those of the session itself.
        past: the history that was read for several sessions.

    Raises:
        NotFound: a shallow clone lacks a parent.
    """
    repository = repository_of(workspace)
    logs = past.logs if past else all_logs(repository.common)
    own = _own_log(repository, logs, stretch)
    first = [stretch.begun.commit] if stretch.begun and stretch.begun.commit else []
    if stretch.begun and not (known_commits(repository, first, own.moves) if first else own.moves):
        first = []
        if stretch.whose is None:
            stretch = stretch._replace(begun=None)
    ends = list(dict.fromkeys(end for fact in recorded for end in fact.ends))
    has_floor = stretch.begun is not None and bool(first or own.moves)
    before = [] if has_floor else _on_branch(repository, stretch.head, ends)
    if stretch.begun is None and not before:
        found = last_commit(workspace, repository, stretch.head)
        return Taken((found,), 1) if found else Taken((), 0)
    floor = first if has_floor else before
    start, end = _limits(own.moves, stretch, [*first, *before])
    slices = [own._replace(moves=own.moves[start:end]), *_elsewhere(logs, stretch)]
    tips = [stretch.head, *(tip for log in slices for tip in tips_of(log.moves) if tip.strip("0"))]
    commits = _commits(workspace, repository, [*tips, *ends], floor, past)
    since = commits.between(tips, floor)
    made = _made(repository, stretch, slices, logs, None if own.moves else since)
    seen = [c for c in since if made is None or c in made.here]
    taken = commits.in_ranges(text for fact in recorded for text in fact.ranges)
    if made is not None and made.rewritten.intersection(seen):
        older = signatures(repository, *floor, "--not", *tips) if floor else {}
        others = _on_branch(repository, stretch.head, ends) if has_floor else []
        copied = signatures(repository, *others, "--not", *tips) if others else {}
        there = {*older.values(), *(s for commit, s in copied.items() if commit in taken)}
        seen = _without_copies(repository, seen, made, there)
    mine = [commit for commit in seen if commit not in taken]
    ranges = ranges_of(repository, mine, since, made)
    every = made.here.union(seen) if made else frozenset(seen)
    subject = commits.subjects[mine[-1]] if mine else ""
    return Taken(tuple(ranges), len(mine), frozenset(seen), every, subject)


def _commits(
    workspace: Workspace,
    repository: Repository,
    tips: Sequence[str],
    floor: Sequence[str],
    past: Past | None,
) -> Commits:
    """Return the commits since a session began, from the shared history if possible."""
    if past is not None and past.tips >= {*tips}:
        return past.commits
    return read_commits(workspace, repository, tips, floor)


def _own_log(repository: Repository, logs: Sequence[Log], stretch: Stretch) -> Log:
    """Return the log of the session's worktree, or of its branch if the worktree is gone."""
    for log in logs:
        if log.root == stretch.root and log.moves:
            return log
    return branch_log(repository.common, stretch.branch)._replace(root=stretch.root)


def _limits(moves: Sequence[Move], stretch: Stretch, anchors: Sequence[str]) -> tuple[int, int]:
    """Return the first and the last index of the moves of a session.

    Args:
        moves: the moves of the log of its worktree.
        stretch: the stretch of the session.
        anchors: commits that existed before.
    """
    if stretch.begun is not None:
        start = _first_index(moves, stretch.begun)
    else:
        first = {move.new: n for n, move in reversed(list(enumerate(moves, 1))) if move.made}
        start = max((first[commit] for commit in anchors if commit in first), default=0)
    end = len(moves) if stretch.until is None else _index(moves, stretch.head, stretch.until)
    return start, max(start, end)


def _first_index(moves: Sequence[Move], begun: Beginning) -> int:
    """Return the index of the first move of a session.

    Reflogs count seconds: of the moves in the second in which the session began, count those from
    the first one to the commit at its beginning.
    """
    before = sum(move.time < begun.time for move in moves)
    if before and moves[before - 1].new == begun.commit:
        return before
    now = (n for n, m in enumerate(moves, 1) if m.time == begun.time and m.new == begun.commit)
    return next(now, _index(moves, begun.commit, begun.time))


def _index(moves: Sequence[Move], commit: str, time: int) -> int:
    """Return the index after the last move up to a time, preferably one that led to a commit."""
    before = [n for n, move in enumerate(moves, 1) if move.time <= time]
    there = [n for n in before if moves[n - 1].new == commit]
    return max(there or before, default=0)


def _elsewhere(logs: Sequence[Log], stretch: Stretch) -> Iterator[Log]:
    """Yield the moves of other logs while the session ran, if they made any of its commits."""
    if stretch.begun is None or stretch.whose is None:
        return
    since, until = stretch.begun.time, stretch.until
    for log in logs:
        moves = [m for m in log.moves if since <= m.time and (until is None or m.time <= until)]
        mine = (stretch.whose.is_mine(move, log.root) for move in moves if move.made)
        if log.root != stretch.root and any(mine):
            yield Log(log.root, tuple(moves))


def _made(
    repository: Repository,
    stretch: Stretch,
    slices: Sequence[Log],
    logs: Sequence[Log],
    unlogged: Iterable[str] | None,
) -> Made | None:
    """Return the commits that the session made; None if nothing shows which it made.

    Args:
        repository: the repository of the session.
        stretch: the stretch of the session.
        slices: the moves of logs that it may have made.
        logs: all logs, which are searched for the originals of copies.
        unlogged: the commits since its beginning, if its worktree has no log; else None.
    """
    whose = stretch.whose
    moves = [(move, log.root) for log in slices for move in log.moves if move.made]
    if whose is None:
        return None if unlogged is not None else made_by(move for move, _ in moves)
    if unlogged is not None:
        known = {move.new for move, _ in moves}
        others = _committed(repository, (c for c in unlogged if c not in known))
        moves += [(move, stretch.root) for move in others]
    originals = _originals(repository, [move for move, _ in moves], logs)
    return made_by(
        move for move, root in moves if whose.is_mine(*originals.get(move.new, (move, root)))
    )


def _originals(
    repository: Repository, moves: Sequence[Move], logs: Sequence[Log]
) -> dict[str, tuple[Move, str]]:
    """Return the moves that made the originals of rebased commits, by the copy."""
    copies = [move.new for move in moves if move.rewritten]
    if not copies:
        return {}
    first = {m.new: (m, log.root) for log in logs for m in log.moves if m.made and not m.rewritten}
    known = known_commits(repository, [*first])
    signed = signatures(repository, "--no-walk", *copies, *known)
    by_signature = {signed[c]: first[c] for c in reversed(first) if c in known and c in signed}
    return {c: by_signature[signed[c]] for c in copies if signed.get(c) in by_signature}


def _committed(repository: Repository, commits: Iterable[str]) -> Iterator[Move]:
    """Yield commits as moves of a reflog."""
    names = list(commits)
    if not names:
        return
    form = "--format=tformat:%H %ct %s"
    lines = run_git(repository, "rev-list", "--no-walk", form, *names, "--").stdout
    for line in lines.decode(errors="replace").split("\n"):
        commit, _, rest = line.partition(" ")
        if rest and commit != "commit":
            time, _, subject = rest.partition(" ")
            yield Move("", commit, int(time), f"commit: {subject}")


def _without_copies(
    repository: Repository, seen: Sequence[str], made: Made, there: Container[str]
) -> list[str]:
    """Return commits without those that a rebase made from older or recorded commits.

    Args:
        repository: the repository that has the commits.
        seen: the commits, the oldest first.
        made: the commits that reflogs list.
        there: the signatures of the older and the recorded commits.
    """
    signed = signatures(repository, "--no-walk", *made.rewritten.intersection(seen))
    return [commit for commit in seen if signed.get(commit) not in there]


def _on_branch(repository: Repository, head: str, ends: Sequence[str]) -> list[str]:
    """Return the ends of recorded ranges on this branch: ancestors of HEAD, and former commits."""
    branch = head_of(repository.top)[1]
    log = branch_log(repository.common, branch)
    here = {move.new for move in log.moves}.intersection(ends)
    others = known_commits(repository, [end for end in ends if end not in here])
    if others:
        arguments = (*sorted(others), "--not", head)
        elsewhere = run_git(repository, "rev-list", *arguments).stdout.decode().split()
        here |= others.difference(elsewhere)
    return [end for end in ends if end in here]
