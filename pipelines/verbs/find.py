"""Find sessions by the words of their texts and diffs."""

from __future__ import annotations

from collections.abc import Iterator

from codec.search.terms import question_terms
from codec.vocabulary import agent_of
from pipelines.outcomes.findings import Finding
from pipelines.search import answers as search
from pipelines.search.answers import Answers, Question
from pipelines.workspace.location import Workspace, read_config

_WILD = frozenset("*?[")


def find(workspace: Workspace, question: Question) -> tuple[Answers, tuple[Finding, ...]]:
    """Return the sessions that answer a question, and notes on unsearched parts.

    Raises:
        Conflict: caches or diffs came with a clone, or are another user's.
    """
    agent = question.wanted.agent
    if agent is not None and not _WILD.intersection(agent):
        agent = agent_of(agent, read_config(workspace).agents)
        question = question._replace(wanted=question.wanted._replace(agent=agent))
    found = search.find(workspace, question)
    return found, tuple(_notes(question, found))


def _notes(question: Question, answers: Answers) -> Iterator[Finding]:
    if not answers.found:
        has_terms = bool(question_terms(question.text))
        yield Finding(
            code="no-match",
            message="no session matches" if has_terms else "the question has no word",
            level="note",
            hint="Try fewer words or filters, or --in-diffs" if has_terms else "Give a word",
        )
    if answers.missing and (question.in_diffs or question.wanted.path):
        plural = "session has a diff" if answers.missing == 1 else "sessions have diffs"
        yield Finding(
            code="absent",
            message=f"{answers.missing} {plural} missing locally; their paths are unknown",
            level="note",
            hint="'session-codec restore --only diffs' gets them from a copy",
        )
