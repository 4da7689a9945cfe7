"""Decide which session made a commit, where several work in one repository.

1. A commit that a command printed, or that the agent noted, belongs to the session of that command.
2. A commit that was made while a command ran may belong to its session. A command that names the
   commit's subject is the best evidence, then one that does what the reflog says was done, then any
   other. Reflogs count seconds, so commands of several sessions may fit. Of equal evidence, a
   session that named the subject before counts (it amends its own commit), then the shortest
   command: where one agent runs another, both were running a command, and the inner one's took less
   time.
   In another worktree than its own, the time alone does not count.
3. A commit in a session's own worktree that no command explains is the session's if it was alone
   there: a person may have committed, or a command in the background. Where other sessions worked
   there, it is nobody's, unless this session has no transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from codec.agents.commits import printed_commits
from codec.agents.transcript_events import Command
from pipelines.recording.reflogs import Move

#: What commands contain that do what the beginning of a reflog's action says; the first that fits.
_ACTIONS: Final = {
    "commit (amend)": re.compile(r"--amend\b"),
    "commit": re.compile(r"\bcommit\b"),
    "rebase": re.compile(r"\b(?:rebase|pull)\b"),
    "pull": re.compile(r"\bpull\b"),
    "cherry-pick": re.compile(r"\bcherry-pick\b"),
    "revert": re.compile(r"\brevert\b"),
    "am": re.compile(r"\bam\b"),
}
_SECOND: Final = 1000
#: Evidence, the greater the better. From `_SUBJECT` on it is more than the time.
_ELSEWHERE, _RUNNING, _FITTING, _SUBJECT, _PRINTED_HASH = range(5)

#: How well a command explains a commit: the evidence, whether its session named the subject in any
#: command, and the negative length of the command in milliseconds.
_Rank = tuple[int, bool, int]


class Claimant(NamedTuple):
    """A session that may have made commits.

    Attributes:
        name: the agent's name of it, with the number of its part.
        root: real path of the worktree that it began in.
        since, until: milliseconds since 1970.
        commands: the commands that it ran; None if its transcript cannot be read.
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
            move: the move of a reflog that made it.
            root: real path of the worktree, empty if it is not known.
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
        """Yield how well commands explain a commit, and whose they are; our own first."""
        for claimant in (self._own, *self._others):
            commands = claimant.commands or ()
            named = any(move.subject and move.subject in c.text for c in commands)
            for command in commands:
                ended = command.ended or claimant.until
                level = _evidence(move, command, ended, at_home=claimant.root == root)
                if level is not None:
                    yield (level, named, command.began - ended), claimant.name


def _evidence(move: Move, command: Command, ended: int, *, at_home: bool) -> int | None:
    """Return the evidence that a command made a commit; None if it did not."""
    if any(move.new.startswith(commit) for commit in printed_commits(command)):
        return _PRINTED_HASH
    if not command.began // _SECOND <= move.time <= ended // _SECOND:
        return None
    if move.subject and move.subject in command.text:
        return _SUBJECT
    fits = next((p for name, p in _ACTIONS.items() if move.action.startswith(name)), None)
    if fits is not None and fits.search(command.text):
        return _FITTING if at_home else _ELSEWHERE
    return _RUNNING if at_home else None
