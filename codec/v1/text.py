"""The bytes of a v1 log, and their decoding as text."""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap

#: A whole log, in memory or memory-mapped.
Log = bytes | mmap


def decode_text(raw: bytes) -> str:
    """Return the text of a log: UTF-8, else Windows-1252. The stored bytes never change."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


class LineNumbers:
    """Computes the 1-based line numbers of ascending offsets.

    Args:
        data: the log.
        passed: called with the start and end of each range of bytes that was counted.
    """

    def __init__(self, data: Log, passed: Callable[[int, int], object] = lambda *_: None) -> None:
        self._data = data
        self._passed = passed
        self._offset = 0
        self._line = 1

    def at(self, offset: int) -> int:
        """Return the number of the line at an offset."""
        while self._offset < offset:
            stop = min(offset, self._offset + (1 << 20))
            self._line += self._data[self._offset : stop].count(b"\n")
            self._passed(self._offset, stop)
            self._offset = stop
        return self._line
