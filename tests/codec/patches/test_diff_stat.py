"""Added and removed lines are counted as they stand, whatever hunk headers claim."""

from __future__ import annotations

import pytest
from unidiff.patch import PatchSet

from codec.patches.diff_stat import DiffStat, diff_stat, touched_path

ORDINARY = b"""\
diff --git a/a.py b/a.py
index 1111111..2222222 100644
--- a/a.py
+++ b/a.py
@@ -1,4 +1,5 @@ def f():
 one
-two
+TWO
+and a half
 three
 four
@@ -10,2 +11,1 @@
 ten
-eleven
"""
TWO_FILES = b"""\
diff --git a/new.py b/new.py
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/new.py
@@ -0,0 +1,2 @@
+one
+two
diff --git a/old.py b/old.py
deleted file mode 100644
index 3333333..0000000
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-one
"""
NO_NEWLINE = b"""\
diff --git a/a b/a
index 1111111..2222222 100644
--- a/a
+++ b/a
@@ -1 +1 @@
-one
\\ No newline at end of file
+two
\\ No newline at end of file
"""
RENAME = b"""\
diff --git a/a b/b
similarity index 100%
rename from a
rename to b
diff --git a/c b/c
old mode 100644
new mode 100755
"""
CONTENT_LIKE_HEADERS = b"""\
diff --git a/q.sql b/q.sql
index 1111111..2222222 100644
--- a/q.sql
+++ b/q.sql
@@ -1,4 +1,4 @@
 select 1
--- a comment
-
+++ counter
+
 from t
"""
BINARY = b"""\
diff --git a/i.png b/i.png
index 1111111..2222222 100644
Binary files a/i.png and b/i.png differ
diff --git a/j.png b/j.png
new file mode 100644
index 0000000000000000000000000000000000000000..9a92aa7ef9a1c2f6b4b1d2a3c4d5e6f708192a3b
GIT binary patch
literal 3
KcmZQzU|?WiU|@i30RR6000031

literal 0
HcmV?d00001

"""
NO_GIT = b"""\
--- a/x\t2025-11-06
+++ b/x\t2025-11-06
@@ -1 +1,2 @@
-one
+two
+three
"""
COMBINED = b"""\
diff --cc a.py
index 1111111,2222222..3333333
--- a/a.py
+++ b/a.py
@@@ -1,4 -1,4 +1,4 @@@
  both
- ours
 -theirs
++merged
--gone from both
+ from one
"""
OCTOPUS = b"""\
diff --combined a.py
index 1,2,3..4
--- a/a.py
+++ b/a.py
@@@@ -1,2 -1,2 -1,2 +1,2 @@@@
   all
 - -some
+++every
"""

PATCHES = {
    "ordinary": ORDINARY,
    "two files": TWO_FILES,
    "no newline": NO_NEWLINE,
    "rename": RENAME,
    "content like headers": CONTENT_LIKE_HEADERS,
    "no git": NO_GIT,
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_with_right_hunk_headers_counts_as_unidiff_counts_it(name: str) -> None:
    found = PatchSet(PATCHES[name].decode())
    assert diff_stat(PATCHES[name]) == DiffStat(added=found.added, removed=found.removed)


@pytest.mark.parametrize(
    ("patch", "added", "removed"),
    [
        pytest.param(b"", 0, 0, id="empty"),
        pytest.param(b"\n", 0, 0, id="a blank line"),
        pytest.param(b"+", 1, 0, id="one sign"),
        pytest.param(b"+a\n-b\n", 1, 1, id="no header at all"),
        pytest.param(BINARY, 0, 0, id="binary"),
        pytest.param(COMBINED, 2, 3, id="combined"),
        pytest.param(OCTOPUS, 1, 1, id="three parents"),
        pytest.param(COMBINED + ORDINARY, 4, 5, id="combined, then ordinary"),
        pytest.param(ORDINARY + COMBINED, 4, 5, id="ordinary, then combined"),
        pytest.param(COMBINED[COMBINED.index(b"@@@") :], 2, 3, id="combined, cut at its start"),
        pytest.param(b"--- a/a\n+++ b/a\n", 0, 0, id="a header and nothing more"),
        pytest.param(b"--- a/a\n+++ b/a", 0, 0, id="a header without its line end"),
        pytest.param(ORDINARY[: ORDINARY.index(b"+and")], 1, 1, id="cut short"),
        pytest.param(ORDINARY[ORDINARY.index(b"-two") :], 2, 2, id="cut at its start"),
    ],
)
def test_lines_are_counted_themselves(patch: bytes, added: int, removed: int) -> None:
    assert diff_stat(patch) == DiffStat(added=added, removed=removed)


@pytest.mark.parametrize("name", PATCHES)
def test_crlf_does_not_change_the_count(name: str) -> None:
    patch = PATCHES[name]
    assert diff_stat(patch.replace(b"\n", b"\r\n")) == diff_stat(patch)


def test_wrong_hunk_counts_do_not_change_the_count() -> None:
    wrong = ORDINARY.replace(b"-1,4 +1,5", b"-1,40 +1,1").replace(b"-10,2 +11,1", b"-1 +1")
    assert wrong != ORDINARY
    assert diff_stat(wrong) == diff_stat(ORDINARY) == DiffStat(added=2, removed=2)


def test_binary_bytes_are_counted_as_lines() -> None:
    assert diff_stat(b"@@ @@\n+\xff\xfe\x00\n-\r\n+\x85\x0c\n") == DiffStat(added=2, removed=1)


def section(path: str, lines: int) -> bytes:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n".encode() + b"+x\n" * lines


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        (section("a.py", 1), b"a.py"),
        (section("a.py", 1) + section("b.py", 50) + section("a.py", 9), b"b.py"),
        (section("a.py", 30) + section("b.py", 50) + section("a.py", 30), b"a.py"),
        (section("a b/c d.py", 1), b"a"),
        (b"From: x\n\n" + section("a.py", 1), b"a.py"),
        (b"diff --cc a.py\n@@@ -1 -1 +1 @@@\n", b"a.py"),
        (b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n", b"a.py"),
        (b"--- a.py\t2025-11-06\n+++ a.py\t2025-11-07\n@@ -1 +1 @@\n-x\n", b"a.py"),
        (section("a.py", 1) + b"+diff --git a/b.py b/b.py\n" + b"+y\n" * 99, b"a.py"),
        (b"Binary", b""),
        (b"", b""),
    ],
)
def test_a_patch_is_about_the_path_that_most_of_its_bytes_change(patch: bytes, path: bytes) -> None:
    assert touched_path(patch) == path


def test_a_first_line_that_only_looks_like_a_header_is_a_removed_line() -> None:
    assert diff_stat(b"--- a comment of SQL\n+x\n") == DiffStat(1, 1)


def test_a_sign_after_the_columns_of_a_combined_diff_is_content() -> None:
    patch = b"diff --cc a\n--- a/a\n+++ b/a\n@@@ -1,2 -1,2 +1,3 @@@\n  +1\n  -2\n++3\n"
    assert diff_stat(patch) == DiffStat(1, 0)
