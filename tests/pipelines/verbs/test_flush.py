"""Pending sessions: no everyday use of git loses one, and `flush` writes each once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from pipelines.workspace import pending
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, find
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import PATCH, Cli, git

FILES: Final = (MANIFEST, PROGRESS, METRICS, DELTAS)
HOOK: Final = "from pipelines.cli.hook import main; main()"


@pytest.fixture
def repo(tmp_path: Path, cli: Cli) -> Path:
    """Make a repository with an installed and committed workspace."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name, value in (("name", "t"), ("email", "t@example.org")):
        git(root, "config", f"user.{name}", value)
    assert cli("install", root).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    return root


def hook(root: Path, event: str, session: str) -> None:
    named = {"start": "SessionStart", "end": "SessionEnd"}[event]
    subprocess.run(
        [sys.executable, "-c", HOOK, "claude", event],
        input=json.dumps({"session_id": session, "hook_event_name": named}).encode(),
        cwd=root, check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def work(root: Path, session: str) -> None:
    """Run an agent's session that commits a file, with hooks at its start and end."""
    hook(root, "start", session)
    (root / f"{session}.py").write_text(f"{session} = 1\n")
    git(root, "add", f"{session}.py")
    git(root, "commit", "-qm", f"add {session}")
    hook(root, "end", session)


def ids(root: Path) -> list[str]:
    return sorted(s.id for s in read_manifest(find(str(root))).sessions.values())


def record(cli: Cli, root: Path, session: str) -> None:
    done = cli("record", root, "--agent", "human", "--task", session, "--no-diff", "--id", session)
    assert done.code == 0, done.err


def waiting(root: Path) -> int:
    return len(pending.read_lines(find(str(root))))


def test_sessions_of_hooks_leave_the_working_tree_as_it_was(repo: Path, cli: Cli) -> None:
    for session in ("one", "two"):
        work(repo, session)
    assert cli("context", repo).code == 0
    assert ids(repo) == ["one", "two"]
    assert git(repo, "status", "--porcelain") == ""


def test_verbs_read_a_pending_session_with_its_diff(repo: Path, cli: Cli) -> None:
    work(repo, "one")
    assert "add one" in cli("context", repo).out
    assert "add-one" in cli("query", repo).out
    assert cli("show", "latest", repo, "--diff").code == 0
    checked = cli("verify", repo)
    assert checked.code == 0
    assert "wait in .git/" in checked.err
    assert cli("doctor", repo).code == 0


def test_flush_writes_pending_sessions_once(repo: Path, cli: Cli) -> None:
    work(repo, "one")
    assert cli("flush", repo).code == 0
    before = {name: (repo / name).read_bytes() for name in FILES}
    assert all(data.count(b"add-one") == 1 for data in before.values())
    assert cli("flush", repo).code == 0
    assert before == {name: (repo / name).read_bytes() for name in FILES}
    assert list((repo / ".diffs").glob("*.diff"))
    assert cli("verify", repo).code == 0


def test_a_dry_run_writes_nothing(repo: Path, cli: Cli) -> None:
    work(repo, "one")
    assert "add one" in cli("flush", repo, "--dry-run").out
    assert git(repo, "status", "--porcelain") == ""


def test_a_committed_session_leaves_the_store(repo: Path, cli: Cli) -> None:
    work(repo, "one")
    assert cli("flush", repo, "--commit").code == 0
    assert git(repo, "status", "--porcelain") == ""
    assert waiting(repo) == 0
    assert ids(repo) == ["one"]


@pytest.mark.parametrize(
    "lose",
    [
        lambda root: git(root, "checkout", "-q", "."),
        lambda root: git(root, "stash", "-q"),
        lambda root: git(root, "reset", "-q", "--hard"),
    ],
    ids=["checkout", "stash", "reset"],
)
def test_a_recorded_session_is_not_lost_with_the_tracked_files(
    repo: Path, cli: Cli, lose: Callable[[Path], object]
) -> None:
    record(cli, repo, "one")
    lose(repo)
    assert ids(repo) == ["one"]
    assert cli("flush", repo).code == 0
    assert (repo / MANIFEST).read_bytes().count(b'"id":"one"') == 1


def test_an_amendment_is_not_lost_with_the_tracked_files(repo: Path, cli: Cli) -> None:
    record(cli, repo, "one")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "one")
    assert cli("amend", "latest", repo, "--task", "renamed").code == 0
    git(repo, "checkout", "-q", ".")
    assert "renamed" in cli("query", repo).out
    assert cli("flush", repo).code == 0
    assert (repo / DELTAS).read_text().count("renamed") == 1
    assert cli("verify", repo).code == 0


def test_removed_texts_are_not_kept_in_the_store(repo: Path, cli: Cli) -> None:
    record(cli, repo, "very-private")
    assert cli("amend", "latest", repo, "--private").code == 0
    store = Path(pending.folders(find(str(repo)))[-1], pending.FACTS)
    assert b'"task":"very-private"' not in store.read_bytes()
    git(repo, "checkout", "-q", ".")
    assert "very-private" not in cli("query", repo).out


