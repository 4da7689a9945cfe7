"""`doctor` notes hooks that Codex ignores, because the user does not trust the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.verification.agent_trust import trust_findings
from pipelines.workspace.location import locate
from tests.pipelines.conftest import Bench, Cli, git


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's Codex."""
    folder = tmp_path / "codex"
    folder.mkdir()
    monkeypatch.setenv("CODEX_HOME", str(folder))
    return folder


def notes(root: Path) -> list[str]:
    return [finding.code for finding in trust_findings(locate(str(root)))]


def trust(home: Path, root: Path, level: str = "trusted") -> None:
    text = f'[projects.{json.dumps(str(root))}]\ntrust_level = "{level}"\n'
    (home / "config.toml").write_text(text)


def test_hooks_in_a_repository_that_codex_does_not_trust_are_noted(
    bench: Bench, cli: Cli, home: Path
) -> None:
    cli("install", bench.root, "--hooks", "codex")
    (home / "config.toml").write_text("")
    assert notes(bench.root) == ["agent-trust"]
    left = cli("doctor", bench.root, "--json").json["left"]
    assert "agent-trust" in [finding["code"] for finding in left]
    trust(home, bench.root, "untrusted")
    assert notes(bench.root) == ["agent-trust"]
    trust(home, bench.root)
    assert notes(bench.root) == []


def test_a_worktree_is_trusted_with_its_repository(bench: Bench, cli: Cli, home: Path) -> None:
    cli("install", bench.root, "--hooks", "codex")
    bench.commit()
    tree = bench.root.parent / "tree"
    git(bench.root, "worktree", "add", "-q", str(tree))
    trust(home, bench.root)
    assert notes(tree) == []


@pytest.mark.parametrize(
    ("text", "wanted"), [(None, []), ("projects = [", []), ("projects = 1", ["agent-trust"])]
)
def test_without_codex_or_with_settings_of_another_form_nothing_fails(
    bench: Bench, cli: Cli, home: Path, text: str | None, wanted: list[str]
) -> None:
    cli("install", bench.root, "--hooks", "codex")
    if text is not None:
        (home / "config.toml").write_text(text)
    assert notes(bench.root) == wanted


def test_without_hooks_for_codex_nothing_is_noted(bench: Bench, cli: Cli, home: Path) -> None:
    cli("install", bench.root, "--hooks", "claude")
    (home / "config.toml").write_text("")
    assert notes(bench.root) == []
