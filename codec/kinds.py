"""Kinds of text that all are strings and must not be mixed; mypy refuses it.

A decoder checks a text and gives it its kind; what computes a hash gives it as well.
"""

from __future__ import annotations

import hashlib
from typing import NewType

#: Names a session in its workspace: its time, and a part of a hash where that is taken.
Key = NewType("Key", str)
#: SHA-256 of some content, 64 lower-case hex digits.
Sha256 = NewType("Sha256", str)


def sha256_of(data: bytes | memoryview) -> Sha256:
    """Return the hash by which content is identified."""
    return Sha256(hashlib.sha256(data).hexdigest())
