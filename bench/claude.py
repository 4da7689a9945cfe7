"""Tokens as Claude counts them, by ctok where it is installed: an unofficial reconstruction.

A text is counted in pieces, or a large one would not fit into memory; that changes the count of a
log by less than 0.01 %. What a message costs beside its content is left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from bench.tiktoken_counter import pieces

#: The family of Claude 3 to Opus 4.6, Sonnet 4.5 among them.
_FAMILY: Final = "3.0"


def is_installed() -> bool:
    """Whether it can be counted here."""
    return importlib.util.find_spec("ctok") is not None


class ClaudeCounter:
    """Counts with ctok."""

    def __init__(self) -> None:
        import ctok

        self.name = f"Claude 3 to 4.6, by ctok {version('ctok')}"
        self._count = ctok.token_count
        self._frame: int = ctok.token_count("", _FAMILY)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [
            sum(self._count(piece, _FAMILY) - self._frame for piece in pieces(text))
            for text in texts
        ]
