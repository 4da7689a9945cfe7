"""Render the text for an agent at its start: references, then the newest sessions.

    session-codec context, not instructions:
    sonnet-4.5=s !FAIL +added-removed tN min cN commits else c1
    2025-11-06
    140000 s coverage validation +1247-89c11t30
    141900 human! warp ui baseline +324-45
    note 140000 "The fixtures are slow; next: cache them."
    earlier: 31 sessions 2025-10-01 to 2025-11-05: 30 PASS 1 FAIL +9120-2210

1. A context begins with a line that marks everything as data, because an agent reads text that
   others wrote. The sessions follow in the compact view (`compact_view`), then notes of the newest
   (`context_notes`), and one line that sums up the sessions that are left out.
2. A context never costs more than its budget, by the given counter. Sessions that do not fit are
   summed up in one line, which states their number.
3. Sessions that did nothing are never shown, only summed up, because they do not inform an agent.
4. A tenth of the budget is a reserve without sessions: the agent that reads has its own tokenizer,
   and many count more for the same text (cl100k 0.5 %; tokenizers with one token for each digit, a
   third).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.kinds import Key
from codec.shown_text import FRAME, shown
from codec.v2.compact_view import encode_view
from codec.v2.context_notes import note_lines
from codec.v2.delta_summary import STATUSES, Summary, summary_of, united
from codec.v2.deltas import Delta, encode_delta, in_order

Style = Literal["compact", "lines", "digest"]
STYLES: Final[tuple[Style, ...]] = ("compact", "lines", "digest")
#: Raise it when the same sessions are rendered in another way.
VIEW_VERSION: Final = 7
DEFAULT_BUDGET: Final = 500
DEFAULT_LAST: Final = 30
#: The notes get the budget that remains after the references, divided by this number.
NOTES: Final = 8
#: The reserve is the budget divided by this number.
RESERVE: Final = 10

_NO_NOTES: Final[Mapping[Key, str]] = {}
_NO_REFERENCES: Final = "{}"


class Context(NamedTuple):
    """A rendered context.

    Attributes:
        text: the text for the agent.
        tokens: its cost by the given counter.
        shown: the number of sessions shown in full, the newest ones.
        summed: the number of sessions that are only summed up.
        references: True if the text contains the references.
    """

    text: str
    tokens: int
    shown: int
    summed: int
    references: bool


def render_context(
    references: str,
    deltas: Sequence[Delta],
    *,
    count: Callable[[str], int],
    budget: int | None = DEFAULT_BUDGET,
    style: Style = "compact",
    last: int | None = None,
    before: Summary | None = None,
    notes: Mapping[Key, str] = _NO_NOTES,
    lines: str = "",
) -> Context:
    """Return references and as many of the newest sessions as fit the budget without its reserve.

    Args:
        references: the text of `compact_references`; empty without references.
        deltas: the newest sessions; those that do not fit, and those that did nothing, are summed
            up.
        count: counts tokens.
        budget: the most tokens; None shows all sessions in full.
        style: the style in which sessions are written.
        last: the most sessions to show; None for all. Without a budget, the others are left out.
        before: a summary of sessions that are older than `deltas`.
        notes: the notes of sessions, by key; left out without a budget, as the summary is.
        lines: lines after the sessions; left out if they do not fit.
    """
    deltas = in_order(deltas, lambda delta: delta.key)
    active = [delta for delta in deltas if not _did_nothing(delta)]
    most = len(active) if last is None else min(last, len(active))
    if budget is None:
        deltas = active = active[len(active) - most :]
        before = None
    idle = [delta for delta in deltas if _did_nothing(delta)]
    fixed = references.strip("\n")
    fixed = "" if fixed == _NO_REFERENCES else fixed
    left_out = ""
    if budget is not None and fixed and count(fixed + "\n") > budget:
        fixed, left_out = "", "PROJECT_REFERENCES.yaml is over the budget: read it by itself\n"
    left = 0 if budget is None else budget - budget // RESERVE - count(fixed)
    noted = note_lines((d.key for d in reversed(active)), notes, count, left // NOTES)

    def made(number: int) -> Context:
        older, newest = active[: len(active) - number], active[len(active) - number :]
        sessions = _sessions(newest, older, idle, style, before, noted)
        parts = (f"{fixed}\n" if fixed else left_out, sessions)
        text = _framed("\n".join(p for p in parts if p) + lines)
        return Context(
            text=text,
            tokens=count(text),
            shown=number,
            summed=len(deltas) - number + (before.sessions if before else 0),
            references=bool(fixed),
        )

    if budget is None:
        return made(len(active))
    fits = made(0)
    if fits.tokens > budget and (noted or lines):
        noted = lines = ""
        fits = made(0)
    if fits.tokens > budget:
        return _least(fixed, budget, count)
    return _largest(fits, made, 0 if style == "digest" else most, budget - budget // RESERVE)


def _largest(fits: Context, made: Callable[[int], Context], most: int, budget: int) -> Context:
    """Return the context with the most sessions within a budget; `fits` is one without sessions."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        tried = made(middle)
        if tried.tokens <= budget:
            low, fits = middle, tried
        else:
            high = middle - 1
    return fits


def _framed(text: str) -> str:
    """Return a text after the line that marks it as data; an empty text stays empty."""
    return f"{FRAME}\n{shown(text)}" if text else ""


def digest(deltas: Sequence[Delta], before: Summary | None = None) -> str:
    """Return one line that sums up sessions, without unknown figures; empty without sessions.

    Args:
        deltas: some of the sessions.
        before: a summary of other sessions.
    """
    summary = united(before, summary_of(deltas))
    if summary is None:
        return ""
    first, last = summary.first, summary.last
    days = first if first == last else f"{first} to {last}"
    statuses = " ".join(
        f"{number} {status}"
        for status, number in zip(STATUSES, summary.statuses, strict=True)
        if number
    )
    added, removed = summary.added, summary.removed
    lines = ("" if added is None else f"+{added}") + ("" if removed is None else f"-{removed}")
    plural = "session" if summary.sessions == 1 else "sessions"
    return f"{summary.sessions} {plural} {days}: {statuses} {lines}".rstrip() + "\n"


def _did_nothing(delta: Delta) -> bool:
    """Return True if a session has no diff and no status, and is known to have no commit."""
    m = delta.metrics
    nothing_made = m.commits == 0 and m.lines_added is None and m.deployment is None
    return nothing_made and delta.status == "UNKNOWN"


def _sessions(
    newest: Sequence[Delta],
    older: Sequence[Delta],
    idle: Sequence[Delta],
    style: Style,
    before: Summary | None,
    noted: str,
) -> str:
    """Return the newest sessions in full, lines with notes, and one that sums up all others."""
    if style == "lines":
        text = "".join(f"{encode_delta(d)}\n" for d in newest)
    else:
        text = encode_view(newest)
    text += noted
    if summed := digest([*older, *idle], before):
        text += ("earlier: " if newest and not idle else "left out: ") + summed
    return text


def _least(references: str, budget: int, count: Callable[[str], int]) -> Context:
    """Return the references alone if they fit; else an empty context."""
    text = _framed(f"{references}\n" if references else "")
    tokens = count(text) if text else 0
    if tokens > budget:
        text, tokens = "", 0
    return Context(text=text, tokens=tokens, shown=0, summed=0, references=bool(text))
