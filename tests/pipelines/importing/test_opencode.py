"""Import of sessions of OpenCode: exact diffs, its database untouched, damage named."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipelines.conftest import Cli, git
from tests.support.import_project import Project, make_project
from tests.support.opencode_session import SPENT, writing


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Project:
    return make_project(tmp_path, cli, monkeypatch)


def test_turns_are_exact_and_each_step_counts_once(project: Project) -> None:
    (project.root / "crlf.txt").write_bytes(b"one\r\ntwo\r\nthree")
    session = project.opencode()
    session.ask('"Greet louder\nplease"')
    session.edit("a.py", "'hello'", "'Hello'")
    session.edit("crlf.txt", "two", "TWO")
    session.write("new.txt", "one\n")
    session.ask("And louder")
    session.edit("a.py", "'Hello'", "'HELLO'", formatted="def greet():\n\treturn 'HELLO'  # !\n")
    session.save()
    said = project.json()
    (found,) = project.sessions
    assert (found.title, found.agent, found.id) == ("Greet louder", "sonnet-4.5", "ses_1")
    assert found.metrics.tokens_used == 4 * SPENT
    assert said["unknown_records"] == {}
    edits = said["sessions"][0]["edits"]
    assert edits["all"] == edits["known"] == edits["exact"] == 4
    diff = project.diff(found.key)
    assert b"-\treturn 'hello'\n+\treturn 'HELLO'  # !\n" in diff
    assert b"-two\r\n+TWO\r\n three\n\\ No newline" in diff


def test_calls_alone_are_exact_where_the_state_before_is_known(project: Project) -> None:
    lines = "".join(f"\tx{n} = {n}\n" for n in range(40))
    (project.root / "long.py").write_text(f"def f():\n{lines}")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "long")
    session = project.opencode()
    session.summaries = False
    session.ask("Change the middle")
    session.edit("long.py", "x20 = 20", "y20 = 20")
    session.edit("long.py", "x30 = 30", "y30 = 30", formatted="formatted\n")
    session.save()
    (said,) = project.json()["sessions"]
    assert said["edits"] == {"all": 2, "known": 1, "exact": 1}  # what a formatter made is unknown
    assert said["files_unknown"] == 1


def test_a_session_whose_commits_hold_its_edits_has_their_diff(project: Project) -> None:
    session = project.opencode()
    session.ask("Add a file")
    session.write("new.txt", "one\n")
    commit = session.commit("Add a file")
    session.run("pytest -q", "1 failed", code=1)
    session.save()
    project.run("--infer-status")
    (found,) = project.sessions
    assert found.range.endswith(commit)
    assert (found.metrics.commits, found.status) == (1, "FAIL")


def test_forks_children_and_undone_turns(project: Project) -> None:
    session = project.opencode()
    session.ask("The parent")
    session.write("new.txt", "one\n")
    session.ask("Taken back")
    session.write("undone.txt", "x\n")
    session.revert = {"messageID": session.messages[2][0]["id"]}
    session.save()
    fork = project.opencode("ses_2")
    fork.messages = [({**info, "id": f"f{info['id']}"}, p) for info, p in session.messages[:2]]
    fork.now = session.now + 60_000
    fork.began = fork.now
    fork.ask("The fork")
    fork.write("fork.txt", "y\n")
    fork.save()
    child = project.opencode("ses_3")
    child.parent = "ses_2"
    child.began = child.now = fork.now
    child.ask("A part of it")
    child.write("child.txt", "z\n")
    child.save()
    project.run()
    parent, forked = project.sessions
    assert (parent.title, parent.metrics.tokens_used) == ("The parent", 2 * SPENT)
    assert b"undone.txt" not in project.diff(parent.key)
    assert (forked.title, forked.metrics.tokens_used) == ("The fork", 2 * SPENT)
    diff = project.diff(forked.key)
    assert b"new.txt" not in diff
    assert b"fork.txt" in diff
    assert b"child.txt" in diff


def test_the_log_beside_a_database_is_read_and_nothing_is_changed(project: Project) -> None:
    session = project.opencode()
    session.ask("Still in the log")
    session.answer()
    path = session.save()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        with connection:
            connection.execute("UPDATE part SET data = replace(data, 'Still', 'Only')")
        before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.parent.iterdir()}
        assert before["opencode.db-wal"][0]
        project.run()
        after = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.parent.iterdir()}
    assert [s.title for s in project.sessions] == ["Only in the log"]
    assert before == after


def test_a_database_that_cannot_be_written_is_read_in_its_place(project: Project) -> None:
    session = project.opencode()
    session.ask("Read only")
    session.answer()
    path = session.save()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    project.run()
    path.parent.chmod(0o755)
    assert [p.name for p in path.parent.iterdir()] == ["opencode.db"]
    assert [s.title for s in project.sessions] == ["Read only"]


def test_damage_is_named_and_the_rest_is_read(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.importing.database.LINE_LIMIT", 1 << 16)
    session = project.opencode()
    session.summaries = False
    session.ask("Before the damage")
    session.answer({"type": "telepathy"})
    session.write("big.txt", "x" * (1 << 17))
    path = session.save()
    with writing(path) as connection:
        row = ("INSERT INTO part SELECT ?, message_id, session_id, ?, ?, CAST(? AS TEXT)"
               " FROM part LIMIT 1")  # fmt: skip
        connection.execute(row, ("p1", 1, 1, b"{not json"))
        connection.execute(row, ("p2", 1, 1, b'{"type":"text","text":"\xff","synthetic":true}'))
        connection.execute("CREATE VIEW hostile AS SELECT 1")
        connection.execute("INSERT INTO session SELECT 'ses_9', project_id, parent_id, directory,"
                           " title, version, revert, 1, 1 FROM session LIMIT 1")  # fmt: skip
        connection.execute("INSERT INTO session_message VALUES ('m', 'ses_9', 'prompted', '{}')")
    (path.parent / "opencode-torn.db").write_bytes(path.read_bytes()[:5000])
    (path.parent / "opencode-text.db").write_bytes(b"not a database")
    (path.parent / "opencode-link.db").symlink_to(path)
    (path.parent / "folder").symlink_to(tmp_path)
    os.mkfifo(path.parent / "opencode-pipe.db")
    said = project.json(code=3)
    found = sorted((f["code"], Path(f.get("file", "")).name) for f in said["findings"])
    assert found == [
        ("transcript-damaged", "opencode.db"),
        ("transcript-damaged", "opencode.db"),
        ("transcript-damaged", "opencode.db"),
        ("transcript-link", "folder"),
        ("transcript-link", "opencode-link.db"),
        ("transcript-unknown", ""),
        ("transcript-unreadable", "opencode-pipe.db"),
        ("transcript-unreadable", "opencode-text.db"),
        ("transcript-unreadable", "opencode-torn.db"),
    ]
    assert said["unknown_records"] == {
        "opencode: part telepathy": 1, "opencode: session_message prompted": 1,
    }  # fmt: skip
    assert [s.title for s in project.sessions] == ["Before the damage"]


def test_a_view_in_place_of_a_table_is_not_read(project: Project) -> None:
    path = project.opencode().path
    with writing(path) as connection:
        connection.execute(
            "CREATE VIEW message AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id FROM n)"
            " SELECT id, id AS session_id, id AS time_created, id AS data FROM n"
        )
    (finding,) = project.json(code=3)["findings"]
    assert "table message has no column" in finding["message"]


def test_a_file_that_no_agent_wrote_is_named(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello\n")
    session = project.opencode()
    session.ask("By its name")
    session.answer()
    path = session.save()
    copy = path.rename(tmp_path / "copy.sqlite")
    (finding,) = project.json("--from", other, "--from", copy, code=3)["findings"]
    assert (finding["file"], finding["code"]) == (str(other), "transcript-unreadable")
    assert [s.title for s in project.sessions] == ["By its name"]
