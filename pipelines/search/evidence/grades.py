"""Name the sessions behind a file or a line, each with the grade of its evidence.

| grade    | evidence                                                                           |
| -------- | ---------------------------------------------------------------------------------- |
| `blob`   | the content after the session's diff is a blob of the file's history               |
| `commit` | the session recorded the commit, alone or in a range                               |
| `hunk`   | the session's diff adds these distinctive lines, and no other session's diff does  |
| `time`   | only the time fits, so it is a guess                                               |

1. A blob and a recorded commit are facts of git. A rebase, squash or cherry-pick gives commits
   other hashes; blobs and lines survive if the content does.
2. `hunk` and `time` are for rewritten and unrecorded commits: a session whose recorded commits are
   in the history of HEAD is matched to no other commit (`hunks.py`).
3. For a line, `blob` means that one of these diffs adds the line: the diff that ends with the
   content of the blamed commit; a diff in an unbroken chain before it; or a diff that begins before
   the commit and ends after it.
4. A commit without better evidence gets the session with the nearest time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from codec.patches.changes import FileChange
from codec.patches.tracing import adds, number_before
from codec.records import Session
from pipelines.search.evidence.file_history import Blamed, Step
from pipelines.search.evidence.hunks import Candidate, Hunks
from pipelines.search.evidence.recorded import SHORTEST, Recorded

Grade = Literal["blob", "commit", "hunk", "time"]
#: The grades, the best one first.
GRADES: Final[tuple[Grade, ...]] = ("blob", "commit", "hunk", "time")


class Evidence(NamedTuple):
    """A session behind a commit of a file, and its evidence."""

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
        *_blobs(candidates, history, recorded),
        *(Evidence(c, "commit", s.commit) for s in history for c in recorded.of(s.commit)),
        *_hunks(_elsewhere(candidates, recorded), Hunks(candidates, history), recorded),
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
    """Return the sessions behind a line, only those with the best evidence."""
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
    lines = Hunks(candidates, history)
    adding_there = [c for c in _elsewhere(candidates, recorded) if c.session.key in adding]
    hunks = [e for e in _hunks(adding_there, lines, recorded) if e.commit == line.commit]
    if hunks:
        sure_ones = [e for e in hunks if lines.is_line_of(e.session.key, e.commit, line.text)]
        return sure_ones or [e._replace(grade="time") for e in hunks]
    near = recorded.near(at.time) if at is not None else None
    return [Evidence(near, "time", line.commit)] if near is not None else []


def of_new_line(
    candidates: Sequence[Candidate], history: Sequence[Step], recorded: Recorded, text: bytes
) -> list[Evidence]:
    """Return the sessions that add an uncommitted line; if several do, each is a guess."""
    lines = Hunks(candidates, history)
    sessions = {
        c.session.key: c.session
        for c in _elsewhere(candidates, recorded)
        if lines.adds(c.session.key, text)
    }
    grade: Grade = "hunk" if lines.is_new(text) else "time"
    return [Evidence(session, grade, "") for session in sessions.values()]


def _elsewhere(candidates: Iterable[Candidate], recorded: Recorded) -> list[Candidate]:
    """Return the candidates whose recorded commits are not in the history of HEAD."""
    return [c for c in candidates if c.session.key not in recorded.in_head]


def _blobs(
    candidates: Iterable[Candidate], history: Sequence[Step], recorded: Recorded
) -> Iterator[Evidence]:
    """Yield the sessions whose diffs end with the content of a commit, the newest first.

    Of several such commits, those that the session recorded come first.
    """
    for session, change in candidates:
        steps = [s for s in history if _same(change.new_blob, s.change.new_blob)]
        own = [s for s in steps if session in recorded.of(s.commit)]
        yield from (Evidence(session, "blob", s.commit) for s in own or steps)


def _same(recorded: str, whole: str) -> bool:
    """Return True if a blob id of a patch, which may be abbreviated, is the given one."""
    return len(recorded) >= SHORTEST and bool(recorded.strip("0")) and whole.startswith(recorded)


def _traced(candidates: Sequence[Candidate], at: Step, line: Blamed) -> Session | None:
    """Follow a line back through diffs, each of which ends where the next one begins."""
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

    A session with several commits has one diff; a commit in between has another content.
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
    """Return True if a change starts from the given blob, or if both create the file."""
    return change.old_blob == blob or _same(change.old_blob, blob)


def _hunks(candidates: Iterable[Candidate], lines: Hunks, recorded: Recorded) -> Iterator[Evidence]:
    """Yield for each session the unrecorded commits that its lines match."""
    for key, session in {c.session.key: c.session for c in candidates}.items():
        for commit in lines.commits(key):
            if not recorded.of(commit):
                yield Evidence(session, "hunk", commit)


def _adds_text(change: FileChange, text: bytes) -> bool:
    return any(x.mark == "+" and x.text == text for x in change.lines)
