"""`install` instructs agents, and `--uninstall` removes the instructions without a trace."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from codec.agents.guide_block import BEGIN, GUIDE, IMPORT
from pipelines.outcomes.errors import Conflict
from pipelines.recording.agent_hooks import command_of
from pipelines.references.sources import read_stated
from pipelines.verbs.install import apply, plan, plan_removal
from pipelines.workspace.location import locate
from pipelines.workspace.merge_driver_setup import merges_by_record
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import IGNORED
from tests.pipelines.conftest import Bench, Cli, git, tree

MADE = {
    ".session-codec/manifest.jsonl",
    "PROJECT_METRICS.tsv",
    "AGENT_PROGRESS_LOG_v2.md",
    "SESSION_DELTAS.log",
    "PROJECT_REFERENCES.yaml",
    ".gitignore",
    ".gitattributes",
    "AGENTS.md",
    "CLAUDE.md",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a repository that never had a v1 log."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.12"\n')
    return root


def files(root: Path) -> dict[str, bytes]:
    """All files but the lock, which is the process's."""
    return {name: data for name, (data, _) in tree(root).items() if not name.endswith("/lock")}


def test_a_repository_without_a_log_becomes_a_workspace_that_verifies(repo: Path, cli: Cli) -> None:
    said = cli("install", repo, "--json")
    assert said.code == 0
    changes = {c["path"]: c["what"] for c in said.json["changes"]}
    assert changes == {**dict.fromkeys(MADE, "created"), ".git/config": "changed"}
    manifest = read_manifest(locate(str(repo)))
    assert (len(manifest.builds), manifest.sessions) == (1, {})
    assert cli("references", repo, "--check").code == 0
    assert "3.12" in (repo / "PROJECT_REFERENCES.yaml").read_text()
    assert cli("verify", repo).code == 0
    assert cli("context", repo).code == 0


