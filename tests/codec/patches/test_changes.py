"""The files and lines that a patch changes, as git itself lists them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.patches.changes import Line, changes_of
from codec.patches.diff_stat import diff_stat
from tests.pipelines.conftest import git

NAMES = ("plain.py", "with space.py", "umläut.py", 'quo"te.py', "tab\there.py", "a/b/c.py")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n-- a comment\n++ more\nlast")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def patch_of(root: Path) -> bytes:
    git(root, "add", "-A")
    return git(root, "diff", "--cached", "--binary", "--full-index", "-M").encode()


def test_paths_are_those_that_git_lists(repository: Path) -> None:
    for name in NAMES:
        (repository / name).write_text("changed\n")
    (repository / "plain.py").rename(repository / "renamed.py")
    (repository / "binary").write_bytes(b"\0")
    (repository / "new.py").write_text("")
    (repository / "a/b/c.py").chmod(0o755)
    found = list(dict.fromkeys(n for c in changes_of(patch_of(repository)) for n in (c.old, c.new)))
    listed = git(repository, "diff", "--cached", "--name-only", "--no-renames", "-z")
    assert sorted(found) == sorted(listed.split("\0")[:-1])


def test_names_of_a_rename_are_both_sides(repository: Path) -> None:
    (repository / "with space.py").rename(repository / "other name.py")
    (change,) = changes_of(patch_of(repository))
    assert (change.old, change.new) == ("with space.py", "other name.py")


def test_lines_that_look_like_headers_are_lines(repository: Path) -> None:
    (repository / "plain.py").write_text("plain.py\nlast")
    (change,) = changes_of(patch_of(repository))
    assert change.lines == (Line("-", 2, b"-- a comment"), Line("-", 3, b"++ more"))


def test_numbers_are_those_of_the_new_and_of_the_old_file(repository: Path) -> None:
    path = repository / "plain.py"
    path.write_text("0\n" * 20)
    git(repository, "commit", "-qam", "two")
    lines = path.read_text().splitlines()
    lines[14:15] = ["a", "b"]
    path.write_text("\n".join(lines) + "\n")
    (change,) = changes_of(patch_of(repository))
    assert change.lines == (Line("-", 15, b"0"), Line("+", 15, b"a"), Line("+", 16, b"b"))


def test_a_patch_without_git_headers_has_names_and_lines() -> None:
    patch = (
        b"--- a/x.py\t2025\n+++ b/x.py\t2026\n@@ -1 +1 @@\n-old\n+new\n"
        b"--- y\n+++ z\n@@ -0,0 +1 @@\n+1"
    )
    first, second = changes_of(patch)
    assert (first.new, [x.text for x in first.lines]) == ("x.py", [b"old", b"new"])
    assert (second.old, second.new, len(second.lines)) == ("y", "z", 1)


@given(st.binary(max_size=400))
def test_any_bytes_have_changes_or_none(data: bytes) -> None:
    for change in changes_of(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + data):
        assert change.new
    list(changes_of(data))


def test_lines_are_as_many_as_are_counted(repository: Path) -> None:
    for number, name in enumerate(NAMES):
        (repository / name).write_text("-- x\n++ y\n" * number)
    patch = patch_of(repository)
    marks = [line.mark for change in changes_of(patch) for line in change.lines]
    assert (marks.count("+"), marks.count("-")) == diff_stat(patch)


def test_spans_joined_are_the_patch_and_each_has_its_own_file(repository: Path) -> None:
    for name in NAMES:
        (repository / name).write_text("changed\n")
    (repository / "binary").write_bytes(b"\0")
    patch = patch_of(repository)
    lines = patch.split(b"\n")[:-1]
    changes = list(changes_of(patch))
    spans = [lines[c.span.start : c.span.stop] for c in changes]
    assert [line for span in spans for line in span] == lines
    again = [[c.new for c in changes_of(b"\n".join((*span, b"")))] for span in spans]
    assert again == [[c.new] for c in changes]


def test_lines_before_the_first_file_are_in_no_span() -> None:
    (change,) = changes_of(b"From: ada\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    assert change.span == range(2, 7)
