"""git is not started where its index certainly lacks a name; tracked state stays refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Unavailable
from pipelines.system.git.local_state import is_planted
from tests.pipelines.conftest import git

NAME = ".session-codec/cache/search.sqlite"

#: The command that gives git's index each form.
FORMS = {
    "version 2": ("update-index", "--index-version", "2"),
    "version 3": ("add", "--intent-to-add", "later"),
    "version 4": ("update-index", "--index-version", "4"),
    "split": ("update-index", "--split-index"),
    "sparse": ("sparse-checkout", "set", "--cone", "--sparse-index", "kept"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a repository whose index has names beside that of the cache."""
    root = tmp_path / "repository"
    git(tmp_path, "init", "-q", str(root))
    for name in (".session-codec/cache/search.abc", ".session-codec/manifest.jsonl", "kept/a"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\n")
    git(root, "add", "-A")
    (root / "later").write_text("text\n")
    return root


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [NAME, NAME.upper().replace("SESSION-CODEC", "session-codec")])
def test_a_tracked_file_is_planted_in_every_form_of_the_index(
    root: Path, form: str, name: str
) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("planted\n")
    git(root, "add", "-A")
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "Plant")
    git(root, *FORMS[form])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("planted\n")
    assert is_planted(str(path))


@pytest.mark.parametrize("form", FORMS)
def test_an_untracked_file_is_not_planted(root: Path, form: str) -> None:
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "Work")
    git(root, *FORMS[form])
    (root / NAME).parent.mkdir(parents=True, exist_ok=True)
    (root / NAME).write_text("mine\n")
    assert not is_planted(str(root / NAME))


def test_git_is_asked_only_where_the_index_may_have_the_name(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / NAME).write_text("mine\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert not is_planted(str(root / NAME))
    with pytest.raises(Unavailable):
        is_planted(str(root / ".session-codec/manifest.jsonl"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_git_decides_where_its_folder_belongs_to_another_user(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / NAME).write_text("mine\n")
    os.chown(root / ".git", 12345, -1)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(Unavailable):
        is_planted(str(root / NAME))
