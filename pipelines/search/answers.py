"""Find sessions: rank them, and say why each one matches.

An answer quotes text of others. It is marked as data, in quotes on one line, and without characters
that a terminal obeys; the number of quoted characters is limited.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from codec.errors import CodecError
from codec.patches.changes import changes_of
from codec.records import PatchRef
from codec.search.excerpt import Excerpt, excerpt, matching
from codec.search.terms import question_terms
from codec.shown_text import FRAME, quoted
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import StorageError
from pipelines.search.lexical import Filter, count, rank
from pipelines.search.refresh import ask_index, missing_diffs, paths_in
from pipelines.workspace.location import Workspace

DEFAULT_LIMIT: Final = 5
#: Characters that an answer quotes of a task and of the sentence that matches.
_TASK: Final = 80
_SENTENCE: Final = 200


class Question(NamedTuple):
    """A question to the index.

    Attributes:
        text: words, identifiers or a sentence.
        wanted: which sessions.
        limit: the most answers.
        in_diffs: look into the lines of diffs as well.
    """

    text: str
    wanted: Filter = Filter()
    limit: int = DEFAULT_LIMIT
    in_diffs: bool = False


class Found(NamedTuple):
    """A session that matches.

    Attributes:
        key, time, agent, task, status: of the session; the task is its title, if it has one.
        field: the text that matches: task, notes, remark, paths, or a file and line of the diff.
        why: the sentence or line of it that matches; empty if only its form matches.
        terms: of the question that the sentence has.
    """

    key: str
    time: str
    agent: str
    task: str
    status: str
    field: str
    why: str
    terms: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that prints more."""
        return f"session-codec show {self.key}" + (" --diff" if ":" in self.field else "")


class Answers(NamedTuple):
    """The answers to a question.

    Attributes:
        found: the best one first.
        more: sessions that have words of the question as well, and are left out.
        missing: sessions whose diffs are missing locally, so that their paths are unknown.
    """

    found: list[Found]
    more: int
    missing: int


def find(workspace: Workspace, question: Question) -> Answers:
    """Return the sessions that answer a question.

    Raises:
        Conflict: the folder of caches, or diffs, came with a clone or are another user's.
    """
    terms = question_terms(question.text)

    def ask(connection: sqlite3.Connection) -> Answers:
        if not terms:
            return Answers([], 0, 0)
        ranked = rank(
            connection, terms, question.wanted, limit=question.limit, in_diffs=question.in_diffs
        )
        store = Store(workspace) if question.in_diffs else None
        found = [_found(connection, r.number, terms, store) for r in ranked]
        more = count(connection, terms, question.wanted, in_diffs=question.in_diffs) - len(found)
        return Answers(found, more, missing_diffs(connection))

    return ask_index(workspace, ask, with_lines=question.in_diffs)


def answer_text(found: Iterable[Found], *, commands: bool = True) -> str:
    """Return answers as text for people and agents; empty for none.

    Args:
        found: the answers.
        commands: name the command that prints more of each.
    """
    blocks = "".join(_block(f, commands=commands) for f in found)
    return f"{FRAME}\n{blocks}" if blocks else ""


def within(
    found: Sequence[Found], tokens: int | None, count_tokens: Callable[[str], int]
) -> list[Found]:
    """Return the first answers whose text costs at most so many tokens.

    Args:
        found: answers.
        tokens: the most; None for no limit.
        count_tokens: counts them.
    """
    kept = list(found)
    while tokens is not None and kept and count_tokens(answer_text(kept)) > tokens:
        kept.pop()
    return kept


def _block(found: Found, *, commands: bool) -> str:
    why = f"  {_plain(found.field)}: {quoted(found.why, _SENTENCE)}\n" if found.why else ""
    head = f"{found.key} {found.agent} {found.status} {quoted(found.task, _TASK)}\n"
    return f"{head}{why}" + (f"  more: {found.command}\n" if commands else "")


def _plain(field: str) -> str:
    return quoted(field, _SENTENCE)[1:-1]


def _found(
    connection: sqlite3.Connection, number: int, terms: Sequence[str], store: Store | None
) -> Found:
    query = (
        "SELECT key, time, agent, task, status, title, notes, remark, patch, size FROM sessions"
        " WHERE id = ?"
    )
    row = connection.execute(query, (number,)).fetchone()
    key, time, agent, task, status, title, notes, remark, patch, size = row
    paths = "\n".join(paths_in(connection, patch)) if patch else ""
    named = (("notes", notes), ("remark", remark), ("task", f"{title or task}"), ("path", paths))
    why = excerpt(named, terms)
    if store is not None and patch:
        why = _in_diff(store, key, PatchRef(patch, size), terms, why)
    if why is None or why.field == "task":  # the task is shown in any case
        why = Excerpt("", "", why.terms if why is not None else ())
    return Found(key, time, agent, title or task, status, why.field, why.text, why.terms)


def _in_diff(
    store: Store, key: str, patch: PatchRef, terms: Sequence[str], why: Excerpt | None
) -> Excerpt | None:
    """Return the line of a diff that has more terms than `why`, else `why`."""
    try:
        changes = list(changes_of(store.read(key, patch)))
    except (StorageError, CodecError):
        return why
    for change in changes:
        for line in change.lines:
            text = line.text.decode(errors="replace")
            matched = matching(text, terms)
            if matched and (why is None or len(matched) > len(why.terms)):
                why = Excerpt(f"{change.new}:{line.number}", f"{line.mark}{text}", matched)
    return why
