"""A remote that overlaps the workspace, or is a place of another tool, is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Conflict
from pipelines.workspace import overlap
from tests.pipelines.conftest import Cli
from tests.pipelines.verbs.test_sync import own_configuration
from tests.support.met import LATER, T, diff, record, repository, workspace_of

__all__ = ["own_configuration"]


@pytest.fixture
def root(tmp_path: Path, cli: Cli) -> Path:
    """Make a workspace with one archive."""
    root = repository(tmp_path / "repo")
    record(root, "MARKA", T)
    record(root, "MARKC", LATER)
    assert cli("archive", root, "--before", "2025-02").code == 0
    return root


def linked(root: Path, target: Path) -> Path:
    link = root.parent / "link"
    link.symlink_to(target)
    return link


INSIDE: dict[str, Callable[[Path], Path]] = {
    "the diffs": lambda root: root / ".diffs",
    "the workspace": lambda root: root,
    "a folder of it": lambda root: root / "backup",
    "a folder above it": lambda root: root.parent,
    "a link to the diffs": lambda root: linked(root, root / ".diffs"),
    "a link to a folder of it": lambda root: linked(root, root) / "backup",
}


@pytest.mark.parametrize("where", INSIDE)
def test_a_remote_that_overlaps_the_workspace_is_refused(root: Path, cli: Cli, where: str) -> None:
    remote = INSIDE[where](root)
    for verb in (
        ("sync", root, "--prune-local"),
        ("restore", root, "--only", "diffs"),
        ("purge", T, root, "--yes"),
        ("install", root, "--schedule", "cron"),
    ):
        assert cli(*verb, "--remote", remote).code == 22, verb
    assert cli("show", T, root, "--diff").out.encode() == diff("MARKA")


def test_a_folder_of_the_remote_that_is_one_of_the_diffs_is_refused(root: Path, cli: Cli) -> None:
    remote = root.parent / "remote"
    remote.mkdir()
    (remote / "archive").symlink_to(root / ".diffs" / "archive")
    assert cli("sync", root, "--remote", remote, "--prune-local").code == 22
    assert cli("show", T, root, "--diff").code == 0


def test_an_archive_is_not_pruned_if_the_object_is_the_same_file(root: Path, cli: Cli) -> None:
    remote = root.parent / "remote"
    (remote / "archive").mkdir(parents=True)
    (path,) = (root / ".diffs" / "archive").iterdir()
    (remote / "archive" / path.name).symlink_to(path)
    assert cli("sync", root, "--remote", remote, "--prune-local").code == 22
    assert cli("show", T, root, "--diff").code == 0


@pytest.mark.parametrize("url", ["s3:b", "s3:b/p", "host:path", "me@host:path", "gs:b", "file:x"])
def test_a_place_of_another_tool_does_not_become_a_folder(
    root: Path, cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    assert cli("sync", root, "--remote", url).code == 2
    assert cli("install", root, "--schedule", "cron", "--remote", url).code == 2
    assert [p.name for p in root.parent.iterdir()] == ["repo"]
    assert cli("sync", root, "--remote", f"./{url}").code in {0, 30}  # a folder above may lack


def test_a_folder_that_another_path_names_without_a_link_is_refused(
    root: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bind mount has a path of its own; only device and inode say that it is the same folder."""
    remote = linked(root, root)
    monkeypatch.setattr("os.path.realpath", str)
    with pytest.raises(Conflict):
        overlap.check_apart(str(remote), workspace_of(root))
