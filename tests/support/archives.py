"""Small archives for the tests of archives, and what counts how they are read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final

from codec.archive.container import encode_archive
from codec.archive.tar import Member
from codec.kinds import Key
from codec.patches.diff_stat import touched_path
from codec.records import PatchRef


def patch_of(path: str, lines: int, seed: int = 0) -> bytes:
    """Return a patch that hardly compresses."""
    pick = random.Random(f"{path} {seed}")  # noqa: S311 - the same patch for every run
    body = "".join(f"+{pick.getrandbits(64):x}\n" for _ in range(lines))
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{body}".encode()


#: Keys of every form, an empty diff, one of exactly two blocks, and one of any bytes.
DIFFS: Final[Mapping[str, bytes]] = {
    "2025-11-06T14:30:00Z": patch_of("b.py", 20),
    "2025-11-06T14:30:00Z.7c8a10": patch_of("a.py", 3),
    "2025-11-07": b"",
    "2025-11-08T09:00:00Z": patch_of("a.py", 80)[:1024],
    "2025-11-09T09:00:00Z": bytes(range(256)) * 3,
}


def members_of(diffs: Mapping[str, bytes]) -> list[Member]:
    return [Member(Key(key), len(diff), touched_path(diff)) for key, diff in diffs.items()]


def packed(
    diffs: Mapping[str, bytes], *, profile: str = "small", pool: Executor | None = None
) -> bytes:
    """Pack these diffs into an archive."""
    pieces = encode_archive(
        members_of(diffs), lambda m: (diffs[m.key],), profile=profile, pool=pool
    )
    return b"".join(pieces)


def ref(diff: bytes) -> PatchRef:
    return PatchRef.of(diff)


class Ranges:
    """Gives ranges of bytes, and keeps which were asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def __call__(self, offset: int, size: int) -> bytes:
        assert offset >= 0
        assert size >= 0
        self.asked.append((offset, size))
        return self.data[offset : offset + size]
