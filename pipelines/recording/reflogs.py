"""Read reflogs without running git: which commits were made, where and when.

A reflog belongs to HEAD in one worktree, or to a branch. The log of a worktree is deleted with the
worktree; its moves are still in the logs of its branches.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipelines.system.git.worktree import opened

_END: Final = 1 << 22
#: Actions of reflogs for commits made here, and similar ones for commits from elsewhere.
_MADE: Final = ("commit:", "commit (", "cherry-pick:", "revert:", "am:")
_CAME: Final = ("commit (merge)", "cherry-pick: fast-forward")
#: Actions for commits that a rebase, also in a pull, made from others.
_REBASES: Final = ("rebase", "pull")
_STEPS: Final = ("pick", "reword", "edit", "squash", "fixup", "continue")
_ENDS: Final = ("finish", "abort")
_AMENDED: Final = "commit (amend)"
_LEFT: Final = "checkout:"


class Move(NamedTuple):
    """A line of a reflog: a reference moved from one commit to another.

    Attributes:
        old, new: the commits; zeros for a new or deleted reference.
        time: the time in seconds since 1970.
        action: the reason of the move.
    """

    old: str
    new: str
    time: int
    action: str

    @property
    def made(self) -> bool:
        """Return True if the move made a commit, False if it went to an existing one."""
        is_made = self.action.startswith(_MADE) and not self.action.startswith(_CAME)
        return is_made or self.rewritten

    @property
    def rewritten(self) -> bool:
        """Return True if the move rewrote a commit in a rebase."""
        if not self.action.startswith(_REBASES):
            return False
        steps = any(f"({step}): " in self.action for step in _STEPS)
        return steps or self.action.startswith("rebase: ")

    @property
    def left(self) -> bool:
        """Return True if HEAD left a branch, at the commit `old`."""
        return self.action.startswith(_LEFT)

    @property
    def subject(self) -> str:
        """Return the first line of the commit's message."""
        return self.action.partition(": ")[2]


class Log(NamedTuple):
    """A reflog.

    Attributes:
        root: the real path of the worktree of its HEAD; empty for a branch.
        moves: the moves, the oldest first.
    """

    root: str
    moves: tuple[Move, ...]


class Made(NamedTuple):
    """The commits that were made or rewritten when HEAD moved.

    Attributes:
        here: the commits that were made.
        rewritten: the commits that a rebase made from others.
        amended: the commits that an amendment replaced, by the commit that replaced them.
    """

    here: frozenset[str]
    rewritten: frozenset[str]
    amended: Mapping[str, str]


def made_by(moves: Iterable[Move]) -> Made:
    """Return the commits that were made or rewritten when HEAD moved."""
    every = [move for move in moves if move.made]
    return Made(
        here=frozenset(move.new for move in every),
        rewritten=frozenset(move.new for move in every if move.rewritten),
        amended={
            move.new: move.old
            for move in every
            if move.action.startswith(_AMENDED) and move.new != move.old
        },
    )


def head_log(git: str, root: str = "") -> Log:
    """Return the log of HEAD of a worktree, given git's folder for it."""
    return Log(root, tuple(_read(os.path.join(git, "logs", "HEAD"))))


def branch_log(common: str, branch: str) -> Log:
    """Return the log of a branch."""
    path = os.path.join(common, "logs", "refs", "heads", *branch.split("/"))
    return Log("", tuple(_read(path)) if branch else ())


def all_logs(common: str) -> list[Log]:
    """Return the logs of all worktrees, and the moves of branches that are in none of them.

    Args:
        common: the git folder that all worktrees share.
    """
    logs = [head_log(common, os.path.realpath(os.path.dirname(common)))]
    folder = os.path.join(common, "worktrees")
    for name in _names(folder):
        git = os.path.join(folder, name)
        try:
            with open(os.path.join(git, "gitdir"), "rb", opener=opened) as f:
                root = os.path.realpath(os.path.dirname(os.fsdecode(f.read()).strip()))
        except OSError:
            continue
        logs.append(head_log(git, root))
    known = {(move.old, move.new) for log in logs for move in log.moves}
    for path in _files(os.path.join(common, "logs", "refs", "heads")):
        moves = tuple(m for m in _read(path) if m.made and (m.old, m.new) not in known)
        if moves:
            logs.append(Log("", moves))
    return logs


def tips_of(moves: Sequence[Move]) -> list[str]:
    """Return the commits at which HEAD left branches, and HEAD after the last move."""
    left = [move.old for move in moves if move.left]
    return list(dict.fromkeys([*left, *(move.new for move in moves[-1:])]))


def before_rebase(moves: Sequence[Move]) -> Sequence[Move]:
    """Return moves without the steps of a rebase that does not end within them."""
    for number in range(len(moves) - 1, -1, -1):
        action = moves[number].action
        if not action.startswith(_REBASES) or any(f"({end})" in action for end in _ENDS):
            break
        if "(start)" in action:
            return moves[:number]
    return moves


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _files(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            yield os.path.join(place, name)


def _read(path: str) -> Iterator[Move]:
    """Yield the moves in a reflog: old hash, new hash, name, email, time and zone, tab, message."""
    try:
        with open(path, "rb", opener=opened) as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - _END))
            lines = f.read().decode(errors="replace").split("\n")
    except (OSError, ValueError):
        return
    for line in lines:
        who, _, action = line.partition("\t")
        words = who.split(" ")
        if len(words) > 4 and words[-2].isdecimal():
            yield Move(words[0], words[1], int(words[-2]), action)
