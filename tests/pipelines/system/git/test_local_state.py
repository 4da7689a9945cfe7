"""Local state is trusted only if it is the user's own, and is changed in one place."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import (
    create,
    keep_file,
    make_folder,
    move,
    remove,
    replace_file,
    write_new,
)
from pipelines.system.git.local_state import (
    checked,
    is_planted,
    refuse_committed_diffs,
    refuse_linked,
)
from tests.pipelines.conftest import Bench, git, tree

PIPELINES: Final = Path(__file__).parents[4] / "pipelines"
CHANGES: Final = {
    "os": {"link", "makedirs", "mkdir", "remove", "rename", "replace", "rmdir", "symlink",
           "truncate", "unlink"},
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree"},
}  # fmt: skip
#: Modules that change files otherwise than through `files`, and why they may.
ALLOWED: Final = {
    "system/fs/files.py": "is the place",
    "recording/spool.py": "must load without files, for the hook; calls checked itself",
    "verbs/archive_files.py": "writes to a folder that the user names",
    "cli/streams.py": "opens the null device",
    "cli/output.py": "writes to a device that the user names",
    "cli/verify_output/publish.py": "appends to the summary of a job of GitHub",
    "workspace/diff_files.py": "links and creates diffs exclusively; calls checked itself",
    "system/fs/user_files.py": "removes empty folders of user-owned files",
    "workspace/git_patches.py": "copies the index of git, inside of .git",
    "verbs/install.py": "removes empty folders",
    "workspace/journal.py": "appends to tracked files, whose paths target_of checks",
    "workspace/merge_driver_setup.py": "appends to a file inside of .git",
    "verbs/query_sql.py": "writes to a temporary folder",
    "remotes/directory.py": "writes to a remote",
    "remotes/encrypted.py": "writes to a temporary folder",
    "verbs/restore.py": "creates the folder of a workspace",
    "diffs/secret_scan_cache.py": "writes to the user's own cache",
    "workspace/pending.py": "appends to the store; calls checked itself",
    "workspace/staging.py": "creates a folder under a random name",
    "workspace/cache.py": "creates the user's own key",
    "tables/fold.py": "writes to a temporary folder",
    "tables/splitting.py": "writes to a temporary folder",
    "tables/views.py": "writes to a temporary folder",
    "importing/database.py": "writes to a temporary folder",
    "importing/patches.py": "writes to a temporary folder",
    "system/models/programs.py": "writes to a temporary folder",
    "system/git/clone.py": "clones to a folder that the user names",
    "fleet/launch.py": "writes to a temporary folder",
    "cli/commands/fleet.py": "creates a folder that the user names",
}


def raw_changes(path: Path) -> Iterator[str]:
    """Return the calls that change files without the package `fs`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.attr in CHANGES.get(called.value.id, ()):
                yield f"{called.value.id}.{called.attr}"
        elif isinstance(called, ast.Name) and called.id == "open" and len(node.args) > 1:
            mode = node.args[1]
            if not (isinstance(mode, ast.Constant) and mode.value in {"r", "rb"}):
                yield "open"


def test_every_module_that_changes_files_does_so_through_files() -> None:
    found = {
        str(path.relative_to(PIPELINES)): calls
        for path in PIPELINES.rglob("*.py")
        if (calls := sorted(set(raw_changes(path))))
    }
    assert found.keys() - ALLOWED.keys() == set(), found
    assert ALLOWED.keys() - found.keys() == set(), "remove what is not needed any more"


WRITERS: Final[dict[str, Callable[[str], object]]] = {
    "create": lambda path: create(path).close(),
    "keep_file": lambda path: keep_file(path, b"x"),
    "make_folder": make_folder,
    "move": lambda path: move(f"{os.path.dirname(path)}/../own", path),
    "remove": remove,
    "replace_file": lambda path: replace_file(path, [b"x"]),
    "write_new": lambda path: write_new(path, b"x"),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("link", [".diffs", ".diffs/v1", ".diffs/v1/abc", ".session-codec/cache"])
def test_nothing_is_changed_through_a_committed_link(
    bench: Bench, tmp_path: Path, writer: str, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"mine")
    (bench.root / link).parent.mkdir(parents=True, exist_ok=True)
    (bench.root / link).symlink_to(outside)
    (bench.root / link).parent.joinpath("own").write_bytes(b"own")
    git(bench.root, "add", "--force", link)
    before = tree(outside)
    with pytest.raises(Conflict, match="committed to the repository"):
        WRITERS[writer](str(bench.root / link / "file"))
    assert tree(outside) == before


def test_a_link_of_the_users_own_is_followed_and_one_of_another_user_is_not(
    bench: Bench, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = bench.root / ".diffs"
    link.symlink_to(outside)
    replace_file(str(link / "a.diff"), [b"x"])
    assert (outside / "a.diff").read_bytes() == b"x"
    if os.geteuid():
        pytest.skip("only root can make a link of another user")
    os.lchown(link, 4711, -1)
    with pytest.raises(Conflict, match="another user"):
        replace_file(str(link / "b.diff"), [b"x"])
    assert is_planted(str(link))


def test_the_owner_of_a_repository_that_git_accepts_is_not_another_user(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container, root often works on a checkout of the user's."""
    if os.geteuid():
        pytest.skip("only root can give a repository to another user")
    path = bench.root / ".session-codec" / "journal"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    os.chown(path, 4711, -1)
    with pytest.raises(Conflict, match="another user"):
        refuse_linked(str(path), "a journal")
    os.chown(bench.root, 4711, -1)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {bench.root}\n")
    refuse_linked(str(path), "a journal")


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        (".diffs/2025-01-01.diff", True),
        (".diffs/archive/2025-01-0123456789ab.tar.zst", True),
        (".diffs/v1/abc/layout.jsonl", True),
        (".diffs/README.md", False),
        (".diffs/archive/README.md", False),
    ],
)
def test_committed_diffs_are_refused_and_other_files_are_ignored(
    bench: Bench, name: str, refused: bool
) -> None:
    path = bench.root / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    refuse_committed_diffs(str(bench.root))  # local, as diffs should be
    git(bench.root, "add", "--force", name)
    if refused:
        with pytest.raises(Conflict, match=r"git tracks 1 diff \("):
            refuse_committed_diffs(str(bench.root))
    else:
        refuse_committed_diffs(str(bench.root))


def test_other_paths_are_returned_as_they_are(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for path in (str(link / "file"), "relative", "", str(link)):
        assert checked(path) == path


INDEXES: Final = {
    "plain": [],
    "with shortened paths": [["update-index", "--index-version", "4"]],
    "split": [["update-index", "--split-index"]],
    "sparse": [
        ["commit", "-qm", "all"],
        ["sparse-checkout", "set", "--cone", "--sparse-index", "src"],
    ],
}


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("name", [".session-codec/spool/x.start", ".Session-Codec/SPOOL/x.start"])
def test_committed_state_is_found_in_every_form_of_an_index(
    tmp_path: Path, index: str, name: str
) -> None:
    git(tmp_path, "init", "-q")
    for path in (name, "src/main.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("x")
    git(tmp_path, "add", "--force", ".")
    for command in INDEXES[index]:
        git(tmp_path, *command)
    spool = tmp_path / ".session-codec" / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    assert is_planted(str(spool))


def test_an_index_without_a_path_is_not_a_question_to_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".session-codec" / "spool").mkdir(parents=True)
    (tmp_path / ".session-codec" / "manifest.jsonl").write_text("")
    git(tmp_path, "add", ".")
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))
    assert not is_planted(str(tmp_path / ".session-codec" / "spool"))
