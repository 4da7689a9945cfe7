"""What git's files say is what git says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.system.git.worktree import git_folders, head_of, home_of, main_worktree
from tests.pipelines.conftest import git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name in ("a", "b"):
        git(root, "commit", "-q", "--allow-empty", "-m", name)
    return root


def said(root: Path) -> tuple[str, str]:
    """Return git's own answer for HEAD."""
    return git(root, "rev-parse", "HEAD").strip(), git(root, "branch", "--show-current").strip()


def test_a_branch_is_read(repo: Path) -> None:
    assert head_of(str(repo)) == said(repo)
    git(repo, "checkout", "-q", "-b", "feature/x.y", "HEAD^")
    assert head_of(str(repo)) == said(repo)
    assert said(repo)[1] == "feature/x.y"


def test_a_packed_branch_is_read(repo: Path) -> None:
    git(repo, "branch", "main-2", "HEAD^")
    git(repo, "branch", "a/main", "HEAD^")
    git(repo, "pack-refs", "--all")
    assert not (repo / ".git" / "refs" / "heads" / "main").exists()
    assert head_of(str(repo)) == said(repo)


def test_a_detached_head_is_read(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach", "HEAD^")
    assert head_of(str(repo)) == said(repo)
    assert head_of(str(repo))[1] == ""


def test_a_linked_worktree_is_read(repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repo, "worktree", "add", "-q", "-b", "other", str(linked), "HEAD^")
    assert head_of(str(linked)) == said(linked)
    git(repo, "pack-refs", "--all")
    assert head_of(str(linked)) == said(linked)
    assert main_worktree(str(linked)) == str(repo)
    assert home_of(str(linked / "x"), str(linked)) == str(repo / "x")


def test_the_main_worktree_is_not_a_linked_one(repo: Path) -> None:
    assert main_worktree(str(repo)) is None
    assert home_of(str(repo), str(repo)) == str(repo)
    assert home_of("/x/y", None) == "/x/y"


def test_a_submodule_is_a_repository_of_its_own(repo: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo), "sub")
    assert main_worktree(str(outer / "sub")) is None
    assert head_of(str(outer / "sub"))[0] == said(repo)[0]


def test_a_submodule_is_found_through_a_link(repo: Path, tmp_path: Path) -> None:
    """Its `.git` names a folder relative to where it really is."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo), "sub")
    (tmp_path / "deep").mkdir()
    link = tmp_path / "deep" / "link"
    link.symlink_to(outer / "sub")
    assert head_of(str(link)) == said(repo)


def test_a_branch_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    assert head_of(str(tmp_path)) == ("", "main")


@pytest.mark.parametrize(
    "head", ["", "ref: ../../../etc/passwd", "ref: refs/../../../etc/passwd", "x" * 40, "\0"]
)
def test_a_head_that_is_invalid_is_not_known(repo: Path, head: str) -> None:
    (repo / ".git" / "HEAD").write_text(head)
    assert head_of(str(repo))[0] == ""


@pytest.mark.parametrize("content", ["", "gitdir: /nowhere", "gitdir: \0", "nonsense"])
def test_a_git_file_that_names_nothing_causes_no_trouble(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert head_of(str(tmp_path)) == ("", "")
    assert main_worktree(str(tmp_path)) is None
    assert git_folders(str(tmp_path / "none")) is None
