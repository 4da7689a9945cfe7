"""Retry what the SDK does not: conditional uploads, and bytes that changed in transit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import stamina

from codec.errors import IntegrityError
from pipelines.outcomes.errors import PipelineError
from pipelines.remotes.s3.client import ATTEMPTS

#: Codes of a server: another conditional upload was running; bytes were changed.
PASSES: Final = frozenset(
    ("409", "ConditionalRequestConflict", "OperationAborted", "BadDigest", "InvalidDigest",
     "XAmzContentChecksumMismatch")
)  # fmt: skip
T = TypeVar("T")


class AgainError(Exception):
    """A request failed and may succeed if it is repeated."""

    def __init__(self, error: PipelineError | IntegrityError) -> None:
        super().__init__()
        self.error = error


def again(call: Callable[[], T]) -> T:
    """Call a function, and repeat it on AgainError; raise the last error."""
    try:
        for attempt in stamina.retry_context(on=AgainError, attempts=ATTEMPTS):
            with attempt:
                return call()
    except AgainError as e:
        raise e.error from None
    raise AssertionError("stamina re-raises other errors")
