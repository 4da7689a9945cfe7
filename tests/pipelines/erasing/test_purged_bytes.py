"""A purged diff is in no file afterwards, no verb restores it, and no copy is missed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codec.records import PatchRef
from codec.v1.purged_text import gap_line
from tests.pipelines.conftest import Bench, Cli, codes, day, entry, git, log_of
from tests.pipelines.verbs.test_sync import own_configuration
from tests.support.met import FEBRUARY, LATER, T, diff, held, merge, record, repository

__all__ = ["own_configuration"]
LOG = "AGENT_PROGRESS_LOG.md"


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return repository(tmp_path / "a")


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return repository(tmp_path / "b")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def found(cli: Cli, root: Path) -> list[str]:
    """Return what `verify` reports of purged diffs: codes and files."""
    said = cli("verify", root, "--full", "--json").json["findings"]
    return [f["file"] for f in said if f["code"] in {"purged-diff", "purged-archive"}]


def test_restore_does_not_restore_purged_diffs(a: Path, cli: Cli, remote: Path) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    cli("sync", a, "--remote", remote, "--prune-local")
    assert cli("purge", T, a, "--yes").code == 0
    assert cli("restore", a, "--only", "diffs", "--remote", remote).code == 0
    assert not held(a, "MARKA")
    assert held(a, "MARKC")


def test_the_same_bytes_recorded_again_are_not_stored(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    cli("purge", T, a, "--yes")
    (a / "patch").write_bytes(diff("MARKA"))
    said = cli("record", a, "--agent", "h", "--task", "t", "--diff", a / "patch", "--json")
    (a / "patch").unlink()
    assert "purged-again" in [f["code"] for f in said.json["findings"]]
    assert not held(a, "MARKA")
    assert cli("show", said.json["session"]["key"], a, "--diff").code == 33


def test_a_clone_that_merged_a_tombstone_reports_and_purges_its_copy(
    a: Path, b: Path, cli: Cli, remote: Path
) -> None:
    record(a, "MARKA", T)
    cli("sync", a, "--remote", remote)
    merge(b, a)
    cli("restore", b, "--only", "diffs", "--remote", remote)
    cli("purge", T, a, "--yes", "--remote", remote)
    assert cli("sync", b, "--remote", remote).code == 0
    assert not held(remote, "MARKA")  # the tombstone of a's snapshot is honoured before a merge
    merge(b, a)
    assert cli("show", T, b, "--diff").code == 33
    assert found(cli, b) == [f".diffs/{T}.diff"]
    assert cli("doctor", b).code == 3
    listed = cli("purge", "--merged", b, "--dry-run")
    assert listed.out == f"would erase it from .diffs/{T}.diff\n"
    assert cli("purge", "--merged", b, "--yes").code == 0
    assert not held(b, "MARKA")
    assert found(cli, b) == []


def test_changed_copies_and_backups_go_as_well(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    path = a / ".diffs" / f"{T}.diff"
    copies = [f"{T}.diff.repair-1.bak", f".{T}.diff.77.tmp", "renamed.diff"]
    for name in copies:
        (a / ".diffs" / name).write_bytes(diff("MARKA"))
    staging = a / ".session-codec" / "staging-0123456789ab"
    staging.mkdir()
    (staging / f"{T}.diff").write_bytes(diff("MARKA"))
    path.write_bytes(diff("MARKA") + b"\n")
    assert cli("purge", T, a, "--yes").code == 0
    assert not held(a, "MARKA")


def test_the_diff_of_another_session_under_the_name_of_a_purged_one_stays(
    a: Path, cli: Cli
) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    (a / ".diffs" / f"{LATER}.diff").rename(a / ".diffs" / f"{T}.diff")
    assert cli("purge", T, a, "--yes").code == 0
    assert held(a, "MARKC")


def test_a_damaged_archive_that_may_hold_the_diff_stops_a_purge(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02", "--keep-loose")
    (path,) = (a / ".diffs" / "archive").iterdir()
    data = bytearray(path.read_bytes())
    data[20:40] = bytes(20)
    path.write_bytes(data[:-3])
    assert cli("purge", T, a, "--yes").code == 12
    assert cli("show", T, a, "--diff").out.encode() == diff("MARKA")


def test_a_backup_of_an_archive_is_deleted(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    (path,) = (a / ".diffs" / "archive").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert cli("doctor", a, "--repair").code in {0, 3}
    assert path.read_bytes() == whole
    assert cli("purge", T, a, "--yes").code == 0
    assert not held(a, "MARKA")
    assert [p.suffix for p in (a / ".diffs" / "archive").iterdir()] == [".zst"]
    assert held(a, "MARKC")


def test_no_cache_keeps_a_diff_of_a_remote_archive(a: Path, cli: Cli, remote: Path) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    cli("sync", a, "--remote", remote, "--prune-local")
    for _ in range(2):  # cold, then from the cache
        shown = cli("show", LATER, a, "--diff", "--remote", remote)
        assert shown.out.encode() == diff("MARKC")
    assert not held(a, "MARKA")
    assert not held(a, "MARKC")


@pytest.mark.parametrize("verb", ["show", "purge"])
def test_a_cached_end_of_an_archive_that_contains_diffs_is_deleted(
    a: Path, cli: Cli, remote: Path, verb: str
) -> None:
    """Replace a cached end with one with all frames, which early versions kept."""
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    cli("sync", a, "--remote", remote, "--prune-local")
    cli("show", LATER, a, "--diff", "--remote", remote)
    (end,) = (a / ".session-codec" / "cache").glob("*.end")
    (archive,) = (remote / "archive").iterdir()
    end.write_bytes(end.read_bytes().partition(b"\n")[0] + b"\n" + archive.read_bytes())
    if verb == "show":
        shown = cli("show", LATER, a, "--diff", "--remote", remote)
        assert shown.out.encode() == diff("MARKC")
        assert end.stat().st_size < archive.stat().st_size
    else:
        assert cli("purge", T, a, "--yes", "--remote", remote).code == 0
        assert not end.exists()


def test_extract_leaves_a_purged_diff_in_the_archive(
    a: Path, b: Path, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    cli("sync", a, "--remote", remote)
    merge(b, a)
    cli("restore", b, "--only", "diffs", "--remote", remote)
    cli("purge", T, a, "--yes")
    merge(b, a)
    (path,) = (b / ".diffs" / "archive").iterdir()
    out = tmp_path / "out"
    said = cli("archive", "extract", path.name, "--repo", b, "--to", out)
    assert said.code == 33
    assert T in said.err
    assert [p.read_bytes() for p in out.iterdir()] == [diff("MARKC")]


def test_a_purged_diff_again_in_a_log_is_not_stored_as_text(
    bench: Bench, cli: Cli, remote: Path
) -> None:
    first = entry(day(1), task="one", patch=diff("MARKA"))
    bench.log.write_bytes(log_of(first))
    bench.migrate()
    cli("purge", day(1), bench.root, "--yes")
    spare = b"was:\n```diff\n" + diff("MARKA") + b"```\n\n"
    later = entry(day(2), task="two", patch=diff("MARKC"))
    bench.log.write_bytes(log_of(later.replace(b"Metrics:", spare + b"Metrics:")))
    bench.migrate()
    assert held(bench.root, "MARKA") == [LOG]
    cli("sync", bench.root, "--remote", remote)
    assert not held(remote, "MARKA")
    gap = gap_line(_patch("MARKA"))
    out = bench.root / "out.md"
    assert cli("restore-v1", bench.root, "-o", out).code == 3
    assert out.read_bytes() == bench.log.read_bytes().replace(diff("MARKA"), gap)
    assert found(cli, bench.root) == [LOG]


def _patch(marker: str) -> PatchRef:
    return PatchRef.of(diff(marker))


def test_a_restored_log_with_a_gap_is_not_a_new_session_and_no_revision(
    bench: Bench, cli: Cli
) -> None:
    entries = [entry(day(n), task=f"t-{n}", patch=diff(f"MARK{n}")) for n in (1, 2)]
    bench.log.write_bytes(log_of(*entries))
    bench.migrate()
    before = dict(bench.manifest.sessions)
    bench.log.unlink()
    cli("purge", day(1), bench.root, "--yes")
    assert cli("restore-v1", bench.root, "-o", bench.log).code == 3
    text = bench.log.read_bytes()
    result = bench.migrate()
    assert codes(result) == []
    assert result.plan.added == []
    assert dict(bench.manifest.sessions) == before
    assert cli("restore-v1", bench.root, "-o", bench.root / "again.md").code == 0
    assert (bench.root / "again.md").read_bytes() == text


def test_a_log_with_a_gap_gives_an_empty_workspace_a_session_without_a_diff(
    bench: Bench,
) -> None:
    gap = gap_line(_patch("MARKA"))
    bench.log.write_bytes(log_of(entry(day(1), patch=gap)))
    bench.migrate()
    (session,) = bench.manifest.sessions.values()
    assert session.patch is None


def test_text_of_a_layout_is_erased_and_the_log_stays_restorable(bench: Bench, cli: Cli) -> None:
    twice = entry(day(1), task="one", patch=diff("MARKA"))
    bench.log.write_bytes(log_of(twice, twice, entry(day(2), patch=diff("MARKC"))))
    text = bench.log.read_bytes()
    bench.migrate()
    bench.log.unlink()
    assert cli("purge", day(1), bench.root, "--yes").code == 0
    assert not held(bench.root, "MARKA")
    out = bench.root / "out.md"
    assert cli("restore-v1", bench.root, "-o", out).code == 3
    gap = gap_line(_patch("MARKA"))
    assert out.read_bytes() == text.replace(diff("MARKA"), gap)


def test_doctor_does_not_make_a_purged_diff_again(a: Path, cli: Cli) -> None:
    record(a, "MARKC", LATER)
    (a / "x.txt").write_text("SECRET\n" * 4)
    git(a, "add", "x.txt")
    git(a, "commit", "-qm", "x")
    key = cli("record", a, "--agent", "h", "--task", "t").out.strip()
    assert cli("purge", key, a, "--yes").code == 0
    (a / ".diffs" / f"{key}.diff").write_bytes(b"something else\n")
    cli("doctor", a, "--repair")
    assert cli("show", key, a, "--diff").code == 33
    assert not any(b"SECRET" in p.read_bytes() for p in (a / ".diffs").iterdir())


def test_a_void_archive_keeps_serving_its_other_diffs(
    a: Path, b: Path, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    record(a, "MARKF", FEBRUARY)
    cli("archive", a, "--before", "2025-02")
    cli("sync", a, "--remote", remote)
    merge(b, a)
    assert cli("purge", T, b, "--yes").code == 0  # b does not have the archive
    cli("sync", b, "--remote", remote)
    back = tmp_path / "back"
    assert cli("restore", back, "--remote", remote).code == 0
    assert held(back, "MARKC")
    assert held(back, "MARKF")
    assert not held(back, "MARKA")
    merge(a, b)
    assert cli("show", LATER, a, "--diff").out.encode() == diff("MARKC")
    other = tmp_path / "other"
    assert cli("sync", a, "--remote", other).code == 0
    assert held(other, "MARKC")
    assert not held(other, "MARKA")
    (archive,) = (a / ".diffs" / "archive").iterdir()
    assert found(cli, a) == [f".diffs/archive/{archive.name}"]
    assert cli("purge", "--merged", a, "--yes").code == 0
    assert found(cli, a) == []
    assert held(a, "MARKC")


def test_a_tombstone_of_another_clone_can_be_disowned_while_the_bytes_are_here(
    a: Path, b: Path, cli: Cli, remote: Path
) -> None:
    record(a, "MARKA", T)
    cli("sync", a, "--remote", remote)
    merge(b, a)
    cli("restore", b, "--only", "diffs", "--remote", remote)
    cli("purge", T, a, "--yes")
    assert cli("purge", T, a, "--disown").code == 22  # a purge that was carried out is final
    merge(b, a)
    assert cli("show", T, b, "--diff").code == 33
    assert cli("purge", T, b, "--disown").code == 0
    assert cli("show", T, b, "--diff").out.encode() == diff("MARKA")
    assert found(cli, b) == []
    assert cli("purge", T, b, "--disown").code == 30


def test_a_backup_of_an_archive_with_the_only_copy_of_another_diff_stays(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    (path,) = (a / ".diffs" / "archive").iterdir()
    path.rename(path.with_name(f"{path.name}.repair-1.bak"))
    said = cli("purge", T, a, "--yes")
    assert said.code == 12
    assert LATER in said.err
    assert list((a / ".diffs" / "archive").iterdir())


def test_sync_keeps_back_every_archive_with_a_diff_that_another_clone_purged(
    a: Path, b: Path, cli: Cli, remote: Path
) -> None:
    record(a, "MARKA", T)
    cli("sync", a, "--remote", remote)
    merge(b, a)
    cli("purge", T, b, "--yes", "--remote", remote)
    record(a, "MARKA", FEBRUARY, "again")  # the same bytes, in another month
    record(a, "MARKC", FEBRUARY.replace(":00Z", ":01Z"))
    cli("archive", a, "--before", "2025-03")
    assert cli("sync", a, "--remote", remote).code == 0
    assert not held(remote, "MARKA")
    assert held(remote, "MARKC")


def test_prune_local_keeps_an_archive_that_was_not_sent_for_a_purged_diff(
    a: Path, b: Path, cli: Cli, remote: Path
) -> None:
    record(a, "MARKA", T)
    cli("sync", a, "--remote", remote)
    merge(b, a)
    cli("purge", T, b, "--yes", "--remote", remote)
    record(a, "MARKC", LATER)
    cli("archive", a, "--before", "2025-02")
    assert cli("sync", a, "--remote", remote, "--prune-local").code == 0
    assert held(a, "MARKC")
    assert held(remote, "MARKC")
    assert not held(remote, "MARKA")
    merge(a, b)
    assert cli("sync", a, "--remote", remote, "--prune-local").code == 0


def test_a_spare_fence_in_a_layout_is_erased_and_not_restored(
    bench: Bench, cli: Cli, remote: Path
) -> None:
    spare = b"was:\n```diff\n" + diff("MARKA") + b"```\n\n"
    later = entry(day(2), task="two", patch=diff("MARKC"))
    first = entry(day(1), task="one", patch=diff("MARKA"))
    bench.log.write_bytes(log_of(first, later.replace(b"Metrics:", spare + b"Metrics:")))
    bench.migrate()
    bench.log.unlink()
    cli("sync", bench.root, "--remote", remote)
    assert any(name.startswith(".diffs/v1/") for name in held(bench.root, "MARKA"))
    assert cli("purge", day(1), bench.root, "--yes").code == 0
    assert not held(bench.root, "MARKA")
    shutil.rmtree(bench.root / ".diffs" / "v1")
    assert cli("restore", bench.root, "--only", "diffs", "--remote", remote).code == 0
    assert any((bench.root / ".diffs" / "v1").iterdir())
    assert not held(bench.root, "MARKA")


def test_a_changed_backup_of_a_purged_diff_is_deleted(a: Path, cli: Cli) -> None:
    record(a, "MARKA", T)
    backup = a / ".diffs" / f"{T}.diff.repair-1.bak"
    backup.write_bytes(diff("MARKA") + b"\n")
    assert cli("purge", T, a, "--yes").code == 0
    assert not backup.exists()
