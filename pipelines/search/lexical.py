"""Rank sessions by the words that they share with a question.

Sessions with every term precede those with some; within both groups, BM25 decides, with more weight
for words of the task than of the notes. With `in_diffs`, the scores of the session's texts and of
the lines of its diff are added.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from codec.search.question import expression

#: The weights of the task, notes, remark and paths.
_WEIGHTS: Final = (2.0, 1.0, 1.0, 1.0)
#: Sessions are counted up to this number.
COUNTED: Final = 1000
_GLOB_MARKS: Final = frozenset("*?[")


class Filter(NamedTuple):
    """The sessions to search; None for all.

    Attributes:
        path: the path of a changed file or its folder; or a pattern with `*`, `?` and `[`.
        agent: a name or a pattern.
        status: one of the four words.
        since, until: times in v2 form, or prefixes of such, both included.
    """

    path: str | None = None
    agent: str | None = None
    status: str | None = None
    since: str | None = None
    until: str | None = None


class Ranked(NamedTuple):
    """A session by the number of its row, with its score; greater is better."""

    number: int
    score: float


def rank(
    connection: sqlite3.Connection,
    terms: Sequence[str],
    wanted: Filter,
    *,
    limit: int,
    in_diffs: bool,
) -> list[Ranked]:
    """Return the best sessions for some terms, the best one first.

    Args:
        connection: the index.
        terms: the terms of the question.
        wanted: the filter of sessions.
        limit: the most results.
        in_diffs: search the lines of diffs as well.
    """
    every = with_every(connection, terms, wanted, limit=limit, in_diffs=in_diffs)
    return completed(connection, every, terms, wanted, limit=limit, in_diffs=in_diffs)


def with_every(
    connection: sqlite3.Connection,
    terms: Sequence[str],
    wanted: Filter,
    *,
    limit: int,
    in_diffs: bool,
) -> list[Ranked]:
    """Return the best sessions that have every term, the best one first."""
    match = expression(terms, every=True)
    return _matching(connection, match, wanted, limit, in_diffs=in_diffs)[:limit]


def completed(
    connection: sqlite3.Connection,
    every: Sequence[Ranked],
    terms: Sequence[str],
    wanted: Filter,
    *,
    limit: int,
    in_diffs: bool,
) -> list[Ranked]:
    """Return the sessions that have every term, then others with some, up to a limit."""
    if len(every) >= limit or len(terms) < 2:
        return [*every]
    match = expression(terms, every=False)
    some = _matching(connection, match, wanted, limit, in_diffs=in_diffs)
    found = {r.number for r in every}
    return [*every, *(r for r in some if r.number not in found)][:limit]


def count_others(
    connection: sqlite3.Connection,
    terms: Sequence[str],
    wanted: Filter,
    shown: Sequence[int],
    *,
    in_diffs: bool,
) -> int:
    """Return the number of further sessions with some of the terms, besides those shown.

    It is at most `COUNTED`: counting all sessions with a common word would take longer than
    ranking.
    """
    texts = "SELECT rowid AS id FROM words WHERE words MATCH ?"
    lines = (
        "SELECT sessions.id FROM lines JOIN patches ON patches.id = lines.rowid"
        " JOIN sessions ON patch = sha256 WHERE lines MATCH ?"
    )
    matching = f"{texts} UNION {lines}" if in_diffs else texts
    where, values = condition(wanted)
    if wanted != Filter():
        matching = f"SELECT id FROM sessions WHERE id IN ({matching}) AND {where}"  # noqa: S608
    marks = ", ".join("?" for _ in shown)
    others = f"SELECT 1 FROM ({matching}) WHERE id NOT IN ({marks}) LIMIT {COUNTED}"  # noqa: S608
    query = f"SELECT count(*) FROM ({others})"  # noqa: S608 - constants
    matches = [expression(terms, every=False)] * (2 if in_diffs else 1)
    (found,) = connection.execute(query, (*matches, *values, *shown)).fetchone()
    return int(found)


def condition(wanted: Filter) -> tuple[str, list[str]]:
    """Return a filter as an SQL condition on `sessions`, and its values."""
    parts = ["1"]
    values = []
    if wanted.path is not None:
        path = wanted.path.strip("/")
        # `**/` also matches no folder, as git has it.
        is_pattern = bool(_GLOB_MARKS.intersection(path))
        patterns = [path, path.replace("**/", "") if is_pattern else f"{path}/*"]
        globs = " OR ".join("path GLOB ?" for _ in patterns)
        parts.append(
            f"patch IN (SELECT sha256 FROM patches JOIN paths ON patch = id WHERE {globs})"  # noqa: S608
        )
        values += patterns
    for column, value in (("agent", wanted.agent), ("status", wanted.status)):
        if value is not None:
            parts.append(f"{column} GLOB ?")
            values.append(value)
    if wanted.since is not None:
        parts.append("time >= ?")
        values.append(wanted.since)
    if wanted.until is not None:
        parts.append("substr(time, 1, ?) <= ?")
        values += [str(len(wanted.until)), wanted.until]
    return " AND ".join(parts), values


def _matching(
    connection: sqlite3.Connection, match: str, wanted: Filter, limit: int, *, in_diffs: bool
) -> list[Ranked]:
    """Return the sessions that match, the best one first."""
    where, values = condition(wanted)
    weights = ", ".join(map(str, _WEIGHTS))
    texts = (
        f"SELECT sessions.id, time, -bm25(words, {weights}) AS score FROM words"  # noqa: S608
        " JOIN sessions ON sessions.id = words.rowid WHERE words MATCH ?"
        f" AND {where} ORDER BY score DESC, time DESC LIMIT ?"
    )
    lines = (
        "SELECT sessions.id, time, -bm25(lines) AS score FROM lines"  # noqa: S608
        " JOIN patches ON patches.id = lines.rowid JOIN sessions ON patch = sha256"
        f" WHERE lines MATCH ? AND {where} ORDER BY score DESC, time DESC LIMIT ?"
    )
    scores: dict[int, tuple[float, str]] = {}
    for query in (texts, lines) if in_diffs else (texts,):
        for number, time, score in connection.execute(query, (match, *values, limit)):
            scores[number] = (scores.get(number, (0.0, ""))[0] + score, time)
    ordered = sorted(scores.items(), key=lambda item: item[1], reverse=True)
    return [Ranked(number, score) for number, (score, _) in ordered]
