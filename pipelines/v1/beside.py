"""Work on a v1 log in the worker: count tokens, write diffs.

Every function except `open_log` needs the log that was opened last; call them only in the worker.
"""

from __future__ import annotations

import errno
import mmap
import os
from typing import NamedTuple

from codec.tokens.tokenizers import count_words
from codec.v1.text import decode_text
from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import identity, release, write_new
from pipelines.system.worker.process import count_texts

#: The start and the end of a range of bytes in a log.
Range = tuple[int, int]

_opened: list[mmap.mmap] = []


class Counted(NamedTuple):
    """The tokens and words of a range of bytes."""

    tokens: int
    words: int


def open_log(path: str, name: str, expected: tuple[int, int, int, int]) -> None:
    """Open a log.

    Args:
        path: the path of the log.
        name: the name of the log in errors.
        expected: the identity of the file that the verb has opened.

    Raises:
        Conflict: the path now names another file.
    """
    while _opened:
        _opened.pop().close()
    with open(path, "rb") as f:
        # Opened even if it is another file, because calls that are already waiting need a log.
        _opened.append(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
        if identity(os.fstat(f.fileno())) != expected:
            raise Conflict(f"{name} changed while it was read; nothing was written")


def count_runs(ranges: list[Range]) -> list[Counted]:
    """Return the tokens and words of ranges of the open log."""
    (log,) = _opened
    runs = [log[start:end] for start, end in ranges]
    tokens = count_texts([decode_text(run) for run in runs])
    _forget(log, ranges[-1][1])
    return list(map(Counted, tokens, map(count_words, runs)))


def stage_runs(folder: str, files: list[tuple[str, int, int]]) -> None:
    """Write ranges of the open log as new files of a folder.

    Args:
        folder: the folder.
        files: the name, start and end of each.

    Raises:
        OSError: a file exists already, or does not read back as written.
    """
    (log,) = _opened
    for name, start, end in files:
        path = os.path.join(folder, name)
        if not write_new(path, log[start:end]):
            raise OSError(errno.EIO, "does not read back as it was written", path)
    _forget(log, files[-1][2])


def _forget(log: mmap.mmap, upto: int) -> None:
    release(log, 0, max(mmap.PAGESIZE, upto - upto % mmap.PAGESIZE))
