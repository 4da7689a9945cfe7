"""A limit that separates linear work from quadratic work, which takes minutes on the same input."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

#: Many times what linear work takes on a slow machine with other work.
_SECONDS: Final = 30


@contextmanager
def not_quadratic() -> Iterator[None]:
    """Stop the block with an `AssertionError` after 30 seconds of its own CPU time."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"used {_SECONDS} s of CPU")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
