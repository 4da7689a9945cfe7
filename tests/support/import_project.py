"""A repository, and a home with transcripts of agents, to import from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codec.records import Session
from pipelines.workspace.location import locate
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import Cli, Said, git
from tests.support.gemini_session import GeminiSession
from tests.support.opencode_session import OpenCodeSession
from tests.support.transcripts import ClaudeSession, CodexSession

ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"
_VARIABLES = (
    "CLAUDE_CONFIG_DIR", "CODEX_HOME", "CLAUDE_PROJECT_DIR", "CODEX_THREAD_ID", "GEMINI_CLI_HOME",
    "XDG_DATA_HOME",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Project:
    """A repository, a home with agents' transcripts, and the command line."""

    root: Path
    home: Path
    cli: Cli

    def claude(self, name: str = ONE, folder: Path | None = None) -> ClaudeSession:
        return ClaudeSession(self.home, folder or self.root, name)

    def codex(self, name: str = TWO, folder: Path | None = None) -> CodexSession:
        session = CodexSession(self.home, folder or self.root, name)
        session.begin()
        return session

    def gemini(self, name: str = ONE, folder: Path | None = None) -> GeminiSession:
        session = GeminiSession(self.home, folder or self.root, name)
        session.begin()
        return session

    def opencode(self, name: str = "ses_1", folder: Path | None = None) -> OpenCodeSession:
        return OpenCodeSession(self.home, folder or self.root, name)

    def run(self, *more: object, code: int = 0) -> Said:
        said = self.cli("import", self.root, *more)
        assert said.code == code, said.err
        return said

    def json(self, *more: object, code: int = 0) -> dict[str, Any]:
        return self.run("--json", *more, code=code).json

    @property
    def sessions(self) -> list[Session]:
        return read_manifest(locate(str(self.root))).in_order()

    def diff(self, key: str) -> bytes:
        said = self.cli("show", key, self.root, "--diff")
        assert said.code == 0, said.err
        return said.out.encode()


def make_project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a repository with a commit, and a home without transcripts."""
    home, root = tmp_path / "home", tmp_path / "app"
    home.mkdir()
    root.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    git(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("def greet():\n\treturn 'hello'\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return Project(root, home, cli)
