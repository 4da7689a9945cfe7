"""Write a question as an FTS5 expression.

A term matches itself, and longer words that begin with it. Only letters and digits get into the
expression, so no question can cause a syntax error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Shorter terms match whole words only.
_PREFIX_FROM: Final = 3
#: The number of terms that are used of a long question, such as a whole text.
_MOST: Final = 48


def expression(terms: Sequence[str], *, every: bool) -> str:
    """Return the expression that matches texts with every term, or with any."""
    return (" AND " if every else " OR ").join(map(_matching, terms[:_MOST]))


def _matching(term: str) -> str:
    if len(term) < _PREFIX_FROM or not term.isascii():
        return f'"{term}"'
    return f'("{term}" OR "{term}"*)'
