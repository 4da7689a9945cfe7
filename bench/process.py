"""Whole processes, timed from outside.

1. Wall time is from before the process is made until it is reaped. Processor time and peak memory
   are `wait4`'s: they cover the process and all it has waited for. The peak is that of the
   largest one of them, not the sum.
2. All that is unwritten goes to the disk before the clock starts, for `migrate` ends with a sync
   and would else pay for what ran before it.
3. Linux hands the parent's peak memory on to a child: a peak no greater than this process's own
   is not known. So this process stays small: what needs memory is done `apart`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Failed(Exception):
    """What was to be measured did not do what it should."""


class Skipped(Exception):
    """What a benchmark needs is not on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a run took.

    Attributes:
        wall, cpu: seconds.
        peak: bytes of the largest process; 0 where that is not known.
    """

    wall: float
    cpu: float
    peak: int


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    output: Path | None = None,
    source: Path | None = None,
    good: tuple[int, ...] = (0,),
) -> Cost:
    """Run a program to its end.

    Args:
        argv: the program and its arguments.
        cwd: where it runs.
        output: a file that is not there yet, for its stdout; else that goes nowhere.
        source: a file for its stdin; else that is empty.
        good: the exit codes of a run that counts.

    Raises:
        Failed: it ended with another code.
    """
    with (
        open(output or os.devnull, "wb") as out,
        open(source or os.devnull, "rb") as given,
        tempfile.TemporaryFile() as err,
    ):
        os.sync()
        started = time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, stdin=given, stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in good:
            err.seek(0)
            said = " / ".join(err.read().decode(errors="replace").strip().splitlines()[-3:])
            raise Failed(f"{Path(argv[0]).name} ended with {process.returncode}: {said}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = usage.ru_maxrss if usage.ru_maxrss > own else 0
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=peak * _RSS_UNIT)


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process of its own and return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()
