"""Purged diffs in text are found by hash alone, and a gap is marked by one line."""

from __future__ import annotations

import pytest

from codec.records import PatchRef
from codec.v1.purged_text import cut_purged, find_purged, gap_line, gaps_in, is_gap

DIFF = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n"
OTHER = DIFF.replace(b"new", b"out")
PATCH = PatchRef.of(DIFF)


@pytest.mark.parametrize(
    "before",
    [b"```diff\n", b"  ~~~~\n", b"text\n", b"", b"```\n" + OTHER + b"```\n````patch\n"],
)
def test_a_diff_is_found_after_a_fence_and_at_the_start_of_a_patch(before: bytes) -> None:
    text = before + DIFF + b"```\nmore\n"
    assert list(find_purged(text, [PATCH])) == [(len(before), PATCH)]
    assert list(cut_purged(text, [PATCH])) == [before, PATCH, b"```\nmore\n"]


def test_another_diff_of_that_size_is_not_taken_for_it() -> None:
    assert list(find_purged(b"```diff\n" + OTHER + b"```\n", [PATCH])) == []


def test_each_of_two_copies_is_found() -> None:
    text = b"```diff\n" + DIFF + b"```\n"
    assert [start for start, _ in find_purged(text * 2, [PATCH])] == [8, len(text) + 8]


def test_the_pieces_of_a_cut_text_are_the_text() -> None:
    text = b"a\n```\n" + DIFF + b"```\n" + OTHER + DIFF
    pieces = cut_purged(text, [PATCH])
    assert b"".join(DIFF if isinstance(p, PatchRef) else p for p in pieces) == text


def test_a_gap_is_read_as_it_was_written() -> None:
    line = gap_line(PATCH)
    assert is_gap(line)
    assert is_gap(line.replace(b"\n", b"\r\n"))
    assert gaps_in(b"```diff\n" + line + b"```\n") == (PATCH,)
    assert not is_gap(DIFF)
    assert not is_gap(line + line)
    assert gaps_in(b"text about [session-codec: purged diff x]\n") == ()
