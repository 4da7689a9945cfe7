"""Work on a v1 log beside the verb: count tokens, write diffs.

Every function but `open_log` needs the log that was opened last; call them in the worker only.
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

#: Start and end of a run of bytes in a log.
Range = tuple[int, int]

_opened: list[mmap.mmap] = []


class Counted(NamedTuple):
    """Tokens and words of a run of bytes."""

    tokens: int
    words: int


def open_log(path: str, name: str, expected: tuple[int, int, int, int]) -> None:
    """Open a log.

    Args:
        path: of the log.
        name: what an error calls it.
        expected: identity of the file that the verb has open.

    Raises:
        Conflict: the path names another file now.
    """
    while _opened:
        _opened.pop().close()
    with open(path, "rb") as f:
        # Opened even if it is another file: calls that are already waiting must find a log.
        _opened.append(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
        if identity(os.fstat(f.fileno())) != expected:
            raise Conflict(f"{name} changed while it was read; nothing was written")


def count_runs(ranges: list[Range]) -> list[Counted]:
    """Count the tokens and words of runs of the open log."""
    (log,) = _opened
    runs = [log[start:end] for start, end in ranges]
    tokens = count_texts([decode_text(run) for run in runs])
    _forget(log, ranges[-1][1])
    return list(map(Counted, tokens, map(count_words, runs)))


def stage_runs(folder: str, files: list[tuple[str, int, int]]) -> None:
    """Write runs of the open log as new files of a folder.

    Args:
        folder: where.
        files: name, start and end of each.

    Raises:
        OSError: a file is there already, or does not read back as it was written.
    """
    (log,) = _opened
    for name, start, end in files:
        path = os.path.join(folder, name)
        if not write_new(path, log[start:end]):
            raise OSError(errno.EIO, "does not read back as it was written", path)
    _forget(log, files[-1][2])


def _forget(log: mmap.mmap, upto: int) -> None:
    release(log, 0, max(mmap.PAGESIZE, upto - upto % mmap.PAGESIZE))
