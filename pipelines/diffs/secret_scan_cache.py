"""Cache the findings in texts that were searched for secrets, so that no text is searched twice.

1. An entry has the hash of a text and the fingerprints of all its findings. Whether these are
   allowed is decided each time.
2. Entries belong to one version of the rules and the scanner: if either changes, the cache is
   empty.
3. The cache is among the user's own files, never in a workspace, because a committer must not
   decide which findings are hidden.
4. It only saves time: if it cannot be read or written, texts are searched again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from pipelines.system.fs.files import read_bytes
from pipelines.workspace.cache import user_folder

#: The size in bytes at which the cache is emptied.
_LIMIT: Final = 64 << 20
_LINE = re.compile(rb"[0-9a-f]{64}(?: [0-9a-f]{16})*")
_PREFIX: Final = "scanned-"


class Scanned:
    """The findings of scanned texts, by hash."""

    def __init__(self, rules: Iterable[bytes], environment: Mapping[str, str] = os.environ) -> None:
        """Read the cached findings.

        Args:
            rules: everything that decides the findings.
            environment: the variables that name the folder of the user's caches.
        """
        name = hashlib.sha256(b"\0".join(rules)).hexdigest()[:16]
        self._folder = user_folder(environment)
        self._path = os.path.join(self._folder, f"{_PREFIX}{name}")
        self._known: dict[bytes, frozenset[str]] = {}
        self._new: list[bytes] = []
        with suppress(OSError):
            for line in read_bytes(self._path).split(b"\n"):
                if _LINE.fullmatch(line):  # an incomplete line does not match
                    mark, *fingerprints = line.split(b" ")
                    self._known[mark] = frozenset(map(bytes.decode, fingerprints))

    def found(self, mark: bytes) -> frozenset[str] | None:
        """Return the fingerprints of the findings in a text; None if it was never searched."""
        return self._known.get(mark)

    def add(self, mark: bytes, fingerprints: Iterable[str]) -> None:
        """Add the findings of a text."""
        if mark not in self._known:
            self._known[mark] = frozenset(fingerprints)
            self._new.append(b" ".join([mark, *map(str.encode, sorted(self._known[mark]))]))

    def save(self) -> None:
        """Save the new findings for other runs."""
        if not self._new:
            return
        with suppress(OSError):
            os.makedirs(self._folder, 0o700, exist_ok=True)
            for name in os.listdir(self._folder):  # remove the findings of other versions
                path = os.path.join(self._folder, name)
                is_other = path != self._path or os.path.getsize(path) > _LIMIT
                if name.startswith(_PREFIX) and is_other:
                    os.remove(path)
            with open(self._path, "ab", buffering=0) as f:
                f.write(b"\n".join([b"", *self._new, b""]))  # ends an incomplete line
        self._new = []


def mark_of(data: bytes) -> bytes:
    """Return the identifier of a text."""
    return hashlib.sha256(data).hexdigest().encode()
