"""Compare the numbers of a text, in digits and in words, with those that sessions state.

1. A number is supported if a text of a cited session states it with the same kind of unit. A metric
   or a figure of the deterministic part supports it only next to a word of that figure: the 2 of
   "2 failed" does not support "2 outages", and 30 minutes do not support "30 tests".
2. A word with digits and letters (`v2`, `#12`, `11/06`) is supported only as a whole, and so is the
   number of a version or an issue.
"""

from __future__ import annotations

import re
from typing import Final

from codec.summaries.amounts import NUMBER, Amount, amount_tokens, amounts_at, value_of
from codec.summaries.evidence import ADDED, REMOVED, Evidence
from codec.summaries.number_words import vague_amounts
from codec.summaries.word_lists import words_of

#: The largest distance between a number and its noun, in words.
_NEAR: Final = 3
#: A minus sign before a number, also after a slash: +847/-12.
_NEGATIVE = re.compile(rf"(?<![\w)\]%.,])-(?P<number>{NUMBER})(?![\d-])")
_DIRECTIONS: Final = ADDED | REMOVED
_RELEASES: Final = frozenset(words_of("version versions release releases v"))
_ISSUES: Final = frozenset(words_of("issue issues pr prs ticket tickets bug mr request no number"))


def unsupported_number(text: str, evidence: Evidence) -> str | None:
    """Return the first unsupported number in a text; None if the sessions support all numbers.

    Args:
        text: the text in its plain form, without quotations and dates.
        evidence: the evidence of the cited sessions.
    """
    for m in _NEGATIVE.finditer(text):
        words = evidence.figures.get(value_of(m["number"]), frozenset())
        if words.isdisjoint(REMOVED) and not evidence.says(m[0]):
            return m[0]
    vague = next((words for words in vague_amounts(text) if not evidence.quotes(words)), None)
    if vague is not None:
        return vague
    tokens = amount_tokens(text)
    for place, token in enumerate(tokens):
        if any(c.isnumeric() for c in token) and not _is_supported(place, tokens, evidence):
            return token
    return None


def _is_supported(place: int, tokens: list[str], evidence: Evidence) -> bool:
    token = tokens[place].casefold()
    amounts = amounts_at(tokens, place)
    if not amounts:
        return token in evidence.tokens or evidence.names_agent(token.replace("-", " "))
    before = tokens[place - 1].casefold() if place else ""
    if before in _RELEASES or before in _ISSUES:
        sign = "v" if before in _RELEASES else "#"
        return f"{sign}{token}" in evidence.tokens or evidence.says(f"{before} {token}")
    if before.isalpha() and evidence.names_agent(f"{before} {token}"):
        return True
    near = _near(place, tokens)
    return all(_has(amount, near, evidence) for amount in amounts)


def _has(amount: Amount, near: list[list[str]], evidence: Evidence) -> bool:
    if (amount.value, amount.kind) in evidence.amounts:
        return True
    words = evidence.figures.get(amount.plain, frozenset())
    if not words.isdisjoint(("line", "lines")) and not amount.word.startswith("token"):
        nearest = next((ws for ws in near if not _DIRECTIONS.isdisjoint(ws)), None)
        if nearest is not None and words.isdisjoint(_DIRECTIONS.intersection(nearest)):
            return False
    if amount.word:
        return not words.isdisjoint((amount.word, amount.kind))
    return not all(words.isdisjoint(ws) for ws in near)


def _near(place: int, tokens: list[str]) -> list[list[str]]:
    """Return the words around a token by their distance, the nearest first."""
    return [
        [
            word
            for at in (place - distance, place + distance)
            if 0 <= at < len(tokens)
            for word in tokens[at].lower().split("-")
        ]
        for distance in range(1, _NEAR + 1)
    ]
