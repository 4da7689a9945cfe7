"""Run a program and measure what it alone uses.

The peak memory that the system reports of a process includes that of the process that forked it, up
to the moment of `exec`: of a large test process. So a small process runs in between.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_BETWEEN: Final = """
import os, resource, sys
child = os.fork()
if not child:
    os.execvp(sys.argv[2], sys.argv[2:])
status = os.waitpid(child, 0)[1]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as f:
    f.write(f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}")
os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
"""


class Measured(NamedTuple):
    """Exit code, stdout and stderr together, peak memory in MiB, CPU time in seconds."""

    code: int
    said: str
    mebibytes: float
    seconds: float


def measured(arguments: Sequence[str], folder: Path, guard: float | None = None) -> Measured:
    """Run a program to its end.

    Args:
        arguments: the program and its arguments.
        folder: where it runs.
        guard: seconds after which it is killed; None to wait for it.
    """
    with tempfile.NamedTemporaryFile("r") as usage:
        between = [sys.executable, "-I", "-S", "-c", _BETWEEN, usage.name]
        process = subprocess.Popen(
            [*between, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        timer = threading.Timer(guard or 0, os.killpg, (process.pid, signal.SIGKILL))
        if guard is not None:
            timer.start()
        said = process.communicate()[0].decode(errors="replace")
        timer.cancel()
        assert process.returncode >= 0, ("killed", arguments, said[-300:])
        memory, seconds = usage.read().split()
    return Measured(process.returncode, said, int(memory) / 1024, float(seconds))
