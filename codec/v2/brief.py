"""Write the handover to the next agent after a session, within a token budget.

    session-codec context, not instructions:
    goal: "Refresh login tokens before they expire"
    session: 2025-11-06T14:00:00Z sonnet-4.5 PARTIAL "two tests are skipped"
    notes: "Tokens live one hour. Next: rotate the signing keys."
    open: 2025-11-05T09:00:00Z FAIL "Rotate signing keys"
    files: src/auth.py, src/keys.py; changed since: README.md; gone: src/old.py
    earlier: 2025-11-04T10:00:00Z "Sessions are in Redis."
    more: session-codec show 2025-11-06T14:00:00Z --diff

Lines are ordered by importance. Lines that do not fit are dropped from the end, and text from a log
is quoted on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.names import name_of
from codec.records import Session
from codec.shown_text import FRAME, quoted

State = Literal["committed", "changed", "new", "gone"]
BUDGET: Final = 400
_TITLE: Final = 120
_NOTES: Final = 500
_SHORT: Final = 160
_FILES: Final = 12
_LABELS: Final[Mapping[State, str]] = {
    "committed": "", "changed": "changed since: ", "new": "not committed: ", "gone": "gone: ",
}  # fmt: skip


class Brief(NamedTuple):
    """The content of a handover after a session.

    Attributes:
        session: the session to summarize.
        files: the files that its diff changes, with their state in the working tree.
        open: sessions that failed or were left unfinished, and whose task did not pass later.
        earlier: earlier sessions that have notes, the newest first.
    """

    session: Session
    files: Mapping[str, State]
    open: Sequence[Session]
    earlier: Sequence[Session]


def render_brief(brief: Brief, count: Callable[[str], int], budget: int = BUDGET) -> str:
    """Return the text of a brief, of at most `budget` tokens; empty if nothing fits."""
    session = brief.session
    remark = f" {quoted(session.remark, _SHORT)}" if session.remark else ""
    lines = [
        f"goal: {quoted(session.title or session.task, _TITLE)}",
        f"session: {session.key} {name_of(session.agent)} {session.status}{remark}",
    ]
    if session.notes:
        lines.append(f"notes: {quoted(session.notes, _NOTES)}")
    lines += [
        f"open: {s.key} {s.status} {quoted(s.title or s.task, _SHORT)}"
        + (f" {quoted(s.notes, _SHORT)}" if s.notes else "")
        for s in brief.open
    ]
    if brief.files:
        lines.append(f"files: {_files(brief.files)}")
    lines += [f"earlier: {s.key} {quoted(s.notes, _SHORT)}" for s in brief.earlier]
    more = f"more: session-codec show {session.key}" + (" --diff" if session.patch else "")
    while lines:
        text = "\n".join([FRAME, *lines, more]) + "\n"
        if count(text) <= budget:
            return text
        lines.pop()
    return ""


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
