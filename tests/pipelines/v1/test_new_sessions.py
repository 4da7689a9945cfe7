"""Which sessions are new: recognised by content, named by content, never doubled or replaced."""

from __future__ import annotations

import shutil

import pytest

from codec.kinds import Key
from codec.v1.entry import entry_hash
from pipelines.diffs.store import Store
from pipelines.outcomes.findings import Finding
from pipelines.verbs.amend import Amendment, amend
from pipelines.verification.integrity import check_integrity
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import PATCH, Bench, codes, day, entry, git, log_of, tree


def keys(bench: Bench) -> list[str]:
    return [line.split(" | ")[0] for line in bench.deltas()]


def faults(bench: Bench) -> tuple[Finding, ...]:
    tracked = read_tracked(bench.workspace)
    return check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None).findings


def test_the_same_entry_twice_is_one_session(bench: Bench) -> None:
    bench.log.write_bytes(log_of(entry(day(1)), entry(day(2)), entry(day(1))))
    result = bench.migrate()
    assert keys(bench) == [day(1), day(2)]
    assert codes(result, "note").count("repeated-entry") == 1
    assert bench.restore() == bench.log.read_bytes()


def test_sessions_of_one_time_get_keys_by_content_whatever_their_order(bench: Bench) -> None:
    one, two = entry(day(1), task="one"), entry(day(1), task="two")
    bench.log.write_bytes(log_of(one, two))
    bench.migrate()
    first = {(s.key, s.task) for s in bench.manifest.sessions.values()}
    other = bench.root.parent / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "AGENT_PROGRESS_LOG.md").write_bytes(log_of(two, one))
    clone = Bench(other, bench.worker)
    clone.migrate()
    assert {(s.key, s.task) for s in clone.manifest.sessions.values()} == first
    late = max((one, two), key=entry_hash)
    assert {k for k, _ in first} == {day(1), f"{day(1)}.{entry_hash(late)[:6]}"}


@pytest.mark.parametrize("kept", [True, False], ids=["diffs-here", "diffs-absent"])
def test_the_newest_text_of_an_edited_entry_counts_once(bench: Bench, kept: bool) -> None:
    bench.migrate()
    old, version = bench.log.read_bytes(), bench.manifest.versions[0].sha256
    if not kept:
        shutil.rmtree(bench.root / ".diffs")
    bench.log.write_bytes(old.replace(b"Task: task-2", b"Task: task-2, edited"))
    result = bench.migrate()
    assert codes(result) == []
    assert [p.becomes.key for p in result.plan.updated] == [day(2)]
    assert bench.manifest.sessions[Key(day(2))].title == "task-2, edited"
    assert keys(bench) == [day(1), day(2), day(3)]
    assert (bench.root / ".diffs" / f"{day(2)}.diff").read_bytes() == PATCH
    assert bench.restore() == bench.log.read_bytes()
    if kept:
        assert bench.restore(version) == old
    assert faults(bench) == ()
    again = tree(bench.root, times=True)
    assert bench.migrate().plan.is_empty
    assert tree(bench.root, times=True) == again


def test_an_entry_that_goes_back_and_forth_is_revised_each_time(bench: Bench) -> None:
    old = bench.log.read_bytes()
    new = old.replace(b"Task: task-2", b"Task: task-2, edited")
    for number, data in enumerate((old, new, old, new)):
        bench.log.write_bytes(data)
        assert len(bench.migrate().plan.updated) == bool(number)
        title = bench.manifest.sessions[Key(day(2))].title
        assert title == ("task-2, edited" if data == new else "task-2")
        assert faults(bench) == ()
    assert len(bench.manifest.histories[Key(day(2))].revisions) == 3


def test_an_amendment_by_a_user_survives_an_edit_of_the_log(bench: Bench) -> None:
    bench.migrate()
    amend(bench.workspace, day(2), Amendment(status="FAIL"))
    old = bench.log.read_bytes()
    for text in (b"Task: task-2, edited", b"Task: task-2, edited again"):
        bench.log.write_bytes(old.replace(b"Task: task-2", text))
        bench.migrate()
        session = bench.manifest.sessions[Key(day(2))]
        assert (session.status, session.title) == ("FAIL", text[6:].decode())
    assert faults(bench) == ()


def test_a_private_session_gets_no_text_back_from_the_log(bench: Bench) -> None:
    bench.migrate()
    amend(bench.workspace, day(2), Amendment(private=True))
    bench.log.write_bytes(bench.log.read_bytes().replace(b"Task: task-2", b"Task: secret-2"))
    bench.migrate()
    assert bench.manifest.sessions[Key(day(2))].private
    assert b"secret-2" not in (bench.root / ".session-codec" / "manifest.jsonl").read_bytes()
    assert bench.migrate().plan.is_empty


