"""A process beside the verb for work on bytes: counting tokens, staging diffs.

1. The worker runs any function at the top of a module; `process` is its side of the pipes.
2. Calls run one after another, in the order in which they were made.
3. With SESSION_CODEC_HELPERS=off no process is started, and calls run in this one: if verbs already
   use every processor, as in a fleet, helpers only slow others down.
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
    """Runs functions in a process of its own that has loaded a tokenizer."""

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
        self._process.kill()  # all calls are done, or their results are not needed
        with suppress(BrokenPipeError):  # the worker ended by itself; the error names it
            self._stdin.close()
        self._process.wait()
        self._stdout.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in the worker.

        Args:
            function: a function at the top of a module; it and its result can be pickled.
            args, kwargs: its arguments, which can be pickled.

        Returns:
            A future. It raises the exception of the function if that is an `OSError`, a
            `CodecError` or a `PipelineError`, and `Unavailable` if the worker ended.
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
