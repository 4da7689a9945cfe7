"""The tokenizer of a verb, loaded only where something must be counted."""

from __future__ import annotations

from collections.abc import Callable


def load(tokenizer: str) -> Callable[[str], int]:
    """What counts the tokens of a text."""
    from codec.tokens import counter

    loaded = counter(tokenizer)
    return lambda text: loaded.count([text])[0]
