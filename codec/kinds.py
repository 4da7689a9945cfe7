"""Kinds of text that all are strings and must not be mixed; mypy refuses it.

A decoder checks a text and gives it its kind; what computes a hash or a name gives it as well.
Elsewhere a text has a kind only where a constant is meant, as in tests.
"""

from __future__ import annotations

import hashlib
from typing import NewType

#: Names a session in a workspace (`names.session_key`).
Key = NewType("Key", str)
#: SHA-256 of some content, 64 lower-case hex digits.
Sha256 = NewType("Sha256", str)
#: Names an object of a remote, relative to its prefix (`archive.snapshot`).
ObjectName = NewType("ObjectName", str)
#: A path relative to the workspace, with `/`.
RelPath = NewType("RelPath", str)


def sha256_of(data: bytes | memoryview) -> Sha256:
    """Return the hash by which content is identified."""
    return Sha256(hashlib.sha256(data).hexdigest())
