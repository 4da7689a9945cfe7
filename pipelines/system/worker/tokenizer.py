"""Load a tokenizer only for texts that cannot be counted without it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from codec.tokens.tokenizers import DEFAULT

if TYPE_CHECKING:
    from codec.tokens.bpe_counts import ShortCounts


def load(tokenizer: str) -> Callable[[str], int]:
    """Return a function that counts the tokens of a text like a tokenizer.

    Short texts are counted with the vocabulary table, which only the default tokenizer has.

    Raises:
        FormatError: the tokenizer is unknown.
    """
    from codec.tokens.tokenizers import counter

    tokens = counter(tokenizer)
    if tokenizer != DEFAULT:
        return lambda text: tokens.count([text])[0]
    short = _short_counts()

    def count(text: str) -> int:
        known = short.count(text)
        return tokens.count([text])[0] if known is None else known

    return count


def table_path() -> str:
    """Return the path of the vocabulary table, which is installed next to its reader."""
    import codec

    return os.path.join(os.path.dirname(codec.__file__), f"{DEFAULT}.table")


def _short_counts() -> ShortCounts:
    from codec.tokens.bpe_counts import ShortCounts
    from codec.tokens.bpe_table import decode_table

    with open(table_path(), "rb") as f:
        return ShortCounts(decode_table(f.read()))
