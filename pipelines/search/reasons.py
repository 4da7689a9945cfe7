"""Explain why a session matches: the text, path or diff line with the most words of the question.

If the session has no or few of these words, the reason is the sentence whose meaning is closest to
the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from codec.errors import CodecError
from codec.kinds import Key
from codec.records import PatchRef
from codec.search.excerpt import Excerpt, excerpt, matching, sentences_of
from pipelines.outcomes.errors import StorageError
from pipelines.search.encoder import Encoder

if TYPE_CHECKING:
    from pipelines.diffs.store import Store
    from pipelines.search.encoder import Vectors

By = Literal["words", "meaning"]
#: The share of the question's terms from which words are a sufficient reason.
_ENOUGH: Final = 0.5
#: The most sentences of a session that are compared with the question.
_SENTENCES: Final = 8


class Texts(NamedTuple):
    """The texts of a session: its title (or its task), notes, remark and changed paths."""

    task: str
    notes: str
    remark: str
    paths: Sequence[str]


class Reason(NamedTuple):
    """The reason why a session matches.

    Attributes:
        by: its words or its meaning.
        field: the name of the text: task, notes, remark, path, or a file and line of the diff.
        text: the sentence or line.
        terms: the terms of the question that the sentence has.
    """

    by: By
    field: str
    text: str
    terms: tuple[str, ...]


def reason_by_words(texts: Texts, terms: Sequence[str]) -> Reason:
    """Return the sentence or path with the most terms, as a reason."""
    named = (
        ("notes", texts.notes),
        ("remark", texts.remark),
        ("task", texts.task),
        ("path", "\n".join(texts.paths)),
    )
    return _of(excerpt(named, terms) or Excerpt("task", "", ()))


def reason_in_diff(
    store: Store, key: Key, patch: PatchRef, terms: Sequence[str], reason: Reason
) -> Reason:
    """Return the diff line with more terms than a given reason, or the given reason."""
    from codec.patches.changes import changes_of

    best = Excerpt(reason.field, reason.text, reason.terms)
    try:
        changes = list(changes_of(store.read(key, patch)))
    except (StorageError, CodecError):
        return reason
    for change in changes:
        for line in change.lines:
            text = line.text.decode(errors="replace")
            matched = matching(text, terms)
            if len(matched) > len(best.terms):
                best = Excerpt(f"{change.new}:{line.number}", f"{line.mark}{text}", matched)
    return _of(best)


def reasons_by_meaning(
    sessions: Sequence[tuple[Texts, Reason]],
    question: Vectors,
    terms: Sequence[str],
    encoder: Encoder,
) -> list[Reason]:
    """Return reasons; the closest sentence replaces words that explain little.

    Args:
        sessions: the texts of each session, and its reason by words.
        question: the vector of the question.
        terms: the terms of the question.
        encoder: encodes the sentences, all at once; a session's only sentence needs no vector.
    """
    weak = [_sentences(t) for t, r in sessions if not _is_enough(r, terms)]
    if not weak:
        return [reason for _, reason in sessions]
    compared = [s for sentences in weak if len(sentences) > 1 for _, s in sentences]
    every = list(dict.fromkeys(compared))
    scores = (encoder.encode(every) @ question).tolist() if every else []
    score = dict(zip(every, scores, strict=True))
    rated = iter([[(score.get(s, 0.0), field, s) for field, s in found] for found in weak])
    return [r if _is_enough(r, terms) else _closest(next(rated)) for _, r in sessions]


def _closest(rated: Sequence[tuple[float, str, str]]) -> Reason:
    _, field, text = max(rated, key=lambda item: item[0])
    return Reason("meaning", field, text, ())


def _sentences(texts: Texts) -> list[tuple[str, str]]:
    """Return the first sentences of the texts, with the names of their fields."""
    named = (("task", texts.task), ("notes", texts.notes), ("remark", texts.remark))
    found = [(field, s) for field, text in named for s in sentences_of(text)]
    return found[:_SENTENCES] or [("task", texts.task)]


def _is_enough(reason: Reason, terms: Sequence[str]) -> bool:
    return len(reason.terms) >= _ENOUGH * len(terms)


def _of(found: Excerpt) -> Reason:
    return Reason("words", found.field, found.text, found.terms)
