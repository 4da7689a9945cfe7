"""Sums over the sessions that a context leaves out.

A summary has no order, so a large file can be summed up in parts. This module is imported whenever
a context is rendered, so it imports nothing that is slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from codec.names import key_time
from codec.v2.deltas import Delta

STATUSES: Final = ("PASS", "FAIL", "PARTIAL", "UNKNOWN")


class Summary(NamedTuple):
    """Figures of the sessions that a context leaves out.

    Attributes:
        sessions: the number of sessions; the dates are meaningless if it is 0.
        first, last: the dates of the oldest and the newest session.
        statuses: the number of sessions with each of `STATUSES`.
        added, removed: lines; None if they are unknown for all sessions.
    """

    sessions: int
    first: str
    last: str
    statuses: tuple[int, ...]
    added: int | None
    removed: int | None


class Scanned(NamedTuple):
    """The parts of a delta file that a context needs.

    Attributes:
        newest: the newest deltas, oldest first.
        before: a summary of all the others; None if all are in `newest`.
        summed_to: the newest key in the summary; empty without a summary.
    """

    newest: list[Delta]
    before: Summary | None
    summed_to: str


def summary_of(deltas: Sequence[Delta]) -> Summary | None:
    """Return a summary of deltas; None without deltas."""
    if not deltas:
        return None
    dates = [key_time(d.key)[:10] for d in deltas]
    statuses: list[str] = [d.status for d in deltas]
    return Summary(
        sessions=len(deltas),
        first=min(dates),
        last=max(dates),
        statuses=tuple(map(statuses.count, STATUSES)),
        added=_total(d.metrics.lines_added for d in deltas),
        removed=_total(d.metrics.lines_removed for d in deltas),
    )


def united(first: Summary | None, second: Summary | None) -> Summary | None:
    """Return one summary for two summaries without common sessions."""
    if first is None or second is None:
        return first or second
    return Summary(
        sessions=first.sessions + second.sessions,
        first=min(first.first, second.first),
        last=max(first.last, second.last),
        statuses=tuple(a + b for a, b in zip(first.statuses, second.statuses, strict=True)),
        added=_total((first.added, second.added)),
        removed=_total((first.removed, second.removed)),
    )


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
