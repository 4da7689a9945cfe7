"""Choose the sentence of a text that best shows why it matches a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from codec.search.terms import terms_of

_END: Final = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n")
#: Words of at least this length match longer words that begin with them.
_FORMS_FROM: Final = 4


class Excerpt(NamedTuple):
    """The part of a text that matches.

    Attributes:
        field: the name of the text.
        text: the sentence with the most terms.
        terms: the terms of the question in the sentence.
    """

    field: str
    text: str
    terms: tuple[str, ...]


def excerpt(fields: Iterable[tuple[str, str]], terms: Sequence[str]) -> Excerpt | None:
    """Return the first sentence with the most terms; None if no sentence has any.

    Args:
        fields: names and texts.
        terms: the terms of the question.
    """
    best: Excerpt | None = None
    for field, text in fields:
        for sentence in sentences_of(text):
            matched = matching(sentence, terms)
            if matched and (best is None or len(matched) > len(best.terms)):
                best = Excerpt(field, sentence, matched)
    return best


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of a text that are not empty."""
    yield from filter(None, (sentence.strip() for sentence in _END.split(text)))


def matching(text: str, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms that a text has, in the order of the question."""
    words = set(terms_of(text))
    return tuple(t for t in terms if t in words or any(_is_form(t, w) for w in words))


def _is_form(term: str, word: str) -> bool:
    """Return True if a word is a longer or shorter form of a term."""
    if word.startswith(term):
        return len(term) >= _FORMS_FROM - 1
    common = len(term) - 1 if term[-1:] == "s" else len(term) - 2
    return common >= _FORMS_FROM and word[:common] == term[:common] and len(word) <= len(term) + 2