def test_a_first_session_can_be_recorded_after_install(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    said = cli("record", repo, "--agent", "human", "--task", "begin", "--no-diff")
    assert said.code == 0, said.err
    assert "begin" in cli("context", repo).out
    assert cli("verify", repo).code == 0


def test_git_ignores_all_that_is_local(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    for line in IGNORED:
        name = line.strip("/").replace("*", "x")
        git(repo, "check-ignore", "-q", f"{name}/x" if line.endswith("/") else name)
    assert ".session-codec/lock" not in git(repo, "status", "--porcelain", "-uall")


def test_a_second_run_writes_nothing(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    before = tree(repo, times=True)
    said = cli("install", repo)
    assert (said.code, said.out) == (0, "nothing to do\n")
    assert tree(repo, times=True) == before


def test_a_dry_run_writes_nothing_and_prints_its_plan(repo: Path, cli: Cli) -> None:
    before = tree(repo, times=True)
    said = cli("install", repo, "--dry-run", "--json")
    assert {c["path"] for c in said.json["changes"]} == {*MADE, ".git/config"}
    assert tree(repo, times=True) == before
    assert not (repo / ".session-codec").exists()


def test_outside_of_git_nothing_is_made_for_git(tmp_path: Path, cli: Cli) -> None:
    assert cli("install", tmp_path).code == 0
    assert set(files(tmp_path)) == MADE - {".gitignore", ".gitattributes"}


PERSONAL = {
    "nothing": {},
    "empty files": {"AGENTS.md": b"", "CLAUDE.md": b""},
    "no final line end": {"AGENTS.md": b"# A", "CLAUDE.md": b"# C", ".gitignore": b"build/"},
    "CRLF": {"AGENTS.md": b"# A\r\n", "CLAUDE.md": b"# C\r\n", ".gitattributes": b"* text\r\n"},
    "BOM": {"AGENTS.md": b"\xef\xbb\xbf# A\n", "CLAUDE.md": b"\xef\xbb\xbf"},
    "an import": {"AGENTS.md": b"# A\n", "CLAUDE.md": b"@AGENTS.md\n"},
    "lines of ours": {".gitignore": b"/.diffs/\n/x\n", ".gitattributes": b"*.png -text\n"},
    "Windows-1252": {"AGENTS.md": b"caf\xe9\n"},
}


@pytest.mark.parametrize("personal", PERSONAL.values(), ids=PERSONAL)
def test_uninstall_restores_the_exact_tree(
    repo: Path, cli: Cli, personal: dict[str, bytes]
) -> None:
    for name, data in personal.items():
        (repo / name).write_bytes(data)
    before = tree(repo)
    cli("install", repo)
    for name, data in personal.items():
        assert (repo / name).read_bytes().startswith(data)
    said = cli("install", repo, "--uninstall")
    assert said.code == 0
    assert tree(repo) == before
    assert sorted(os.listdir(repo)) == sorted({".git", *before})


def test_uninstall_keeps_sessions_and_the_lines_for_git(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    cli("record", repo, "--agent", "human", "--task", "begin", "--no-diff")
    said = cli("install", repo, "--uninstall")
    assert said.code == 0
    assert "the sessions stay" in said.out
    assert set(files(repo)) == {*MADE, "pyproject.toml"} - {"AGENTS.md", "CLAUDE.md"}
    assert "/.diffs/" in (repo / ".gitignore").read_text()
    assert cli("verify", repo).code == 0


def test_uninstall_leaves_references_that_a_user_edited(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    (repo / "PROJECT_REFERENCES.yaml").write_text("mandates: [Be kind]\n")
    cli("install", repo, "--uninstall")
    assert set(files(repo)) == {"pyproject.toml", "PROJECT_REFERENCES.yaml"}


def test_an_installed_workspace_takes_a_log_in_later(bench: Bench, cli: Cli) -> None:
    said = cli("install", bench.root)
    assert "session-codec migrate" in said.err
    bench.migrate()
    assert len(bench.deltas()) == 3
    assert cli("verify", bench.root).code == 0


def test_a_migrated_workspace_is_only_mentioned(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("install", bench.root, "--json")
    assert {c["path"] for c in said.json["changes"]} == {"AGENTS.md", "CLAUDE.md", ".git/config"}


def test_a_log_is_pointed_at_until_it_was_migrated(bench: Bench, cli: Cli) -> None:
    assert "'session-codec migrate' takes its sessions in" in cli("install", bench.root).err
    bench.migrate()
    assert "session-codec migrate" not in cli("install", bench.root).err


def test_git_merges_by_record_until_uninstall(repo: Path, cli: Cli) -> None:
    settings = (repo / ".git/config").read_bytes()
    cli("install", repo)
    assert merges_by_record(locate(str(repo)))
    cli("install", repo, "--uninstall")
    assert not merges_by_record(locate(str(repo)))
    assert (repo / ".git/config").read_bytes() == settings


# CLAUDE.md


def test_a_claude_md_without_the_import_gets_the_block_itself(repo: Path, cli: Cli) -> None:
    (repo / "CLAUDE.md").write_text("# Mine\n")
    cli("install", repo)
    assert GUIDE in (repo / "CLAUDE.md").read_text()


def test_a_claude_md_that_imports_agents_is_left_alone(repo: Path, cli: Cli) -> None:
    (repo / "CLAUDE.md").write_text("# Mine\n@AGENTS.md\n")
    cli("install", repo)
    assert (repo / "CLAUDE.md").read_text() == "# Mine\n@AGENTS.md\n"


def test_where_there_is_not_a_claude_md_it_is_made_to_import_agents(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    assert IMPORT in (repo / "CLAUDE.md").read_text().splitlines()
    assert GUIDE not in (repo / "CLAUDE.md").read_text()


def test_the_own_instructions_for_agents_are_not_taken_for_rules_of_the_repository(
    repo: Path, cli: Cli
) -> None:
    before = read_stated(str(repo), None, {}).references
    cli("install", repo)
    assert read_stated(str(repo), None, {}).references == before


# Links


@pytest.mark.parametrize(("link", "to"), [("CLAUDE.md", "AGENTS.md"), ("AGENTS.md", "CLAUDE.md")])
@pytest.mark.parametrize("dangling", [False, True])
def test_one_file_under_two_names_gets_one_block(
    repo: Path, cli: Cli, link: str, to: str, dangling: bool
) -> None:
    if not dangling:
        (repo / to).write_bytes(b"# Rules")
    (repo / link).symlink_to(to)
    before = tree(repo)
    assert cli("install", repo).code == 0
    assert (repo / link).is_symlink()
    assert not (repo / to).is_symlink()
    assert (repo / to).read_bytes().count(BEGIN) == 1
    cli("install", repo, "--uninstall")
    assert tree(repo) == before


def test_a_link_inside_of_the_repository_is_written_through_and_stays(repo: Path, cli: Cli) -> None:
    (repo / "docs").mkdir()
    (repo / "docs" / "agents.md").write_text("# Rules\n")
    (repo / "AGENTS.md").symlink_to("docs/agents.md")
    assert cli("install", repo).code == 0
    assert (repo / "AGENTS.md").is_symlink()
    assert GUIDE in (repo / "docs" / "agents.md").read_text()


@pytest.mark.parametrize("uninstall", [False, True])
def test_nothing_is_written_through_a_link_that_leaves_the_repository(
    repo: Path, cli: Cli, tmp_path: Path, uninstall: bool
) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text(f"{BEGIN.decode()}\n{GUIDE}\n<!-- session-codec: end -->\n")
    cli("install", repo)
    (repo / "AGENTS.md").unlink()
    (repo / "AGENTS.md").symlink_to(outside)
    before = outside.read_bytes()
    said = cli("install", repo, *(["--uninstall"] if uninstall else []))
    assert said.code == 3
    assert "AGENTS.md: a link that leaves the repository" in said.err
    assert outside.read_bytes() == before


def test_nothing_is_written_through_a_link_into_git(repo: Path, cli: Cli) -> None:
    hook = repo / ".git" / "hooks" / "pre-commit"
    (repo / "CLAUDE.md").symlink_to(".git/hooks/pre-commit")
    said = cli("install", repo)
    assert said.code == 3
    assert "a link into .git" in said.err
    assert not hook.exists()
    assert GUIDE in (repo / "AGENTS.md").read_text()


def test_a_manifest_that_is_a_link_is_not_written(repo: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (repo / ".session-codec").symlink_to(tmp_path / "elsewhere")
    assert cli("install", repo).code == 22
    assert [p for p in (tmp_path / "elsewhere").iterdir() if p.name == "manifest.jsonl"] == []


# Hooks


def hooks_of(path: Path) -> dict[str, list[str]]:
    """Return the hook commands of each event."""
    events = json.loads(path.read_text())["hooks"]
    return {e: [h["command"] for g in groups for h in g["hooks"]] for e, groups in events.items()}


def test_each_agent_gets_the_hooks_that_it_has_events_for(repo: Path, cli: Cli) -> None:
    assert cli("install", repo, "--hooks", "claude,codex").code == 0
    claude, codex = (hooks_of(repo / p) for p in (".claude/settings.json", ".codex/hooks.json"))
    assert list(claude) == ["SessionStart", "Stop", "SessionEnd"]
    assert list(codex) == ["SessionStart", "Stop", "SessionEnd"]
    for agent, events in (("claude", claude), ("codex", codex)):
        for event, (call,) in events.items():
            test, guarded = call.split(" && ")
            assert test.startswith("command -v ")
            program, *rest = shlex.split(guarded.removesuffix(" || :"))
            assert Path(program).name == "session-codec-hook"
            assert rest == [agent, {"SessionStart": "start", "Stop": "stop"}.get(event, "end")]


def test_codex_takes_only_hooks_in_its_file_and_three_seconds_at_an_end(
    repo: Path, cli: Cli
) -> None:
    cli("install", repo, "--hooks", "codex")
    settings = json.loads((repo / ".codex/hooks.json").read_text())
    assert list(settings) == ["hooks"]
    assert settings["hooks"]["SessionEnd"][0]["hooks"][0]["timeout"] <= 3


def test_only_the_agents_that_are_named_get_hooks(repo: Path, cli: Cli) -> None:
    cli("install", repo, "--hooks", "codex")
    assert not (repo / ".claude").exists()
    cli("install", repo)
    assert (repo / ".codex/hooks.json").exists()


def test_a_hook_of_a_missing_program_is_silent_and_succeeds(repo: Path) -> None:
    ran = subprocess.run(
        ["sh", "-c", command_of("session-codec-hook", "claude", "end")],
        env={"PATH": ""}, executable="/bin/sh", capture_output=True, check=False, input=b"{}",
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_claude_code_may_run_session_codec_without_asking(repo: Path, cli: Cli) -> None:
    cli("install", repo, "--hooks", "claude,codex")
    local = ".claude/settings.local.json"
    settings = json.loads((repo / local).read_text())
    assert settings["permissions"] == {"allow": ["Bash(session-codec:*)"]}
    assert "permissions" not in json.loads((repo / ".claude/settings.json").read_text())
    git(repo, "check-ignore", "-q", local)


def test_claude_code_below_the_root_has_the_hooks(repo: Path, cli: Cli) -> None:
    """It reads `settings.local.json` of the root there, and not `settings.json`."""
    cli("install", repo, "--hooks", "claude")
    shared, local = (
        hooks_of(repo / ".claude" / name) for name in ("settings.json", "settings.local.json")
    )
    assert shared == local


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the home of a user without settings of agents."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_hooks_of_a_user_go_into_the_home_and_nowhere_else(
    repo: Path, cli: Cli, home: Path
) -> None:
    before = tree(repo)
    assert cli("install", repo, "--user").code == 0
    assert set(files(home)) == {".claude/settings.json", ".codex/hooks.json"}
    assert list(hooks_of(home / ".claude/settings.json")) == ["SessionStart", "Stop", "SessionEnd"]
    assert cli("install", repo, "--user").out == "nothing to do\n"
    assert tree(repo) == before
    assert cli("install", repo, "--user", "--uninstall").code == 0
    assert files(home) == {}


def test_hooks_of_a_user_go_where_the_agents_folders_were_moved_to(
    repo: Path, cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(home / "moved"))
    assert cli("install", repo, "--user", "--hooks", "codex").code == 0
    assert set(files(home)) == {"moved/hooks.json"}


def test_settings_of_a_user_that_cannot_be_read_are_left_alone(
    repo: Path, cli: Cli, home: Path
) -> None:
    (home / ".claude").mkdir()
    (home / ".claude/settings.json").write_text("{ // mine\n}")
    said = cli("install", repo, "--user")
    assert (said.code, (home / ".claude/settings.json").read_text()) == (3, "{ // mine\n}")
    assert (home / ".codex/hooks.json").exists()


SETTINGS = (
    b"{}",
    b'{"permissions": {}}',
    b'{"permissions": {"allow": []}, "hooks": {}}\n',
    b'{"permissions": "none"}\n',
    b'{\n  "permissions": {"allow": ["Bash(ls)"]}\n}\n',
    b'{\r\n\t"hooks": {"SessionEnd": []},\r\n\t"model": "opus"\r\n}',
    b'\xef\xbb\xbf{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "x"}]}]}}\n',
)


@pytest.mark.parametrize("before", SETTINGS)
@pytest.mark.parametrize(
    "path", [".claude/settings.json", ".claude/settings.local.json", ".codex/hooks.json"]
)
def test_uninstall_restores_the_exact_settings(
    repo: Path, cli: Cli, path: str, before: bytes
) -> None:
    (repo / path).parent.mkdir()
    (repo / path).write_bytes(before)
    was = tree(repo)
    cli("install", repo, "--hooks", "claude,codex")
    assert (repo / path).read_bytes().count(b"session-codec-hook") >= 2
    assert cli("install", repo, "--hooks", "claude,codex").out == "nothing to do\n"
    cli("install", repo, "--uninstall")
    assert tree(repo) == was
    assert {".claude", ".codex"} & set(os.listdir(repo)) == {path.split("/", maxsplit=1)[0]}


def test_hooks_of_a_program_that_has_moved_are_renewed(repo: Path) -> None:
    apply(plan(locate(str(repo)), hooks=["claude"], program="/old/session-codec-hook"))
    apply(plan(locate(str(repo)), hooks=["claude"], program="session-codec-hook"))
    events = hooks_of(repo / ".claude/settings.json")
    assert events["SessionEnd"] == [command_of("session-codec-hook", "claude", "end")]
    assert "/old" not in (repo / ".claude/settings.json").read_text()


@pytest.mark.parametrize("data", [b'{\n  // mine\n  "a": 1\n}', b"\xff", b'{"hooks": []}', b""])
def test_settings_that_cannot_be_read_are_left_alone_and_the_rest_goes_on(
    repo: Path, cli: Cli, data: bytes
) -> None:
    (repo / ".claude").mkdir()
    (repo / ".claude/settings.json").write_bytes(data)
    said = cli("install", repo, "--hooks", "claude,codex")
    assert said.code == 3
    assert ".claude/settings.json" in said.err
    assert (repo / ".claude/settings.json").read_bytes() == data
    assert (repo / ".codex/hooks.json").exists()


def test_settings_that_link_outside_the_repository_are_left_alone(
    repo: Path, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (repo / ".claude").symlink_to(tmp_path / "home")
    assert cli("install", repo, "--hooks", "claude").code == 3
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("arguments", [["--hooks", "vim"], ["--uninstall", "--hooks", "claude"]])
def test_hooks_that_cannot_be_are_a_usage_error(repo: Path, cli: Cli, arguments: list[str]) -> None:
    assert cli("install", repo, *arguments).code == 2


# What cannot be done


def test_a_block_that_a_user_edited_is_not_changed(repo: Path, cli: Cli) -> None:
    cli("install", repo)
    path = repo / "AGENTS.md"
    path.write_text(path.read_text().replace("Project history", "Our history"))
    edited = path.read_bytes()
    again = cli("install", repo)
    assert (again.code, path.read_bytes()) == (0, edited)
    assert "note: AGENTS.md: the text between the marks was edited" in again.err
    removed = cli("install", repo, "--uninstall")
    assert (removed.code, path.read_bytes()) == (3, edited)


def test_a_mark_without_its_counterpart_is_a_finding_with_its_line(repo: Path, cli: Cli) -> None:
    (repo / "AGENTS.md").write_bytes(b"# A\n" + BEGIN + b"\nmine\n")
    said = cli("install", repo)
    assert said.code == 3
    assert "AGENTS.md:2: the block's end mark is missing" in said.err
    assert (repo / "SESSION_DELTAS.log").exists()


@pytest.mark.parametrize("data", ["# A\n".encode("utf-16"), b"\0"])
def test_a_file_of_another_encoding_is_left_alone(repo: Path, cli: Cli, data: bytes) -> None:
    (repo / "AGENTS.md").write_bytes(data)
    said = cli("install", repo)
    assert said.code == 3
    assert "not UTF-8 text" in said.err
    assert (repo / "AGENTS.md").read_bytes() == data


def test_settings_that_are_not_a_file_are_left_alone(repo: Path, cli: Cli) -> None:
    (repo / "AGENTS.md").mkdir()
    os.mkfifo(repo / "CLAUDE.md")
    said = cli("install", repo)
    assert said.code == 3
    assert said.err.count("not a file") == 2


def test_a_file_that_changed_since_the_plan_is_not_written_over(repo: Path) -> None:
    made = plan(locate(str(repo)))
    (repo / "AGENTS.md").write_text("mine")
    with pytest.raises(Conflict, match=r"AGENTS\.md changed just now"):
        apply(made)
    assert (repo / "AGENTS.md").read_text() == "mine"
    assert not (repo / "SESSION_DELTAS.log").exists()


def test_a_run_that_was_stopped_between_two_files_is_completed_by_the_next(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    apply(plan(locate(str(repo))))
    whole = files(repo)
    apply(plan_removal(locate(str(repo))))
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.system.fs.user_files.replace_file", stop)
        with pytest.raises(KeyboardInterrupt):
            apply(plan(locate(str(repo))))
    apply(plan(locate(str(repo))))
    assert files(repo) == whole


def test_a_read_only_workspace_is_reported_and_can_be_read(repo: Path, cli: Cli) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(repo)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a file system")
    try:
        cli("install", repo, "--hooks", "claude")
        ended = {"session_id": "s", "hook_event_name": "SessionEnd"}
        hook = [
            sys.executable,
            "-c",
            "from pipelines.cli.hook import main; main()",
            "claude",
            "end",
        ]
        subprocess.run(hook, input=json.dumps(ended).encode(), cwd=repo, check=True)
        (repo / "AGENTS.md").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(repo)], check=True)
        assert cli("install", repo).code == 31
        assert cli("install", repo, "--uninstall").code == 31
        read = cli("context", repo)
        assert read.code == 0
        assert "note: sessions of hooks wait in the spool" in read.err
        ran = subprocess.run(
            hook, input=json.dumps(ended).encode(), cwd=repo, capture_output=True, check=True
        )
        assert ran.stderr.count(b"\n") == 1
        assert b"Read-only file system" in ran.stderr
    finally:
        subprocess.run(["umount", "-l", str(repo)], check=True)


def test_uninstall_without_a_workspace_is_exit_20(repo: Path, cli: Cli) -> None:
    assert cli("install", repo, "--uninstall").code == 20


# Agents with other forms of hooks

OTHERS = "gemini,opencode,cursor"
PLUGIN_FILE = ".opencode/plugins/session-codec.js"


def test_hooks_of_every_agent_go_in_and_out(repo: Path, cli: Cli) -> None:
    was = tree(repo)
    assert cli("install", repo, "--hooks", OTHERS).code == 0
    assert cli("install", repo, "--hooks", OTHERS).out == "nothing to do\n"
    gemini = json.loads((repo / ".gemini/settings.json").read_text())["hooks"]
    assert list(gemini) == ["SessionStart", "AfterAgent", "SessionEnd"]
    assert all(g["hooks"][0]["timeout"] >= 1000 for (g,) in gemini.values())  # milliseconds
    cursor = json.loads((repo / ".cursor/hooks.json").read_text())
    assert (cursor["version"], list(cursor["hooks"])) == (1, ["sessionStart", "stop", "sessionEnd"])
    assert "session-codec-hook" in (repo / PLUGIN_FILE).read_text()
    assert "@AGENTS.md" in (repo / "GEMINI.md").read_text()
    assert cli("install", repo, "--uninstall").code == 0
    assert tree(repo) == was


def test_a_file_of_gemini_that_does_not_import_agents_gets_the_block(repo: Path, cli: Cli) -> None:
    (repo / "GEMINI.md").write_text("# Rules\n")
    cli("install", repo, "--hooks", "gemini")
    assert "session-codec context" in (repo / "GEMINI.md").read_text()
    cli("install", repo, "--uninstall")
    assert (repo / "GEMINI.md").read_text() == "# Rules\n"


def test_a_plugin_of_another_program_is_left_alone(repo: Path, cli: Cli) -> None:
    path = repo / PLUGIN_FILE
    path.parent.mkdir(parents=True)
    path.write_text("export const Mine = async () => ({})\n")
    said = cli("install", repo, "--hooks", "opencode,cursor")
    assert (said.code, "not a plugin of session-codec" in said.err) == (3, True)
    cli("install", repo, "--uninstall")
    assert path.read_text() == "export const Mine = async () => ({})\n"


def test_a_plugin_whose_program_has_moved_is_renewed(repo: Path) -> None:
    apply(plan(locate(str(repo)), hooks=["opencode"], program="/old/session-codec-hook"))
    apply(plan(locate(str(repo)), hooks=["opencode"], program="session-codec-hook"))
    assert "/old" not in (repo / PLUGIN_FILE).read_text()


def test_a_user_gets_hooks_for_the_agents_that_were_started(
    repo: Path, cli: Cli, home: Path
) -> None:
    (home / ".gemini").mkdir()
    (home / ".config/opencode").mkdir(parents=True)
    assert cli("install", repo, "--user").code == 0
    plugin = ".config/opencode/plugins/session-codec.js"
    always = {".claude/settings.json", ".codex/hooks.json"}
    assert set(files(home)) == {*always, ".gemini/settings.json", plugin}
    assert cli("install", repo, "--user", "--uninstall").code == 0
    assert files(home) == {}
