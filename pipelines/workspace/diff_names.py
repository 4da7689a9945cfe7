"""Name the files of loose diffs."""

from __future__ import annotations

import os

from codec.kinds import Key
from codec.names import diff_name

#: Whether this machine's file systems take `:` in a name.
COLONS = os.name != "nt"


def names_of(key: Key) -> tuple[str, ...]:
    """Return the file names under which a key's diff may be found; it is written as the first."""
    plain, safe = diff_name(key), diff_name(key, colons=False)
    if plain == safe:
        return (plain,)
    return (plain, safe) if COLONS else (safe, plain)
