"""All or nothing: what was committed is completed, what was not never happened."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from codec.errors import FormatError
from codec.kinds import RelPath
from pipelines.outcomes.errors import Conflict
from pipelines.recording.session import Recording, record_session
from pipelines.system.fs.files import sync_directory
from pipelines.workspace.journal import is_pending, recover
from pipelines.workspace.location import DELTAS, METRICS, REFERENCES, Workspace, at, locate
from pipelines.workspace.transaction import Append, Replace, Transaction
from tests.pipelines.conftest import tree

#: The name that version 0.1.0 used.
JOURNAL = ".session-codec/journal"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    (root / ".session-codec").mkdir(parents=True)
    return locate(str(root))


def begun(workspace: Workspace, *appends: Append) -> Transaction:
    transaction = Transaction(workspace, "test")
    transaction.begin()
    Path(transaction.staging, "a.diff").write_bytes(b"A")
    Path(transaction.staging, "v1").mkdir()
    Path(transaction.staging, "v1", "b").write_bytes(b"B")
    transaction.prepare(appends)
    return transaction


def stop_before_completing(workspace: Workspace, transaction: Transaction) -> None:
    """As if the power had failed right after the commit."""
    (unfinished,) = Path(workspace.path(".session-codec")).glob("journal-*.tmp")
    unfinished.rename(unfinished.with_suffix(""))
    del transaction


DONE = {
    ".diffs/a.diff": (b"A", 0),
    ".diffs/v1/b": (b"B", 0),
    DELTAS: (b"one\ntwo\n", 0),
    METRICS: (b"row\n", 0),
}
APPENDS = (
    Append(path=METRICS, chunks=[b"row\n"]),
    Append(path=DELTAS, chunks=[b"one\n", b"two\n"]),
)


def test_a_commit_does_all_writes_and_leaves_no_temporary_files(workspace: Workspace) -> None:
    begun(workspace, *APPENDS).commit()
    assert tree(Path(workspace.root)) == DONE
    assert recover(workspace) is None


def test_an_abandoned_transaction_leaves_no_files(workspace: Workspace) -> None:
    begun(workspace, *APPENDS).abandon()
    assert tree(Path(workspace.root)) == {}


def test_a_failed_journal_leaves_no_temporary_files(workspace: Workspace) -> None:
    def broken() -> object:
        yield b"one\n"
        raise OSError(errno.ENOSPC, "full")

    transaction = Transaction(workspace, "test")
    transaction.begin()
    with pytest.raises(OSError, match="full"):
        transaction.prepare([Append(path=DELTAS, chunks=broken())])  # type: ignore[arg-type]
    transaction.abandon()
    assert tree(Path(workspace.root)) == {}


def test_a_committed_transaction_is_completed_by_the_next_process(workspace: Workspace) -> None:
    stop_before_completing(workspace, begun(workspace, *APPENDS))
    assert is_pending(workspace)
    assert recover(workspace) == "test"
    assert tree(Path(workspace.root)) == DONE


@pytest.mark.parametrize("done", range(9))
def test_an_append_that_stopped_half_way_goes_on_where_the_file_ends(
    workspace: Workspace, done: int
) -> None:
    stop_before_completing(workspace, begun(workspace, *APPENDS))
    Path(workspace.path(DELTAS)).write_bytes(b"one\ntwo\n"[:done])
    recover(workspace)
    assert tree(Path(workspace.root)) == DONE


def test_a_file_that_somebody_else_wrote_to_since_is_left_alone(workspace: Workspace) -> None:
    stop_before_completing(workspace, begun(workspace, *APPENDS))
    Path(workspace.path(DELTAS)).write_bytes(b"theirs\n")
    recover(workspace)
    assert Path(workspace.path(DELTAS)).read_bytes() == b"theirs\n"


def test_a_torn_line_is_ended_before_lines_are_appended(workspace: Workspace) -> None:
    Path(workspace.path(DELTAS)).write_bytes(b"half")
    begun(workspace, Append(path=DELTAS, chunks=[b"one\n"], torn=True)).commit()
    assert Path(workspace.path(DELTAS)).read_bytes() == b"half\none\n"


def test_diffs_on_a_file_system_of_their_own_are_published_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir(workspace.diffs)
    replace = os.replace

    def across(source: str, target: str) -> None:
        if workspace.staging_prefix in source and workspace.diffs in target:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(os, "replace", across)
    begun(workspace, *APPENDS).commit()
    assert tree(Path(workspace.root)) == DONE


@pytest.mark.parametrize(
    "appends",
    [
        [["../victim", 0, 5]],
        [["/tmp/victim", 0, 5]],  # noqa: S108 - a path that must not be written
        [[".git/hooks/post-commit", 0, 5]],
        [["SESSION_DELTAS.log", -1, 5]],
        [["SESSION_DELTAS.log", 0, 6]],
        [["SESSION_DELTAS.log"]],
        "SESSION_DELTAS.log",
        None,
    ],
)
def test_a_journal_that_came_with_a_clone_cannot_write_elsewhere_or_hang(
    workspace: Workspace, appends: object
) -> None:
    header = {"format": "session-codec-journal", "version": 1, "verb": "x", "appends": appends}
    Path(workspace.path(JOURNAL)).write_bytes(json.dumps(header).encode() + b"\nhello")
    before = tree(Path(workspace.root).parent)
    with pytest.raises(FormatError, match="journal"):
        recover(workspace)
    assert tree(Path(workspace.root).parent) == before


def replacing(workspace: Workspace, before: bytes) -> Transaction:
    transaction = Transaction(workspace, "test")
    transaction.begin()
    replace = Replace(path=REFERENCES, before=before, after=b"new\n")
    transaction.prepare([Append(path=DELTAS, chunks=[b"one\n"])], [replace])
    return transaction


@pytest.mark.parametrize("before", [b"", b"old\n"])
def test_replacements_and_appends_are_completed_by_the_next_process(
    workspace: Workspace, before: bytes
) -> None:
    file, deltas = Path(workspace.path(REFERENCES)), Path(workspace.path(DELTAS))
    for complete in (True, False):
        deltas.unlink(missing_ok=True)
        file.unlink(missing_ok=True)
        if before:
            file.write_bytes(before)
        transaction = replacing(workspace, before)
        if complete:
            transaction.commit()
        else:
            stop_before_completing(workspace, transaction)
            assert file.read_bytes() == before if before else not file.exists()
            assert recover(workspace) == "test"
        assert (file.read_bytes(), deltas.read_bytes()) == (b"new\n", b"one\n")
        assert not is_pending(workspace)


def test_a_file_that_somebody_edited_since_is_not_replaced(workspace: Workspace) -> None:
    file = Path(workspace.path(REFERENCES))
    file.write_bytes(b"old\n")
    stop_before_completing(workspace, replacing(workspace, b"old\n"))
    file.write_bytes(b"mine\n")
    recover(workspace)
    assert file.read_bytes() == b"mine\n"


@pytest.mark.parametrize(
    "replaces",
    [
        [["../victim", "", 5]], [[".gitignore", "", 5]],
        [["PROJECT_REFERENCES.yaml", "", -1]],
        [["PROJECT_REFERENCES.yaml", "", 6]], [["PROJECT_REFERENCES.yaml", 5]], "x", {"a": 1},
    ],
)  # fmt: skip
def test_a_journal_that_came_with_a_clone_cannot_replace_anything_else(
    workspace: Workspace, replaces: object
) -> None:
    header = {"format": "session-codec-journal", "version": 1, "verb": "x", "appends": [],
              "replaces": replaces}  # fmt: skip
    Path(workspace.path(JOURNAL)).write_bytes(json.dumps(header).encode() + b"\nhello")
    before = tree(Path(workspace.root).parent)
    with pytest.raises(FormatError, match="journal"):
        recover(workspace)
    assert tree(Path(workspace.root).parent) == before


@pytest.mark.parametrize("junk", [b"", b"\n", b"[]\n", b'{"format":"other"}\n', b"\xff\x00"])
def test_a_file_that_is_not_a_journal_is_named_and_left(workspace: Workspace, junk: bytes) -> None:
    Path(workspace.path(JOURNAL)).write_bytes(junk)
    with pytest.raises(FormatError, match="remove the file"):
        recover(workspace)


@pytest.mark.parametrize("link", [DELTAS, ".session-codec"])
def test_nothing_is_written_through_a_symbolic_link(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    target = Path(workspace.path(link))
    if target.is_dir():
        target.rmdir()
        target.symlink_to(outside)
        name = RelPath(".session-codec/manifest.jsonl")
    else:
        (outside / "victim").write_bytes(b"")
        target.symlink_to(outside / "victim")
        name = DELTAS
    transaction = Transaction(workspace, "test")
    transaction.begin()
    with pytest.raises(Conflict, match="symbolic link"):
        transaction.prepare([Append(path=name, chunks=[b"x\n"])])
    transaction.abandon()
    assert not any(content for content, _ in tree(outside).values())


@pytest.mark.parametrize("name", ["journal.tmp", "journal.tmp.payload", f"journal-{'0' * 16}.tmp"])
def test_a_journal_is_not_written_where_a_link_of_a_clone_leads(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    victim = tmp_path_factory.mktemp("outside") / "victim"
    victim.write_bytes(b"mine\n")
    Path(workspace.path(".session-codec", name)).symlink_to(victim)
    transaction = Transaction(workspace, "test")
    transaction.begin()
    transaction.prepare([Append(path=DELTAS, chunks=[b"x\n"])])
    transaction.commit()
    assert victim.read_bytes() == b"mine\n"
    assert Path(workspace.path(DELTAS)).read_bytes() == b"x\n"


def test_new_directories_are_durable_before_the_journal_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "new"
    root.mkdir()
    workspace = at(str(root))
    sync, replace = sync_directory, os.replace
    events: list[str] = []

    def synced(path: str) -> None:
        events.append(os.path.relpath(path, root))
        sync(path)

    def replaced(source: str, target: str) -> None:
        events.append(f"-> {os.path.relpath(target, root)}")
        replace(source, target)

    for module in ("journal", "transaction"):
        monkeypatch.setattr(f"pipelines.workspace.{module}.sync_directory", synced)
    monkeypatch.setattr(os, "replace", replaced)
    record_session(workspace, Recording(agent="a", task="t", patch=b"+x\n", time="2026-01-01"))
    promise = next(i for i, e in enumerate(events) if e.startswith("-> .session-codec/journal-"))
    staging = [e for e in events[:promise] if e.startswith(".session-codec/staging-")]
    assert staging
    assert ".session-codec" in events[:promise]
    assert "." in events[promise:]  # the tracked files are new in the root
