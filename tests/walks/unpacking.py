"""Find bytes in files at any depth of zstd frames, skippable frames and tar."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import zstandard

_FRAME = b"\x28\xb5\x2f\xfd"
_DEPTH = 4


def unpacked(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """Yield `data` and the content of every zstd frame in it; tar members are in it as they are."""
    yield data
    if depth == 0:
        return
    at = data.find(_FRAME)
    while at >= 0:
        try:
            content = zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        except zstandard.ZstdError:
            content = b""
        if content:
            yield from unpacked(content, depth - 1)
        at = data.find(_FRAME, at + len(_FRAME))


def holds(data: bytes, marker: bytes) -> bool:
    """Return whether a marker is in some bytes, packed or not."""
    return any(marker in part for part in unpacked(data))


def files_below(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the relative path and content of every regular file outside git's own folder."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(root)), path.read_bytes()
