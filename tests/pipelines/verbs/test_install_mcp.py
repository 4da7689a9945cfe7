"""`install --mcp`: agents are to start our server, and `doctor` sees when they cannot."""

from __future__ import annotations

import importlib.util
import json
import os
import tomllib
from pathlib import Path

import pytest

from pipelines.verbs.install import apply, plan
from pipelines.workspace.location import locate
from tests.pipelines.conftest import Cli, git, tree

BOTH = ("--mcp", "claude,codex")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository, and a PATH that has session-codec."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "session-codec").write_text("#!/bin/sh\n")
    (programs / "session-codec").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    return root


def notes(cli: Cli, repo: Path) -> list[tuple[str, str]]:
    """Return the files and messages of the doctor's findings about servers."""
    found = cli("doctor", repo, "--json").json["left"]
    return [(f["file"], f["message"]) for f in found if f["code"] == "mcp-server"]


def test_both_agents_are_to_start_it_by_its_name(repo: Path, cli: Cli) -> None:
    said = cli("install", repo, *BOTH)
    assert said.code == 0, said.err
    server = {"command": "session-codec", "args": ["mcp"]}
    claude = json.loads((repo / ".mcp.json").read_text())
    codex = tomllib.loads((repo / ".codex/config.toml").read_text())
    assert claude == {"mcpServers": {"session-codec": server}}
    assert codex == {"mcp_servers": {"session-codec": server}}
    assert "asks once" in said.err
    assert "repository that it trusts" in said.err
    assert cli("install", repo, *BOTH).out == "nothing to do\n"


def test_only_the_agent_that_is_named_gets_it(repo: Path, cli: Cli) -> None:
    cli("install", repo, "--mcp", "codex")
    assert not (repo / ".mcp.json").exists()
    assert (repo / ".codex/config.toml").exists()


SETTINGS = {
    "json": (".mcp.json", b'{\n  "mcpServers": {"x": {"command": "y"}}\n}\n'),
    "json, empty": (".mcp.json", b"{}"),
    "json, CRLF": (".mcp.json", b'{\r\n\t"a": 1\r\n}\r\n'),
    "toml": (".codex/config.toml", b'# mine\nmodel = "x"\n'),
    "toml, no line end": (".codex/config.toml", b"[features]\na = true"),
    "toml, empty": (".codex/config.toml", b""),
    "nothing": ("README.md", b"# A\n"),
}


@pytest.mark.parametrize(("path", "before"), SETTINGS.values(), ids=SETTINGS)
def test_uninstall_restores_the_exact_tree(repo: Path, cli: Cli, path: str, before: bytes) -> None:
    (repo / path).parent.mkdir(exist_ok=True)
    (repo / path).write_bytes(before)
    was = tree(repo)
    assert cli("install", repo, "--hooks", "codex", *BOTH).code == 0
    assert b"session-codec" in (repo / ".mcp.json").read_bytes()
    assert b"session-codec" in (repo / ".codex/config.toml").read_bytes()
    assert cli("install", repo, "--uninstall").code == 0
    assert tree(repo) == was
    assert (repo / ".codex").exists() == path.startswith(".codex")


def test_settings_that_cannot_be_read_are_left_alone_and_the_rest_goes_on(
    repo: Path, cli: Cli
) -> None:
    (repo / ".mcp.json").write_bytes(b"{ // mine\n}")
    said = cli("install", repo, *BOTH)
    assert said.code == 3
    assert ".mcp.json" in said.err
    assert (repo / ".mcp.json").read_bytes() == b"{ // mine\n}"
    assert (repo / ".codex/config.toml").exists()


def test_a_dry_run_lists_the_files_and_writes_nothing(repo: Path, cli: Cli) -> None:
    said = cli("install", repo, *BOTH, "--dry-run", "--json")
    assert {".mcp.json", ".codex/config.toml"} <= {c["path"] for c in said.json["changes"]}
    assert not (repo / ".mcp.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--mcp", "vim"], ["--uninstall", "--mcp", "claude"], ["--user", "--mcp", "claude"]],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    repo: Path, cli: Cli, arguments: list[str]
) -> None:
    assert cli("install", repo, *arguments).code == 2


def test_a_server_whose_program_moved_is_renewed(repo: Path) -> None:
    where = locate(str(repo))
    apply(plan(where, servers=["claude", "codex"], command="/old/session-codec"))
    apply(plan(where, servers=["claude", "codex"], command="session-codec"))
    for path in (".mcp.json", ".codex/config.toml"):
        assert "/old" not in (repo / path).read_text()


def test_doctor_is_silent_about_a_server_that_can_start(repo: Path, cli: Cli) -> None:
    cli("install", repo, *BOTH)
    assert notes(cli, repo) == []


def test_doctor_names_a_program_that_is_not_found(repo: Path, cli: Cli) -> None:
    apply(plan(locate(str(repo)), servers=["claude"], command="/gone/session-codec"))
    ((file, message),) = notes(cli, repo)
    assert file == ".mcp.json"
    assert "/gone/session-codec" in message


def test_doctor_names_a_package_that_is_missing(
    repo: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("install", repo, *BOTH)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "pipelines.verification.agent_servers.find_spec",
        lambda name: None if name == "mcp" else find(name),
    )
    assert [file for file, _ in notes(cli, repo)] == [".mcp.json", ".codex/config.toml"]


def test_doctor_names_a_committed_server_that_was_lost(repo: Path, cli: Cli) -> None:
    cli("install", repo, *BOTH)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "all")
    (repo / ".mcp.json").unlink()
    (repo / ".codex/config.toml").write_text("# nothing\n")
    assert [m for _, m in notes(cli, repo)] == ["lost the committed MCP server"] * 2


def test_doctor_names_settings_that_cannot_be_read(repo: Path, cli: Cli) -> None:
    cli("install", repo, *BOTH)
    (repo / ".mcp.json").write_text('{"session-codec": ')
    ((file, message),) = notes(cli, repo)
    assert (file, message.split(":")[0]) == (".mcp.json", "not JSON")
