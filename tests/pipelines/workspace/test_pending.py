"""The pending store: what is put there is read by every worktree, and by nobody else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from codec.kinds import Key
from codec.manifest.jsonl import encode_fact
from codec.records import PatchRef, Session
from pipelines.outcomes.errors import Conflict
from pipelines.workspace import pending
from pipelines.workspace.location import MANIFEST, Workspace, at
from pipelines.workspace.reading import read_file, read_manifest
from tests.pipelines.conftest import PATCH, git

REF = PatchRef.of(PATCH)


def session(name: str, *, minute: int = 0) -> Session:
    time = f"2026-01-02T10:{minute:02d}:00Z"
    return Session(Key(time), time, "human", name, "PASS", patch=REF, id=name)


def workspace_in(folder: Path) -> Workspace:
    (folder / ".session-codec").mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).touch()
    return at(str(folder))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "main"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    git(top, "commit", "-q", "--allow-empty", "-m", "begin")
    return top


@pytest.fixture
def git_read_only(repository: Path) -> Callable[[], AbstractContextManager[None]]:
    """Return a context in which nobody can write to git's folder, as in an agent's sandbox."""

    @contextmanager
    def mounted() -> Iterator[None]:
        folder = str(repository / ".git")
        for options in (["--bind", folder, folder], ["-o", "remount,ro,bind", folder]):
            if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
                pytest.skip("only root can mount a file system")
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)

    return mounted


def test_all_worktrees_of_a_repository_read_a_pending_session(repository: Path) -> None:
    workspace = workspace_in(repository)
    git(repository, "worktree", "add", "-q", "../other")
    pending.put(workspace, [session("one")], [PATCH])
    other = workspace_in(repository.parent / "other")
    assert list(read_manifest(other).sessions.values()) == [session("one")]
    assert pending.read_patch(other, REF.sha256, REF.size) == PATCH


def test_workspaces_of_one_repository_do_not_read_each_others_sessions(repository: Path) -> None:
    outer, inner = workspace_in(repository), workspace_in(repository / "inner")
    pending.put(outer, [session("outer")])
    pending.put(inner, [session("inner")])
    assert [s.task for s in read_manifest(outer).sessions.values()] == ["outer"]
    assert [s.task for s in read_manifest(inner).sessions.values()] == ["inner"]


def test_git_status_shows_nothing_of_the_store(repository: Path) -> None:
    workspace = workspace_in(repository)
    before = git(repository, "status", "--porcelain", "--untracked-files=all")
    pending.put(workspace, [session("one")], [PATCH])
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == before


def test_a_fact_that_is_put_twice_is_one_line(repository: Path) -> None:
    workspace = workspace_in(repository)
    pending.put(workspace, [session("one")])
    pending.put(workspace, [session("one"), session("two", minute=1)])
    assert len(pending.read_lines(workspace)) == 2


def test_a_torn_line_is_cut_off_by_the_next_session(repository: Path) -> None:
    workspace = workspace_in(repository)
    pending.put(workspace, [session("one")])
    store = Path(pending.folders(workspace)[-1], pending.FACTS)
    with store.open("ab") as f:
        f.write(b'{"fact":"session","key":"2026')
    assert len(read_manifest(workspace).sessions) == 1
    pending.put(workspace, [session("two", minute=1)])
    assert sorted(s.task for s in read_manifest(workspace).sessions.values()) == ["one", "two"]


def test_a_session_outside_of_git_waits_in_the_workspace(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    pending.put(workspace, [session("one")], [PATCH])
    assert pending.patch_files(workspace) == {
        REF.sha256: [str(tmp_path / pending.FOLDER / "patches" / f"{REF.sha256}.diff")]
    }


def test_sessions_beside_a_read_only_git_are_gathered_later(
    repository: Path, git_read_only: Callable[[], AbstractContextManager[None]]
) -> None:
    workspace = workspace_in(repository)
    (repository / ".gitignore").write_text("/.session-codec/cache/\n")
    with git_read_only():
        pending.put(workspace, [session("one")], [PATCH])
        pending.gather(workspace)
        assert (repository / pending.FOLDER).exists()
    assert "pending" not in git(repository, "status", "--porcelain", "--untracked-files=all")
    pending.gather(workspace)
    assert not (repository / pending.FOLDER).exists()
    assert list(read_manifest(workspace).sessions.values()) == [session("one")]
    assert pending.read_patch(workspace, REF.sha256, REF.size) == PATCH


def test_a_store_that_is_empty_again_leaves_no_folder(repository: Path) -> None:
    workspace = workspace_in(repository)
    pending.put(workspace, [session("one")], [PATCH])
    pending.rewrite(workspace, lambda _: None)
    assert not os.path.exists(pending.folders(workspace)[-1])


def test_a_patch_stays_as_long_as_a_fact_names_it(repository: Path) -> None:
    workspace = workspace_in(repository)
    other = b"".join((PATCH, PATCH.replace(b"a.py", b"b.py")))
    pending.put(workspace, [session("one"), session("two", minute=1)], [PATCH, other])
    gone = f"{encode_fact(session('one'))}\n".encode()
    pending.rewrite(workspace, lambda line: None if line == gone else line)
    assert list(pending.patch_files(workspace)) == [REF.sha256]


def test_a_committed_store_is_refused(repository: Path) -> None:
    workspace = workspace_in(repository)
    planted = repository / pending.FOLDER
    planted.mkdir()
    (planted / pending.FACTS).write_text(f"{encode_fact(session('planted'))}\n")
    git(repository, "add", "--force", ".")
    with pytest.raises(Conflict, match="committed to the repository"):
        read_manifest(workspace)


def test_a_link_to_another_store_is_refused_if_it_came_with_a_clone(
    repository: Path, tmp_path: Path
) -> None:
    workspace = workspace_in(repository)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / pending.FACTS).write_text(f"{encode_fact(session('planted'))}\n")
    (repository / pending.FOLDER).symlink_to(elsewhere)
    git(repository, "add", "--force", ".")
    with pytest.raises(Conflict, match="a link"):
        read_manifest(workspace)


def test_a_pending_session_has_its_lines_in_all_files(repository: Path) -> None:
    workspace = workspace_in(repository)
    pending.put(workspace, [session("one")])
    for name in (MANIFEST, "SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md"):
        assert read_file(workspace, name).count(session("one").key.encode()) >= 1, name
        assert not (repository / name).exists() or (repository / name).read_bytes() == b""
