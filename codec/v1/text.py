"""The bytes of a v1 log, and their decoding as text."""

from __future__ import annotations

from mmap import mmap

#: A whole log, in memory or memory-mapped.
Log = bytes | mmap


def decode_text(raw: bytes) -> str:
    """Return the text of a log: UTF-8, else Windows-1252. The stored bytes never change."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
