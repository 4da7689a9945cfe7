"""Token counters by name: real BPE, without downloads.

1. toktok counts `o200k_base` and `cl100k_base`; both vocabularies are compiled into it.
   `tokens.bpe_counts` counts short texts without it.
2. Text that looks like a special token is counted as ordinary text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from codec.errors import FormatError

DEFAULT: Final = "o200k_base"
TOKENIZERS: Final = ("o200k_base", "cl100k_base")

_MARKED = bytes(32 if chr(b) in " \t\n\v\f\r" else 97 for b in range(256))


class Counter(Protocol):
    """Counts tokens."""

    name: str

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        ...


def counter(name: str = DEFAULT) -> Counter:
    """Return the counter of a tokenizer.

    Its first count loads the vocabulary, which takes a third of a second.

    Raises:
        FormatError: the name is not one of `TOKENIZERS`.
    """
    if name not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise FormatError(f"unknown tokenizer {name!r} (choose from {known})", field="tokenizer")
    return ToktokCounter(name)


class ToktokCounter:
    """Counts with toktok, a compiled tokenizer that does not create the tokens themselves."""

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, counted on one thread."""
        import toktok

        counts: list[int] = toktok.batch_count(texts, self.name, threads=1)
        return counts


def count_words(data: bytes) -> int:
    """Return the words that `wc -w` counts in the C locale: runs of bytes without white space."""
    marked = data.translate(_MARKED)
    return marked.count(b" a") + marked.startswith(b"a")
