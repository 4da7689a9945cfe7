"""The bytes of a v1 log, and how they are read as text."""

from __future__ import annotations

from mmap import mmap

#: A whole log: in memory, or mapped.
Log = bytes | mmap


def decode_text(raw: bytes) -> str:
    """Decode the text of a log: UTF-8, else Windows-1252. The stored bytes never change."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
