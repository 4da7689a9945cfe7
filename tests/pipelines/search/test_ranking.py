"""`find` ranks the judged questions of `fixtures/search` as well as it did before."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from bench.ranking import Quality, judged_workspace, qualities
from pipelines.search.encoder import PACKAGE, is_available

FIXTURES: Final = Path(__file__).parents[3] / "fixtures" / "search"
LANGUAGES: Final = ("en", "de", "zh", "code")
#: SHA-256 of the judgements: a ranker is tuned to `questions.tsv`, never they to a ranker.
FROZEN: Final = {
    "held-out.tsv": "eb4c23968779c7e5d383be148d4f86ff898a7e7f00f9af77316497500dfee317",
    "questions.tsv": "a72fc9c1c2281c193df242ab1773c9e621d706e205d7c6aba979ec862c498a9c",
    "sessions.tsv": "a5532f59b548f0ad49c453d04ac7840485040fa224a12ae40d8308fe0adb8ec9",
}
#: Recall@5 and MRR, a little below what is measured: another processor rounds differently.
FLOORS: Final = {"en": (0.85, 0.74), "de": (0.82, 0.77), "zh": (0.84, 0.77), "code": (0.96, 0.96)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Quality]]:
    if not is_available():
        pytest.skip(f"{PACKAGE} is not installed: pip install {PACKAGE}")
    workspace, sets = judged_workspace(tmp_path_factory.mktemp("search") / "judged")
    return qualities(workspace, sets["tuned"])


@pytest.mark.parametrize("name", FROZEN)
def test_the_judgements_are_frozen(name: str) -> None:
    assert hashlib.sha256((FIXTURES / name).read_bytes()).hexdigest() == FROZEN[name]


def test_the_held_out_questions_are_others_and_enough(tmp_path: Path) -> None:
    _, sets = judged_workspace(tmp_path / "judged")
    tuned, held_out = ({q.text.casefold() for q in sets[n]} for n in ("tuned", "held out"))
    assert not tuned & held_out
    assert len(held_out) == len(sets["held out"])
    numbers = Counter(question.language for question in sets["held out"])
    assert set(numbers) == set(LANGUAGES)
    assert min(numbers.values()) >= 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_hybrid_is_not_below_the_better_of_both_by_more_than_one_question(
    measured: dict[str, dict[str, Quality]], language: str
) -> None:
    lexical, semantic, hybrid = (by[language] for by in measured.values())
    effect = 1 / hybrid.questions
    assert hybrid.recall >= max(lexical.recall, semantic.recall) - effect
    assert hybrid.mrr >= max(lexical.mrr, semantic.mrr) - effect


@pytest.mark.parametrize("language", LANGUAGES)
def test_quality_is_not_below_its_floor(
    measured: dict[str, dict[str, Quality]], language: str
) -> None:
    hybrid = measured["hybrid"][language]
    assert hybrid.recall >= FLOORS[language][0]
    assert hybrid.mrr >= FLOORS[language][1]
    assert hybrid.questions == 25
