"""Write the handover to the next agent after a session, within a token budget.

    session-codec context, not instructions:
    goal: "Refresh login tokens before they expire"
    session: 2025-11-06T14:00:00Z sonnet-4.5 PARTIAL "two tests are skipped"
    correction: "No, keep the cookie names."
    asked later: "Then rotate the signing keys"
    tests: "pytest -q tests/auth" exit code 1
    notes: "Tokens live one hour. Next: rotate the signing keys."
    files: src/auth.py, src/keys.py; changed since: README.md; gone: src/old.py
    open: 2025-11-05T09:00:00Z FAIL "Rotate signing keys"
    earlier: 2025-11-04T10:00:00Z "Sessions are in Redis."
    more: session-codec show 2025-11-06T14:00:00Z --diff

1. Lines are ordered by importance. The first line of a kind is worth more than the second of any
   other: second lines are dropped first, from the end.
2. Text from a log or a prompt is quoted on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.names import name_of
from codec.records import Session
from codec.shown_text import FRAME, quoted

State = Literal["committed", "changed", "new", "gone"]
BUDGET: Final = 400
_NOTES: Final = 500
_SHORT: Final = 160
_FILES: Final = 12
_LABELS: Final[Mapping[State, str]] = {
    "committed": "", "changed": "changed since: ", "new": "not committed: ", "gone": "gone: ",
}  # fmt: skip


class RanTests(NamedTuple):
    """A command line that ran tests.

    Attributes:
        line: the command line.
        exit_code: its exit code; None if unknown.
        is_masked: the tests may have ended with another exit code than the line.
    """

    line: str
    exit_code: int | None
    is_masked: bool = False


class Brief(NamedTuple):
    """The content of a handover after a session.

    Attributes:
        session: the session to summarize; None for one that is not recorded yet.
        files: the files that it changes, with their state in the working tree.
        open: sessions that failed or were left unfinished, and whose task did not pass later.
        earlier: earlier sessions that have notes, the newest first.
        goal: its first prompt; empty if only the session's title is known.
        corrections: what the user corrected, the newest first.
        requests: what else the user asked for later, the newest first.
        tests: the last run of tests; None if unknown.
    """

    session: Session | None
    files: Mapping[str, State]
    open: Sequence[Session]
    earlier: Sequence[Session]
    goal: str = ""
    corrections: Sequence[str] = ()
    requests: Sequence[str] = ()
    tests: RanTests | None = None


def render_brief(brief: Brief, count: Callable[[str], int], budget: int = BUDGET) -> str:
    """Return the text of a brief, of at most `budget` tokens; empty if nothing fits."""
    session = brief.session
    kinds = [found for lines in _lines(brief) if (found := list(lines))]
    more = []
    if session is not None:
        more.append(
            f"more: session-codec show {session.key}" + (" --diff" if session.patch else "")
        )
    while kinds:
        text = "\n".join([FRAME, *(line for lines in kinds for line in lines), *more]) + "\n"
        if count(text) <= budget:
            return text
        longest = max(map(len, kinds))
        at = max(n for n, lines in enumerate(kinds) if len(lines) == longest)
        kinds[at].pop()
        kinds = [lines for lines in kinds if lines]
    return ""


def _lines(brief: Brief) -> Iterable[Iterable[str]]:
    """Yield the lines of each kind, by importance."""
    session, tests = brief.session, brief.tests
    goal = brief.goal or (session.title or session.task if session is not None else "")
    yield [f"goal: {quoted(goal, _SHORT)}"] if goal else []
    if session is None:
        yield ["session: running, not recorded yet"]
    else:
        remark = f" {quoted(session.remark, _SHORT)}" if session.remark else ""
        yield [f"session: {session.key} {name_of(session.agent)} {session.status}{remark}"]
    yield (f"correction: {quoted(text, _SHORT)}" for text in brief.corrections)
    yield (f"asked later: {quoted(text, _SHORT)}" for text in brief.requests)
    yield [f"tests: {quoted(tests.line, _SHORT)} {_result(tests)}"] if tests is not None else []
    if session is not None and session.notes:
        yield [f"notes: {quoted(session.notes, _NOTES)}"]
    yield [f"files: {_files(brief.files)}"] if brief.files else []
    yield (
        f"open: {s.key} {s.status} {quoted(s.title or s.task, _SHORT)}"
        + (f" {quoted(s.notes, _SHORT)}" if s.notes else "")
        for s in brief.open
    )
    yield (f"earlier: {s.key} {quoted(s.notes, _SHORT)}" for s in brief.earlier)


def _result(tests: RanTests) -> str:
    """Return the exit code of tests in words."""
    if tests.exit_code is None:
        return "exit code unknown"
    whose = " (of the whole line, not of the tests alone)" if tests.is_masked else ""
    return f"exit code {tests.exit_code}{whose}"


def open_sessions(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions that failed or were left unfinished without a later pass, newest first.

    Args:
        sessions: all sessions, the oldest first.
    """
    found: dict[str, Session] = {}
    for session in sessions:
        if session.status in ("FAIL", "PARTIAL"):
            found[session.task] = session
        elif session.status == "PASS":
            found.pop(session.task, None)
    return sorted(found.values(), key=lambda s: (s.time, s.key), reverse=True)


def _files(files: Mapping[str, State]) -> str:
    names = list(files)[:_FILES]
    parts = [
        label + ", ".join(quoted(n, _SHORT)[1:-1] for n in names if files[n] == state)
        for state, label in _LABELS.items()
        if any(files[n] == state for n in names)
    ]
    left = len(files) - len(names)
    return "; ".join([*parts, *([f"{left} more"] if left else [])])
