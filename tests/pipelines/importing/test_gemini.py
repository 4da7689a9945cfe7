"""Import of sessions of Gemini CLI: exact diffs, each token once, damage named."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.pipelines.conftest import Cli, git
from tests.support.gemini_session import SPENT, GeminiSession
from tests.support.import_project import ONE, TWO, Project, make_project


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Project:
    return make_project(tmp_path, cli, monkeypatch)


def test_edits_are_exact_and_each_answer_counts_once(project: Project) -> None:
    session = project.gemini()
    session.ask("Greet louder")
    session.write("a.py", "def greet():\n\treturn 'HELLO'\n")
    session.write("new.txt", "one\ntwo\n")
    session.write("new.txt", "one\r\nthree")
    session.answer()
    session.save()
    said = project.json()
    (found,) = project.sessions
    assert (found.title, found.agent, found.id) == ("Greet louder", "gemini-2.5-pro", ONE)
    assert found.metrics.tokens_used == 4 * SPENT
    assert said["unknown_records"] == {}
    assert said["sessions"][0]["edits"] == {"all": 3, "known": 3, "exact": 3}
    diff = project.diff(found.key)
    assert b"-\treturn 'hello'\n+\treturn 'HELLO'\n" in diff
    assert b"new file mode 100644" in diff
    assert b"+one\r\n+three\n\\ No newline" in diff


def test_a_session_whose_commits_hold_its_edits_has_their_diff(project: Project) -> None:
    session = project.gemini()
    session.ask("Add a file")
    session.write("new.txt", "one\n")
    commit = session.commit("Add a file")
    session.run("false", "", code=1)
    session.save()
    project.run("--infer-status")
    (found,) = project.sessions
    assert found.range.endswith(commit)
    assert (found.metrics.commits, found.metrics.lines_added) == (1, 1)


def test_a_resumed_session_does_not_count_repeated_messages(project: Project) -> None:
    session = project.gemini()
    session.ask("The task")
    session.write("new.txt", "one\n")
    messages = [m for m in session.lines if "id" in m]
    summary = "<state_snapshot>done so far</state_snapshot>"
    more = {"id": "s", "type": "user", "timestamp": session.stamp(), "content": [{"text": summary}]}
    session.checkpoint(*({**m, "timestamp": session.stamp()} for m in messages), more)
    session.ask("And more")
    session.answer()
    session.save()
    said = project.json()
    (found,) = project.sessions
    assert (found.title, found.metrics.tokens_used) == ("The task", 2 * SPENT)
    assert said["sessions"][0]["compactions"] == 1
    assert said["sessions"][0]["edits"]["all"] == 1


def test_a_session_that_was_migrated_to_lines_is_one_with_its_document(project: Project) -> None:
    session = project.gemini()
    session.ask("The task")
    session.write("new.txt", "one\n")
    session.save()
    head, *rest = session.lines
    old = {**head, "messages": [m for m in rest if "id" in m]}
    session.path.with_suffix(".json").write_text(json.dumps(old, indent=2))
    project.run()
    (found,) = project.sessions
    assert found.metrics.tokens_used == SPENT
    assert project.json()["up_to_date"] == 1


def test_a_sub_agent_below_the_name_of_its_parent_is_a_child(project: Project) -> None:
    session = project.gemini()
    session.ask("Look around")
    session.answer()
    session.save()
    helper = GeminiSession(project.home, project.root, TWO)
    helper.begin("subagent")
    helper.ask("Look at this")
    helper.write("new.txt", "one\n")
    helper.save(path=session.path.parent / ONE / f"{TWO}.jsonl")
    project.run()
    (found,) = project.sessions
    assert (found.title, found.metrics.tokens_used) == ("Look around", 2 * SPENT)
    assert b"+one" in project.diff(found.key)


def test_a_document_without_a_folder_belongs_by_the_hash_of_its_folder(
    project: Project, tmp_path: Path
) -> None:
    for folder, name in ((project.root, ONE), (tmp_path / "elsewhere", TWO)):
        session = GeminiSession(project.home, folder, name)
        session.begin()
        session.ask("The task")
        session.answer()
        head, *rest = session.lines
        chats = project.home / ".gemini" / "tmp" / head["projectHash"] / "chats"
        chats.mkdir(parents=True)
        document = {**head, "messages": [m for m in rest if "id" in m]}
        (chats / "session-2026.json").write_text(json.dumps(document))
    said = project.json()
    assert [s.id for s in project.sessions] == [ONE]
    assert [f["code"] for f in said["findings"]] == ["transcripts-elsewhere"]


def test_damage_is_named_and_the_rest_is_read(project: Project, tmp_path: Path) -> None:
    session = project.gemini()
    session.ask("Before the damage")
    session.answer()
    session.lines.append({"telepathy": 1})
    session.message("oracle", content="")
    path = session.save()
    with path.open("ab") as f:
        f.write(b'not json\n{"id":"x","type":"user","content":"\xff"}\n{"id":"y","ty')
    (path.parent / "session-torn.json").write_text('{"sessionId": "x", "projectHash": "y", "mes')
    (path.parent / "link.jsonl").symlink_to(path)
    (path.parent / "folder").symlink_to(tmp_path)
    os.mkfifo(path.parent / "pipe.jsonl")
    said = project.json(code=3)
    assert sorted(f["code"] for f in said["findings"]) == [
        "transcript-cut", "transcript-damaged", "transcript-damaged", "transcript-link",
        "transcript-link", "transcript-unknown", "transcript-unreadable", "transcript-unreadable",
    ]  # fmt: skip
    assert said["unknown_records"] == {"gemini: message oracle": 1, "gemini: telepathy": 1}
    assert [s.title for s in project.sessions] == ["Before the damage"]


@pytest.mark.parametrize(
    ("kept", "warned"),
    [({}, True), ({"maxAge": "90d"}, False), ({"enabled": False}, False), ({"maxAge": "4w"}, True)],
)
def test_doctor_names_sessions_that_gemini_deletes_soon(
    project: Project, kept: dict[str, object], warned: bool
) -> None:
    git(project.root, "config", "user.name", "Ada")
    assert project.cli("install", project.root).code == 0
    session = project.gemini()
    session.ask("Old work")
    session.answer()
    path = session.save()
    settings = {"general": {"sessionRetention": kept}}
    (project.home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    now = time.time()
    os.utime(path, (now, now - 27 * 86400))
    said = project.cli("doctor", project.root, "--json").json
    hints = [f["hint"] for f in said["left"] if f["code"] == "transcripts-expire"]
    assert hints == (["Import them: session-codec import --agent gemini"] if warned else [])
