"""Change bytes at random: for a fuzzer without coverage, and for tests with a fixed seed."""

from __future__ import annotations

import random
from typing import Final

#: Bytes that mean something to a decoder.
_TOKENS: Final = (
    b"\n", b"\0", b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"-1", b"0",
    b"1e999", b"9" * 30, b"\\ud800", b"\xff\xff", b"NaN", b"[" * 2000, b"../", b"\xef\xbb\xbf",
)  # fmt: skip


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Return a seed with one to six changes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.choice((1, 2, 8, 64, 1024)))
        match rng.randrange(5):
            case 0:
                data[at:until] = rng.randbytes(until - at)
            case 1:
                del data[at:until]
            case 2:
                data[at:at] = rng.choice(_TOKENS)
            case 3:
                data[at:until] = rng.choice(_TOKENS)
            case 4:
                data[at:at] = data[rng.randrange(len(data) + 1) :][:256]
    return bytes(data)
