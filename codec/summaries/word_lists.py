"""Lists of words, written as text."""

from __future__ import annotations


def words_of(text: str) -> list[str]:
    """Return the words of a text, which are separated by white space."""
    return text.split()
