"""Which sessions are new: recognised by content, named by content, never doubled or replaced."""

from __future__ import annotations

import shutil

import pytest

from codec.v1.entry import entry_hash
from tests.pipelines.conftest import PATCH, Bench, codes, day, entry, git, log_of, tree


def keys(bench: Bench) -> list[str]:
    return [line.split(" | ")[0] for line in bench.deltas()]


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
def test_an_edited_session_is_a_finding_and_neither_doubled_nor_replaced(
    bench: Bench, kept: bool
) -> None:
    bench.migrate()
    before = tree(bench.root)
    old = bench.log.read_bytes()
    if not kept:
        shutil.rmtree(bench.root / ".diffs")
    bench.log.write_bytes(old.replace(b"Task: task-2", b"Task: task-2, edited"))
    result = bench.migrate()
    assert [(f.code, f.key) for f in result.plan.findings if f.level == "finding"] == [
        ("edited", day(2))
    ]
    after = tree(bench.root)
    for name in ("SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md"):
        assert after[name] == before[name]
    assert after[f".diffs/{day(2)}.diff"] == before[f".diffs/{day(2)}.diff"]
    assert bench.restore() == bench.log.read_bytes()
    again = tree(bench.root, times=True)
    assert codes(bench.migrate()) == ["edited"]
    assert tree(bench.root, times=True) == again


def test_of_two_entries_with_the_name_of_one_that_is_gone_one_is_new(bench: Bench) -> None:
    bench.log.write_text("## 2026-03-01 | bot | sweep\nfirst\n")
    bench.migrate()
    bench.log.write_text(
        "## 2026-03-01 | bot | sweep\nanother\n\n## 2026-03-01 | bot | sweep\nfirst, mended\n"
    )
    assert codes(bench.migrate()) == ["edited"]
    assert len(keys(bench)) == 2
    assert codes(bench.migrate()) == ["edited"]
    assert len(keys(bench)) == 2


def test_an_edited_patch_replaces_no_stored_diff_and_both_logs_come_back(bench: Bench) -> None:
    bench.migrate()
    old = bench.log.read_bytes()
    version = bench.manifest.versions[0].sha256
    new = old.replace(b"task-2\nAgent", b"task-2\nAgent ", 1).replace(b"+more\n", b"+MORE\n")
    bench.log.write_bytes(new)
    result = bench.migrate()
    assert set(codes(result)) == {"edited"}
    assert (bench.root / ".diffs" / f"{day(2)}.diff").read_bytes() == PATCH
    assert bench.restore() == new
    assert bench.restore(version) == old


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


def test_a_zone_that_was_assumed_is_told(bench: Bench) -> None:
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
