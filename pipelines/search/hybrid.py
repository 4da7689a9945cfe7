"""Rank sessions by meaning and by words.

1. The score of a session is the similarity of its text to the question, plus its score by words.
2. The score by words is weighted by coverage: BM25, scaled so that the best session has 1, times
   the square of the share of the question's terms that the session has. Adding ranks or plain BM25
   made the answers worse, because some session always has some word of a question; a session with
   nearly all of them is the wanted one.
3. A question with an identifier or a path is answered only by words if a session has all of its
   terms, without loading the model. So are questions about the lines of diffs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.search.excerpt import matching
from codec.search.terms import is_code
from pipelines.search.lexical import Filter, Ranked, completed, rank, with_every
from pipelines.search.vectors import similarities

if TYPE_CHECKING:
    from pipelines.search.encoder import Vectors

#: The most sessions that are considered, by words and by meaning.
_CANDIDATES: Final = 50
#: The weight of the score by words, relative to the similarity.
_WORDS: Final = 0.6
#: Sessions without a word of the question are left out below this similarity.
_LEAST: Final = 0.1
#: All sessions are left out below this share of the best score.
_SHARE: Final = 0.4


class Asked(NamedTuple):
    """A question to the index.

    Attributes:
        text: the text of the question.
        terms: the terms of the text.
        wanted: the filter of sessions.
        limit: the most results.
        in_diffs: search the lines of diffs as well.
    """

    text: str
    terms: Sequence[str]
    wanted: Filter
    limit: int
    in_diffs: bool


def answered_by_words(connection: sqlite3.Connection, asked: Asked) -> list[Ranked] | None:
    """Return the best sessions by words, the best one first; None if the model is needed."""
    if asked.in_diffs:
        return by_words(connection, asked)
    if not is_code(asked.text):
        return None
    terms, wanted, limit = asked.terms, asked.wanted, asked.limit
    every = with_every(connection, terms, wanted, limit=limit, in_diffs=False)
    if not every:
        return None
    return completed(connection, every, terms, wanted, limit=limit, in_diffs=False)


def by_words(connection: sqlite3.Connection, asked: Asked) -> list[Ranked]:
    """Return the best sessions by words, the best one first."""
    return rank(connection, asked.terms, asked.wanted, limit=asked.limit, in_diffs=asked.in_diffs)


def by_meaning(connection: sqlite3.Connection, asked: Asked, question: Vectors) -> list[Ranked]:
    """Return the sessions that are most similar to the vector of a question, the best first."""
    return similarities(connection, question, asked.wanted).best(asked.limit)


def by_both(connection: sqlite3.Connection, asked: Asked, question: Vectors) -> list[Ranked]:
    """Return the best sessions by words and meaning, the best one first.

    Args:
        connection: the index.
        asked: the question.
        question: its vector.
    """
    similar = similarities(connection, question, asked.wanted)
    words = _words_scores(connection, asked)
    near = {r.number for r in similar.best(_CANDIDATES) if r.score >= _LEAST}
    ranked = [Ranked(n, similar.of(n) + _WORDS * words.get(n, 0.0)) for n in {*near, *words}]
    least = _SHARE * max((r.score for r in ranked), default=0.0)
    kept = [r for r in ranked if r.score >= least]
    return sorted(kept, key=lambda r: (-r.score, r.number))[: asked.limit]


def _words_scores(connection: sqlite3.Connection, asked: Asked) -> dict[int, float]:
    """Return the weighted scores by words of the best sessions, from 0 to 1."""
    ranked = by_words(connection, asked._replace(limit=_CANDIDATES))
    most = max((r.score for r in ranked), default=0.0)
    share = _coverage(connection, asked.terms)
    return {r.number: r.score / most * share(r.number) ** 2 for r in ranked if most > 0}


def _coverage(connection: sqlite3.Connection, terms: Sequence[str]) -> Callable[[int], float]:
    """Return a function that computes which share of the terms a session contains."""
    query = (
        "SELECT task || ' ' || title || ' ' || notes || ' ' || remark || ' ' ||"
        " coalesce((SELECT group_concat(path, ' ') FROM patches JOIN paths ON patches.id ="
        " paths.patch WHERE sha256 = sessions.patch), '') FROM sessions WHERE id = ?"
    )

    def share(number: int) -> float:
        (text,) = connection.execute(query, (number,)).fetchone()
        return len(matching(text, terms)) / len(terms)

    return share
