"""Try heading patterns from a manifest in a process that can be stopped.

A regular expression can take exponential time in the length of a line, and any committer can write
one into the manifest. So a pattern that the user did not give on the command line first splits its
log in a process beside the verb. The split is deterministic, so a pattern that passes takes no
longer in the real run.

1. One process tries all patterns, so that a manifest with a hundred of them starts one process.
2. They share one time limit, which grows only with the bytes that are split. The process ends
   itself at the limit; patterns that come later are refused without being tried.
"""

from __future__ import annotations

import atexit
import faulthandler
import os
import pickle
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final

from codec.errors import FormatError
from codec.v1.text import Log
from pipelines.outcomes.errors import Conflict
from pipelines.system.worker.programs import python_program

#: The seconds for all patterns together, without those for the bytes that they split.
LIMIT: Final = 3.0
#: The bytes of a log that add one second.
_BYTES: Final = 1 << 24
_HINT: Final = "Give a better one: session-codec migrate --heading-pattern PATTERN"


class Trial:
    """The process that runs patterns, and the seconds left for them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python_program("pipelines.v1.pattern", "main"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._left = LIMIT
        self._has_ended = False

    def check(self, log: Log, pattern: str) -> None:
        """Try a pattern on a log.

        Raises:
            Conflict: it is not a heading pattern, it takes too long for this log, or an earlier
                pattern took too long.
        """
        if self._has_ended:
            raise _refused("was not tried, because a pattern before it took too long", pattern)
        limit = self._left + len(log) / _BYTES
        taken, problem = self._ask(log, pattern, limit)
        self._left = max(limit - taken, 0.001)
        if problem:
            raise _refused(problem, pattern)

    def _ask(self, log: Log, pattern: str, limit: float) -> tuple[float, str]:
        """Return the seconds that a pattern took, and why it is refused (empty if it is not)."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            pickle.dump((pattern, log[:], limit), stdin)
            stdin.flush()
            answer: tuple[float, str] = pickle.load(stdout)  # noqa: S301 (from our own process)
        except (BrokenPipeError, EOFError):
            self._has_ended = True
            return limit, f"takes longer than {limit:.0f} seconds to match"
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()


#: The trial of each process: a forked child must not use the pipes of its parent.
_trials: dict[int, Trial] = {}


def check_pattern(log: Log, pattern: str) -> None:
    """Try a pattern of the manifest on a log, in a process that ends when it takes too long.

    Raises:
        Conflict: the pattern is not a heading pattern, it takes too long for this log, or an
            earlier pattern took too long.
    """
    if os.getpid() not in _trials:
        _trials[os.getpid()] = trial = Trial()
        atexit.register(trial.end)
    _trials[os.getpid()].check(log, pattern)


def _refused(problem: str, pattern: str) -> Conflict:
    return Conflict(f"the heading pattern in the manifest {problem}: {pattern[:80]!r}", hint=_HINT)


def main() -> None:
    """Split the logs on stdin by their patterns, until stdin ends."""
    from codec.v1.dialects import custom_dialect
    from codec.v1.split import split

    while True:
        try:
            pattern, log, limit = pickle.load(sys.stdin.buffer)  # noqa: S301 (sent by the verb)
        except EOFError:
            return
        faulthandler.dump_traceback_later(limit, exit=True)
        began = time.monotonic()
        problem = ""
        try:
            for _ in split(log, custom_dialect(pattern)):
                pass
        except (FormatError, RecursionError):
            problem = "cannot be used"
        faulthandler.cancel_dump_traceback_later()
        pickle.dump((time.monotonic() - began, problem), sys.stdout.buffer)
        sys.stdout.buffer.flush()
