"""Two clones record at one time: a key is a hint, and no verb takes it for the content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from codec.kinds import Key
from codec.manifest.facts import Revision
from codec.manifest.jsonl import encode_fact
from pipelines.diffs.store import Store
from pipelines.recording.session import record_session
from pipelines.workspace.location import MANIFEST, Workspace
from tests.pipelines.conftest import Cli, entry, log_of
from tests.pipelines.verbs.test_sync import own_configuration
from tests.support.met import (
    FEBRUARY,
    LATER,
    T,
    diff,
    held,
    key_of,
    manifest_of,
    merge,
    record,
    record_at_once,
    recording,
    repository,
    workspace_of,
)

__all__ = ["own_configuration"]


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two clones, and a remote."""
    return repository(tmp_path / "a"), repository(tmp_path / "b"), tmp_path / "remote"


def archived(cli: Cli, clones: tuple[Path, Path, Path], *, loser: str) -> None:
    """Let a archive and send its session and b send its own; then merge them."""
    a, b, remote = clones
    record_at_once(a, b, ("MARKA", "MARKB"), loser)
    record(a, "MARKC", LATER)
    assert cli("archive", a, "--before", "2025-02").code == 0
    for root in (a, b):
        assert cli("sync", root, "--remote", remote).code == 0
    merge(a, b)
    merge(b, a)


