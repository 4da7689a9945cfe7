"""Read files of lines.

Readers never see an incomplete line: text after the last line end is not a line yet.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from pipelines.system.fs.files import opened_small, read_bytes
from pipelines.system.git.worktree import opened


class Lines(NamedTuple):
    """The complete lines of a file: (1-based number, text without line end).

    Attributes:
        lines: the lines; bytes that are not UTF-8 become U+FFFD.
        torn: the file ends with an incomplete line, which is not included.
        size: the size of the file in bytes.
    """

    lines: list[tuple[int, str]]
    torn: bool
    size: int


def read_lines(path: str) -> Lines:
    """Return the complete lines of a file; no lines if it does not exist."""
    return lines_of(read_bytes(path))


def lines_of(data: bytes) -> Lines:
    """Return the complete lines of the content of a file."""
    whole, _, rest = data.rpartition(b"\n")
    text = whole.decode(errors="replace")
    # split, not splitlines: only LF ends a line in these files.
    lines = list(enumerate(text.split("\n"), 1)) if len(data) > len(rest) else []
    return Lines(lines=lines, torn=bool(rest), size=len(data))


def read_tail(path: str, count: int) -> list[str]:
    """Return the last complete lines of a file, at most `count`, without reading all of it."""
    try:
        f = open(path, "rb", opener=opened_small)  # noqa: SIM115 - closed by the with below
    except FileNotFoundError:
        return []
    with f:
        end = f.seek(0, os.SEEK_END)
        block = 1 << 14
        data = b""
        while end > 0 and data.count(b"\n") <= count:
            start = max(0, end - block)
            f.seek(start)
            data = f.read(end - start) + data
            end, block = start, block * 2
    whole, newline, _ = data.rpartition(b"\n")
    if not newline:
        return []
    lines = whole.split(b"\n")
    complete = lines if end == 0 else lines[1:]
    return [line.decode(errors="replace") for line in complete[-count:]]


def last_byte(path: str) -> bytes:
    """Return the last byte of a file; empty for an empty or missing file."""
    try:
        f = open(path, "rb", opener=opened)  # noqa: SIM115 - closed by the with below
    except FileNotFoundError:
        return b""
    with f:
        if not f.seek(0, os.SEEK_END):
            return b""
        f.seek(-1, os.SEEK_END)
        return f.read(1)
