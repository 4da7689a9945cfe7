"""A line is followed back to the number that it had before a change."""

from __future__ import annotations

import difflib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from codec.patches.changes import changes_of
from codec.patches.tracing import adds, number_before

_FILES = st.lists(st.integers(0, 6).map(str), max_size=14)


@given(_FILES, _FILES)
def test_a_line_that_was_there_before_is_the_same_line(old: list[str], new: list[str]) -> None:
    lines = difflib.unified_diff(old, new, "a/x", "b/x", lineterm="", n=1)
    changes = list(changes_of("\n".join(lines).encode()))
    if not changes:
        assert old == new
        return
    (change,) = changes
    kept = [n for n in range(1, len(new) + 1) if not adds(change, n)]
    before = [number_before(change, n) for n in kept]
    assert [new[n - 1] for n in kept] == [old[n - 1] for n in before]
    assert all(a < b for a, b in pairwise(before))
