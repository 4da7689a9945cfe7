"""Sessions come from transcripts: each once, with its exact diff and honest figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.pipelines.conftest import Cli, git
from tests.support.import_project import ONE, TWO, Project, make_project
from tests.support.measuring import measured


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Project:
    return make_project(tmp_path, cli, monkeypatch)


def applied(diff: bytes, root: Path, commit: str, to: Path) -> Path:
    """Apply a diff to a checkout of a commit."""
    git(root, "worktree", "add", "-q", "--detach", str(to), commit)
    subprocess.run(["git", "-C", str(to), "apply", "-"], input=diff, check=True)
    return to


def test_the_diff_of_an_imported_session_applies_to_the_state_it_began_from(
    project: Project, tmp_path: Path
) -> None:
    first = git(project.root, "rev-parse", "HEAD").strip()
    session = project.claude()
    session.ask("Greet louder")
    session.edit("a.py", "'hello'", "'Hello'")
    session.write("b/new.py", "x = 1\n")
    session.edit("a.py", "'Hello'", "'HELLO'")
    session.save()
    assert project.run().out.splitlines()[-3].startswith("added 1 session with 1 diff,")
    (found,) = project.sessions
    assert (found.title, found.agent, found.id) == ("Greet louder", "opus-4.5", ONE)
    checkout = applied(project.diff(found.key), project.root, first, tmp_path / "old")
    assert (checkout / "a.py").read_text() == (project.root / "a.py").read_text()
    assert (checkout / "b" / "new.py").read_text() == "x = 1\n"
    assert (found.metrics.lines_added, found.metrics.lines_removed) == (2, 1)


def test_an_import_that_finds_nothing_says_where_it_looked(project: Project) -> None:
    said = project.run()
    assert said.code == 0
    (line,) = [line for line in said.out.splitlines() if line.startswith("no transcript")]
    assert "~/.claude/projects" in line
    assert str(project.root / ".specstory") in line


def test_figures_count_each_answer_once_and_leave_out_pauses(project: Project) -> None:
    session = project.claude()
    session.ask("Explain")
    session.wait(minutes=4)
    session.answer({"type": "text", "text": "a"}, {"type": "text", "text": "b"})
    session.wait(hours=3)
    session.ask("Go on")
    session.answer()
    session.save()
    project.run()
    (found,) = project.sessions
    assert found.transcript is not None
    assert found.metrics.tokens_used == 2 * 130
    assert found.transcript.tokens == {
        "input": 200, "output": 20, "cache_write": 40, "cache_read": 2000,
    }  # fmt: skip
    assert (found.metrics.duration_min, found.transcript.wall_min) == (4, 185)
    assert found.patch is None
    assert found.metrics.lines_added is None


def test_a_session_whose_commits_hold_its_edits_has_their_diff(project: Project) -> None:
    base = git(project.root, "rev-parse", "HEAD").strip()
    session = project.claude()
    session.ask("Greet louder")
    session.edit("a.py", "'hello'", "'Hello'")
    (project.root / "made-by-a-command").write_text("1\n")
    head = session.commit("Greet louder")
    session.save()
    project.run()
    (found,) = project.sessions
    assert (found.range, found.metrics.commits) == (f"{base}..{head}", 1)
    assert b"made-by-a-command" in project.diff(found.key)


def test_a_second_import_changes_nothing_and_a_grown_transcript_revises(project: Project) -> None:
    session = project.claude()
    session.ask("Greet louder")
    session.edit("a.py", "'hello'", "'Hello'")
    session.save()
    project.run()
    (before,) = project.sessions
    manifest = (project.root / ".session-codec" / "manifest.jsonl").read_bytes()
    assert project.json()["up_to_date"] == 1
    assert (project.root / ".session-codec" / "manifest.jsonl").read_bytes() == manifest
    session.wait(days=1)
    session.ask("And softer")
    session.edit("a.py", "'Hello'", "'hi'")
    session.save()
    (completed,) = project.json()["completed"]
    assert completed["session"]["key"] == before.key
    (after,) = project.sessions
    assert after.key == before.key
    assert (after.metrics.tokens_used, before.metrics.tokens_used) == (260, 130)
    assert b"'hi'" in project.diff(after.key)
    assert project.json()["up_to_date"] == 1


def test_sessions_of_both_agents_are_written_oldest_first(project: Project) -> None:
    codex = project.codex()
    codex.ask("Second")
    codex.change("a.py", "x = 1\n")
    codex.save()
    claude = project.claude()
    claude.wait(days=-1)
    claude.ask("First")
    claude.answer()
    claude.save()
    project.run()
    lines = (project.root / "SESSION_DELTAS.log").read_text().splitlines()
    assert [("First" in a, "Second" in a) for a in lines] == [(True, False), (False, True)]
    assert [s.agent for s in project.sessions] == ["opus-4.5", "gpt-5-codex"]
    third = project.claude("33333333-3333-4333-8333-333333333333")
    third.wait(days=-2)
    third.ask("Before both")
    third.answer()
    third.save()
    project.run()
    lines = (project.root / "SESSION_DELTAS.log").read_text().splitlines()
    assert "Before-both" in lines[0]


def test_codex_edits_are_exact_from_git_and_from_the_session(
    project: Project, tmp_path: Path
) -> None:
    first = git(project.root, "rev-parse", "HEAD").strip()
    codex = project.codex()
    codex.ask("Change")
    codex.change("a.py", "def greet():\n\treturn 'Hello'\n")
    codex.change("new.py", "1\n")
    codex.change("a.py", "def greet():\n\treturn 'HELLO'\n")
    codex.save()
    project.run()
    (found,) = project.sessions
    assert found.transcript is not None
    assert (found.transcript.files, found.transcript.unknown) == (2, 0)
    checkout = applied(project.diff(found.key), project.root, first, tmp_path / "old")
    assert (checkout / "a.py").read_text() == "def greet():\n\treturn 'HELLO'\n"


def test_an_unknown_state_is_reported_and_not_guessed(project: Project) -> None:
    (project.root / "a.py").write_text("never committed\n")
    codex = project.codex()
    codex.ask("Change")
    codex.change("a.py", "changed\n")
    codex.save()
    said = project.json()
    assert [f["code"] for f in said["findings"]] == ["edits-unknown"]
    (found,) = project.sessions
    assert found.patch is None
    assert found.transcript is not None
    assert found.transcript.unknown == 1


def test_worktrees_and_removed_worktrees_are_one_repository(
    project: Project, tmp_path: Path
) -> None:
    other = tmp_path / "feature"
    git(project.root, "worktree", "add", "-q", "-b", "feature", str(other))
    session = project.claude(folder=other)
    session.ask("In the worktree")
    session.edit("a.py", "'hello'", "'Hello'")
    session.commit("Greet")
    session.save()
    git(project.root, "worktree", "remove", str(other))
    project.run()
    (found,) = project.sessions
    assert found.title == "In the worktree"
    assert b"a/a.py" in project.diff(found.key)


def test_a_renamed_folder_is_known_by_a_commit_that_the_agent_made(
    project: Project, tmp_path: Path
) -> None:
    session = project.claude()
    session.ask("Before the rename")
    session.edit("a.py", "'hello'", "'Hello'")
    session.commit("Greet")
    session.save()
    quiet = project.claude(TWO)
    quiet.wait(hours=1)
    quiet.ask("A question")
    quiet.answer()
    quiet.save()
    moved = tmp_path / "renamed"
    project.root.rename(moved)
    assert Project(moved, project.home, project.cli).json()["diffs"] == 1
    titles = [s.title for s in Project(moved, project.home, project.cli).sessions]
    assert titles == ["Before the rename", "A question"]


def test_transcripts_of_other_repositories_are_left_out(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(project.root, other)
    shutil.rmtree(other / ".git")
    git(other, "init", "-q")
    for folder in (other, tmp_path / "gone"):
        session = project.claude(f"{folder.name:0<36}", folder)
        session.ask("Elsewhere")
        session.answer()
        session.save()
    said = project.json()
    assert (said["sessions"], project.sessions) == ([], [])
    assert [f["code"] for f in said["findings"]] == ["transcripts-elsewhere"]
    given = project.json("--from", project.home / ".claude" / "projects")
    assert len(given["sessions"]) == 1  # the folder that is gone; the other is another repository


def test_another_clone_of_the_same_remote_is_the_same_repository(
    project: Project, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project.root), str(clone))
    for root, url in (
        (project.root, "git@example.org:me/app.git"),
        (clone, "https://example.org/me/app"),
    ):
        git(root, "config", "remote.origin.url", url)
    session = project.claude(folder=clone)
    session.ask("In the clone")
    session.answer()
    session.save()
    assert len(project.json()["sessions"]) == 1


def test_an_unreadable_transcript_is_a_finding_and_the_rest_is_imported(
    project: Project, tmp_path: Path
) -> None:
    session = project.claude()
    session.ask("Before the damage")
    session.answer()
    path = session.save()
    with path.open("ab") as f:
        f.write(b'{"type":"telepathy","sessionId":"%s"}\n' % ONE.encode())
        f.write(b"not json\n")
        f.write(b'{"type":"user","uuid":"x","message":{"content":"\xff"},"sessionId":"%s"}\n'
                % ONE.encode())  # fmt: skip
        f.write(b'{"type":"user","mess')
    (path.parent / "link").symlink_to(tmp_path)
    os.mkfifo(path.parent / "pipe.jsonl")
    (path.parent / "torn.jsonl.zst").write_bytes(b"not compressed")
    said = project.json(code=3)
    assert sorted(f["code"] for f in said["findings"]) == [
        "transcript-cut", "transcript-damaged", "transcript-damaged", "transcript-link",
        "transcript-unknown", "transcript-unreadable", "transcript-unreadable",
    ]  # fmt: skip
    assert said["unknown_records"] == {"claude: telepathy": 1}
    assert [s.title for s in project.sessions] == ["Before the damage"]


def test_secrets_in_a_prompt_are_replaced(project: Project) -> None:
    secret = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2pCqRt"[:36]
    session = project.claude()
    session.ask(f"Deploy with {secret}")
    session.answer()
    session.save()
    said = project.json(code=3)
    assert {f["code"] for f in said["findings"]} == {"secret-replaced"}
    assert secret not in (project.root / ".session-codec" / "manifest.jsonl").read_text()


def test_ignored_files_and_files_outside_are_not_part_of_the_diff(
    project: Project, tmp_path: Path
) -> None:
    (project.root / ".gitignore").write_text(".env\n")
    session = project.claude()
    session.ask("Configure")
    session.write(".env", "A=1\n")
    session.write("b.py", "1\n")
    session.write(str(tmp_path / "elsewhere.txt"), "1\n")
    session.save()
    said = project.json()
    (found,) = project.sessions
    diff = project.diff(found.key)
    assert b"b.py" in diff
    assert b".env" not in diff
    assert b"elsewhere" not in diff
    assert said["sessions"][0]["files_outside"] == 1


def test_a_status_is_inferred_only_when_asked_for(project: Project) -> None:
    session = project.claude()
    session.ask("Fix the tests")
    session.run("python -m pytest -q", "1 failed", code=1)
    session.save()
    said = project.json("--infer-status", "--dry-run")
    fields = said["sessions"][0]["session"]
    assert (fields["status"], fields["remark"]) == (
        "FAIL", "inferred from `python -m pytest -q`, exit code 1",
    )  # fmt: skip
    project.run()
    assert project.sessions[0].status == "UNKNOWN"


def test_a_dry_run_writes_nothing(project: Project) -> None:
    session = project.claude()
    session.ask("Anything")
    session.write("b.py", "1\n")
    session.save()
    before = sorted(p for p in project.root.rglob("*") if ".git/" not in f"{p}/")
    assert project.run("--dry-run").out.endswith("dry run: nothing written\n")
    assert sorted(p for p in project.root.rglob("*") if ".git/" not in f"{p}/") == before


def test_since_and_agent_choose(project: Project) -> None:
    claude, codex = project.claude(), project.codex()
    claude.ask("A")
    claude.answer()
    claude.save()
    codex.wait(days=10)
    codex.ask("B")
    codex.spend()
    codex.save()
    assert len(project.json("--dry-run", "--agent", "claude")["sessions"]) == 1
    assert len(project.json("--dry-run", "--agent", "claude,codex")["sessions"]) == 2
    assert len(project.json("--dry-run", "--since", "2026-01-10")["sessions"]) == 1
    assert project.cli("import", project.root, "--agent", "nobody").code == 2


def test_a_fork_and_its_parent_share_nothing(project: Project) -> None:
    parent = project.claude()
    parent.ask("The parent")
    parent.answer()
    parent.answer()
    parent.save()
    fork = project.claude(TWO)
    fork.lines = [{**line, "sessionId": TWO} for line in parent.lines]
    fork.now = parent.now
    fork.wait(hours=1)
    fork.ask("The fork")
    fork.answer()
    fork.save()
    project.run()
    by_id = {s.id: s for s in project.sessions}
    assert by_id[ONE].metrics.tokens_used == 2 * 130
    assert by_id[TWO].metrics.tokens_used == 130
    assert (by_id[ONE].title, by_id[TWO].title) == ("The parent", "The fork")


def test_a_fork_counts_its_own_part_if_its_parent_is_gone(project: Project) -> None:
    parent = project.claude()
    parent.ask("The parent")
    parent.write("old.txt", "one\n")
    fork = project.claude(TWO)
    fork.now = parent.now
    fork.wait(hours=1)
    fork.line("queue-operation", operation="enqueue")  # a fork begins with it, then repeats
    fork.lines[0].pop("uuid")
    fork.lines += [{**line, "sessionId": TWO} for line in parent.lines]
    fork.ask("The fork")
    fork.write("new.txt", "two\n")
    fork.save()
    project.run()
    (found,) = project.sessions
    assert (found.title, found.metrics.tokens_used) == ("The fork", 130)
    assert b"old.txt" not in project.diff(found.key)


def test_a_diff_has_the_modes_of_git(project: Project) -> None:
    (project.root / "run.sh").write_text("echo hello\n")
    (project.root / "run.sh").chmod(0o755)
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "a script")
    session = project.claude()
    session.ask("Greet louder")
    session.edit("run.sh", "hello", "HELLO")
    session.write("new.txt", "one\n")
    session.save()
    project.run()
    diff = project.diff(project.sessions[0].key).splitlines()
    assert [line for line in diff if b"mode" in line] == [b"new file mode 100644"]
    assert [line[-7:] for line in diff if line.startswith(b"index") and b" " in line[6:]] == [
        b" 100755"
    ]


def test_an_import_that_finds_nothing_leaves_no_file(project: Project) -> None:
    before = sorted(p.name for p in project.root.iterdir())
    assert project.json()["sessions"] == []
    assert sorted(p.name for p in project.root.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_of_a_gigabyte_is_named_within_little_memory(project: Project, packed: bool) -> None:
    session = project.codex()
    session.ask("Before the long line")
    session.spend()
    path = session.save()
    size = 1 << 30
    if packed:
        block = b"x" * (1 << 20)
        with zstandard.open(path.with_name(f"{path.name}.zst"), "wb") as f:
            f.write(path.read_bytes() + b'{"type":"')
            for _ in range(size // len(block)):
                f.write(block)
            f.write(b'"}\n')
        path.unlink()
    else:
        with path.open("r+b") as f:
            f.seek(0, os.SEEK_END)
            f.write(b'{"type":"')
            f.seek(size, os.SEEK_CUR)  # a hole, which needs no disk
            f.write(b'"}\n')
    command = [sys.executable, "-m", "pipelines.cli.main", "import", str(project.root), "--json"]
    # Progress goes to stderr.
    ran = measured(["sh", "-c", 'exec "$@" 2>/dev/null', "sh", *command], project.root)
    assert ran.code == 3
    said = json.loads(ran.said)
    (finding,) = said["findings"]
    assert "too long" in finding["message"]
    assert [s.title for s in project.sessions] == ["Before the long line"]
    assert ran.mebibytes < 300


def test_a_sub_agent_in_its_own_file_is_a_child(project: Project) -> None:
    session = project.claude()
    session.ask("Let a helper do it")
    session.answer()
    path = session.save()
    helper = project.claude()
    helper.now = session.now
    helper.answers = 50
    helper.lines = [{} for _ in range(50)]
    helper.write("h.py", "1\n")
    lines = [{**line, "isSidechain": True, "agentId": "a1"} for line in helper.lines if line]
    folder = path.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "agent-a1.jsonl").write_text(text)
    said = project.json()
    (found,) = project.sessions
    assert found.metrics.tokens_used == 2 * 130
    assert said["sessions"][0]["sub_agents"] == 1
    assert b"h.py" in project.diff(found.key)


def test_doctor_names_transcripts_that_are_deleted_soon(project: Project) -> None:
    session = project.claude()
    session.ask("Soon gone")
    session.answer()
    path = session.save()
    project.cli("install", project.root)
    now = time.time()
    os.utime(path, (now, now - 28 * 86400))

    def expiring() -> list[str]:
        said = project.cli("doctor", project.root, "--json").json
        return [f["hint"] for f in said["left"] if f["code"] == "transcripts-expire"]

    assert expiring() == ["Import them: session-codec import --agent claude"]
    settings = project.home / ".claude" / "settings.json"
    settings.write_text('{"cleanupPeriodDays": 90}')
    assert expiring() == []
    settings.unlink()
    project.run()
    os.utime(path, (now, session.now.timestamp()))
    assert expiring() == []


def test_a_line_that_is_too_long_is_named_and_the_rest_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.importing.lines.LINE_LIMIT", 1 << 16)
    session = project.claude()
    session.ask("Before the long line")
    session.write("big.txt", "x" * (1 << 20))
    session.ask("After it")
    session.answer()
    session.save()
    said = project.json(code=3)
    (finding,) = [f for f in said["findings"] if f["code"] == "transcript-damaged"]
    assert "too long" in finding["message"]
    (found,) = project.sessions
    assert found.title == "Before the long line"
    assert found.metrics.tokens_used == 130  # the answer with the long call is not known


def test_compressed_rollouts_are_read(project: Project) -> None:
    codex = project.codex()
    codex.ask("Read the archive")
    codex.spend()
    path = codex.save()
    packed = path.with_name(f"{path.name}.zst")
    packed.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
    path.unlink()
    project.run()
    (found,) = project.sessions
    assert (found.title, found.metrics.tokens_used) == ("Read the archive", 250)


def typed(project: Project, *lines: dict[str, Any]) -> Path:
    """Write the history of prompts of Claude Code, one line for each of some fields."""
    path = project.home / ".claude" / "history.jsonl"
    path.parent.mkdir(exist_ok=True)
    first = 1_767_000_000_000
    whole = [
        {
            "pastedContents": {},
            "timestamp": first + n * 60_000,
            "project": str(project.root),
            **line,
        }
        for n, line in enumerate(lines)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in whole))
    return path


def test_prompts_whose_transcript_is_gone_are_a_session_without_a_diff(project: Project) -> None:
    session = project.claude(TWO)
    session.ask("Has a transcript")
    session.save()
    typed(
        project,
        {"display": "/clear ", "sessionId": ONE},
        {"display": "!ls", "sessionId": ONE},
        {"display": "Greet louder", "sessionId": ONE},
        {"display": "and in colour", "sessionId": ONE},
        {"display": "Has a transcript", "sessionId": TWO},
        {"display": "/exit", "sessionId": "33333333-3333-4333-8333-333333333333"},
        {"display": "Elsewhere", "sessionId": "4", "project": str(project.home.parent)},
    )
    project.run()
    assert [s.title for s in project.sessions] == ["Greet louder", "Has a transcript"]
    found = project.sessions[0]
    assert (found.id, found.agent, found.time) == (ONE, "claude-code", "2025-12-29T09:22:00Z")
    metrics = found.metrics
    assert (found.patch, metrics.tokens_used, metrics.duration_min) == (None, None, None)
    assert metrics.commits is None
    assert found.transcript is not None
    assert found.transcript.wall_min is None
    assert project.json()["sessions"] == []


def test_a_transcript_completes_a_session_of_prompts_and_prompts_change_nothing(
    project: Project,
) -> None:
    typed(project, {"display": "Greet louder", "sessionId": ONE})
    project.run()
    session = project.claude()
    session.ask("Greet louder")
    session.edit("a.py", "'hello'", "'Hello'")
    path = session.save()
    project.run()
    (found,) = project.sessions
    assert found.patch is not None
    assert found.metrics.tokens_used == 130
    path.unlink()
    again = project.json()
    assert (again["sessions"], project.sessions) == ([], [found])


def test_lines_of_a_history_that_name_no_session_are_counted(project: Project) -> None:
    path = typed(
        project,
        {"display": "Old", "timestamp": 1_600_000_000_000},
        {"display": "No time", "timestamp": "soon", "sessionId": ONE},
        {"display": "Beyond the calendar", "timestamp": 10**30, "sessionId": ONE},
    )
    with path.open("ab") as f:
        f.write(b'{"kind": "other"}\n{"display": \n')
    made = project.json("--from", path, code=3)
    assert made["sessions"] == []
    messages = [f["message"] for f in made["findings"]]
    assert "left out: 3 prompts without a session or a time" in messages
    assert "left out: 1 line without a prompt" in messages
    assert any("not a JSON object" in message for message in messages)


def test_a_long_pasted_text_is_read_from_its_own_file(project: Project) -> None:
    cache = project.home / ".claude" / "paste-cache"
    cache.mkdir(parents=True)
    (cache / "0123456789abcdef.txt").write_text("The long text\n" + "x" * 2000)
    (project.home / "secret.txt").write_text("not a paste")

    def line(session: str, digest: str) -> dict[str, Any]:
        pasted = {"1": {"id": 1, "type": "text", "contentHash": digest}}
        display = "[Pasted text #1 +12 lines]"
        return {"display": display, "pastedContents": pasted, "sessionId": session}

    names = ("0123456789abcdef", "f" * 16, "../../secret")
    typed(project, *(line(f"s{n}", name) for n, name in enumerate(names)))
    project.run()
    titles = [s.title for s in project.sessions]
    assert titles == ["The long text", *["[Pasted text #1 +12 lines]"] * 2]


def test_pasted_text_and_secrets_of_a_history_are_those_of_a_prompt(project: Project) -> None:
    secret = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2pCqRt"
    pasted = {"1": {"id": 1, "type": "text", "content": f"Use {secret}\nand more"}}
    typed(
        project,
        {"display": "[Pasted text #1 +2 lines]", "pastedContents": pasted, "sessionId": ONE},
    )
    project.run(code=3)
    (found,) = project.sessions
    assert found.title.startswith("Use ")
    assert secret not in found.title
