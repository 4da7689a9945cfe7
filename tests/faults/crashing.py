"""Run the command line and stop it at its nth change of a file, as a power cut would.

    python crashing.py N kill|full ARGUMENT...

Each call that changes a file counts; before the nth one happens, the process is gone (`kill`, or
the call fails because the disk is full (`full`), and every one after it. With N = 0 nothing
happens, and the number of calls is printed last on stderr.
"""

from __future__ import annotations

import builtins
import errno
import os
import sys
from collections.abc import Callable
from typing import Any

CALLS = ("replace", "rename", "fsync", "write", "unlink", "sync", "mkdir", "rmdir")
#: What needs space; the others work on a full disk.
NEEDS_SPACE = {"write", "mkdir", "open"}


class Fault:
    """Counts calls, and stops at the nth."""

    def __init__(self, at: int, how: str) -> None:
        self.at = at
        self.how = how
        self.count = 0

    def reached(self, name: str) -> None:
        """Count a change, and crash at the chosen one."""
        if self.how == "full" and name not in NEEDS_SPACE:
            return
        self.count += 1
        if self.at == 0 or self.count < self.at:
            return
        if self.how == "kill":
            os._exit(137)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "the disk")


def install(fault: Fault) -> None:
    """Put the fault before everything that changes a file."""
    for name in CALLS:
        setattr(os, name, _before(fault, name, getattr(os, name)))
    plain_open, os_open = builtins.open, os.open

    def opened(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set(mode) & set("wxa+"):
            fault.reached("open")
        return plain_open(file, mode, *rest, **more)

    def os_opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            fault.reached("open")
        return os_open(path, flags, *rest, **more)

    builtins.open = opened
    os.open = os_opened


def _before(fault: Fault, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **more: Any) -> Any:
        fault.reached(name)
        return call(*args, **more)

    return called


def main() -> int:
    """Run under the fault."""
    # what is imported must not count
    import pipelines.cli.commands.amend
    import pipelines.cli.commands.archive
    import pipelines.cli.commands.migrate_shown
    import pipelines.cli.commands.record
    import pipelines.verbs.migrate
    from pipelines.cli.main import run

    del pipelines
    fault = Fault(int(sys.argv[1]), sys.argv[2])
    install(fault)
    code = run(sys.argv[3:])
    sys.stderr.write(f"\n{fault.count}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