def test_of_two_entries_with_the_name_of_one_that_vanished_the_likelier_is_its_heir(
    bench: Bench,
) -> None:
    bench.log.write_text("## 2026-03-01 | bot | sweep\nfirst text\n")
    bench.migrate()
    bench.log.write_text(
        "## 2026-03-01 | bot | sweep\nanother\n\n## 2026-03-01 | bot | sweep\nfirst text, revised\n"
    )
    result = bench.migrate()
    assert codes(result) == []
    assert [p.becomes.notes for p in result.plan.updated] == ["first text, revised"]
    assert len(keys(bench)) == 2
    assert bench.migrate().plan.is_empty


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## 2026-03-01 | bot | sweep\nthe long text", "## 2026-03-01 | bot | mop\nthe long text"),
        ("## 2026-03-01 09:00 | bot | sweep\na", "## 2026-03-01 09:00 | bot | mop\nb"),
        ("## 2026-03-01 | bot | sweep\na", "## 2026-03-01 | bot | sweep\nb"),
        ("## 2026-03-01 Session 1\n- dig here", "## 2026-03-01 Session 1\n- dig here now\n- x"),
    ],
    ids=["title", "all-but-the-time", "body", "first-line"],
)
def test_a_changed_entry_stays_one_session(bench: Bench, before: str, after: str) -> None:
    bench.log.write_text(f"{before}\n\n## 2026-03-05 | bot | other\nmore\n")
    bench.migrate()
    bench.log.write_text(f"{after}\n\n## 2026-03-05 | bot | other\nmore\n")
    result = bench.migrate()
    assert (codes(result), len(result.plan.updated), len(keys(bench))) == ([], 1, 2)


def test_another_session_of_a_day_is_not_the_heir_of_one_that_was_removed(bench: Bench) -> None:
    bench.log.write_text("## 2026-03-01 | bot | sweep\nbroom and dust\n")
    bench.migrate()
    bench.log.write_text("## 2026-03-01 | bot | paint\nwalls in green\n")
    assert bench.migrate().plan.updated == []
    assert len(keys(bench)) == 2


def test_an_edited_patch_replaces_no_stored_diff_and_both_logs_come_back(bench: Bench) -> None:
    bench.migrate()
    old = bench.log.read_bytes()
    version = bench.manifest.versions[0].sha256
    new = old.replace(b"task-2\nAgent", b"task-2\nAgent ", 1).replace(b"+more\n", b"+MORE\n")
    bench.log.write_bytes(new)
    result = bench.migrate()
    assert codes(result) == []
    assert (bench.root / ".diffs" / f"{day(2)}.diff").read_bytes() == PATCH
    patches = bench.manifest.patches_of(Key(day(2)))
    assert patches[0] == bench.manifest.sessions[Key(day(2))].patch
    store = Store(bench.workspace)
    assert [store.read(Key(day(2)), p) for p in patches] == [
        PATCH.replace(b"+more", b"+MORE"),
        PATCH,
    ]
    assert bench.restore() == new
    assert bench.restore(version) == old
    assert faults(bench) == ()
    assert bench.migrate().plan.is_empty


def test_a_time_that_does_not_exist_is_quarantined_and_the_rest_goes_on(bench: Bench) -> None:
    bad = entry("2025-13-41T99:00:00Z", task="bad")
    bench.log.write_bytes(log_of(entry(day(1)), bad, entry(day(2))))
    result = bench.migrate()
    assert codes(result) == ["quarantined"]
    assert result.plan.findings[0].line is not None
    assert keys(bench) == [day(1), day(2)]
    assert bench.restore() == bench.log.read_bytes()


def test_a_diff_that_somebody_put_there_is_never_overwritten(bench: Bench) -> None:
    (bench.root / ".diffs").mkdir()
    mine = bench.root / ".diffs" / f"{day(2)}.diff"
    mine.write_bytes(b"made by hand\n")
    result = bench.migrate()
    assert mine.read_bytes() == b"made by hand\n"
    assert codes(result, "note") == ["foreign-diff"]
    key = next(k for k in keys(bench) if k.startswith(f"{day(2)}."))
    assert (bench.root / ".diffs" / f"{key}.diff").read_bytes() == PATCH
    assert bench.restore() == bench.log.read_bytes()


def test_a_diff_that_somebody_made_of_the_same_patch_is_the_sessions(bench: Bench) -> None:
    (bench.root / ".diffs").mkdir()
    (bench.root / ".diffs" / f"{day(2)}.diff").write_bytes(PATCH)
    assert codes(bench.migrate(), "note") == []
    assert keys(bench) == [day(1), day(2), day(3)]


def test_a_zone_that_was_assumed_is_reported(bench: Bench) -> None:
    bench.log.write_bytes(log_of(entry("2025-11-06 14:30")))
    result = bench.migrate()
    assert codes(result, "note") == ["assumed-zone"]
    assert keys(bench) == ["2025-11-06T14:30:00Z"]


def test_the_diffs_of_a_fresh_clone_come_back_from_the_log(bench: Bench) -> None:
    bench.migrate()
    before = tree(bench.root)
    shutil.rmtree(bench.root / ".diffs")
    result = bench.migrate()
    assert len(result.plan.restored) == 3
    assert tree(bench.root) == before


def test_diffs_come_back_once_though_two_logs_hold_them(bench: Bench) -> None:
    other = bench.root / "other.md"
    other.write_bytes(bench.log.read_bytes() + b"\nmore\n")
    bench.migrate(bench.log, other)
    before = tree(bench.root)
    shutil.rmtree(bench.root / ".diffs")
    assert len(bench.migrate().plan.restored) == 3
    assert tree(bench.root) == before
