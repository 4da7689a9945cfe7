"""The files of a patch are those that git lists, with its counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.patches.files import changed_files
from tests.pipelines.conftest import git


def test_files_and_counts_are_those_of_git(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    old = {"a.py": "1\n2\n3\n", "deep/er/b.py": "x\n" * 40, "gone.txt": "1\n", "with space": "a\n"}
    new = {"a.py": "1\n-- 2\n++ 3\n", "deep/er/moved.py": "x\n" * 40 + "y\n", "with space": "b\n",
           "caf\u00e9 \"q\".txt": "new\n", "empty": ""}  # fmt: skip
    for files in (old, new):
        for path in tmp_path.iterdir():
            if path.name != ".git":
                git(tmp_path, "rm", "-rqf", path.name)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", "x")
    patch = git(tmp_path, "diff", "-M", "HEAD~1", "HEAD").encode()
    stat = git(tmp_path, "diff", "--no-renames", "--numstat", "-z", "-M", "HEAD~1", "HEAD")
    found = changed_files(patch)
    assert found == {
        "a.py": 4, "deep/er/moved.py": 1, "gone.txt": 1, "with space": 2,
        "caf\u00e9 \"q\".txt": 1, "empty": 0,
    }  # fmt: skip
    assert {line.split("\t")[2] for line in stat.split("\0") if line} >= set(found)


@pytest.mark.parametrize(
    ("patch", "files"),
    [
        (b"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", {"x.py": 2}),
        (b"--- x.py\t2025-01-01\n+++ x.py\t2025-01-02\n@@ -1 +1 @@\n-a\n+b\n", {"x.py": 2}),
        (b"diff --git a/l.png b/l.png\nBinary files a/l.png and b/l.png differ\n", {"l.png": 0}),
        (b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", {"x": 0}),
        (b"no patch at all\n", {}),
        (b"", {}),
    ],
)
def test_other_forms_of_patches_are_read(patch: bytes, files: dict[str, int]) -> None:
    assert changed_files(patch) == files


@given(st.binary())
def test_any_bytes_give_files_or_none(data: bytes) -> None:
    assert all(changed_files(data))
