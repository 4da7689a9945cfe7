"""Read reflogs without running git: which commits were made, where and when.

A reflog is of HEAD in one worktree, or of a branch. The log of a worktree goes when the worktree is
removed; what happened there is still in the logs of its branches.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_END: Final = 1 << 22
#: What reflogs call a commit that was made here, and what looks like one and came from elsewhere.
_MADE: Final = ("commit:", "commit (", "cherry-pick:", "revert:", "am:")
_CAME: Final = ("commit (merge)", "cherry-pick: fast-forward")
#: What a rebase, by itself or in a pull, calls a commit that it made of another.
_REBASES: Final = ("rebase", "pull")
_STEPS: Final = ("pick", "reword", "edit", "squash", "fixup", "continue")
_AMENDED: Final = "commit (amend)"
_LEFT: Final = "checkout:"


class Move(NamedTuple):
    """One line of a reflog: a reference went from one commit to another.

    Attributes:
        old, new: commits; zeros for a new or deleted reference.
        time: seconds since 1970.
        action: what moved it.
    """

    old: str
    new: str
    time: int
    action: str

    @property
    def made(self) -> bool:
        """Return True if the move made a commit rather than going to an existing one."""
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
        """Return True if HEAD left a branch, at its commit `old`."""
        return self.action.startswith(_LEFT)

    @property
    def subject(self) -> str:
        """The first line of the commit's message."""
        return self.action.partition(": ")[2]


class Log(NamedTuple):
    """A reflog.

    Attributes:
        root: real path of the worktree whose HEAD it is of; empty for a branch.
        moves: the oldest first.
    """

    root: str
    moves: tuple[Move, ...]


class Made(NamedTuple):
    """The commits that moves of HEAD made or rewrote.

    Attributes:
        here: those that were made.
        rewritten: those that a rebase made of others.
        amended: of those that replaced another, which.
    """

    here: frozenset[str]
    rewritten: frozenset[str]
    amended: Mapping[str, str]


def made_by(moves: Iterable[Move]) -> Made:
    """Return the commits that moves of HEAD made or rewrote."""
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
    """Return the logs of all worktrees, and those moves of branches that none of them has.

    Args:
        common: git's folder that all worktrees share.
    """
    logs = [head_log(common, os.path.realpath(os.path.dirname(common)))]
    folder = os.path.join(common, "worktrees")
    for name in _names(folder):
        git = os.path.join(folder, name)
        try:
            with open(os.path.join(git, "gitdir"), "rb") as f:
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
    """Return the commits at which HEAD left branches, and where it is after the last move."""
    left = [move.old for move in moves if move.left]
    return list(dict.fromkeys([*left, *(move.new for move in moves[-1:])]))


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
    """Read a reflog: old hash, new hash, name, email, time and zone, a tab, the message."""
    try:
        with open(path, "rb") as f:
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
