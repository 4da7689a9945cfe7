"""The everyday path of one person: what git does in between loses no session.

Thirty commits, two clones, a branch, a squash merge, a stash, `checkout .`, a rebase and a shallow
clone. Every message of session-codec is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.workspace import pending
from pipelines.workspace.location import find
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, Said, git
from tests.pipelines.verbs.test_flush import hook


def tasks(root: Path) -> list[str]:
    return sorted(s.task for s in read_manifest(find(str(root))).sessions.values())


def named(root: Path) -> None:
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.org")


def commit(root: Path, name: str) -> str:
    (root / name).write_text(f"{name}\n")
    git(root, "add", name)
    git(root, "commit", "-qm", f"Add {name}")
    return git(root, "rev-parse", "HEAD").strip()


def record(cli: Cli, root: Path, task: str, *options: str) -> Said:
    said = cli("record", root, "--agent", "human", "--task", task, "--status", "PASS", *options)
    assert said.code == 0, said.err
    return said


def verified(cli: Cli, root: Path) -> Said:
    said = cli("verify", root)
    assert said.code == 0, said.err
    assert "finding" not in said.err
    return said


@pytest.fixture
def ann(tmp_path: Path, cli: Cli, this_tree: None) -> Path:
    """Make a repository with 20 commits, then install session-codec."""
    root = tmp_path / "ann"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    named(root)
    for n in range(20):
        commit(root, f"old-{n}")
    said = cli("install", root)
    assert said.code == 0
    assert "AGENTS.md" in said.out + said.err
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Keep the history of coding agents")
    return root


def test_no_session_is_lost_on_the_everyday_path(ann: Path, cli: Cli, tmp_path: Path) -> None:
    # Three commits of one session, recorded and committed at once.
    base = git(ann, "rev-parse", "HEAD").strip()
    hook(ann, "start", "s-1")
    heads = [commit(ann, f"one-{n}") for n in range(3)]
    said = record(cli, ann, "one", "--commit")
    assert f"3 commits {base[:6]}..{heads[-1][:6]}" in said.err
    assert git(ann, "status", "--porcelain") == ""
    assert "one" in tasks(ann)

    # A second clone.
    bob = tmp_path / "bob"
    git(tmp_path, "clone", "-q", str(ann), str(bob))
    named(bob)
    assert cli("install", bob).code == 0
    assert " one " in cli("context", bob).out
    assert cli("show", "latest", bob, "--diff").code == 0  # git recomputes it

    # A branch, and a stash and `checkout .` while a session is not committed.
    git(bob, "checkout", "-qb", "topic")
    for n in range(2):
        commit(bob, f"two-{n}")
    said = record(cli, bob, "two")
    assert re.search(r"2 commits \w+\.\.\w+", said.err)
    git(bob, "stash", "-q")
    assert tasks(bob) == ["one", "two"]
    assert " two " in cli("context", bob).out
    verified(cli, bob)
    git(bob, "stash", "pop", "-q")
    assert tasks(bob) == ["one", "two"]
    git(bob, "checkout", ".")
    assert tasks(bob) == ["one", "two"]
    said = cli("flush", bob, "--commit")
    assert said.code == 0
    assert ": human, two" in said.out
    assert git(bob, "status", "--porcelain") == ""

    # Meanwhile ann works on; bob rebases onto that.
    for n in range(2):
        commit(ann, f"three-{n}")
    record(cli, ann, "three", "--commit")
    git(bob, "fetch", "-q", "origin")
    git(bob, "rebase", "-q", "origin/main")
    assert tasks(bob) == ["one", "three", "two"]
    verified(cli, bob)

    # ann takes the branch by a squash merge.
    git(ann, "fetch", "-q", str(bob), "topic:topic")
    git(ann, "merge", "-q", "--squash", "topic")
    git(ann, "commit", "-qm", "Topic")
    assert tasks(ann) == ["one", "three", "two"]
    verified(cli, ann)
    commit(ann, "four")
    record(cli, ann, "four", "--commit")
    git(bob, "checkout", "-q", "main")
    git(bob, "pull", "-q", "--ff-only")
    assert tasks(bob) == ["four", "one", "three", "two"]
    assert not pending.read_lines(find(str(bob)))
    assert cli("flush", bob).code == 0
    verified(cli, bob)
    assert int(git(bob, "rev-list", "--count", "HEAD")) >= 30

    # A shallow clone reads everything but the diffs of commits that it lacks, and says how.
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{ann}", str(shallow))
    assert tasks(shallow) == tasks(ann)
    assert " one " in cli("context", shallow).out
    sessions = read_manifest(find(str(shallow))).sessions.values()
    key = next(s.key for s in sessions if s.task == "one")
    said = cli("show", key, shallow, "--diff")
    assert said.code == 30
    assert "git fetch --unshallow" in said.err
    verified(cli, shallow)
    git(shallow, "fetch", "-q", "--unshallow")
    assert "+++ b/one-2" in cli("show", key, shallow, "--diff").out
    for clone in (ann, bob, shallow):
        assert cli("doctor", clone).code == 0
        assert git(clone, "status", "--porcelain") == ""
