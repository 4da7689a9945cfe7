"""Name the sessions behind a file or a line, each with the grade of its evidence.

| grade    | evidence                                                                           |
| -------- | ---------------------------------------------------------------------------------- |
| `blob`   | the content that the session's diff leaves is a blob of the file's history         |
| `commit` | the session recorded the commit, alone or in a range                               |
| `hunk`   | the session's diff adds these lines, and no other session's diff fits as well      |
| `time`   | only the time fits: a guess                                                        |

1. A blob and a recorded commit are facts of git. A rebase, squash or cherry-pick gives commits
   other hashes; blobs and lines survive it as far as the content does.
2. `hunk` and `time` are for rewritten and unrecorded commits: a session whose recorded commits are
   in the history of HEAD is matched to no other commit.
3. Of a line, `blob` means that the line is added by the diff that leads to the content which the
   blamed commit has, or by one before it whose result is what the next one begins with; or by one
   that begins before the commit and ends after it.
4. A commit without better evidence gets the session whose time fits best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.patches.changes import FileChange
from codec.patches.tracing import added_texts, adds, number_before
from codec.records import Session
from pipelines.search.evidence.file_history import Blamed, Step
from pipelines.search.evidence.recorded import Recorded

Grade = Literal["blob", "commit", "hunk", "time"]
#: The grades, the best first.
GRADES: Final[tuple[Grade, ...]] = ("blob", "commit", "hunk", "time")
#: At least this part of the lines that a session adds must be among those of a commit.
_ENOUGH: Final = 0.5
_SHORTEST: Final = 7


class Candidate(NamedTuple):
    """A session, and a change that its diff makes to the file."""

    session: Session
    change: FileChange


class Evidence(NamedTuple):
    """A session behind a commit of a file, and the evidence for that."""

    session: Session
    grade: Grade
    commit: str


def of_file(
    candidates: Sequence[Candidate], history: Sequence[Step], recorded: Recorded
) -> list[Evidence]:
    """Return the sessions behind a file, each once with its best evidence, the newest first."""
    found: dict[str, Evidence] = {}
    explained: set[str] = set()
    graded = [
        *(
            Evidence(c.session, "blob", s.commit)
            for s in history
            for c in candidates
            if _leaves(c, s)
        ),
        *(Evidence(c, "commit", s.commit) for s in history for c in recorded.of(s.commit)),
        *_hunks(_elsewhere(candidates, recorded), history),
    ]
    for evidence in graded:
        found.setdefault(evidence.session.key, evidence)
        explained.add(evidence.commit)
    for step in history:
        near = recorded.near(step.time) if step.commit not in explained else None
        if near is not None:
            found.setdefault(near.key, Evidence(near, "time", step.commit))
    return sorted(found.values(), key=lambda e: (e.session.time, e.session.key), reverse=True)


def of_line(
    candidates: Sequence[Candidate], history: Sequence[Step], recorded: Recorded, line: Blamed
) -> list[Evidence]:
    """Return the sessions behind a line, those with the best evidence only."""
    at = next((s for s in history if s.commit == line.commit), None)
    traced = _traced(candidates, at, line) if at is not None else None
    if traced is not None:
        return [Evidence(traced, "blob", line.commit)]
    mine = recorded.of(line.commit)
    adding = {c.session.key for c in candidates if _adds_text(c.change, line.text)}
    sure = [s for s in mine if s.key in adding] or mine
    if sure:
        return [Evidence(session, "commit", line.commit) for session in sure]
    around = _around(candidates, history, line)
    if len(around) == 1:
        return [Evidence(session, "blob", line.commit) for session in around.values()]
    adding_there = [c for c in _elsewhere(candidates, recorded) if c.session.key in adding]
    hunks = [e for e in _hunks(adding_there, history) if e.commit == line.commit]
    hunks = list({e.session.key: e for e in hunks}.values())
    if hunks:
        return hunks if len(hunks) == 1 else [e._replace(grade="time") for e in hunks]
    near = recorded.near(at.time) if at is not None else None
    return [Evidence(near, "time", line.commit)] if near is not None else []


def _elsewhere(candidates: Iterable[Candidate], recorded: Recorded) -> list[Candidate]:
    """Return the candidates whose recorded commits are not in the history of HEAD."""
    return [c for c in candidates if c.session.key not in recorded.in_head]


def _leaves(candidate: Candidate, step: Step) -> bool:
    """Return whether a session's diff leaves the content that a commit leaves."""
    return _same(candidate.change.new_blob, step.change.new_blob)


def _same(recorded: str, whole: str) -> bool:
    """Return whether a blob that a patch names, possibly shortened, is another one."""
    return len(recorded) >= _SHORTEST and bool(recorded.strip("0")) and whole.startswith(recorded)


def _traced(candidates: Sequence[Candidate], at: Step | None, line: Blamed) -> Session | None:
    """Follow a line back through diffs that begin where the next one ends."""
    if at is None:
        return None
    blob, number = at.change.new_blob, line.number
    ending: dict[str, Candidate] = {}
    for c in sorted(candidates, key=lambda c: c.session.time):
        if c.change.new_blob:
            ending[c.change.new_blob] = c
    seen: set[str] = set()
    while blob not in seen:
        seen.add(blob)
        fitting = (c for name, c in ending.items() if _same(name, blob))
        found = next(fitting, None)
        if found is None:
            return None
        if adds(found.change, number):
            return found.session
        number, blob = number_before(found.change, number), found.change.old_blob
        if _same(blob, at.change.old_blob):
            return None
    return None


def _around(
    candidates: Iterable[Candidate], history: Sequence[Step], line: Blamed
) -> dict[str, Session]:
    """Return the sessions that add a line, and whose diffs begin before a commit and end after it.

    A session of several commits has one diff; that of a commit within it leads to another content.
    """
    at = next((n for n, step in enumerate(history) if step.commit == line.commit), None)
    if at is None:
        return {}
    later, earlier = history[: at + 1], history[at:]
    return {
        session.key: session
        for session, change in candidates
        if _adds_text(change, line.text)
        and any(_same(change.new_blob, step.change.new_blob) for step in later)
        and any(_begins_with(change, step.change.old_blob) for step in earlier)
    }


def _begins_with(change: FileChange, blob: str) -> bool:
    """Return whether a change begins with a blob, or both begin with no file."""
    return change.old_blob == blob or _same(change.old_blob, blob)


def _hunks(candidates: Iterable[Candidate], history: Sequence[Step]) -> Iterator[Evidence]:
    """Yield for each session the commits that add most of its lines, if they add enough."""
    by_commit = {step.commit: Counter(added_texts(step.change)) for step in history}
    for session, change in candidates:
        shares = _shares(Counter(added_texts(change)), by_commit)
        best = max(shares.values(), default=0.0)
        if best >= _ENOUGH:
            yield from (
                Evidence(session, "hunk", c) for c, share in shares.items() if share == best
            )


def _shares(mine: Counter[bytes], by_commit: Mapping[str, Counter[bytes]]) -> dict[str, float]:
    total = mine.total()
    if not total:
        return {}
    return {commit: (mine & theirs).total() / total for commit, theirs in by_commit.items()}


def _adds_text(change: FileChange, text: bytes) -> bool:
    return any(x.mark == "+" and x.text == text for x in change.lines)
