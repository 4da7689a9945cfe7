"""A process beside the verb for work on bytes alone: counting tokens, staging diffs.

1. The worker runs any function that a module defines; `process` is its side of the pipes.
2. Calls run in the order in which they were made, each after the one before has returned.
3. With SESSION_CODEC_HELPERS=off no process is started, and calls run in this one: where a verb
   runs on every processor already, as in a fleet, helpers only take time from the others.
"""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Final, ParamSpec, Self, TypeVar, cast

from pipelines.outcomes.errors import Unavailable
from pipelines.system.worker.process import count_text, load
from pipelines.system.worker.programs import python_program

#: The variable that switches helper processes off, and its value.
HELPERS: Final = "SESSION_CODEC_HELPERS"
OFF: Final = "off"
P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Run functions in a process of their own, which has a tokenizer loaded."""

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = tokenizer
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._process: subprocess.Popen[bytes] | None = None
        if os.environ.get(HELPERS) == OFF:
            return
        self._process = subprocess.Popen(
            python_program("pipelines.system.worker.process", "main", tokenizer),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=error is None, cancel_futures=True)
        if self._process is None:
            return
        self._process.kill()  # every call has returned, or its result is not wanted any more
        with suppress(BrokenPipeError):  # the worker ended by itself; the error names it
            self._stdin.close()
        self._process.wait()
        self._stdout.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in the worker.

        Args:
            function: defined at the top of a module; it can be pickled, and so can its result.
            args, kwargs: its arguments, which can be pickled.

        Returns:
            A future. It raises what the function raised if that is an `OSError`, a `CodecError`
            or a `PipelineError`, and `Unavailable` if the worker ended.
        """
        return self._thread.submit(self._ask, function, args, kwargs)

    def count_text(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return self.call(count_text, text).result()

    def _ask(self, function: Callable[..., T], args: Any, kwargs: Any) -> T:
        if self._process is None:
            load(self._tokenizer)
            return function(*args, **kwargs)
        try:
            pickle.dump((function, args, kwargs), self._stdin)
            self._stdin.flush()
        except BrokenPipeError:
            raise Unavailable("the worker process ended") from None
        try:
            result, error = pickle.load(self._stdout)  # noqa: S301 (from our own process)
        except EOFError:
            raise Unavailable(
                "the worker process ended", hint="Its error is printed above"
            ) from None
        if error is not None:
            raise error
        return cast(T, result)
