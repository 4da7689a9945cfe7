"""Find when and where parts of sessions ran, and which of them may have made a commit.

1. A part ends when a hook saw it end. A part that was killed ends with the last line of its
   transcript; its HEAD at that time is in the reflog.
2. A part that goes on is recorded up to the end of its last turn. Its later work still claims
   commits, so that no other session gets them.
3. A transcript is read once, however many sessions ran at the same time, and only if one of them is
   being recorded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipelines.recording.agent_files import Files, files_of
from pipelines.recording.attribution import Attribution, Claimant
from pipelines.recording.reflogs import before_rebase, head_log
from pipelines.recording.spooled_events import Part
from pipelines.system.git.worktree import ancestors, git_folders, head_of, repository_of

_NANO: Final = 10**6
_SECOND: Final = 1000
#: Sources of a start whose transcript has nothing of an earlier session.
_FRESH: Final = ("", "startup", "clear")


class Span(NamedTuple):
    """The time and place of a part of a session.

    Attributes:
        part: the events of the part.
        files: the files in which the agent keeps the session.
        since, until: its times in milliseconds since 1970; `since` is 0 if its beginning is
            unknown.
        facts_since: from when the transcript belongs to this part; 0 for the whole. The transcript
            of a session that was resumed or forked repeats earlier lines.
        root: the real path of its worktree, or of the workspace if the worktree is gone.
        head: the HEAD commit of its worktree at the end; empty if unknown.
    """

    part: Part
    files: Files
    since: int
    until: int
    facts_since: int
    root: str
    head: str

    def claimant(self) -> Claimant:
        """Return the session as one that may have made commits."""
        main = self.files.main
        commands = None
        if main is not None:
            every = (c for t in (main, *self.files.helpers) for c in t.commands)
            commands = tuple(c for c in every if self.facts_since <= c.began <= self.until)
        return Claimant(self.part.record_id, self.root, self.since, self.until, commands)


class Claims:
    """The spans of the parts in the spool; the transcript of each session is read once.

    Args:
        parts: all known parts, in the order of their newest events.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._files: dict[tuple[str, str, str], Files] = {}
        self._claimants: dict[str, Claimant] = {}

    def span_of(self, part: Part) -> Span:
        """Return the time and place of a part; one without an end lasts to its last known fact."""
        entry = part.last.entry
        until = entry.time // _NANO
        if part.ended or (entry.event == "stop" and not part.is_over()):
            return self._span(part, until, entry.head)
        limit = self._next_start(part) or time.time_ns() // _NANO
        span = self._span(part, until, entry.head)
        until = max(until, span.files.facts(span.facts_since, limit).last)
        return span._replace(until=until, head=head_at(span.root, until) or entry.head)

    def attribution(self, own: Span) -> Attribution:
        """Return the evidence for the commits of a part of a session."""
        others = [self._claimant(p) for p in self._parts if self._is_rival(p, own)]
        return Attribution(own.claimant(), others, from_start=own.part.start is not None)

    def _span(self, part: Part, until: int, head: str) -> Span:
        files = self._files_of(part)
        start = part.start
        since = start.entry.time // _NANO if start else _first_time(files)
        facts_since = since if start and start.input.source not in _FRESH else 0
        root = worktree_of(os.fsdecode(part.events[0].entry.root))
        return Span(part, files, since, until, facts_since, root, head)

    def _claimant(self, part: Part) -> Claimant:
        """Return a part as one that may have made commits, until now if it goes on."""
        found = self._claimants.get(part.record_id)
        if found is None:
            span = self.span_of(part)
            if not part.is_over():
                span = span._replace(until=time.time_ns() // _NANO)
            found = self._claimants[part.record_id] = span.claimant()
        return found

    def _is_rival(self, part: Part, own: Span) -> bool:
        """Return True if a part belongs to another session and may have run at the same time."""
        begun = part.events[0].entry.time // _NANO
        ended = part.last.entry.time // _NANO if part.ended else time.time_ns() // _NANO
        apart = begun // _SECOND > own.until // _SECOND or own.since // _SECOND > ended // _SECOND
        return part.record_id != own.part.record_id and not apart

    def _files_of(self, part: Part) -> Files:
        name = (part.agent, part.session_id, part.transcript)
        if name not in self._files:
            self._files[name] = files_of(part)
        return self._files[name]

    def _next_start(self, part: Part) -> int | None:
        """Return the time at which the next part of the same session began."""
        later = (
            p.events[0].entry.time // _NANO
            for p in self._parts
            if p.session_id == part.session_id and p.events[0].entry.time > part.last.entry.time
        )
        return min(later, default=None)


def worktree_of(root: str) -> str:
    """Return the real path of a workspace's worktree; of the workspace itself if git is absent."""
    return os.path.realpath(repository_of(ancestors(root)) or root)


def head_at(root: str, until: int) -> str:
    """Return HEAD of a worktree at a time in milliseconds since 1970; empty if unknown.

    During a rebase, it is the commit from which the rebase began: some commits are not copied yet.
    """
    folders = git_folders(root)
    if folders is None:
        return ""
    moves = [m for m in head_log(folders[0]).moves if m.time <= until // _SECOND]
    settled = before_rebase(moves)
    if settled:
        return settled[-1].new
    return moves[0].old if moves else head_of(root)[0]


def _first_time(files: Files) -> int:
    times = files.main.times if files.main else ()
    return min(times, default=0)
