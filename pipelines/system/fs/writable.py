"""Check before a commit point that everything after it can be written.

A journal promises what it lists. So a missing mount, a read-only folder or a full disk must be
detected before the journal has its name; otherwise a command fails although its session is
recorded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from pipelines.outcomes.errors import Denied, NotFound, Unavailable


def check_diffs(path: str) -> None:
    """Raise an error if no file can be created in `.diffs` or a folder below it.

    Args:
        path: the path of the folder, which need not exist.

    Raises:
        NotFound: it is a link to a missing target, or not a folder.
        Denied: it is read-only.
    """
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if os.path.islink(path) and not os.path.exists(path):
        raise NotFound(
            f"{path}: links to {os.readlink(path)}, which does not exist; nothing was written",
            hint="Mount or create the target, or remove the link, and run the command again",
        )
    if not os.path.isdir(path):
        raise NotFound(
            f"{path}: is not a folder; nothing was written",
            hint="Move the file away and run the command again",
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise _read_only(path)


def check_room(staged: Sequence[str], staging: str, diffs: str) -> None:
    """Raise an error if staged files cannot be moved to their places below `.diffs`.

    Args:
        staged: the paths of the files.
        staging: their folder.
        diffs: the folder that replaces it.

    Raises:
        NotFound, Denied, Unavailable: see `check_diffs` and `check_space`.
    """
    if staged:
        check_diffs(diffs)
    for folder in {os.path.dirname(path) for path in staged}:
        check_diffs(os.path.normpath(os.path.join(diffs, os.path.relpath(folder, staging))))
    check_space(staged, diffs)


def check_space(files: Sequence[str], folder: str) -> None:
    """Raise an error if another file system does not have enough room for some files.

    Raises:
        Unavailable: its free space is too small.
    """
    if not files or not os.path.isdir(folder):
        return
    if os.stat(folder).st_dev == os.stat(files[0]).st_dev or not hasattr(os, "statvfs"):
        return
    needed = sum(os.path.getsize(file) for file in files)
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise Unavailable(
            f"{folder}: {free:,} bytes are free and {needed:,} are needed; nothing was written",
            hint="Free some space and run the same command again",
        )


def check_tracked(path: str) -> None:
    """Raise an error if nothing can be appended to a file; if it is missing, its folder is checked.

    Raises:
        NotFound: it is not a file.
        Denied: it, or the folder in which to create it, is read-only.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        while not os.path.lexists(path):
            path = os.path.dirname(path)
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        raise NotFound(f"{path}: is not a file; nothing was written", hint="Move it away")
    if not os.access(path, os.W_OK):
        raise _read_only(path)


def _read_only(path: str) -> Denied:
    return Denied(
        f"{path}: is read-only; nothing was written",
        hint="Make it writable, and run the same command again",
    )
