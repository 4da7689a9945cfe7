"""The vectors of sessions: a part of the search index, and so of the cache.

1. A vector belongs to one row of `sessions`, whose `has_vector` says that it is stored, and is
   erased with it. If the row changed meanwhile, a new vector is dropped.
2. Vectors belong to the model's package, version and hash; for another model they are deleted.
3. Encoding is slow, so a question encodes a limited number of sessions, the newest first; further
   questions continue. Vectors are committed in batches and survive an interruption.
4. A component is one byte: the error of a similarity is below 0.003, and a session takes 512 bytes.
5. A question is compared with all vectors. A row of `vectors` has those of 64 sessions, in slots by
   the number of their row; an empty slot is zero. One row per session took four times as long to
   read, and larger products are slower because the processor's cache does not hold them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
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
#: The bytes of a vector, and the number of slots in a row.
WIDTH: Final = 512
SLOTS: Final = 64
_TEXTS: Final = "task, title, notes, remark"
_MISSING: Final = "FROM sessions WHERE NOT has_vector"


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
    """How similar sessions are to a question, by the numbers of their rows; 0 if unknown."""

    def __init__(self, scores: Vectors) -> None:
        self._scores = scores

    def best(self, limit: int) -> list[Ranked]:
        """Return the most similar sessions, the best one first."""
        last = len(self._scores) - limit
        near = self._scores.argpartition(last)[last:] if last > 0 else range(len(self._scores))
        ranked = [Ranked(int(at), float(self._scores[at])) for at in near if self._scores[at]]
        return sorted(ranked, key=lambda r: (-r.score, r.number))

    def of(self, number: int) -> float:
        """Return the similarity of a session."""
        return float(self._scores[number]) if number < len(self._scores) else 0.0


def similarities(connection: sqlite3.Connection, question: Vectors, wanted: Filter) -> Similar:
    """Return how similar each wanted session with a vector is to a question.

    Args:
        connection: the index.
        question: the vector of the question.
        wanted: the filter of sessions.
    """
    import numpy as np

    (last,) = connection.execute("SELECT coalesce(max(row), -1) FROM vectors").fetchone()
    scores = np.zeros((last + 1, SLOTS), dtype=np.float32)
    for row, data in connection.execute("SELECT row, slots FROM vectors"):
        slots = np.frombuffer(data, dtype=np.int8).reshape(SLOTS, WIDTH)
        scores[row] = slots.astype(np.float32) @ question
    scores = scores.ravel() * np.float32(_RANGE / _STEPS)
    if wanted != Filter():
        filtered, values = condition(wanted)
        query = f"SELECT id FROM sessions WHERE has_vector AND {filtered}"  # noqa: S608
        numbers = [number for (number,) in connection.execute(query, values)]
        kept = np.zeros_like(scores)
        kept[numbers] = scores[numbers]
        scores = kept
    return Similar(scores)


def erase_vectors(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Erase the vectors of sessions, by the numbers of their rows."""
    for number in numbers:
        row, slot = divmod(number, SLOTS)
        if connection.execute("SELECT 1 FROM vectors WHERE row = ?", (row,)).fetchone():
            _put(connection, row, slot, bytes(WIDTH))


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
        connection.execute("UPDATE sessions SET has_vector = 0 WHERE has_vector")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (pin,))
    connection.execute("COMMIT")


def _keep(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, str, str, str, str]], vectors: Vectors
) -> None:
    """Store vectors of rows that have not changed since they were read."""
    same = f"UPDATE sessions SET has_vector = 1 WHERE id = ? AND ({_TEXTS}) = (?, ?, ?, ?)"  # noqa: S608 - constants
    connection.execute("BEGIN IMMEDIATE")
    for (number, *texts), vector in zip(rows, _as_bytes(vectors), strict=True):
        if connection.execute(same, (number, *texts)).rowcount:
            row, slot = divmod(number, SLOTS)
            insert = "INSERT OR IGNORE INTO vectors VALUES (?, zeroblob(?))"
            connection.execute(insert, (row, SLOTS * WIDTH))
            _put(connection, row, slot, vector.tobytes())
    connection.execute("COMMIT")


def _put(connection: sqlite3.Connection, row: int, slot: int, vector: bytes) -> None:
    with closing(connection.blobopen("vectors", "slots", row)) as slots:
        slots.seek(slot * WIDTH)
        slots.write(vector)


def _as_bytes(vectors: Vectors) -> NDArray[np.int8]:
    import numpy as np

    scaled = np.rint(vectors * (_STEPS / _RANGE))
    limited: NDArray[np.int8] = np.clip(scaled, -_STEPS, _STEPS).astype(np.int8)
    return limited
