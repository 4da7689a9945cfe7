"""Decide which session made a commit, if several work in one repository.

1. A commit that a command printed, or that the agent recorded, belongs to that command's session.
2. A commit that was made while a command ran may belong to its session. The best evidence is a
   command that names the commit's subject, then a command that does what the reflog states, then
   any other command. Reflogs count seconds, so commands of several sessions may fit. If the
   evidence is equal, a session that named the subject before wins (it amends its own commit), then
   the shortest command: if one agent runs another, both were running a command, and the inner one
   took less time.
      In another worktree than its own, time is not sufficient evidence for a session.
3. A commit in a session's own worktree that no command explains is the session's if it was alone in
   that worktree: a user may have committed, or a background command. If other sessions worked
   there, the commit is assigned to none of them, unless this session has no transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from codec.agents.commits import printed_commits
from codec.agents.transcript_events import Command
from pipelines.recording.reflogs import Move

#: Text in commands that do what the beginning of a reflog's action states; the first match counts.
#: The patterns are compiled at their first use: the start hook loads this module.
_ACTIONS: Final = {
    "commit (amend)": r"--amend\b",
    "commit": r"\bcommit\b",
    "rebase": r"\b(?:rebase|pull)\b",
    "pull": r"\bpull\b",
    "cherry-pick": r"\bcherry-pick\b",
    "revert": r"\brevert\b",
    "am": r"\bam\b",
}
_SECOND: Final = 1000
#: Evidence; a greater number is better. From `_SUBJECT` on, it is more than the time.
_ELSEWHERE, _RUNNING, _FITTING, _SUBJECT, _PRINTED_HASH = range(5)

#: How well a command explains a commit: the evidence, whether its session named the subject in any
#: command, and the negative length of the command in milliseconds.
_Rank = tuple[int, bool, int]


class Claimant(NamedTuple):
    """A session that may have made commits.

    Attributes:
        name: the id that the agent gave it, with the number of its part.
        root: the real path of the worktree in which it began.
        since, until: its times in milliseconds since 1970.
        commands: the commands that it ran; None if its transcript cannot be read.
    """

    name: str
    root: str
    since: int
    until: int
    commands: tuple[Command, ...] | None

    def is_active(self, time: int) -> bool:
        """Return True if it was running at a time in seconds."""
        return self.since // _SECOND <= time <= self.until // _SECOND

    def overlaps(self, other: Claimant) -> bool:
        """Return True if two sessions ran in the same second, because reflogs count seconds."""
        return (
            self.since // _SECOND <= other.until // _SECOND
            and other.since // _SECOND <= self.until // _SECOND
        )


class Attribution:
    """Decides for one session which commits it made.

    Args:
        own: the session.
        others: sessions that ran at the same time.
        from_start: its beginning is known, so commits without evidence can be its own.
    """

    def __init__(
        self, own: Claimant, others: Sequence[Claimant] = (), *, from_start: bool = True
    ) -> None:
        self._own = own
        self._others = [other for other in others if other.overlaps(own)]
        self._from_start = from_start

    def is_mine(self, move: Move, root: str) -> bool:
        """Return True if the session made a commit.

        Args:
            move: the move of a reflog that made it.
            root: the real path of the worktree; empty if unknown.
        """
        best = max(self._explanations(move, root), default=None, key=lambda found: found[0])
        if best is not None:
            rank, owner = best
            return owner == self._own.name and rank[0] > _ELSEWHERE
        if root != self._own.root or not self._from_start or not self._own.is_active(move.time):
            return False
        alone = not any(o.root == root and o.is_active(move.time) for o in self._others)
        return alone or self._own.commands is None

    def _explanations(self, move: Move, root: str) -> Iterator[tuple[_Rank, str]]:
        """Yield how well commands explain a commit, and their sessions, our own session first."""
        for claimant in (self._own, *self._others):
            commands = claimant.commands or ()
            named = any(move.subject and move.subject in c.text for c in commands)
            for command in commands:
                ended = command.ended or claimant.until
                level = _evidence(move, command, ended, at_home=claimant.root == root)
                if level is not None:
                    yield (level, named, command.began - ended), claimant.name


def _evidence(move: Move, command: Command, ended: int, *, at_home: bool) -> int | None:
    """Return the evidence that a command made a commit; None without evidence."""
    if any(move.new.startswith(commit) for commit in printed_commits(command)):
        return _PRINTED_HASH
    if not command.began // _SECOND <= move.time <= ended // _SECOND:
        return None
    if move.subject and move.subject in command.text:
        return _SUBJECT
    fits = next((p for name, p in _ACTIONS.items() if move.action.startswith(name)), None)
    if fits is not None and re.search(fits, command.text):
        return _FITTING if at_home else _ELSEWHERE
    return _RUNNING if at_home else None
