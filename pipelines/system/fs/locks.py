"""Take the lock of a workspace, alone or shared with other readers.

The lock belongs to a process and ends with it; its file stays and means nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.outcomes.errors import WorkspaceLocked
from pipelines.system.fs.files import make_folder
from pipelines.system.git.local_state import checked

LOCK_WAIT = 10.0
_RETRY = 0.02
#: A lock file that a clone links elsewhere must not be created there, and a pipe must not block.
_LOCK_FLAGS = (
    getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
)


@contextmanager
def locked(path: str, *, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Hold the lock of a workspace, alone.

    Args:
        path: the lock file; its directory is created.
        wait: seconds to wait for another process.

    Raises:
        WorkspaceLocked: another process still holds it then.
    """
    make_folder(os.path.dirname(path))
    fd = os.open(checked(path), os.O_RDWR | os.O_CREAT | _LOCK_FLAGS, 0o644)
    with _held(fd, path, wait, alone=True):
        yield


@contextmanager
def unchanging(path: str, *, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Lock out writers while related files are read.

    If the lock file is missing or cannot be opened, nothing is locked.

    Args:
        path: the lock file.
        wait: seconds to wait for a writer.

    Raises:
        WorkspaceLocked: a writer still holds it then.
    """
    try:
        fd = os.open(path, os.O_RDONLY | _LOCK_FLAGS)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        yield
        return
    with _held(fd, path, wait, alone=False):
        yield


@contextmanager
def _held(fd: int, path: str, wait: float, *, alone: bool) -> Iterator[None]:
    try:
        if not _lock(fd, wait, alone=alone):
            raise WorkspaceLocked(
                f"{path}: another process is writing to this workspace",
                hint="Wait for it to end and run the same command again",
            )
        yield
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, wait: float, *, alone: bool) -> bool:
        until = time.monotonic() + wait
        while True:
            try:
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            except OSError:
                if time.monotonic() > until:
                    return False
                time.sleep(_RETRY)
            else:
                return True

else:
    import fcntl

    def _lock(fd: int, wait: float, *, alone: bool) -> bool:
        """Lock a file; return False if others held the lock all the time.

        The process waits in the system's queue, because one that tries again and again may never
        succeed next to busy writers.
        """
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait <= 0:
                return False
            from threading import Thread

            waiting = Thread(target=fcntl.flock, args=(fd, kind), daemon=True)
            waiting.start()
            waiting.join(wait)
            return not waiting.is_alive()
        return True
