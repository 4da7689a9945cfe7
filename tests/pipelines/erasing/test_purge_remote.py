"""Purge on a remote: the bytes are in no object any more, and all others come back."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codec.archive.snapshot import is_pack
from codec.kinds import ObjectName
from pipelines.erasing.purge_remote import There, erase
from pipelines.erasing.remote import Replacement
from pipelines.outcomes.progress import Silent
from pipelines.remotes.base import Content, Remote, read_whole
from pipelines.remotes.directory import DirectoryRemote
from pipelines.remotes.s3 import Options, S3Remote
from pipelines.transfer.last_snapshot import read_last
from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.pipelines.remotes.test_age import Person, ada
from tests.pipelines.remotes.test_encrypted import opened
from tests.pipelines.verbs.test_archive import log_of_months, patch_of
from tests.pipelines.verbs.test_purge import holding
from tests.pipelines.verbs.test_sync import own_configuration, remote
from tests.support.made_secrets import patch_with, planted

__all__ = ["ada", "at_once", "own_configuration", "remote", "sdk_environment", "started"]
ERASED = patch_of("f3")
LEAK = patch_with(planted()[0].text)


@pytest.fixture
def made(bench: Bench) -> Bench:
    """Make a migrated workspace without its log, so that only its diffs hold their bytes."""
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    bench.log.unlink()
    return bench


def restored(cli: Cli, bench: Bench, *options: object) -> dict[str, bytes]:
    """Restore from a remote into an empty folder."""
    back = bench.root.parent / "back"
    shutil.rmtree(back, ignore_errors=True)
    assert cli("restore", back, *options).code == 0
    return diffs_without(Bench(back, bench.worker), day(3))


def diffs_without(bench: Bench, key: str) -> dict[str, bytes]:
    """Return the store's diffs of all sessions but the purged one."""
    from pipelines.diffs.store import Store

    store = Store(bench.workspace)
    sessions = bench.manifest.sessions.values()
    return {
        s.key: store.read(s.key, s.patch, s.range) for s in sessions if s.patch and s.key != key
    }


@pytest.mark.parametrize("how", ["archived", "loose", "pruned", "loose, then archived"])
def test_the_bytes_are_in_no_object_and_the_rest_comes_back(
    made: Bench, cli: Cli, remote: Path, how: str
) -> None:
    to = ("--remote", remote)
    before = diffs_without(made, day(3))
    if how.startswith("loose"):
        assert cli("sync", made.root, *to).code == 0
    if how != "loose":
        cli("archive", made.root)
        prune = ("--prune-local",) if how == "pruned" else ()
        assert cli("sync", made.root, *to, *prune).code == 0
    assert holding(remote, ERASED)
    said = cli("purge", day(3), made.root, "--yes", *to, "--json")
    assert said.code == 0, said
    assert said.json["erased_there"]
    assert holding(remote, ERASED) == holding(made.root, ERASED) == []
    assert restored(cli, made, *to) == before
    again = cli("purge", day(3), made.root, "--yes", *to, "--json")
    assert (again.code, again.json["erased_there"]) == (0, [])
    assert cli("sync", made.root, *to, "--json").json["requests"] == {"LIST": 1}


def test_a_dry_run_lists_the_objects_and_deletes_nothing(
    made: Bench, cli: Cli, remote: Path
) -> None:
    cli("sync", made.root, "--remote", remote)
    said = cli("purge", day(3), made.root, "--dry-run", "--remote", remote)
    assert f"would erase it from {remote}/loose/" in said.out
    assert holding(remote, ERASED)


