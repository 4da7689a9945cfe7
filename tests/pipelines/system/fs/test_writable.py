"""What cannot be written fails before the commit point, and leaves no trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from codec.kinds import RelPath
from pipelines.outcomes.errors import Denied, NotFound, Unavailable
from pipelines.system.fs.writable import check_diffs, check_space, check_tracked
from pipelines.workspace.location import DELTAS, METRICS, locate
from pipelines.workspace.transaction import Append, Transaction
from tests.pipelines.conftest import THREE, Bench, Cli, entry, tree

RECORD = ("--agent", "a", "--task", "t", "--diff")


def dangling(root: Path) -> None:
    (root / ".diffs").symlink_to(root.parent / "mount" / "diffs")


def file(root: Path) -> None:
    (root / ".diffs").write_text("not a folder")


def read_only(root: Path) -> None:
    (root / ".diffs").mkdir()
    (root / ".diffs").chmod(0o555)


Fault = Callable[[Path], None]
#: With the exit code of each.
ALL: list[tuple[Fault, int]] = [(dangling, 30), (file, 30), (read_only, 31)]
as_told = pytest.mark.parametrize(("fault", "code"), ALL)


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let root see read-only folders as everybody else does."""
    real = os.access

    def access(path: str, mode: int) -> bool:
        bits = os.stat(path).st_mode if os.path.exists(path) else 0
        return real(path, mode) and (not mode & os.W_OK or bool(bits & 0o200))

    monkeypatch.setattr("pipelines.system.fs.writable.os.access", access)


def without_lock(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        name: found
        for name, found in tree(root).items()
        if not name.endswith("/lock") and "/cache/" not in name
    }


@as_told
@pytest.mark.usefixtures("as_user")
def test_record_without_a_place_for_its_diff_records_nothing(
    bench: Bench, cli: Cli, tmp_path: Path, fault: Fault, code: int
) -> None:
    bench.migrate()
    (bench.root / ".diffs").rename(tmp_path / "away")
    fault(bench.root)
    (tmp_path / "p.diff").write_bytes(b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n")
    before = without_lock(bench.root)
    said = cli("record", bench.root, *RECORD, tmp_path / "p.diff")
    assert (said.code, said.out) == (code, "")
    assert "nothing was written" in said.err
    assert without_lock(bench.root) == before
    if fault is dangling:
        (tmp_path / "mount").mkdir()
        (tmp_path / "away").rename(tmp_path / "mount" / "diffs")
        assert cli("record", bench.root, *RECORD, tmp_path / "p.diff").code == 0
        assert len(bench.deltas()) == len(bench.manifest.sessions) == 4


@as_told
@pytest.mark.usefixtures("as_user")
def test_migrate_without_a_place_for_its_diffs_writes_nothing(
    bench: Bench, cli: Cli, fault: Fault, code: int
) -> None:
    fault(bench.root)
    before = without_lock(bench.root)
    assert cli("migrate", bench.root).code == code
    assert without_lock(bench.root) == before


@as_told
@pytest.mark.usefixtures("as_user")
def test_archive_without_its_folder_does_not_report_that_all_is_done(
    bench: Bench, cli: Cli, tmp_path: Path, fault: Fault, code: int
) -> None:
    bench.migrate()
    (bench.root / ".diffs").rename(tmp_path / "away")
    fault(bench.root)
    before = without_lock(bench.root)
    assert cli("archive", bench.root, "--before", "2099-01").code == code
    assert without_lock(bench.root) == before


@as_told
@pytest.mark.usefixtures("as_user")
def test_restore_without_a_place_for_diffs_writes_nothing(
    bench: Bench, cli: Cli, tmp_path: Path, fault: Fault, code: int
) -> None:
    bench.migrate()
    assert cli("sync", bench.root, "--remote", tmp_path / "remote").code == 0
    back = tmp_path / "back"
    back.mkdir()
    fault(back)
    before = tree(back)
    assert cli("restore", back, "--remote", tmp_path / "remote").code == code
    assert tree(back) == before


def test_a_failed_restore_leaves_neither_folder_nor_lock(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    (tmp_path / "there").mkdir()
    for folder in ("new/folder", "there"):
        said = cli("restore", tmp_path / folder, "--remote", tmp_path / "remote")
        assert said.code == 30
    assert sorted(os.listdir(tmp_path)) == ["remote", "there"]
    assert os.listdir(tmp_path / "there") == []


def test_a_restore_in_conflict_leaves_no_lock(bench: Bench, cli: Cli, tmp_path: Path) -> None:
    bench.migrate()
    assert cli("sync", bench.root, "--remote", tmp_path / "remote").code == 0
    back = tmp_path / "back"
    back.mkdir()
    (back / DELTAS).write_text("mine\n")
    before = tree(back)
    assert cli("restore", back, "--remote", tmp_path / "remote").code == 22
    assert tree(back) == before
    assert os.listdir(back) == [DELTAS]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", [DELTAS, ".gitignore"])
def test_a_read_only_tracked_file_stops_a_migration_before_its_commit(
    bench: Bench, cli: Cli, name: str
) -> None:
    bench.migrate()
    bench.log.write_bytes(THREE + entry("2025-12-01T10:00:00Z", task="four"))
    (bench.root / name).write_bytes((bench.root / name).read_bytes() if name == DELTAS else b"")
    (bench.root / name).chmod(0o444)
    before = without_lock(bench.root)
    assert cli("migrate", bench.root).code == 31
    assert without_lock(bench.root) == before


def test_a_folder_in_place_of_a_tracked_file_is_refused_before_the_commit(tmp_path: Path) -> None:
    root = tmp_path / "w"
    (root / ".session-codec").mkdir(parents=True)
    (root / METRICS).mkdir()
    with pytest.raises(NotFound):
        check_tracked(str(root / METRICS))
    (root / METRICS).rmdir()
    workspace = locate(str(root))
    (root / ".gitignore").mkdir()
    transaction = Transaction(workspace, "test")
    transaction.begin()
    with pytest.raises(NotFound):
        transaction.prepare([Append(path=RelPath(".gitignore"), chunks=[b"x\n"])])
    transaction.abandon()
    assert os.listdir(root / ".session-codec") == []


def test_a_full_file_system_at_a_links_target_is_detected_before_the_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "staged").write_bytes(bytes(1000))
    (tmp_path / "diffs").mkdir()
    real = os.stat

    def stat(path: str) -> object:
        found = real(path)
        device = 7 if str(path).endswith("diffs") else found.st_dev
        return SimpleNamespace(st_dev=device, st_mode=found.st_mode, st_size=found.st_size)

    check_space([str(tmp_path / "staged")], str(tmp_path / "diffs"))
    monkeypatch.setattr("pipelines.system.fs.writable.os.stat", stat)
    monkeypatch.setattr(
        "pipelines.system.fs.writable.os.statvfs",
        lambda _: SimpleNamespace(f_bavail=9, f_frsize=100),
    )
    with pytest.raises(Unavailable, match="900 bytes are free and 1,000"):
        check_space([str(tmp_path / "staged")], str(tmp_path / "diffs"))


@pytest.mark.usefixtures("as_user")
def test_the_nearest_folder_that_exists_is_checked(tmp_path: Path) -> None:
    check_diffs(str(tmp_path / "a" / "b"))
    (tmp_path / "a").write_text("")
    with pytest.raises(NotFound, match="is not a folder"):
        check_diffs(str(tmp_path / "a" / "b"))
    (tmp_path / "c").mkdir(mode=0o555)
    with pytest.raises(Denied, match="read-only"):
        check_diffs(str(tmp_path / "c" / "d"))
