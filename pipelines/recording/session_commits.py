"""Find the commits that a session made.

1. A session begins at the HEAD that its hook noted, else at the end of the newest range that was
   recorded on this branch. Where neither is known, the session is the last commit.
2. What was recorded since then is not taken again, nor is a copy of it that a rebase made.
3. The reflog of HEAD shows which commits were made in this worktree. What came by pull or merge, or
   from the branch that a rebase went onto, is not the session's. Without a reflog, as in a worktree
   that is gone, all commits since the beginning are.
4. Commits that touch only files that session-codec itself writes do not count.
5. Commits that follow each other are one range. Where others came in between, there are several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from codec.agents.spool_entry import HEAD_LIMIT, Entry, decode_entry
from codec.errors import FormatError
from pipelines.errors import NotFound
from pipelines.git.process import Repository, run_git
from pipelines.git.worktree import head_of
from pipelines.recording.spool import spool_of, waiting
from pipelines.workspace.git_patches import LEFT_OUT
from pipelines.workspace.git_queries import commit_of, parent_of, prefix_of, repository_of
from pipelines.workspace.location import MANIFEST, REFERENCES, Workspace
from pipelines.workspace.reading import mapped_file

#: The files that only session-codec writes, and its folder.
_OWN: Final = (*LEFT_OUT, REFERENCES, ".session-codec")
#: How much of the ends of the manifest, of a reflog and of the spool is read.
_MANIFEST_END, _REFLOG_END = 1 << 18, 1 << 22
_RANGES: Final = 64
_STARTS: Final = 32
_ENDS: Final = re.compile(
    rb'"(?:range":|commits_of":\[[^\]]*)"(?:[0-9a-f]{40,64}\.\.)?(?P<end>[0-9a-f]{40,64})"'
)
#: What reflogs call a commit that was made here, and what looks like one and came from elsewhere.
_MADE: Final = ("commit:", "commit (", "cherry-pick:", "revert:", "am:")
_CAME: Final = ("commit (merge)", "cherry-pick: fast-forward")
#: What a rebase, by itself or in a pull, calls a commit that it made of another.
_REBASES: Final = ("rebase", "pull")
_STEPS: Final = ("pick", "reword", "edit", "squash", "fixup", "continue")
_AMENDED: Final = "commit (amend)"


class Beginning(NamedTuple):
    """Where HEAD was when a session began: the commit or nothing, and seconds since 1970."""

    commit: str
    time: int


class Taken(NamedTuple):
    """The commits of a session.

    Attributes:
        ranges: each `BASE..HEAD`, in their order; empty if it made none.
        commits: how many.
        recorded: it made commits, and all of them were recorded before.
    """

    ranges: tuple[str, ...]
    commits: int
    recorded: bool = False


class _Move(NamedTuple):
    """One line of a reflog: HEAD went from one commit to another."""

    old: str
    new: str
    time: int
    action: str


class _Made(NamedTuple):
    """What a reflog says about commits.

    Attributes:
        here: those that were made in this worktree.
        rewritten: those that a rebase made of others.
        amended: of those that replaced another, which.
    """

    here: frozenset[str]
    rewritten: frozenset[str]
    amended: Mapping[str, str]


def own_commits(workspace: Workspace, asking: str = "") -> Taken:
    """Return the commits of the session that is running now, up to HEAD.

    Args:
        workspace: whose repository.
        asking: the session, by its agent's name of it, if that is known.

    Raises:
        NotFound: there is no repository, no commit yet, or a shallow clone lacks a parent.
    """
    repository = repository_of(workspace)
    head = head_of(repository.top)[0] or commit_of(repository, "HEAD")
    if not head:
        raise NotFound(
            f"HEAD: no such commit in {repository.top}",
            hint="Commit first, or record the working tree with --worktree",
        )
    return commits_until(workspace, head, _noted(workspace, asking), recorded_ends(workspace))


def commits_until(
    workspace: Workspace,
    head: str,
    begun: Beginning | None,
    ends: Sequence[str],
    *,
    has_reflog: bool = True,
) -> Taken:
    """Return the commits of a session up to a commit.

    Args:
        workspace: whose repository.
        head: the whole hash.
        begun: where its hook saw it begin, None if no hook did.
        ends: the commits that recorded ranges end with.
        has_reflog: the session was in this worktree.

    Raises:
        NotFound: a shallow clone lacks a parent.
    """
    repository = repository_of(workspace)
    moves = _reflog(repository) if has_reflog else []
    first = [begun.commit] if begun and begun.commit else []
    if begun and not (_known(repository, first, moves) if first else moves):
        begun, first = None, []
    recorded = _on_branch(repository, head, ends)
    if begun is None and not recorded:
        return _last(workspace, repository, head)
    floor = [*first, *recorded]
    made = _made(moves[_position(moves, begun, floor) :]) if moves else None
    parents = _walk(workspace, repository, head, floor)
    mine = _mine(repository, parents, made, floor, head)
    if begun and recorded and not mine:
        parents = _walk(workspace, repository, head, first)
        return Taken((), 0, recorded=bool(_mine(repository, parents, made, first, head)))
    return Taken(tuple(_ranges(repository, mine, parents, made)), len(mine))


def recorded_ends(workspace: Workspace) -> list[str]:
    """Return the commits that recorded ranges end with, the newest fact first."""
    with mapped_file(workspace, MANIFEST) as manifest:
        data = manifest[-_MANIFEST_END:]
    found = [match["end"].decode() for match in _ENDS.finditer(data)]
    return list(dict.fromkeys(reversed(found)))[:_RANGES]


def _noted(workspace: Workspace, asking: str) -> Beginning | None:
    """Return where its hook saw a session begin: the one that asks, else the newest."""
    spool = spool_of(workspace.home)
    names = [name for name in waiting(spool) if name.endswith(".start")][-_STARTS:]
    starts = [s for name in names if (s := _start(workspace, os.path.join(spool, name)))]
    if not starts:
        return None
    named = [start for start in starts if start[0] == asking]
    session = (named or starts)[-1][0]
    entry = next(entry for name, entry in starts if name == session)
    return Beginning(entry.head, entry.time // 10**9)


def _start(workspace: Workspace, path: str) -> tuple[str, Entry] | None:
    """Return the session that a spooled start names, and the event; None if it is not ours."""
    from codec.agents.hook_input import decode_input

    try:
        with open(path, "rb") as f:
            entry = decode_entry(f.read(HEAD_LIMIT))
        if os.path.realpath(os.fsdecode(entry.root)) != os.path.realpath(workspace.root):
            return None
        return decode_input(entry.data).session_id, entry
    except (FormatError, OSError, ValueError):
        return None  # draining the spool reports it


def _known(repository: Repository, commits: Sequence[str], moves: Iterable[_Move] = ()) -> set[str]:
    """Return those commits that the repository has; what a reflog names, it keeps."""
    found = {move.new for move in moves}.intersection(commits)
    if found.issuperset(commits):
        return found
    data = "".join(f"{commit}\n" for commit in commits).encode()
    form = "--batch-check=%(objectname) %(objecttype)"
    lines = run_git(repository, "cat-file", form, data=data).stdout.decode().splitlines()
    return {line.removesuffix(" commit") for line in lines if line.endswith(" commit")}


def _on_branch(repository: Repository, head: str, ends: Sequence[str]) -> list[str]:
    """Return the recorded ends of this branch: ancestors of HEAD, and what it once pointed to."""
    branch = head_of(repository.top)[1]
    path = os.path.join(repository.common, "logs", "refs", "heads", *branch.split("/"))
    here = {move.new for move in _read_reflog(path)}.intersection(ends) if branch else set()
    others = _known(repository, [end for end in ends if end not in here])
    if others:
        arguments = (*sorted(others), "--not", head)
        elsewhere = run_git(repository, "rev-list", *arguments).stdout.decode().split()
        here |= others.difference(elsewhere)
    return [end for end in ends if end in here]


def _last(workspace: Workspace, repository: Repository, head: str) -> Taken:
    """Return the last commit that counts; a merge is compared with its first parent."""
    arguments = ("-1", "--first-parent", "--parents", head, "--", *_counted(workspace))
    found = run_git(repository, "rev-list", *arguments).stdout.decode().split()
    if not found:
        return Taken((), 0)
    base = found[1] if len(found) > 1 else parent_of(repository, found[0])
    return Taken((f"{base}..{found[0]}",), 1)


def _walk(
    workspace: Workspace, repository: Repository, head: str, floor: Sequence[str]
) -> dict[str, list[str]]:
    """Return the commits that count since a session began, oldest first, with their parents.

    A parent that does not count is left out in favour of its own.
    """
    arguments = ("--topo-order", "--reverse", "--full-history", "--parents", head)
    paths = ("--not", *floor, "--", *_counted(workspace))
    lines = run_git(repository, "rev-list", *arguments, *paths).stdout.decode().splitlines()
    return {commit: parents for commit, *parents in (line.split() for line in lines)}


def _counted(workspace: Workspace) -> list[str]:
    """Return pathspecs of everything but the files that only session-codec writes."""
    prefix = prefix_of(workspace)
    own = () if prefix is None else _OWN
    return [":(top)", *(f":(top,exclude,literal){prefix}{name}" for name in own)]


def _reflog(repository: Repository) -> list[_Move]:
    return list(_read_reflog(os.path.join(repository.git, "logs", "HEAD")))


def _read_reflog(path: str) -> Iterator[_Move]:
    """Read a reflog: old hash, new hash, name, email, time and zone, a tab, the message."""
    try:
        with open(path, "rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - _REFLOG_END))
            lines = f.read().decode(errors="replace").split("\n")
    except (OSError, ValueError):
        return
    for line in lines:
        who, _, action = line.partition("\t")
        words = who.split(" ")
        if len(words) > 4 and words[-2].isdecimal():
            yield _Move(words[0], words[1], int(words[-2]), action)


def _position(moves: Sequence[_Move], begun: Beginning | None, floor: Sequence[str]) -> int:
    """Return the index of the first move that a session can have made."""
    if begun is not None:
        before = [n for n, m in enumerate(moves, 1) if m.time <= begun.time]
        there = [n for n in before if moves[n - 1].new == begun.commit]
        return max(there or before, default=0)
    moved = reversed(list(enumerate(moves, 1)))
    first = {move.new: n for n, move in moved if _is_made(move.action)}
    return max((first[commit] for commit in floor if commit in first), default=0)


def _made(moves: Sequence[_Move]) -> _Made:
    made = frozenset(move.new for move in moves if _is_made(move.action))
    rewritten = frozenset(move.new for move in moves if _is_rewritten(move.action))
    amended = {move.new: move.old for move in moves if move.action.startswith(_AMENDED)}
    return _Made(made, rewritten, amended)


def _is_made(action: str) -> bool:
    """Return whether a move of HEAD made a commit, rather than going to one of others."""
    is_made = action.startswith(_MADE) and not action.startswith(_CAME)
    return is_made or _is_rewritten(action)


def _is_rewritten(action: str) -> bool:
    if not action.startswith(_REBASES):
        return False
    return action.startswith("rebase: ") or any(f"({step}): " in action for step in _STEPS)


def _mine(
    repository: Repository,
    parents: Mapping[str, Sequence[str]],
    made: _Made | None,
    floor: Sequence[str],
    head: str,
) -> list[str]:
    """Return the commits of a session, oldest first."""
    found = [c for c, of in parents.items() if len(of) <= 1 and (made is None or c in made.here)]
    rewritten = [c for c in found if made and c in made.rewritten]
    if not rewritten or not floor:
        return found
    before = set(_signed(repository, *floor, "--not", head).values())
    signed = _signed(repository, "--no-walk", *rewritten)
    return [c for c in found if signed.get(c) not in before]


def _signed(repository: Repository, *revisions: str) -> dict[str, str]:
    """Return what a rebase keeps of commits: author, time and subject."""
    form = "--format=tformat:%H %at %ae %s"
    lines = run_git(repository, "rev-list", form, *revisions).stdout.decode(errors="replace")
    pairs = (line.partition(" ") for line in lines.split("\n") if not line.startswith("commit "))
    return {commit: signature for commit, _, signature in pairs if commit}


def _ranges(
    repository: Repository,
    mine: Collection[str],
    parents: Mapping[str, Sequence[str]],
    made: _Made | None,
) -> Iterator[str]:
    """Return the ranges of commits that follow each other."""
    runs: list[list[str]] = []
    for commit in mine:
        if runs and parents[commit] == runs[-1][-1:]:
            runs[-1].append(commit)
        else:
            runs.append([commit])
    for run in runs:
        yield f"{_base(repository, run[0], parents, made)}..{run[-1]}"


def _base(
    repository: Repository, commit: str, parents: Mapping[str, Sequence[str]], made: _Made | None
) -> str:
    """Return what the first commit of a range is compared with.

    Of a commit of others that was amended, only the amendment is the session's.
    """
    amended = made.amended if made else {}
    old = commit
    while old in amended:
        old = amended[old]
    if old != commit and made and old not in made.here:
        return old
    return parents[commit][0] if parents[commit] else parent_of(repository, commit)