def test_a_purge_of_the_other_session_of_a_key_keeps_the_archive(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, b, remote = clones
    archived(cli, clones, loser="MARKA")
    key = key_of(b, "MARKB")
    assert cli("purge", key, b, "--yes").code == 0
    merge(a, b)
    found = cli("verify", a, "--full", "--json").json["findings"]
    assert not [f for f in found if f["code"].startswith("purged")]
    assert cli("purge", key, a, "--yes", "--remote", remote).code == 0
    for marker in ("MARKA", "MARKC"):
        assert held(a, marker)
        assert held(remote, marker)
    assert not held(remote, "MARKB")


def test_a_purge_follows_a_session_to_an_archive_under_its_old_key(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, _, remote = clones
    archived(cli, clones, loser="MARKA")
    assert cli("purge", key_of(a, "MARKA"), a, "--yes", "--remote", remote).code == 0
    assert not held(a, "MARKA")
    assert not held(remote, "MARKA")
    assert held(a, "MARKC")
    assert held(remote, "MARKC")
    assert held(remote, "MARKB")


def test_archive_packs_diffs_that_came_from_a_merge_and_a_restore(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, _, remote = clones
    archived(cli, clones, loser="MARKA")
    assert cli("restore", a, "--only", "diffs", "--remote", remote).code == 0
    assert cli("archive", a, "--before", "2025-02").code == 0
    store = Store(workspace_of(a))
    for session in manifest_of(a).sessions.values():
        assert session.patch is not None
        store.read(session.key, session.patch)
    assert not list((a / ".diffs").glob("*.diff"))


def met(cli: Cli, clones: tuple[Path, Path, Path]) -> None:
    """Let a send its session and b merge: its session loses the key, its diff keeps the name."""
    a, b, remote = clones
    record_at_once(a, b, ("MARKA", "MARKB"), "MARKB")
    record(a, "MARKC", LATER)
    assert cli("sync", a, "--remote", remote).code == 0
    merge(b, a)
    assert key_of(b, "MARKB") != T


def test_restore_does_not_replace_the_diff_of_another_session(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    _, b, remote = clones
    met(cli, clones)
    assert cli("restore", b, "--only", "diffs", "--remote", remote).code == 0
    for marker in ("MARKA", "MARKB", "MARKC"):
        said = cli("show", key_of(b, marker), b, "--diff")
        assert (said.code, said.out.encode()) == (0, diff(marker))


def test_purging_a_third_session_does_not_replace_a_diff(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    _, b, remote = clones
    met(cli, clones)
    assert cli("purge", key_of(b, "MARKC"), b, "--yes", "--remote", remote).code == 0
    assert cli("show", key_of(b, "MARKB"), b, "--diff").out.encode() == diff("MARKB")
    assert held(remote, "MARKA")


def test_restore_before_a_merge_calls_no_intact_diff_damaged(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, b, remote = clones
    record_at_once(a, b, ("MARKA", "MARKB"), "MARKB")
    for root in (a, b):
        cli("sync", root, "--remote", remote)
    for root, mine in ((a, "MARKA"), (b, "MARKB")):
        assert cli("restore", root, "--only", "diffs", "--remote", remote).code == 0
        assert held(root, mine)
        assert held(root, "MARKA" if mine == "MARKB" else "MARKB")


def test_a_log_with_dates_alone_stays_restorable_after_a_restore(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, b, remote = clones
    logs = {a: "AGENT_PROGRESS_LOG.md", b: "docs.md"}
    for root, name in logs.items():
        marker = "MARKA" if root == a else "MARKB"
        (root / name).write_bytes(log_of(entry("2025-01-05", task=name[:3], patch=diff(marker))))
        assert cli("migrate", root, "--from", root / name).code == 0
    text = (b / "docs.md").read_bytes()
    for root, name in logs.items():
        (root / name).unlink()
    cli("sync", a, "--remote", remote)
    cli("sync", b, "--remote", remote)
    for root, other in ((a, b), (b, a)):
        merge(root, other)
        assert cli("restore", root, "--only", "diffs", "--remote", remote).code == 0
    out = b / "out.md"
    assert cli("restore-v1", b, "--source", "docs.md", "-o", out).code == 0
    assert out.read_bytes() == text


def test_migrate_stores_a_diff_whose_name_another_session_has(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, b, _ = clones
    record(b, "MARKB", T)
    for task in map("task-{}".format, range(40)):  # the entry hash decides which keeps the key
        log = log_of(entry(T, task=task, patch=diff("MARKA")))
        root = repository(a.parent / task)
        (root / "AGENT_PROGRESS_LOG.md").write_bytes(log)
        assert cli("migrate", root).code == 0
        merge(root, b)
        if key_of(root, "MARKB") != T:
            break
    merge(b, root)
    (b / "AGENT_PROGRESS_LOG.md").write_bytes(log)
    assert cli("migrate", b).code == 0
    for marker in ("MARKA", "MARKB"):
        assert cli("show", key_of(b, marker), b, "--diff").out.encode() == diff(marker)


def test_doctor_gives_every_diff_its_name_at_once(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    _, b, remote = clones
    met(cli, clones)
    cli("restore", b, "--only", "diffs", "--remote", remote)
    assert cli("doctor", b, "--repair").code == 0
    names = {p.name for p in (b / ".diffs").glob("*.diff")}
    assert names == {f"{key_of(b, m)}.diff" for m in ("MARKA", "MARKB", "MARKC")}
    again = cli("doctor", b, "--repair", "--json")
    assert "misnamed-diff" not in again.out


def test_the_same_bytes_of_two_months_go_from_both_archives(
    clones: tuple[Path, Path, Path], cli: Cli
) -> None:
    a, _, remote = clones
    record(a, "MARKA", T, "one")
    record(a, "MARKA", FEBRUARY, "two")
    record(a, "MARKC", FEBRUARY.replace("06T", "07T"))
    cli("archive", a, "--before", "2025-03")
    cli("sync", a, "--remote", remote)
    assert cli("purge", T, a, "--yes", "--remote", remote).code == 0
    assert not held(a, "MARKA")
    assert not held(remote, "MARKA")
    assert held(a, "MARKC")
    assert held(remote, "MARKC")


def test_a_diff_that_a_revision_replaced_does_not_hide_the_new_one_in_its_archive(
    clones: tuple[Path, Path, Path], cli: Cli, tmp_path: Path
) -> None:
    a, _, remote = clones
    record(a, "MARKA", T)
    cli("archive", a, "--before", "2025-02")
    revise_diff(a, T, "MARKB")
    assert cli("sync", a, "--remote", remote).code == 0
    new = tmp_path / "new"
    assert cli("restore", new, "--remote", remote).code == 0
    assert cli("show", T, new, "--diff").out.encode() == diff("MARKB")
    assert cli("archive", a, "--before", "2025-02").code == 0
    assert not list((a / ".diffs").glob("*.diff"))
    assert cli("show", T, a, "--diff").out.encode() == diff("MARKB")


class Stopped(BaseException):
    """Raised where the process would be killed."""


def test_archive_packs_both_sessions_of_a_key_after_a_stopped_record_and_a_merge(
    clones: tuple[Path, Path, Path], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill `record` after its commit; the merge changes the files that it would append to."""
    a, b, _ = clones
    record(a, "MARKA", T)

    def stop(_: Workspace) -> None:
        raise Stopped

    with monkeypatch.context() as m:
        m.setattr("pipelines.workspace.transaction.recover", stop)
        with pytest.raises(Stopped):
            record_session(workspace_of(b), recording("MARKB", T, "MARKB"))
    merge(b, a)
    assert cli("archive", b, "--before", "2025-02").code in {0, 3}  # only a has MARKA
    assert not list((b / ".diffs").glob("*.diff"))
    shown = cli("show", key_of(b, "MARKB"), b, "--diff")
    assert shown.out.encode() == diff("MARKB")


def revise_diff(root: Path, key: str, marker: str) -> None:
    """Record a revision that gives a session another diff, which is stored loose."""
    manifest = manifest_of(root)
    data = diff(marker)
    changes = {"diff": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}
    fact = Revision(of=manifest.identity(Key(key)), after=(), by="person", changes=changes)
    with (root / MANIFEST).open("a") as f:
        f.write(f"{encode_fact(fact)}\n")
    (root / ".diffs" / f"{key}.diff").write_bytes(data)
