"""The protocol by which a verb reports its progress to the caller, so that verbs do not print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

#: Called with the amount of a stage that was done since the last call.
Advance = Callable[[int], None]


class Progress(Protocol):
    """Receives the beginning and the end of each stage."""

    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> AbstractContextManager[Advance]:
        """Start a stage; it ends when the context manager exits.

        Args:
            name: one word.
            total: the amount to be done, in any unit; None if unknown.
            in_bytes: the unit is a byte.
        """
        ...


class Silent:
    """Ignores all stages."""

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        """Ignore a stage."""
        yield lambda done: None
