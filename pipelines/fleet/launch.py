"""Start the program with limits; run as a file, so that no second interpreter starts.

`python launch.py PARENT MIB PROGRAM ARGUMENT...` limits memory, ends when the parent ends, and runs
PROGRAM.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from contextlib import suppress

#: From linux/prctl.h: request a signal when the parent ends.
_PDEATHSIG = 1


def _end_with(parent: int) -> None:
    """End this process when its parent ends, so that a lost worker leaves no verb running."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit_memory(size: int) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main() -> None:
    """Run a program."""
    parent, mebibytes, program, *arguments = sys.argv[1:]
    _limit_memory(int(mebibytes) << 20)
    _end_with(int(parent))
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(program)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
