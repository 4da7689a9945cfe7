"""Prepare a text as the texts in which a scanner can find secrets.

1. The text itself, with NUL bytes as spaces, and without the base85 lines of binary patches, which
   mean nothing. Offsets do not change.
2. The text without NUL bytes if it looks like UTF-16 or UTF-32: secrets are ASCII, and their bytes
   are then the same in every encoding. Line ends and headers of a patch keep their order.
3. The content of each part of a binary patch, in both forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from codec.patches.binary import ReadBlob, binary_parts, without_payload

_WIDE = re.compile(rb"(?:[\t\r\n\x20-\x7e]\0{1,3}){6}|(?:\0{1,3}[\t\r\n\x20-\x7e]){6}")


class View(NamedTuple):
    """A text to search.

    Attributes:
        data: the bytes.
        at: the offset in the original text to which all of it belongs; None if it has the line ends
            and headers of the original text.
    """

    data: bytes
    at: int | None = None


class Unseen(NamedTuple):
    """The encoded lines of a binary part that cannot be searched completely."""

    start: int
    end: int


def views(data: bytes, blob: ReadBlob | None = None) -> Iterator[View | Unseen]:
    """Yield every form of a text that must be searched, and the parts that cannot be searched.

    Args:
        data: the text.
        blob: reads the bases of deltas in binary patches.
    """
    for text in _forms(without_payload(data)):
        yield View(text)
    for part in binary_parts(data, blob):
        for text in _forms(part.data):
            yield View(text, part.start)
        if not part.is_whole:
            yield Unseen(part.start, part.end)


def _forms(data: bytes) -> Iterator[bytes]:
    if b"\0" not in data:
        yield data
        return
    yield data.replace(b"\0", b" ")
    if _WIDE.search(data):
        yield data.replace(b"\0", b"")
