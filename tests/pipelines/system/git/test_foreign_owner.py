"""A repository of another user: every verb refuses it, and nothing is written."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from pipelines.cli.help import exits_of
from pipelines.cli.parser import load_verb
from pipelines.cli.verbs import VERBS
from pipelines.outcomes.errors import DENIED
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


#: Each command line with its folder as `.`. Whoever adds a verb adds it here.
COMMANDS = (
    "install .", "install . --hooks claude,codex", "install . --uninstall",
    "install . --uninstall --dry-run", "install . --schedule cron --dry-run --remote /r",
    "context .", "context . --json", "brief latest .",
    "record . --agent a --task t", "record . --agent a --task t --no-diff",
    "record . --agent a --task t --no-diff --dry-run", "flush .",
    "show latest .", "show latest . --diff", "find task .", "why a.py .", "query .",
    "amend latest . --status PASS", "amend latest . --status PASS --dry-run", "references .",
    "references . --check", "import .", "import . --dry-run", "migrate .",
    "migrate . --dry-run", "archive .", "archive . --dry-run",
    "archive pack .", "archive ls .", "archive verify .",
    "archive extract x --repo . -o out", "archive repair x .",
    "sync . --remote /r", "sync . --remote /r --dry-run", "restore . --remote /r",
    "restore . --remote /r --dry-run", "purge latest . --yes", "purge latest . --dry-run",
    "purge --merged . --yes", "verify .", "verify . --full", "report .",
    "summarize . --period 2025-Q4", "export out . --to rows",
    "export out . --to rows --dry-run",
    "doctor .", "doctor . --repair", "restore-v1 .", "retire-v1 .", "retire-v1 . --dry-run",
)  # fmt: skip
#: They do not end with the code: one needs no repository, one reports the error for each of many
#: repositories, one answers each call of a tool with it.
ELSEWHERE = {"completion", "fleet", "mcp"}


@pytest.mark.parametrize("line", [*COMMANDS, ""])
def test_a_verb_ends_with_gits_advice_and_writes_nothing(
    repository: Path, cli: Cli, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(repository)
    monkeypatch.chdir(repository)
    said = cli(*line.split())
    assert (said.code, said.out if "--json" not in line else "") == (31, "")
    assert "dubious ownership" in said.err
    assert f"git config --global --add safe.directory {repository}" in said.err
    assert content(repository) == before


def test_the_table_has_every_verb() -> None:
    named = {line.split()[0] for line in COMMANDS}
    assert named == VERBS.keys() - ELSEWHERE
    archive = {line.split()[1] for line in COMMANDS if line.startswith("archive ")}
    assert archive - {"."} == load_verb("archive").verbs.keys()


@pytest.mark.parametrize("line", COMMANDS)
def test_the_help_of_a_verb_has_the_exit_code(line: str) -> None:
    name, below, *_ = line.split()
    verb = load_verb(name)
    assert exits_of(verb.verbs.get(below, verb))[DENIED]


def test_after_the_advice_was_followed_lost_facts_are_found(repository: Path, cli: Cli) -> None:
    home = Path(os.environ["HOME"])
    home.mkdir()
    (home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {repository}\n")
    said = cli("verify", repository)
    assert said.code == 3
    assert "lacks a fact that was committed" in said.err + said.out
