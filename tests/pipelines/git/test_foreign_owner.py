"""A repository of another user: every verb that asks git refuses, and nothing is written."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from pipelines.workspace.location import MANIFEST, V1_LOG
from tests.pipelines.conftest import THREE, Cli

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
OTHER = 1000


@pytest.fixture
def repository(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a workspace, owned by another user, that lost a fact since its last commit."""
    root = tmp_path / "app"
    root.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME"):  # a `safe.directory` of the developer's must not count
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    (root / V1_LOG).write_bytes(THREE)
    assert cli("migrate", root).code == 0
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "history"], check=True)
    lines = (root / MANIFEST).read_bytes().splitlines(keepends=True)
    (root / MANIFEST).write_bytes(b"".join(lines[:-1]))
    for folder, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), OTHER, OTHER, follow_symlinks=False)
    return root


def content(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",), ("verify", "--full"), ("doctor",), ("doctor", "--repair"), ("install",),
        ("install", "--hooks", "claude,codex"), ("record", "--agent", "a", "--task", "t"),
        ("record", "--agent", "a", "--task", "t", "--no-diff"), ("migrate",), ("references",),
        ("context",), ("context", "--json"), ("query",), ("flush",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_verb_ends_with_gits_advice_and_writes_nothing(
    repository: Path, cli: Cli, arguments: tuple[str, ...]
) -> None:
    before = content(repository)
    verb, *options = arguments
    said = cli(verb, repository, *options)
    assert said.code == 31
    assert "dubious ownership" in said.err
    assert f"git config --global --add safe.directory {repository}" in said.err
    assert content(repository) == before


@pytest.mark.parametrize("arguments", [("show", "latest"), ("find", "task")], ids=" ".join)
def test_a_verb_that_only_reads_ends_with_gits_advice(
    repository: Path, cli: Cli, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(repository)
    monkeypatch.chdir(repository)
    said = cli(*arguments)
    assert (said.code, said.out) == (31, "")
    assert "dubious ownership" in said.err
    assert content(repository) == before


def test_after_the_advice_was_followed_lost_facts_are_found(repository: Path, cli: Cli) -> None:
    home = Path(os.environ["HOME"])
    home.mkdir()
    (home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {repository}\n")
    said = cli("verify", repository)
    assert said.code == 3
    assert "lacks a fact that was committed" in said.err + said.out
