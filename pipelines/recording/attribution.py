"""Decide which session made a commit, where several work in one repository.

1. A commit that a command printed, or that the agent noted, belongs to the session of that command.
2. A commit that was made while a command ran may belong to its session. A command that names the
   commit's subject is the best evidence, then one that commits at all, then any other. Of equal
   evidence the shortest command counts: where one agent runs another, both were running a command,
   and the inner one's took less time.
   In another worktree than its own, the time alone does not count.
3. A commit in a session's own worktree that no command explains is the session's if it was alone
   there: a person may have committed, or a command in the background. Where other sessions worked
   there, it is nobody's, unless this session has no transcript.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from codec.agents.commits import printed_commits
from codec.agents.transcript_events import Command
from pipelines.recording.reflogs import Move

_COMMITS: Final = re.compile(r"\b(?:commit|rebase|cherry-pick|revert|merge|pull|am)\b")
_SECOND: Final = 1000
#: Evidence by the subject or the hash of a commit, rather than by the time alone.
_NAMED: Final = 2


class Claimant(NamedTuple):
    """A session that may have made commits.

    Attributes:
        name: the agent's name of it, with the number of its part.
        root: real path of the worktree that it began in.
        since, until: milliseconds since 1970.
        commands: that it ran; None if its transcript cannot be read.
    """

    name: str
    root: str
    since: int
    until: int
    commands: tuple[Command, ...] | None

    def is_active(self, time: int) -> bool:
        """Return whether it was running at a time in seconds."""
        return self.since // _SECOND <= time <= self.until // _SECOND

    def overlaps(self, other: Claimant) -> bool:
        """Return whether two sessions ran in the same second: reflogs count seconds."""
        return (
            self.since // _SECOND <= other.until // _SECOND
            and other.since // _SECOND <= self.until // _SECOND
        )


class Attribution:
    """Answers for one session whose commits are whose.

    Args:
        own: the session.
        others: sessions that ran at the same time.
        from_start: its beginning is known, so that commits without evidence can be its own.
    """

    def __init__(
        self, own: Claimant, others: Sequence[Claimant] = (), *, from_start: bool = True
    ) -> None:
        self._own = own
        self._others = [other for other in others if other.overlaps(own)]
        self._from_start = from_start

    def is_mine(self, move: Move, root: str) -> bool:
        """Return whether the session made a commit.

        Args:
            move: of a reflog, which made it.
            root: real path of the worktree, empty if it is not known.
        """
        owner, level = self._owner(move, root)
        if owner is not None:
            at_home = root == self._own.root
            return owner == self._own.name and (at_home or level >= _NAMED)
        if root != self._own.root or not self._from_start or not self._own.is_active(move.time):
            return False
        alone = not any(o.root == root and o.is_active(move.time) for o in self._others)
        return alone or self._own.commands is None

    def _owner(self, move: Move, root: str) -> tuple[str | None, int]:
        """Return the session with the best evidence and its grade; None without evidence."""
        best: tuple[int, int, bool] | None = None
        owner = None
        for claimant in (self._own, *self._others):
            for command in claimant.commands or ():
                rank = _rank(move, command, claimant, at_home=claimant.root == root)
                if rank is not None and (best is None or rank > best):
                    best, owner = rank, claimant.name
        return owner, best[0] if best else 0


def _rank(
    move: Move, command: Command, claimant: Claimant, *, at_home: bool
) -> tuple[int, int, bool] | None:
    """Return how well a command explains a commit, the greater the better; None if not at all."""
    ended = command.ended or claimant.until
    if any(move.new.startswith(commit) for commit in printed_commits(command)):
        level = 3
    elif not command.began // _SECOND <= move.time <= ended // _SECOND:
        return None
    elif move.subject and move.subject in command.text:
        level = 2
    else:
        level = int(_COMMITS.search(command.text) is not None)
    return level, command.began - ended, at_home