def test_diffs_of_sessions_that_are_not_known_here_keep_their_object(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(made.root, clone, symlinks=True)
    other = Bench(clone, made.worker)
    other.log.write_bytes(log_of(entry(day(28), task="theirs", patch=patch_of("theirs"))))
    other.migrate()
    cli("sync", other.root, "--remote", remote)
    said = cli("purge", day(3), made.root, "--yes", "--remote", remote)
    assert said.code == 3
    assert "sessions that are unknown here" in said.err
    assert holding(remote, patch_of("theirs"))
    assert holding(made.root, ERASED) == []


def test_objects_of_another_machine_for_known_sessions_are_deleted_and_nothing_is_lost(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    before = diffs_without(made, day(3))
    clone = tmp_path / "clone"
    shutil.copytree(made.root, clone, symlinks=True)
    cli("sync", clone, "--remote", remote)
    shutil.rmtree(made.root / ".diffs")
    said = cli("purge", day(3), made.root, "--yes", "--remote", remote)
    assert said.code == 0, said
    assert holding(remote, ERASED) == []
    assert restored(cli, made, "--remote", remote) == before


def test_a_remote_in_the_settings_is_reported_when_it_is_used(
    made: Bench, cli: Cli, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_CODEC_REMOTE", str(remote))
    cli("sync", made.root)
    said = cli("purge", day(3), made.root, "--yes")
    assert said.code == 0
    assert f"note: {remote}: was not searched" in said.err
    assert holding(remote, ERASED)


def test_an_object_that_is_damaged_is_not_skipped(made: Bench, cli: Cli, remote: Path) -> None:
    cli("sync", made.root, "--remote", remote)
    (pack,) = (remote / "loose").iterdir()
    pack.write_bytes(pack.read_bytes()[:-20])
    said = cli("purge", day(3), made.root, "--yes", "--remote", remote)
    assert said.code == 12
    assert "its content cannot be read" in said.err


def test_an_encrypted_remote_is_purged_by_who_can_read_it(
    made: Bench, cli: Cli, remote: Path, ada: Person
) -> None:
    before = diffs_without(made, day(3))
    to = ("--remote", remote, "--encrypt-to", ada.recipient)
    assert cli("sync", made.root, *to).code == 0
    assert cli("purge", day(3), made.root, "--yes", *to).code == 31
    assert day(3) not in made.manifest.purged
    mine = (*to, "--identity", ada.file)
    assert cli("purge", day(3), made.root, "--yes", *mine).code == 0
    there = opened(DirectoryRemote(str(remote)), ada)
    packs = [s.name for s in there.list_all() if is_pack(s.name)]
    assert packs
    for name in packs:
        (remote.parent / "opened.zst").write_bytes(read_whole(there, name))
    assert holding(remote.parent, ERASED) == []
    assert restored(cli, made, "--remote", remote, "--identity", ada.file) == before


def in_bucket(started: Started, *, lock: bool) -> tuple[S3Remote, str]:
    """Return a remote in a versioned bucket, and the bucket's name."""
    server = started("moto")
    bucket = f"versions-{'locked' if lock else 'free'}-{datetime.now(UTC):%H%M%S%f}"
    client = server.client()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return S3Remote(bucket, "p", Options(endpoint_url=server.endpoint)), server.endpoint


@pytest.mark.usefixtures("sdk_environment")
def test_all_versions_of_erased_objects_are_deleted_from_a_bucket(
    made: Bench, cli: Cli, started: Started
) -> None:
    there, endpoint = in_bucket(started, lock=False)
    to = ("--remote", there.url, "--endpoint-url", endpoint)
    assert cli("sync", made.root, *to).code == 0
    (pack,) = (s.name for s in there.list_all() if is_pack(s.name))
    assert cli("purge", day(3), made.root, "--yes", *to).code == 0
    listed = started("moto").client().list_object_versions(Bucket=there.url.split("/")[2])
    kept = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
    assert kept
    assert not any(v["Key"] == f"p/{pack}" for v in kept)


@pytest.mark.usefixtures("sdk_environment")
def test_a_lock_that_retains_an_object_is_reported_and_local_copies_are_erased(
    made: Bench, cli: Cli, started: Started
) -> None:
    there, endpoint = in_bucket(started, lock=True)
    to = ("--remote", there.url, "--endpoint-url", endpoint)
    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert cli("sync", made.root, *to, "--retain-until", until).code == 0
    said = cli("purge", day(3), made.root, "--yes", *to)
    assert said.code == 31
    assert "retain" in said.err
    assert holding(made.root, ERASED) == []


def test_deleting_an_object_of_a_plain_remote_twice_is_not_an_error(remote: Path) -> None:
    there: Remote = DirectoryRemote(str(remote))
    there.delete(ObjectName("loose/x"))
    assert there.requests == {"DELETE": 1}


def test_a_secret_in_another_diff_neither_stops_a_purge_nor_is_sent(
    made: Bench, cli: Cli, remote: Path
) -> None:
    to = ("--remote", remote)
    cli("archive", made.root)
    cli("sync", made.root, *to)
    made.log.write_bytes(log_of(entry("2026-01-01T10:00:00Z", patch=LEAK)))
    made.migrate()
    made.log.unlink()
    assert cli("sync", made.root, *to).code == 3
    assert cli("purge", day(3), made.root, "--yes", *to).code == 0
    assert not holding(remote, ERASED)
    assert not holding(remote, LEAK)
    for n in (1, 2, 4, 5, 6, 7):
        assert holding(remote, patch_of(f"f{n}"))


@pytest.mark.parametrize("archived", [False, True])
def test_replacements_are_there_before_an_object_is_deleted(
    made: Bench, cli: Cli, remote: Path, monkeypatch: pytest.MonkeyPatch, archived: bool
) -> None:
    if archived:
        cli("archive", made.root)
    cli("sync", made.root, "--remote", remote)
    others = [patch_of(f"f{n}") for n in (1, 2, 4, 5, 6, 7)]
    seen = []

    def look(self: DirectoryRemote, name: str) -> None:
        (remote / name).unlink()
        seen.append(all(holding(remote, patch) for patch in others))

    monkeypatch.setattr(DirectoryRemote, "delete", look)
    assert cli("purge", day(3), made.root, "--yes", "--remote", remote).code == 0
    assert seen == [True]


def test_a_purge_writes_no_diff_that_was_purged_before(made: Bench, cli: Cli, remote: Path) -> None:
    cli("sync", made.root, "--remote", remote)
    assert cli("purge", day(3), made.root, "--yes").code == 0
    assert cli("purge", day(5), made.root, "--yes", "--remote", remote).code == 0
    for n in (3, 5):
        assert holding(made.root, patch_of(f"f{n}")) == []
        assert holding(remote, patch_of(f"f{n}")) == []
    assert holding(remote, patch_of("f4"))


def test_objects_for_other_recipients_are_reported_and_not_skipped(
    made: Bench, cli: Cli, remote: Path, ada: Person, tmp_path: Path
) -> None:
    pyrage = pytest.importorskip("pyrage")
    other = pyrage.x25519.Identity.generate()
    cli("sync", made.root, "--remote", remote, "--encrypt-to", str(other.to_public()))
    to = ("--remote", remote, "--encrypt-to", ada.recipient, "--identity", ada.file)
    cli("sync", made.root, *to)
    said = cli("purge", day(3), made.root, "--yes", *to, "--json")
    assert said.code == 3
    assert "not-inspected" in [f["code"] for f in said.json["findings"]]


def log_with_spare_fence() -> bytes:
    """Return a log with a diff a second time, in the text of another entry."""
    spare = b"was:\n```diff\n" + ERASED + b"```\n\n"
    later = entry(day(4), task="t-4", patch=patch_of("f4"))
    first = entry(day(3), task="t-3", patch=ERASED)
    return log_of(first, later.replace(b"Metrics:", spare + b"Metrics:"))


def test_a_layout_of_the_remote_with_the_text_is_replaced(
    bench: Bench, cli: Cli, remote: Path
) -> None:
    bench.log.write_bytes(log_with_spare_fence())
    text = bench.log.read_bytes()
    bench.migrate()
    bench.log.unlink()
    cli("sync", bench.root, "--remote", remote)
    planned = cli("purge", day(3), bench.root, "--dry-run", "--remote", remote)
    assert f"would erase it from {remote}/v1/" in planned.out
    assert cli("purge", day(3), bench.root, "--yes", "--remote", remote).code == 0
    assert not holding(remote, ERASED)
    back = bench.root.parent / "back"
    assert cli("restore", back, "--remote", remote).code == 0
    out = back / "out.md"
    assert cli("restore-v1", back, "-o", out).code == 3
    assert out.read_bytes().partition(b"[session-codec")[0] == text.partition(ERASED)[0]


def test_parts_of_an_abandoned_upload_are_deleted_once_they_are_old(
    made: Bench, cli: Cli, remote: Path
) -> None:
    cli("sync", made.root, "--remote", remote)
    old, new = remote / "loose" / ".new-0a", remote / "loose" / ".new-0b"
    for path in (old, new):
        path.write_bytes(ERASED)
    os.utime(old, (0, 0))
    said = cli("purge", day(3), made.root, "--yes", "--remote", remote, "--json")
    assert said.code == 3
    found = [(f["code"], f.get("file")) for f in said.json["findings"]]
    assert ("not-inspected", str(new)) in found
    assert not old.exists()
    assert new.exists()  # somebody may be writing it
    os.utime(new, (0, 0))
    assert cli("purge", day(3), made.root, "--yes", "--remote", remote).code == 0
    assert not new.exists()


@pytest.mark.usefixtures("sdk_environment")
def test_a_version_hidden_by_a_delete_marker_is_deleted(
    made: Bench, cli: Cli, started: Started
) -> None:
    there, endpoint = in_bucket(started, lock=False)
    to = ("--remote", there.url, "--endpoint-url", endpoint)
    assert cli("sync", made.root, *to).code == 0
    (pack,) = (s.name for s in there.list_all() if is_pack(s.name))
    client = started("moto").client()
    bucket = there.url.split("/")[2]
    client.delete_object(Bucket=bucket, Key=f"p/{pack}")
    assert pack not in [s.name for s in there.list_all()]
    said = cli("purge", day(3), made.root, "--yes", *to, "--json")
    assert said.code == 0, said
    listed = client.list_object_versions(Bucket=bucket)
    assert not any(v["Key"] == f"p/{pack}" for v in listed.get("Versions", ()))


@pytest.mark.parametrize("how", ["plain", "encrypted"])
def test_another_clone_reads_the_archive_that_replaced_the_one_it_knows(
    made: Bench, cli: Cli, remote: Path, ada: Person, how: str
) -> None:
    is_plain = how == "plain"
    read = ("--remote", remote, *(() if is_plain else ("--identity", ada.file)))
    write = (*read, *(() if is_plain else ("--encrypt-to", ada.recipient)))
    cli("archive", made.root)
    cli("sync", made.root, *write)
    clone = made.root.parent / "clone"
    shutil.copytree(made.root, clone, symlinks=True)
    assert cli("sync", clone, *write, "--prune-local").code == 0
    assert cli("purge", day(3), made.root, "--yes", *write).code == 0
    shown = cli("show", day(2), clone, "--diff", *read)
    assert shown.out.encode() == patch_of("f2"), shown
    assert cli("show", day(3), clone, "--diff", *read).code == 30


@pytest.mark.parametrize("how", ["loose", "archived", "layout"])
def test_a_replacement_that_arrives_damaged_deletes_nothing(
    bench: Bench, cli: Cli, remote: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    bench.log.write_bytes(log_with_spare_fence() if how == "layout" else log_of_months())
    bench.migrate()
    bench.log.unlink()
    if how == "archived":
        cli("archive", bench.root)
    cli("sync", bench.root, "--remote", remote)
    kind = {"loose": "loose/", "archived": "archive/", "layout": "v1/"}[how]
    planned = cli("purge", day(3), bench.root, "--dry-run", "--remote", remote)
    assert f"would erase it from {remote}/{kind}" in planned.out
    before = {path: path.read_bytes() for path in remote.rglob("*.zst")}
    put = DirectoryRemote.put

    def damaging(self: DirectoryRemote, name: ObjectName, content: Content) -> bool:
        is_new = put(self, name, content)
        (remote / name).write_bytes((remote / name).read_bytes()[:-1])
        return is_new

    monkeypatch.setattr(DirectoryRemote, "put", damaging)
    assert cli("purge", day(3), bench.root, "--yes", "--remote", remote).code == 12
    assert before
    assert {path: path.read_bytes() for path in before} == before


def test_an_object_that_was_just_sent_is_not_deleted(made: Bench, cli: Cli, remote: Path) -> None:
    cli("sync", made.root, "--remote", remote)
    there = DirectoryRemote(str(remote))
    last = read_last(made.workspace, there)
    assert last is not None
    packs = [(pack, read_whole(there, pack.name)) for pack in last.snapshot.packs]
    names = [pack.name for pack, _ in packs]
    assert names
    place = There(workspace=made.workspace, reads=there, writes=there, allow=(), progress=Silent())
    assert erase(made.workspace, place, Replacement(packs=packs, deleted=names), ()) == []
    assert all((remote / name).exists() for name in names)
