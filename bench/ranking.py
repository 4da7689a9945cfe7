"""How well `find` ranks: recall@5 and MRR of the frozen questions in `fixtures/search`.

The ranking was tuned on one set of questions. Those of the other set were written later, before
they were asked, and nothing is tuned on them: they show how far the tuning holds.

The sessions become a workspace with a manifest and diffs, and are searched like any other. One
query's effect is what one question of a language can change: its share of the mean.
"""

from __future__ import annotations

import csv
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.kinds import Key, sha256_of
from codec.manifest.jsonl import encode_fact
from codec.records import PatchRef, Session, Status
from codec.search.terms import question_terms
from pipelines.outcomes.progress import Silent
from pipelines.search.encoder import load_encoder
from pipelines.search.hybrid import Asked, answered_by_words, by_both, by_meaning, by_words
from pipelines.search.lexical import Filter, Ranked
from pipelines.search.refresh import ask_index
from pipelines.search.vectors import refresh_vectors
from pipelines.workspace.location import MANIFEST, Workspace, locate

if TYPE_CHECKING:
    from pipelines.search.encoder import Vectors

_FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "search"
_FIRST: Final = 5
#: Answers that count for the mean reciprocal rank.
_DEPTH: Final = 20
_STATUSES: Final[Mapping[str, Status]] = {
    "PASS": "PASS",
    "FAIL": "FAIL",
    "PARTIAL": "PARTIAL",
    "UNKNOWN": "UNKNOWN",
}


#: The file with each set of questions.
SETS: Final[Mapping[str, str]] = {"tuned": "questions.tsv", "held out": "held-out.tsv"}


class Judged(NamedTuple):
    """A question, and the keys of the sessions that answer it."""

    language: str
    text: str
    relevant: frozenset[str]


class Quality(NamedTuple):
    """How well the questions of a language are answered.

    Attributes:
        recall: the share of the relevant sessions that are among the first five; a mean.
        mrr: one divided by the rank of the first relevant session; a mean.
        questions: how many there are.
    """

    recall: float
    mrr: float
    questions: int


def judged_workspace(folder: Path) -> tuple[Workspace, dict[str, list[Judged]]]:
    """Write the judged sessions as a workspace; return it with each set of questions."""
    folder.mkdir(parents=True, exist_ok=True)
    # A linked worktree around it would have its diffs elsewhere.
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / MANIFEST).parent.mkdir()
    (folder / ".diffs").mkdir()
    keys: dict[str, Key] = {}
    lines = []
    for number, row in enumerate(_table("sessions.tsv")):
        key = Key(f"2025-{1 + number // 28:02}-{1 + number % 28:02}T10:00:00Z")
        diff = "".join(map(_changed, row["paths"].split())).encode()
        (folder / ".diffs" / f"{key}.diff").write_bytes(diff)
        patch = PatchRef(sha256=sha256_of(diff), size=len(diff))
        keys[row["id"]] = key
        session = Session(
            key=key, time=key, agent="sonnet-4.5", task=f"task-{number}", title=row["title"],
            status=_STATUSES[row["status"]], notes=row["notes"], patch=patch,
        )  # fmt: skip
        lines.append(f"{encode_fact(session)}\n")
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")
    return locate(str(folder)), {name: _questions(file, keys) for name, file in SETS.items()}


def qualities(workspace: Workspace, questions: Sequence[Judged]) -> dict[str, dict[str, Quality]]:
    """Return how well each way of ranking answers the questions, by way and language."""
    return {
        name: _by_language(questions, [way(workspace, q.text) for q in questions])
        for name, way in WAYS.items()
    }


def _lexical(workspace: Workspace, text: str) -> list[str]:
    return _ranked(workspace, text, by_words)


def _semantic(workspace: Workspace, text: str) -> list[str]:
    return _ranked(workspace, text, lambda c, asked: by_meaning(c, asked, _question(c, text)))


def _hybrid(workspace: Workspace, text: str) -> list[str]:
    def rank(connection: sqlite3.Connection, asked: Asked) -> list[Ranked]:
        found = answered_by_words(connection, asked)
        return by_both(connection, asked, _question(connection, text)) if found is None else found

    return _ranked(workspace, text, rank)


def _question(connection: sqlite3.Connection, text: str) -> Vectors:
    """Return the vector of a question, all sessions being encoded."""
    encoder = load_encoder()
    refresh_vectors(connection, encoder, Silent(), None)
    vector: Vectors = encoder.encode([text])[0]
    return vector


#: The ways of ranking; the last one is what `find` does.
WAYS: Final[Mapping[str, Callable[[Workspace, str], list[str]]]] = {
    "lexical": _lexical,
    "semantic": _semantic,
    "hybrid": _hybrid,
}


def _ranked(
    workspace: Workspace, text: str, rank: Callable[[sqlite3.Connection, Asked], list[Ranked]]
) -> list[str]:
    asked = Asked(text, question_terms(text), Filter(), _DEPTH, in_diffs=False)

    def keys(connection: sqlite3.Connection) -> list[str]:
        query = "SELECT key FROM sessions WHERE id = ?"
        found = rank(connection, asked)
        return [str(connection.execute(query, (r.number,)).fetchone()[0]) for r in found]

    return ask_index(workspace, keys, with_lines=False)


def _by_language(questions: Sequence[Judged], answers: Sequence[list[str]]) -> dict[str, Quality]:
    found: dict[str, list[tuple[float, float]]] = {}
    for question, keys in zip(questions, answers, strict=True):
        ranks = [rank for rank, key in enumerate(keys, 1) if key in question.relevant]
        recall = sum(rank <= _FIRST for rank in ranks) / len(question.relevant)
        found.setdefault(question.language, []).append((recall, 1 / ranks[0] if ranks else 0.0))
    return {
        language: Quality(_mean(r for r, _ in rated), _mean(m for _, m in rated), len(rated))
        for language, rated in found.items()
    }


def _mean(values: Iterator[float]) -> float:
    every = list(values)
    return sum(every) / len(every)


def _questions(file: str, keys: Mapping[str, str]) -> list[Judged]:
    """Return the questions of a file, with keys in place of the names of sessions."""
    return [
        Judged(
            row["language"], row["question"], frozenset(keys[i] for i in row["relevant"].split())
        )
        for row in _table(file)
    ]


def _changed(path: str) -> str:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old\n+new\n"


def _table(name: str) -> list[dict[str, str]]:
    with open(_FIXTURES / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
