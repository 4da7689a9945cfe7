"""The bytes of a v1 log, and how they are read as text."""

from __future__ import annotations

from mmap import mmap

#: A whole log: in memory, or mapped.
Log = bytes | mmap


def decode_text(raw: bytes) -> str:
    """Text of a log: UTF-8, else Windows-1252. It touches what is read, never the bytes kept."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
