"""Restore: what was synced comes back, byte for byte, over nothing that is there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.archive.bundle import encode_bundle
from codec.archive.snapshot import DOCUMENT
from codec.kinds import ObjectName
from pipelines.remotes.base import content_of
from pipelines.remotes.directory import DirectoryRemote
from pipelines.workspace.location import MANIFEST, V1_LOG
from tests.pipelines.conftest import Bench, Cli, entry, git, tree
from tests.pipelines.verbs.test_archive import archives, diffs, log_of_months
from tests.pipelines.verbs.test_sync import made, own_configuration, record, remote, without_cache

__all__ = ["made", "own_configuration", "remote"]
TRACKED = {
    ".gitattributes", ".gitignore", MANIFEST, "AGENT_PROGRESS_LOG_v2.md", "PROJECT_METRICS.tsv",
    "SESSION_DELTAS.log", "PROJECT_REFERENCES.yaml",
}  # fmt: skip


@pytest.fixture
def synced(made: Bench, cli: Cli, remote: Path) -> Bench:
    """Make a workspace and sync it to a remote."""
    assert cli("sync", made.root, "--remote", remote).code == 0
    return made


@pytest.fixture
def back(tmp_path: Path) -> Path:
    """Return the path of a folder that does not exist."""
    return tmp_path / "back"


def test_an_empty_machine_gets_every_file_byte_for_byte(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    said = cli("restore", back, "--remote", remote, "--json")
    assert said.code == 0
    assert said.json["requests"] == {"LIST": 1, "GET": 6}
    assert without_cache(back) == without_cache(synced.root)
    assert cli("verify", back, "--json", "--require", "local").code == 0
    restored = Bench(back, synced.worker)
    assert diffs(restored.workspace) == diffs(synced.workspace)
    first = min(restored.manifest.versions, key=lambda v: v.seen)
    assert restored.restore(first.sha256) == log_of_months()


def test_the_v1_log_comes_back_from_a_remote_byte_for_byte(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    cli("restore", back, "--remote", remote)
    assert cli("restore-v1", back, "-o", back / V1_LOG).code == 0
    whole = log_of_months() + entry("2099-01-01T00:00:00Z", task="new")
    assert (back / V1_LOG).read_bytes() == whole


def test_a_second_restore_writes_nothing(synced: Bench, cli: Cli, remote: Path, back: Path) -> None:
    cli("restore", back, "--remote", remote)
    before = tree(back, times=True)
    again = cli("restore", back, "--remote", remote, "--json")
    assert (again.code, again.json["written"]) == (0, [])
    assert again.json["requests"] == {"LIST": 1, "GET": 1}
    assert tree(back, times=True) == before


def test_the_tracked_files_alone(synced: Bench, cli: Cli, remote: Path, back: Path) -> None:
    said = cli("restore", back, "--remote", remote, "--only", "v2", "--json")
    assert (said.code, said.json["requests"]) == (0, {"LIST": 1, "GET": 1})
    assert {name for name in tree(back) if not name.endswith("/lock")} == TRACKED


def test_a_fresh_clone_gets_the_files_that_git_does_not_have(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    synced.commit()
    git(synced.root, "clone", "-q", ".", str(back))
    (back / "PROJECT_REFERENCES.yaml").write_text("mine: 1\n")
    with (back / "SESSION_DELTAS.log").open("a") as f:
        f.write("newer\n")
    before = tree(back)
    assert cli("restore", back, "--remote", remote, "--only", "diffs").code == 0
    after = tree(back)
    assert {name: after[name] for name in before} == before
    assert tree(back / ".diffs") == tree(synced.root / ".diffs")


def test_the_diffs_that_no_archive_has_alone(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    said = cli("restore", back, "--remote", remote, "--only", "loose", "--json")
    assert (said.code, said.json["requests"]) == (0, {"LIST": 1, "GET": 2})
    written = {name for name in tree(back) if not name.endswith("/lock")}
    assert written == {".diffs/2099-01-01T00:00:00Z.diff"}


def test_nothing_that_is_there_is_overwritten(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    (back / ".session-codec").mkdir(parents=True)
    (back / MANIFEST).write_text('{"fact":"other"}\n')
    (back / "PROJECT_METRICS.tsv").write_text("mine\n")
    before = without_cache(back)
    said = cli("restore", back, "--remote", remote)
    assert said.code == 22
    assert MANIFEST in said.err
    assert "PROJECT_METRICS.tsv" in said.err
    assert without_cache(back) == before


@pytest.mark.parametrize("what", ["diff", "archive", "link"])
def test_a_file_in_the_way_is_a_conflict_and_nothing_is_written(
    synced: Bench, cli: Cli, remote: Path, back: Path, tmp_path: Path, what: str
) -> None:
    (first, _) = archives(synced)
    (back / ".diffs" / "archive").mkdir(parents=True)
    if what == "link":
        (tmp_path / "outside").mkdir()
        (back / ".session-codec").symlink_to(tmp_path / "outside")
    path = back / ".diffs" / {"diff": "2099-01-01T00:00:00Z.diff", "link": "x"}.get(what, "x")
    if what == "archive":
        path = back / ".diffs" / "archive" / first.name
    path.write_bytes(b"in the way")
    said = cli("restore", back, "--remote", remote)
    assert said.code == 22
    assert path.read_bytes() == b"in the way"
    assert not (back / MANIFEST).exists()


def test_a_workspace_that_has_more_keeps_it(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    cli("restore", back, "--remote", remote)
    git(back, "init", "-q")
    (back / "x.py").write_text("x\n")
    git(back, "add", "-A")
    git(back, "commit", "-qm", "x")
    cli("record", back, "--agent", "a", "--task", "later")
    before = without_cache(back)
    assert cli("restore", back, "--remote", remote).code == 0
    assert without_cache(back) == before


def test_a_dry_run_writes_nothing(synced: Bench, cli: Cli, remote: Path, back: Path) -> None:
    said = cli("restore", back, "--remote", remote, "--dry-run", "--json")
    assert said.code == 0
    assert len(said.json["planned"]["archives"]) == 2
    assert (said.json["planned"]["loose"], said.json["written"]) == (1, [])
    assert not back.exists()


@pytest.mark.parametrize("kind", ["archive", "loose", "snapshot", "v1"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "empty"])
def test_a_damaged_object_is_never_restored(
    synced: Bench, cli: Cli, remote: Path, back: Path, kind: str, harm: str
) -> None:
    path = sorted((remote / kind).iterdir())[0]
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    path.write_bytes({"flipped": bytes(flipped), "cut": data[:-1], "empty": b""}[harm])
    said = cli("restore", back, "--remote", remote)
    assert said.code == 12
    assert path.name in said.err
    assert not (back / MANIFEST).exists()
    path.write_bytes(data)
    assert cli("restore", back, "--remote", remote).code == 0
    assert without_cache(back) == without_cache(synced.root)


def test_a_missing_object_is_reported_and_the_rest_is_restored(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    (first, second) = sorted((remote / "archive").iterdir())
    first.unlink()
    for path in (remote / "loose").iterdir():
        path.unlink()
    said = cli("restore", back, "--remote", remote, "--json")
    assert said.code == 3
    assert [f["code"] for f in said.json["findings"]] == ["missing", "missing"]
    assert [p.name for p in archives(Bench(back, synced.worker))] == [second.name]
    # a sync from where they are repairs it
    assert cli("sync", synced.root, "--remote", remote).code == 0
    assert cli("restore", back, "--remote", remote).code == 0
    assert without_cache(back) == without_cache(synced.root)


def test_a_remote_without_a_snapshot_is_not_found(cli: Cli, tmp_path: Path, back: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("restore", back, "--remote", tmp_path / "empty").code == 30
    assert cli("restore", back, "--remote", tmp_path / "no" / "such").code == 30


@pytest.mark.parametrize("name", ["../evil", "/evil", ".git/config", ".diffs/x.diff", "evil"])
def test_a_snapshot_that_names_another_file_writes_nothing(
    cli: Cli, tmp_path: Path, back: Path, remote: Path, name: str
) -> None:
    bundle = encode_bundle({name: b"evil", DOCUMENT: b"{}"})
    target = ObjectName(f"snapshot/00000000-000001-{bundle.sha256[:16]}.tar.zst")
    (tmp_path / "remote").mkdir()
    DirectoryRemote(str(remote)).put(target, content_of(bundle.packed()))
    before = tree(tmp_path)
    assert cli("restore", back, "--remote", remote).code == 10
    assert {n for n in tree(tmp_path) if not n.endswith("/lock")} == before.keys()


@pytest.mark.parametrize("name", [".diffs", ".diffs/archive", ".diffs/v1"])
def test_nothing_is_written_through_a_link_from_a_clone(
    synced: Bench, cli: Cli, remote: Path, back: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    git(tmp_path, "init", "-q", "back")
    (back / name).parent.mkdir(exist_ok=True)
    (back / name).symlink_to(tmp_path / "elsewhere")
    git(back, "add", "-f", name)
    for only in ("all", "diffs", "loose"):
        more = () if only == "all" else ("--only", only)
        said = cli("restore", back, "--remote", remote, *more)
        assert (said.code, "is committed to the repository" in said.err) == (22, True)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    git(back, "rm", "-q", "--cached", name)  # who has another disk for them may say so
    assert cli("restore", back, "--remote", remote).code == 0
    assert list((tmp_path / "elsewhere").iterdir()) != []


def bomb(remote: Path, names: list[str], size: int) -> None:
    """Snapshots of strangers that are small there and large in memory."""
    for number, name in enumerate(names):
        bundle = encode_bundle({name: bytes(size), DOCUMENT: b"{}"})
        path = remote / "snapshot" / f"{number:08x}-000001-{bundle.sha256[:16]}.tar.zst"
        path.write_bytes(bundle.packed())


def test_a_snapshot_that_would_fill_the_memory_is_skipped(
    synced: Bench, cli: Cli, remote: Path, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.transfer.snapshots.LIMIT", 1 << 20)
    bomb(remote, [MANIFEST], 2 << 20)
    assert sum(p.stat().st_size for p in remote.rglob("snapshot/*")) < 100_000
    said = cli("restore", back, "--remote", remote)
    assert (said.code, "is not used" in said.err) == (3, True)
    assert len(Bench(back, synced.worker).manifest.sessions) == 10


def test_snapshots_that_would_fill_the_memory_together_are_refused(
    synced: Bench, cli: Cli, remote: Path, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(len(data) for name, (data, _) in tree(synced.root).items() if name in TRACKED)
    monkeypatch.setattr("pipelines.transfer.shared_remotes.LIMIT", size - 1)
    said = cli("restore", back, "--remote", remote)
    assert (said.code, "together" in said.err) == (12, True)
    monkeypatch.setattr("pipelines.transfer.shared_remotes.LIMIT", size)
    assert cli("restore", back, "--remote", remote).code == 0


@pytest.mark.parametrize("kind", ["archive", "loose"])
def test_an_object_that_never_ends_does_not_fill_the_disk(
    synced: Bench, cli: Cli, remote: Path, back: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = next((remote / kind).iterdir())
    given = [0]
    real = DirectoryRemote.copy

    def copy(self: DirectoryRemote, name: ObjectName, write: Callable[[bytes], object]) -> int:
        if not name.startswith(kind):
            return real(self, name, write)
        while True:
            given[0] += 1
            assert given[0] < 100  # two of each object: the second is too much
            write(path.read_bytes())

    monkeypatch.setattr(DirectoryRemote, "copy", copy)
    said = cli("restore", back, "--remote", remote, "--jobs", "1")
    assert (said.code, "is larger than" in said.err) == (12, True)
    assert given[0] in {2, 4}
    assert [p for p in back.rglob("*.zst") if p.name.startswith(".")] == []


def test_a_full_disk_is_reported_leaves_no_piece_and_the_next_restore_completes(
    synced: Bench, cli: Cli, remote: Path, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    full = iter([False, True])

    def fsync(fd: int) -> None:
        if stat.S_ISREG(os.fstat(fd).st_mode) and next(full, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd)

    monkeypatch.setattr("pipelines.transfer.downloads.os.fsync", fsync)
    said = cli("restore", back, "--remote", remote, "--jobs", "1")
    assert (said.code, len(said.err.splitlines()[-1]) > 0) == (32, True)
    assert "no space left" in said.err
    left = [p.name for p in (back / ".diffs/archive").iterdir()]
    assert all(len(name) == len("2025-11-199f562b1bfb.tar.zst") for name in left)
    assert not (back / MANIFEST).exists()
    assert cli("restore", back, "--remote", remote).code == 0
    assert without_cache(back) == without_cache(synced.root)


def test_the_sessions_of_all_writers_come_back_with_their_diffs(
    synced: Bench, cli: Cli, remote: Path, back: Path, tmp_path: Path
) -> None:
    synced.commit()
    others = []
    for n in range(3):
        other = Bench(tmp_path / f"clone-{n}", synced.worker)
        git(synced.root, "clone", "-q", ".", str(other.root))
        record(other, cli, f"task-{n}")
        assert cli("sync", other.root, "--remote", remote).code == 0
        others.append(other)
    assert cli("restore", back, "--remote", remote).code == 0
    restored = Bench(back, synced.worker)
    assert {s.task for s in restored.manifest.sessions.values()} >= {f"task-{n}" for n in range(3)}
    assert len(restored.deltas()) == len(restored.manifest.sessions)
    verified = cli("verify", back, "--json", "--require", "local")
    assert (verified.code, verified.json["diffs"]["absent"]) == (0, 0)
    wanted = {data for other in others for data in _here(other).values()}
    assert wanted <= set(diffs(restored.workspace).values())


def _here(bench: Bench) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (bench.root / ".diffs").glob("*.diff")}


def test_a_restore_that_was_stopped_is_completed(
    synced: Bench, cli: Cli, remote: Path, back: Path
) -> None:
    cli("restore", back, "--remote", remote)
    whole = without_cache(back)
    for name in list(whole):
        shutil.rmtree(back)
        cli("restore", back, "--remote", remote)
        (back / name).unlink()
        (back / ".diffs" / "archive" / ".new-2025-11-half").write_bytes(b"half")
        assert cli("restore", back, "--remote", remote).code == 0
        assert without_cache(back) == whole, name


def test_a_folder_that_may_not_be_written_is_denied(
    synced: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    if os.geteuid() == 0:
        (tmp_path / "file").write_text("no folder")
        assert cli("restore", tmp_path / "file" / "x", "--remote", remote).code == 30
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        assert cli("restore", tmp_path / "closed" / "x", "--remote", remote).code == 31
