"""A remote that others write to as well: they can hide no session, and stop nobody."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from codec.kinds import ObjectName
from pipelines.remotes.base import Content
from pipelines.remotes.directory import DirectoryRemote
from pipelines.transfer.last_snapshot import read_last
from pipelines.transfer.shared_remotes import foreign_snapshots
from pipelines.transfer.snapshots import bundle_of, put_snapshot, snapshot_of
from pipelines.workspace.location import MANIFEST
from tests.pipelines.conftest import Bench, Cli


@pytest.fixture
def remote(bench: Bench, cli: Cli, tmp_path: Path) -> Path:
    """Return a remote with one snapshot."""
    bench.migrate()
    folder = tmp_path / "remote"
    assert cli("sync", bench.root, "--remote", folder).code == 0
    return folder


def plant(remote: Path, number: int) -> str:
    """Put a snapshot without sessions under the name of the writer that is there."""
    (own,) = {name.split("-")[0] for name in os.listdir(remote / "snapshot")}
    files: dict[str, bytes] = {MANIFEST: b'{"fact":"references","after":[],"values":{}}\n'}
    bundle = bundle_of(snapshot_of(files, [], []), files)
    name = f"snapshot/{own}-{number:06d}-{bundle.sha256[:16]}.tar.zst"
    (remote / name).write_bytes(bundle.packed())
    return name


def restored(cli: Cli, remote: Path, folder: Path, *more: str) -> tuple[int, int]:
    """Restore; return the exit code and the number of sessions."""
    said = cli("restore", folder, "--remote", remote, *more, "--json")
    return said.code, said.json["sessions"]


def test_a_snapshot_far_ahead_hides_no_session(cli: Cli, remote: Path, tmp_path: Path) -> None:
    plant(remote, 999_999_999_999)
    assert restored(cli, remote, tmp_path / "back") == (0, 3)


def test_a_next_number_that_is_not_ours_is_found_and_our_sessions_are_sent_again(
    bench: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    name = plant(remote, 2)
    said = cli("sync", bench.root, "--remote", remote, "--json")
    assert (said.code, [f["code"] for f in said.json["findings"]]) == (3, ["foreign-snapshot"])
    assert said.json["findings"][0]["file"].endswith(name)
    assert cli("sync", bench.root, "--remote", remote).code == 0
    assert restored(cli, remote, tmp_path / "back") == (0, 3)


def test_two_processes_of_one_workspace_give_no_number_twice(
    bench: Bench, cli: Cli, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2)
    put = DirectoryRemote.put

    def put_together(self: DirectoryRemote, name: ObjectName, content: Content) -> bool:
        """Let both put at one moment, if nothing keeps the second from it."""
        with suppress(BrokenBarrierError):
            both.wait(timeout=1)
        return put(self, name, content)

    monkeypatch.setattr(DirectoryRemote, "put", put_together)
    workspace, there = bench.workspace, DirectoryRemote(str(remote))
    names = [stored.name for stored in there.list_all()]
    manifest = (bench.root / MANIFEST).read_bytes()

    def send(archive: str) -> None:
        line = f'{{"fact":"references","after":[],"values":{{"a":"{archive}"}}}}\n'
        files: dict[str, bytes] = {MANIFEST: manifest + line.encode()}
        put_snapshot(workspace, there, snapshot_of(files, [], []), files, names, None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, ["one", "two"]))
    last = read_last(workspace, there)
    assert last is not None
    assert not list(foreign_snapshots(there, last, [s.name for s in there.list_all()]))


@pytest.mark.parametrize("writer", ["own", "ffffffff"])
@pytest.mark.parametrize("data", [b"", b"junk", b"\x28\xb5\x2f\xfd junk"])
def test_a_junk_snapshot_is_skipped_and_named_and_can_be_left_out(
    bench: Bench, cli: Cli, remote: Path, tmp_path: Path, writer: str, data: bytes
) -> None:
    (own,) = os.listdir(remote / "snapshot")
    name = f"snapshot/{own.split('-')[0] if writer == 'own' else writer}-000007-{'0' * 16}.tar.zst"
    (remote / name).write_bytes(data)
    said = cli("restore", tmp_path / "back", "--remote", remote, "--json")
    assert (said.code, said.json["sessions"]) == (3, 3)
    assert [(f["code"], f["file"].endswith(name)) for f in said.json["findings"]] == [
        ("skipped-snapshot", True)
    ]
    assert restored(cli, remote, tmp_path / "again", "--without", name) == (0, 3)
    (bench.root / ".session-codec/cache").rename(tmp_path / "cache")  # as on a new machine
    assert cli("sync", bench.root, "--remote", remote).code == 0


def test_a_copy_of_a_workspace_that_goes_on_is_only_noted(
    bench: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(bench.root, tmp_path / "copy")
    record = ("--agent", "a", "--task", "t", "--no-diff")
    assert cli("record", tmp_path / "copy", *record).code == 0
    assert cli("sync", tmp_path / "copy", "--remote", remote).code == 0
    said = cli("sync", bench.root, "--remote", remote, "--json")
    assert (said.code, [f["level"] for f in said.json["findings"]]) == (0, ["note"])
