"""Kinds of text that are all strings and must not be mixed; mypy checks that.

A decoder checks a text and returns it as its kind; so does a function that computes a hash.
"""

from __future__ import annotations

import hashlib
from typing import NewType

#: Names a session in its workspace: its time, and a part of a hash where that is taken.
Key = NewType("Key", str)
#: Path of a file below the root of a workspace, with `/` between its parts.
RelPath = NewType("RelPath", str)
#: Name of an object on a remote, relative to the remote's address, with `/` between its parts.
ObjectName = NewType("ObjectName", str)
#: SHA-256 of some content, 64 lower-case hex digits.
Sha256 = NewType("Sha256", str)


def sha256_of(data: bytes | memoryview) -> Sha256:
    """Return the SHA-256 of some content, which identifies it."""
    return Sha256(hashlib.sha256(data).hexdigest())
