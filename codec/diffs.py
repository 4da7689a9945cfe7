"""How many lines a patch adds and removes.

1. Counts come from the lines themselves. Hunk headers in logs are often wrong (shortened by
   hand, or written by a model), so their counts are never relied on.
2. `--- a` followed by `+++ b` is a file header, where a hunk, another file or the end of the
   patch follows; anything else that begins with `+` or `-` is a changed line.
3. In a combined diff (`@@@`) a line is added or removed if any of its parent columns says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FILE_HEADER = re.compile(rb"\n--- [^\n]*\n\+\+\+ [^\n]*(?:\n@@|\ndiff |\n?\Z)")
_COMBINED_HUNK = re.compile(rb"^(?P<marks>@{3,}) [^\n]* @{3,}[^\n]*$", re.M)
_SECTION = re.compile(rb"^(?:@@|diff )[^\n]*$", re.M)


class DiffStat(NamedTuple):
    """Lines that a patch adds and removes."""

    added: int
    removed: int


def diff_stat(patch: bytes) -> DiffStat:
    """Count the added and removed lines of a patch, whatever its hunk headers claim."""
    if b"\n@@@" in patch or patch.startswith(b"@@@"):
        return _combined_stat(patch)
    headers = len(_FILE_HEADER.findall(patch))
    if patch.startswith(b"--- ") and _FILE_HEADER.match(b"\n" + patch):
        headers += 1
    return DiffStat(
        patch.count(b"\n+") + patch.startswith(b"+") - headers,
        patch.count(b"\n-") + patch.startswith(b"-") - headers,
    )


def _combined_stat(patch: bytes) -> DiffStat:
    """Walk a combined diff: the number of columns changes with each hunk header."""
    added = removed = 0
    columns = 0
    for line in patch.split(b"\n"):
        hunk = _COMBINED_HUNK.match(line)
        if hunk:
            columns = len(hunk["marks"]) - 1
        elif _SECTION.match(line):
            columns = 1 if line.startswith(b"@@") else 0
        elif columns:
            marks = line[:columns]
            added += b"+" in marks
            removed += b"-" in marks
    return DiffStat(added, removed)
