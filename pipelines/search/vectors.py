"""The vectors of sessions: rows of the search index, and so a part of the cache.

1. A vector belongs to one row of `sessions`, and is deleted with it. If the row changed meanwhile,
   a new vector is dropped.
2. Vectors belong to the model's package, version and hash; for another model they are deleted.
3. Encoding is slow, so a question encodes a limited number of sessions, the newest first; further
   questions continue. Vectors are committed in batches and survive an interruption.
4. A component is one byte: the error of a similarity is below 0.003, and a session takes 512 bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pipelines.outcomes.progress import Progress
from pipelines.search.encoder import Encoder, model_pin
from pipelines.search.lexical import Filter, Ranked, condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.search.encoder import Vectors

#: The number of sessions that one question encodes by default.
LIMIT: Final = 500
_BATCH: Final = 64
#: The range of a component; larger ones are cut.
_RANGE: Final = 0.25
_STEPS: Final = 127
_WIDTH: Final = 512
_ROWS: Final = 8192
_TEXTS: Final = "task, title, notes, remark"
_MISSING: Final = "FROM sessions WHERE id NOT IN (SELECT id FROM vectors)"


def text_of(task: str, title: str, notes: str, remark: str) -> str:
    """Return the text of a session that is encoded."""
    return ". ".join(filter(None, (title or task, notes, remark)))


def refresh_vectors(
    connection: sqlite3.Connection, encoder: Encoder, progress: Progress, limit: int | None
) -> int:
    """Encode sessions that have no vector, the newest first; return how many are left.

    Args:
        connection: the index.
        encoder: the encoder.
        progress: receives the stage.
        limit: the most sessions to encode; None for all.
    """
    _pin(connection)
    newest = f"SELECT id, {_TEXTS} {_MISSING} ORDER BY time DESC LIMIT ?"
    rows = connection.execute(newest, (-1 if limit is None else limit,)).fetchall()
    if not rows:
        return 0
    with progress.stage("embedding", len(rows)) as advance:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            vectors = encoder.encode([text_of(*texts) for _, *texts in batch])
            _keep(connection, batch, vectors)
            advance(start + len(batch))
    (left,) = connection.execute(f"SELECT count(*) {_MISSING}").fetchone()
    return int(left)


class Similar:
    """How similar the wanted sessions are to a question, by the numbers of their rows."""

    def __init__(self, numbers: NDArray[np.int64], scores: Vectors) -> None:
        self._numbers = numbers  # in ascending order
        self._scores = scores

    def best(self, limit: int) -> list[Ranked]:
        """Return the most similar sessions, the best one first."""
        order = (-self._scores).argsort(kind="stable")[:limit]
        return [Ranked(int(self._numbers[at]), float(self._scores[at])) for at in order]

    def of(self, number: int) -> float:
        """Return the similarity of a session; 0 if it has no vector."""
        at = int(self._numbers.searchsorted(number))
        is_known = at < len(self._numbers) and self._numbers[at] == number
        return float(self._scores[at]) if is_known else 0.0


def similarities(connection: sqlite3.Connection, question: Vectors, wanted: Filter) -> Similar:
    """Return how similar each wanted session with a vector is to a question.

    Args:
        connection: the index.
        question: the vector of the question.
        wanted: the filter of sessions.
    """
    import numpy as np

    where, values = "", list[str]()
    if wanted != Filter():
        filtered, values = condition(wanted)
        where = f" WHERE id IN (SELECT id FROM sessions WHERE {filtered})"  # noqa: S608
    query = f"SELECT id, vector FROM vectors{where} ORDER BY id"  # noqa: S608 - constants
    numbers: list[int] = []
    parts = [np.zeros(0, dtype=np.float32)]
    for rows in _blocks(connection.execute(query, values)):
        numbers += [number for number, _ in rows]
        joined = np.frombuffer(b"".join(vector for _, vector in rows), dtype=np.int8)
        parts.append(joined.reshape(-1, _WIDTH).astype(np.float32) @ question)
    scores = np.concatenate(parts) * np.float32(_RANGE / _STEPS)
    return Similar(np.array(numbers, dtype=np.int64), scores)


def _blocks(cursor: sqlite3.Cursor) -> Iterator[list[tuple[int, bytes]]]:
    while rows := cursor.fetchmany(_ROWS):
        yield rows


def _pin(connection: sqlite3.Connection) -> None:
    """Delete the vectors if they belong to another model."""
    found = connection.execute("SELECT value FROM meta WHERE name = 'model'").fetchone()
    known = "" if found is None else str(found[0])
    pin = model_pin(known)
    if pin == known:
        return
    connection.execute("BEGIN IMMEDIATE")
    if not known or json.loads(known)[-1] != json.loads(pin)[-1]:
        connection.execute("DELETE FROM vectors")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (pin,))
    connection.execute("COMMIT")


def _keep(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, str, str, str, str]], vectors: Vectors
) -> None:
    """Insert vectors of rows that have not changed since they were read."""
    same = f"SELECT ({_TEXTS}) = (?, ?, ?, ?) FROM sessions WHERE id = ?"  # noqa: S608 - constants
    connection.execute("BEGIN IMMEDIATE")
    for (number, *texts), vector in zip(rows, _as_bytes(vectors), strict=True):
        if connection.execute(same, (*texts, number)).fetchone() == (1,):
            insert = "INSERT OR REPLACE INTO vectors VALUES (?, ?)"
            connection.execute(insert, (number, vector.tobytes()))
    connection.execute("COMMIT")


def _as_bytes(vectors: Vectors) -> NDArray[np.int8]:
    import numpy as np

    scaled = np.rint(vectors * (_STEPS / _RANGE))
    limited: NDArray[np.int8] = np.clip(scaled, -_STEPS, _STEPS).astype(np.int8)
    return limited
