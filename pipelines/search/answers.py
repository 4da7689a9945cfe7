"""Find sessions: rank them, and explain why each one matches.

An answer quotes text that others wrote. It is marked as data, in quotes on one line, without
control characters that a terminal obeys; the number of quoted characters is limited. The name of an
agent is shown as one word, whatever the fact states.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.kinds import Key
from codec.names import name_of
from codec.records import PatchRef
from codec.search.terms import question_terms
from codec.shown_text import FRAME, quoted
from pipelines.outcomes.progress import Progress, Silent
from pipelines.search.encoder import Encoder, is_available, load_encoder
from pipelines.search.hybrid import Asked, answered_by_words, by_both, by_words
from pipelines.search.lexical import Filter, count_others
from pipelines.search.reasons import (
    By,
    Reason,
    Texts,
    reason_by_words,
    reason_in_diff,
    reasons_by_meaning,
)
from pipelines.search.refresh import ask_index, is_first_time, missing_diffs, paths_in
from pipelines.search.vectors import LIMIT, refresh_vectors
from pipelines.workspace.location import Workspace

if TYPE_CHECKING:
    from pipelines.search.encoder import Vectors

DEFAULT_LIMIT: Final = 5
#: The most characters that an answer quotes from a task and from the matching sentence.
_TASK: Final = 80
_SENTENCE: Final = 200


class Question(NamedTuple):
    """A question to the index.

    Attributes:
        text: words, identifiers or a sentence.
        wanted: the filter of sessions.
        limit: the most answers.
        in_diffs: search the lines of diffs as well.
        embed_all: encode all sessions before ranking, however long it takes.
    """

    text: str
    wanted: Filter = Filter()
    limit: int = DEFAULT_LIMIT
    in_diffs: bool = False
    embed_all: bool = False


class Found(NamedTuple):
    """A session that matches.

    Attributes:
        key, time, agent, task, status: those of the session; the task is its title, if it has one.
        by: the reason: its words or its meaning.
        field: the matching text, empty for the task: notes, remark, path, or a file and line of the
            diff.
        why: the matching sentence or line; empty for the task, which is shown anyway.
        terms: the terms of the question that the sentence has.
    """

    key: Key
    time: str
    agent: str
    task: str
    status: str
    by: By
    field: str
    why: str
    terms: tuple[str, ...]

    @property
    def command(self) -> str:
        """Return the command that prints more."""
        return f"session-codec show {self.key}" + (" --diff" if ":" in self.field else "")


class Answers(NamedTuple):
    """The answers to a question.

    Attributes:
        found: the answers, the best one first.
        more: the number of further sessions with words of the question, counted up to
            `COUNTED`.
        missing: the number of sessions whose diffs are missing locally, so that their paths are
            unknown; 0 if the question needs no paths or lines.
        unread: the number of sessions that are not encoded yet and were ranked only by words.
        words_only: the model is missing; this is reported once.
    """

    found: list[Found]
    more: int = 0
    missing: int = 0
    unread: int = 0
    words_only: bool = False


class _Meaning(NamedTuple):
    """The encoder, and the vector of the question."""

    encoder: Encoder
    question: Vectors


def find(workspace: Workspace, question: Question, progress: Progress | None = None) -> Answers:
    """Return the sessions that answer a question.

    Args:
        workspace: the workspace of the sessions.
        question: the question.
        progress: receives the encoding of sessions.

    Raises:
        Conflict: the folder of caches or diffs came with a clone, or belongs to another user.
    """
    terms = question_terms(question.text)
    asked = Asked(question.text, terms, question.wanted, question.limit, question.in_diffs)

    def ask(connection: sqlite3.Connection) -> Answers:
        if not terms:
            return Answers([])
        meaning, unread = None, 0
        if is_available():
            ranked = answered_by_words(connection, asked)
        else:
            ranked = by_words(connection, asked)
        if ranked is None:
            encoder = load_encoder()
            meaning = _Meaning(encoder, encoder.encode([asked.text])[0])
            most = None if question.embed_all else LIMIT
            unread = refresh_vectors(connection, encoder, progress or Silent(), most)
            ranked = by_both(connection, asked, meaning.question)
        numbers = [r.number for r in ranked]
        return Answers(
            _described(connection, numbers, asked, workspace, meaning),
            count_others(connection, terms, asked.wanted, numbers, in_diffs=asked.in_diffs),
            missing_diffs(connection) if asked.in_diffs or asked.wanted.path else 0,
            unread,
            not is_available() and is_first_time(connection, "words-only"),
        )

    return ask_index(workspace, ask, with_lines=question.in_diffs)


def answer_text(found: Iterable[Found], *, commands: bool = True) -> str:
    """Return answers as text for people and agents; empty for none.

    Args:
        found: the answers.
        commands: add the command that prints more of each.
    """
    blocks = "".join(_block(f, commands=commands) for f in found)
    return f"{FRAME}\n{blocks}" if blocks else ""


def within(
    found: Sequence[Found], tokens: int | None, count_tokens: Callable[[str], int]
) -> list[Found]:
    """Return the first answers, as many as fit into a number of tokens.

    Args:
        found: the answers.
        tokens: the most tokens; None for no limit.
        count_tokens: returns the number of tokens of texts.
    """
    kept = list(found)
    while tokens is not None and kept and count_tokens(answer_text(kept)) > tokens:
        kept.pop()
    return kept


def _block(found: Found, *, commands: bool) -> str:
    by = ", by meaning" if found.by == "meaning" else ""
    why = f"  {_plain(found.field)}{by}: {quoted(found.why, _SENTENCE)}\n" if found.why else ""
    head = f"{found.key} {name_of(found.agent)} {found.status} {quoted(found.task, _TASK)}\n"
    return f"{head}{why}" + (f"  more: {found.command}\n" if commands else "")


def _plain(field: str) -> str:
    return quoted(field, _SENTENCE)[1:-1]


def _described(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    asked: Asked,
    workspace: Workspace,
    meaning: _Meaning | None,
) -> list[Found]:
    """Return sessions with the reasons for which they match."""
    store = None
    if asked.in_diffs:
        from pipelines.diffs.store import Store  # needed only for questions about diffs

        store = Store(workspace)
    query = (
        "SELECT key, time, agent, coalesce(nullif(title, ''), task), status, notes, remark, patch,"
        " size FROM sessions WHERE id = ?"
    )
    heads: list[tuple[Key, str, str, str, str]] = []
    reasons: list[tuple[Texts, Reason]] = []
    for number in numbers:
        row = connection.execute(query, (number,)).fetchone()
        key, time, agent, task, status, notes, remark, patch, size = row
        texts = Texts(task, notes, remark, paths_in(connection, patch))
        reason = reason_by_words(texts, asked.terms)
        if store is not None and patch:
            reason = reason_in_diff(store, key, PatchRef(patch, size), asked.terms, reason)
        heads.append((key, time, agent, task, status))
        reasons.append((texts, reason))
    final = [reason for _, reason in reasons]
    if meaning is not None:
        final = reasons_by_meaning(reasons, meaning.question, asked.terms, meaning.encoder)
    return [_found(head, reason) for head, reason in zip(heads, final, strict=True)]


def _found(head: tuple[Key, str, str, str, str], reason: Reason) -> Found:
    if reason.field == "task":  # shown in any case
        reason = reason._replace(field="", text="")
    return Found(*head, *reason)
