"""What counts as a patch, and what is refused."""

from __future__ import annotations

import pytest

from codec.errors import FormatError
from codec.patches.check import check_patch


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"diff --git a/a b/a\nold mode 100644\nnew mode 100755\n",
        b"diff --cc a\n",
        b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n",
        b"@@ -1 +1 @@\n-a\n+b\n",
        b"@@@ -1,2 -1,2 +1,3 @@@\n",
        b"From 1f2e Mon\nSubject: [PATCH] x\n---\n a | 1 +\n\ndiff --git a/a b/a\n",
        b"Index: a.c\n====\n",
        b"diff --git a/a b/a\n@@ -1 +1 @@\n+\x1b[31mred\n",
        b"\xff\xfe\n--- a\n+++ b\n",
    ],
)
def test_a_patch_is_accepted(data: bytes) -> None:
    check_patch(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"# Read me\n\n- one\n+ two\n", "is not a patch"),
        (b"+only added lines\n", "is not a patch"),
        (b"From: a@example.com\nSubject: [PATCH 0/2] cover\n\n--- \n2.39\n", "is not a patch"),
        (b"\x00\x01", "is not a patch"),
        (b"\x1b[1mdiff --git a/a b/a\x1b[m\n", "contains terminal colours"),
        (b"\x1b[1m\x1b[31m-old\x1b[m\n", "contains terminal colours"),
    ],
)
def test_bytes_that_are_not_a_patch_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        check_patch(data)