def test_purge_erases_a_pending_diff(repo: Path, cli: Cli) -> None:
    work(repo, "one")
    cli("context", repo)
    assert cli("purge", "latest", repo, "--yes").code in (0, 3)
    assert pending.patch_files(find(str(repo))) == {}
    git(repo, "checkout", "-q", ".")


def test_two_clones_with_rebase_keep_every_session(repo: Path, tmp_path: Path, cli: Cli) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repo), str(other))
    git(other, "config", "user.name", "o")
    git(other, "config", "user.email", "o@example.org")
    cli("install", other)
    work(other, "theirs")
    cli("context", other)
    assert cli("flush", other, "--commit").code == 0
    work(repo, "mine")
    cli("context", repo)
    git(repo, "pull", "-q", "--rebase", str(other), "main")
    assert ids(repo) == ["mine", "theirs"]
    assert cli("flush", repo, "--commit").code == 0
    assert ids(repo) == ["mine", "theirs"]
    assert waiting(repo) == 0
    assert cli("verify", repo).code == 0


def test_a_removed_worktree_loses_no_session(repo: Path, tmp_path: Path, cli: Cli) -> None:
    linked = tmp_path / "linked"
    git(repo, "worktree", "add", "-q", "-b", "side", str(linked))
    work(linked, "hooked")
    cli("context", linked)
    record(cli, linked, "recorded")
    git(repo, "worktree", "remove", "--force", str(linked))
    assert ids(repo) == ["hooked", "recorded"]
    assert cli("show", "latest~1", repo, "--diff").code == 0


def test_a_session_of_another_branch_is_not_written_again(repo: Path, cli: Cli) -> None:
    git(repo, "checkout", "-q", "-b", "side")
    work(repo, "one")
    cli("context", repo)
    cli("flush", repo)
    git(repo, "commit", "-qam", "sessions")
    git(repo, "checkout", "-q", "main")
    assert cli("flush", repo).code == 0
    assert git(repo, "status", "--porcelain") == ""
    assert waiting(repo) == 0


def test_a_detached_head_does_not_release_a_session(repo: Path, cli: Cli) -> None:
    record(cli, repo, "one")
    git(repo, "checkout", "-q", "--detach")
    git(repo, "commit", "-qam", "sessions")
    git(repo, "checkout", "-q", "main")
    assert cli("flush", repo).code == 0
    assert ids(repo) == ["one"]


def test_a_shallow_clone_records_and_flushes(repo: Path, tmp_path: Path, cli: Cli) -> None:
    work(repo, "one")
    cli("flush", repo, "--commit")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", str(shallow))
    git(shallow, "config", "user.name", "s")
    git(shallow, "config", "user.email", "s@example.org")
    work(shallow, "two")
    cli("context", shallow)
    assert git(shallow, "status", "--porcelain") == ""
    assert cli("flush", shallow, "--commit").code == 0
    assert ids(shallow) == ["one", "two"]


def test_sync_sends_pending_sessions_and_leaves_the_tracked_files(
    repo: Path, tmp_path: Path, cli: Cli
) -> None:
    work(repo, "one")
    cli("context", repo)
    copy = tmp_path / "copy"
    assert cli("sync", repo, "--remote", str(copy)).code == 0
    assert git(repo, "status", "--porcelain") == ""
    restored = tmp_path / "restored"
    assert cli("restore", restored, "--remote", str(copy)).code == 0
    assert ids(restored) == ["one"]
    assert cli("show", "latest", restored, "--diff").code == 0


def test_a_workspace_outside_of_git_keeps_nothing_pending(tmp_path: Path, cli: Cli) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    assert cli("install", root).code == 0
    diff = tmp_path / "p.diff"
    diff.write_bytes(PATCH)
    assert cli("record", root, "--agent", "a", "--task", "t", "--diff", diff).code == 0
    hook(root, "end", "ended")
    cli("context", root)
    assert waiting(root) == 1
    assert cli("flush", root).code == 0
    assert waiting(root) == 0
    assert not (root / pending.FOLDER).exists()
    assert len(ids(root)) == 2


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_pending_session_of_the_same_second_gets_a_key_of_its_own(
    repo: Path, tmp_path: Path, cli: Cli, first: str
) -> None:
    from pipelines.recording.session import Recording, new_session, record_session

    second = "z" if first == "a" else "a"
    time = "2026-01-02T10:00:00Z"
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repo), str(other))
    theirs = Recording(agent="o", task="theirs", id=first, time=time, patch=PATCH)
    record_session(find(str(other)), theirs)
    git(other, "-c", "user.name=o", "-c", "user.email=o@o", "commit", "-qam", "theirs")
    mine = PATCH.replace(b"a.py", b"b.py")
    workspace = find(str(repo))
    recording = Recording(agent="m", task="mine", id=second, time=time, patch=mine)
    pending.put(workspace, [new_session(workspace, recording).session], [mine])
    git(repo, "pull", "-q", "--rebase", str(other), "main")
    assert cli("verify", repo).code == 0
    assert cli("flush", repo, "--commit").code == 0
    assert ids(repo) == ["a", "z"]
    assert waiting(repo) == 0
    assert cli("verify", repo).code == 0
