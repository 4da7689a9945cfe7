"""The names of loose diffs."""

from __future__ import annotations

import os

from codec.kinds import Key
from codec.names import diff_name

#: Whether the file systems of this machine allow `:` in names.
COLONS = os.name != "nt"


def names_of(key: Key) -> tuple[str, ...]:
    """Return the possible file names of a key's diff; a new one gets the first."""
    plain, safe = diff_name(key), diff_name(key, colons=False)
    if plain == safe:
        return (plain,)
    return (plain, safe) if COLONS else (safe, plain)
