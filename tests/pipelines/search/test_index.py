"""The index of a workspace is the same however it came about, and holds nothing that was erased."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.kinds import Key
from pipelines.search.answers import Question, find
from pipelines.search.index_file import NAME, holds_patch
from pipelines.search.lexical import Filter
from pipelines.search.refresh import ask_index
from pipelines.workspace.location import MANIFEST
from tests.pipelines.conftest import PATCH, Bench, Cli, day, entry, git, log_of

SECRET = PATCH.replace(b"more", b"zebrafinch")
LOG = log_of(
    entry(day(1), task="alpha", notes="Tokens expire hourly."),
    entry(day(2), task="beta", patch=SECRET, notes="A quiet day."),
)

pytestmark = pytest.mark.usefixtures("words_only")


@pytest.fixture
def made(bench: Bench) -> Bench:
    bench.log.write_bytes(LOG)
    bench.migrate()
    return bench


def keys(bench: Bench, text: str, *, in_diffs: bool = False, path: str | None = None) -> list[str]:
    question = Question(text, Filter(path=path), in_diffs=in_diffs)
    return [f.key for f in find(bench.workspace, question).found]


def rows(bench: Bench) -> list[tuple[object, ...]]:
    """Return all that the index says of sessions, in the order of their keys."""
    query = (
        "SELECT s.key, s.title, s.notes, s.patch, w.task, w.notes, w.paths FROM sessions s"
        " JOIN words w ON w.rowid = s.id ORDER BY s.key"
    )
    read = ask_index(bench.workspace, lambda c: c.execute(query).fetchall(), with_lines=False)
    return list(read)


def record(cli: Cli, bench: Bench, task: str, notes: str) -> None:
    who = ("--agent", "human", "--status", "PASS")
    said = cli("record", bench.root, "--task", task, "--notes", notes, "--no-diff", *who)
    assert said.code == 0


def test_an_index_that_grew_is_like_one_built_at_once(made: Bench, cli: Cli) -> None:
    rows(made)
    record(cli, made, "gamma", "Brand new words.")
    record(cli, made, "delta", "Other words.")
    assert cli("amend", day(1), made.root, "--notes", "Changed to parrots.").code == 0
    grown = rows(made)
    Path(made.workspace.path(NAME)).unlink()
    assert rows(made) == grown
    assert keys(made, "parrots") == [day(1)]
    assert keys(made, "hourly") == []


def test_a_new_session_is_found_at_once(made: Bench, cli: Cli) -> None:
    assert keys(made, "brand") == []
    record(cli, made, "gamma", "Brand new words.")
    assert len(keys(made, "brand")) == 1


def test_a_diff_that_comes_back_has_paths_again(made: Bench) -> None:
    folder = Path(made.workspace.diffs)
    away = {path: path.read_bytes() for path in folder.glob("*.diff")}
    for path in away:
        path.unlink()
    assert keys(made, "alpha", path="a.py") == []
    for path, data in away.items():
        path.write_bytes(data)
    assert keys(made, "alpha", path="a.py") == [day(1)]


def test_lines_of_diffs_are_found_only_if_asked_for(made: Bench) -> None:
    assert keys(made, "zebrafinch") == []
    assert keys(made, "zebrafinch", in_diffs=True) == [day(2)]


def test_a_purge_leaves_no_byte_of_the_diff_in_the_index(made: Bench, cli: Cli) -> None:
    keys(made, "zebrafinch", in_diffs=True)
    path = Path(made.workspace.path(NAME))
    assert b"zebrafinch" in path.read_bytes()
    assert cli("purge", day(2), made.root, "--yes").code in (0, 3)
    assert not path.exists()
    assert keys(made, "zebrafinch", in_diffs=True) == []
    assert b"zebrafinch" not in path.read_bytes()


def test_a_foreign_tombstone_empties_the_index(made: Bench, cli: Cli) -> None:
    keys(made, "zebrafinch", in_diffs=True)
    index = Path(made.workspace.path(NAME))
    kept = index.read_bytes()
    assert cli("purge", day(2), made.root, "--yes").code in (0, 3)
    index.write_bytes(kept)
    session = made.manifest.sessions[Key(day(2))]
    assert session.patch is not None
    assert holds_patch(made.workspace, {session.patch.sha256})
    assert keys(made, "alpha") == [day(1)]
    assert b"zebrafinch" not in index.read_bytes()


def test_erased_texts_leave_the_index(made: Bench, cli: Cli) -> None:
    assert keys(made, "hourly") == [day(1)]
    assert cli("amend", day(1), made.root, "--private").code in (0, 3)
    assert keys(made, "hourly") == []
    assert b"hourly" not in Path(made.workspace.path(NAME)).read_bytes()


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000] + b"\xff" * 3000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced(path: Path) -> None:
    path.write_bytes(b"not a database" * 500)


def of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as index:
        index.execute("PRAGMA user_version = 999")
    index.close()


@pytest.mark.parametrize("spoil", [damaged, emptied, replaced, of_another_version])
def test_a_spoiled_index_is_built_again(made: Bench, spoil: Callable[[Path], None]) -> None:
    before = rows(made)
    spoil(Path(made.workspace.path(NAME)))
    assert rows(made) == before
    assert rows(made) == before


def test_a_committed_index_is_not_opened(made: Bench) -> None:
    assert keys(made, "hourly") == [day(1)]
    path = Path(made.workspace.path(NAME))
    with sqlite3.connect(path) as index:
        index.execute("UPDATE sessions SET notes = 'planted'")
    index.close()
    git(made.root, "add", "-f", str(path))
    planted = path.read_bytes()
    (found,) = find(made.workspace, Question("hourly")).found
    assert found.why == "Tokens expire hourly."
    assert path.read_bytes() == planted


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written_is_searched(made: Bench) -> None:
    folder = Path(made.workspace.path(".session-codec", "cache"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    try:
        assert keys(made, "hourly") == [day(1)]
    finally:
        folder.chmod(0o700)


def test_the_index_is_in_a_folder_that_git_ignores(made: Bench) -> None:
    keys(made, "hourly")
    assert NAME not in git(made.root, "status", "--porcelain", "-uall")


def test_a_manifest_that_did_not_change_is_not_read(
    made: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(made, "hourly")

    def read(*_: object) -> None:
        raise AssertionError(f"{MANIFEST} was read")

    monkeypatch.setattr("pipelines.search.refresh.mapped_file", read)
    assert keys(made, "hourly") == [day(1)]
