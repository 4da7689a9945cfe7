"""A vocabulary in one buffer, in which the rank of a token is found without loading the rest.

    magic | number of lengths | (length, number of tokens) of each length | tokens | ranks

1. Tokens are sorted by length, then by bytes, without separators: the tokens of one length are a
   sorted array for binary search. Ranks are in the same order as tokens.
2. All numbers are little-endian: ranks have 3 bytes, other numbers 4.
3. `decode_table(encode_table(ranks)).rank(token) == ranks[token]`, and None for all other bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from codec.errors import FormatError

MAGIC: Final = b"BPE table 1\n"
_NUMBER: Final = 4
_RANK: Final = 3
_UNKNOWN: Final = -1


class BpeTable:
    """The ranks of a vocabulary's tokens, looked up in a buffer.

    Args:
        data: a whole table.
        groups: for each length, the start of its tokens, their number, and the start of their
            ranks.
    """

    def __init__(self, data: bytes, groups: Mapping[int, tuple[int, int, int]]) -> None:
        self._data = data
        self._groups = groups
        self._known: dict[bytes, int] = {}

    def rank(self, token: bytes) -> int | None:
        """Return the rank of a token; None if the vocabulary does not have it."""
        rank = self._known.get(token)
        if rank is None:
            rank = self._known[token] = self._search(token)
        return None if rank == _UNKNOWN else rank

    def _search(self, token: bytes) -> int:
        size = len(token)
        data = self._data
        start, high, ranks = self._groups.get(size, (0, 0, 0))
        low = 0
        while low < high:
            middle = (low + high) >> 1
            at = start + middle * size
            found = data[at : at + size]
            if found == token:
                at = ranks + middle * _RANK
                return int.from_bytes(data[at : at + _RANK], "little")
            if found < token:
                low = middle + 1
            else:
                high = middle
        return _UNKNOWN


def encode_table(ranks: Mapping[bytes, int]) -> bytes:
    """Return the table of a vocabulary, given the rank of each token; tokens are not empty."""
    tokens = sorted(ranks, key=lambda token: (len(token), token))
    counts: dict[int, int] = {}
    for token in tokens:
        counts[len(token)] = counts.get(len(token), 0) + 1
    numbers = [len(counts), *(number for group in counts.items() for number in group)]
    return b"".join(
        (
            MAGIC,
            *(number.to_bytes(_NUMBER, "little") for number in numbers),
            *tokens,
            *(ranks[token].to_bytes(_RANK, "little") for token in tokens),
        )
    )


def decode_table(data: bytes) -> BpeTable:
    """Return the table in a buffer; its tokens are not read.

    Raises:
        FormatError: the buffer is not a table, or does not have the size that it states.
    """

    def number(place: int) -> int:
        at = len(MAGIC) + place * _NUMBER
        return int.from_bytes(data[at : at + _NUMBER], "little")

    if data[: len(MAGIC)] != MAGIC:
        raise FormatError("not a token table, or one of another version")
    lengths = number(0)
    head = len(MAGIC) + (1 + 2 * lengths) * _NUMBER
    if head > len(data):
        raise FormatError("the token table is cut off")
    sizes = [(number(1 + 2 * n), number(2 + 2 * n)) for n in range(lengths)]
    groups = {}
    tokens = head
    ranks = head + sum(length * count for length, count in sizes)
    for length, count in sizes:
        groups[length] = (tokens, count, ranks)
        tokens += length * count
        ranks += count * _RANK
    if ranks != len(data):
        raise FormatError(f"the token table has {len(data)} bytes; expected {ranks}")
    return BpeTable(data, groups)
