"""How a pipeline tells how far it is: passed in, so that no verb prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

#: Told how much of a stage's total is done.
Advance = Callable[[int], None]


class Progress(Protocol):
    """Hears of each stage as it begins and ends."""

    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> AbstractContextManager[Advance]:
        """A stage that is under way.

        Args:
            name: one word.
            total: how much there is to do, in any unit; None where that is not known.
            in_bytes: the unit is a byte.
        """
        ...


class Silent:
    """Hears, and says nothing."""

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        """A stage that nobody watches."""
        yield lambda done: None
