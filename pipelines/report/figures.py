"""Compute the figures of a report from the sessions: sums by week, tasks, tokens over time.

1. Pure functions: sessions in, figures out.
2. A week begins on Monday, UTC. A range with too many weeks to draw is summed by month, and one
   with too many months by year; the result names the unit.
3. Unknown numbers are left out of sums, and the number of known ones is stated.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from codec.kinds import Key
from codec.records import Session
from codec.v2.context_view import DEFAULT_LAST, render_context
from codec.v2.deltas import delta_of, encode_delta

Unit = Literal["week", "month", "year"]
#: The most bars that can be distinguished side by side.
MOST_BARS: Final = 130
#: The number of agents that have a bar of their own; the others share one.
MOST_AGENTS: Final = 6
OTHERS: Final = "others"
#: The number of rows in the tables of tasks.
MOST_TASKS: Final = 10
STATUS_ORDER: Final = ("PASS", "PARTIAL", "FAIL", "UNKNOWN")
_GRAVITY: Final = {"PARTIAL": 1, "FAIL": 2}


class Period(NamedTuple):
    """The sessions of a week, a month or a year.

    Attributes:
        start: the first day.
        sessions: the number of sessions.
        agents, statuses: the number of sessions of each, in the order of `Periods`.
        added, removed, minutes: sums of the known values.
    """

    start: str
    sessions: int
    agents: tuple[int, ...]
    statuses: tuple[int, ...]
    added: int
    removed: int
    minutes: int


class Periods(NamedTuple):
    """Sums over time: the unit, the agents that have a column, and a row for each period."""

    unit: Unit
    agents: tuple[str, ...]
    rows: tuple[Period, ...]


class Task(NamedTuple):
    """All sessions of one task.

    Attributes:
        name: the task.
        sessions: the number of sessions.
        fail, partial: the number of sessions that failed, and of those that were done in part.
        longest: the minutes of the longest session; None if no duration is known.
        key: the key of the session to look at.
    """

    name: str
    sessions: int
    fail: int
    partial: int
    longest: int | None
    key: Key


class Course(NamedTuple):
    """The cost of reading after a period: the tokens of the whole history at its end.

    Attributes:
        start: the first day of the period.
        log: tokens of all sessions as v1 entries.
        files: tokens of the references and of all deltas.
        window: tokens of the newest v1 entries, which an agent used to read.
        context: tokens of what `context` prints.
    """

    start: str
    log: int
    files: int
    window: int
    context: int


def periods(sessions: Sequence[Session]) -> Periods:
    """Return the sums of each period from the first session to the last, including empty ones."""
    counted = Tally(s.agent for s in sessions)
    named = [name for name, _ in sorted(counted.items(), key=lambda c: (-c[1], c[0]))]
    agents = (*named[:MOST_AGENTS], *((OTHERS,) if len(named) > MOST_AGENTS else ()))
    place = {name: min(i, MOST_AGENTS) for i, name in enumerate(named)}
    unit = unit_of([s.time for s in sessions])
    members: dict[date, list[Session]] = {}
    for session in sessions:
        members.setdefault(start_of(session.time, unit), []).append(session)
    rows = []
    for start in _starts(members, unit):
        inside = members.get(start, [])
        by_agent = Tally(place[s.agent] for s in inside)
        by_status = Tally(s.status for s in inside)
        rows.append(
            Period(
                start=start.isoformat(),
                sessions=len(inside),
                agents=tuple(by_agent[i] for i in range(len(agents))),
                statuses=tuple(by_status[status] for status in STATUS_ORDER),
                added=sum(s.metrics.lines_added or 0 for s in inside),
                removed=sum(s.metrics.lines_removed or 0 for s in inside),
                minutes=sum(s.metrics.duration_min or 0 for s in inside),
            )
        )
    return Periods(unit=unit, agents=agents, rows=tuple(rows))


def unit_of(times: Sequence[str]) -> Unit:
    """Return the shortest unit in which a range of times can be drawn."""
    if not times:
        return "week"
    first, last = _day(min(times)), _day(max(times))
    if (last - first).days // 7 < MOST_BARS:
        return "week"
    months = (last.year - first.year) * 12 + last.month - first.month
    return "month" if months < MOST_BARS else "year"


def start_of(time: str, unit: Unit) -> date:
    """Return the first day of the period that contains a time."""
    day = _day(time)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)


def slowest(sessions: Iterable[Session]) -> list[Task]:
    """Return the tasks with the longest sessions, each with that session."""
    found = _tasks(sessions, lambda s: (s.metrics.duration_min or 0, s.key))
    return sorted((t for t in found if t.longest), key=_by_length)[:MOST_TASKS]


def failing(sessions: Iterable[Session]) -> list[Task]:
    """Return the tasks that failed most often, each with its last failed session."""
    found = _tasks(sessions, lambda s: (_GRAVITY.get(s.status, 0), s.key))
    failed = (t for t in found if t.fail or t.partial)
    return sorted(failed, key=lambda t: (-t.fail, -t.partial, t.name))[:MOST_TASKS]


def course(
    sessions: Sequence[Session],
    costs: Sequence[int],
    references: str,
    *,
    window: int,
    drawn: Periods,
    count: Callable[[Sequence[str]], list[int]],
) -> list[Course]:
    """Return the cost of reading over time, at the end of each period that the chart shows.

        The references are today's: their older texts are not kept.

    Args:
        sessions: all sessions of a workspace, oldest first.
        costs: the tokens of each session in v1.
        references: the text of the references.
        window: the number of sessions that an agent used to read.
        drawn: the periods.
        count: returns the number of tokens of texts.
    """
    deltas = [delta_of(s) for s in sessions]
    lines = count([f"{encode_delta(delta)}\n" for delta in deltas])
    notes = {s.key: s.notes for s in sessions}
    log, files = 0, count([references])[0] if references else 0
    found: list[Course] = []
    inside = {row.start for row in drawn.rows}
    starts = [start_of(s.time, drawn.unit).isoformat() for s in sessions]
    for end, start in enumerate(starts, 1):
        log += costs[end - 1]
        files += lines[end - 1]
        if start not in inside or (end < len(starts) and starts[end] == start):
            continue
        context = render_context(
            references,
            deltas[:end],
            count=lambda text: count([text])[0],
            last=DEFAULT_LAST,
            notes=notes,
        )
        read = sum(costs[max(0, end - window) : end])
        found.append(Course(start, log, files, read, context.tokens))
    return found


def _by_length(task: Task) -> tuple[int, str]:
    return -(task.longest or 0), task.name


def _tasks(sessions: Iterable[Session], order: Callable[[Session], tuple[int, str]]) -> list[Task]:
    """Return all tasks, each with the session that is last in the given order."""
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(session.task, []).append(session)
    return [
        Task(
            name=name,
            sessions=len(members),
            fail=sum(s.status == "FAIL" for s in members),
            partial=sum(s.status == "PARTIAL" for s in members),
            longest=max((s.metrics.duration_min or 0 for s in members), default=0) or None,
            key=max(members, key=order).key,
        )
        for name, members in groups.items()
    ]


def _starts(members: Iterable[date], unit: Unit) -> Iterable[date]:
    """Yield the first days of all periods from the first to the last."""
    days = sorted(members)
    if not days:
        return
    day, last = days[0], days[-1]
    while day < last:
        yield day
        if unit == "week":
            day += timedelta(days=7)
        elif unit == "month":
            day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        else:
            day = date(day.year + 1, 1, 1)
    yield last


def _day(time: str) -> date:
    return date.fromisoformat(time[:10])
