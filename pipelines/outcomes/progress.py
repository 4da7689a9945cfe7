"""The protocol by which a pipeline reports progress: passed in, so that no verb prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

#: Called with the part of a stage's total that is done.
Advance = Callable[[int], None]


class Progress(Protocol):
    """Hears of each stage as it begins and ends."""

    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> AbstractContextManager[Advance]:
        """Start a stage, which ends with the context.

        Args:
            name: one word.
            total: how much there is to do, in any unit; None if unknown.
            in_bytes: the unit is a byte.
        """
        ...


class Silent:
    """Hears, and says nothing."""

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        """Start a stage without showing it."""
        yield lambda done: None
