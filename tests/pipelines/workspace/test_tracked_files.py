"""What is appended to the tracked files: what they lack, and nothing that they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.workspace.location import DELTAS, METRICS, PROGRESS
from pipelines.workspace.tracked_files import ATTRIBUTES, IGNORED, git_appends, session_appends
from tests.pipelines.conftest import Bench, codes, day, entry, git, log_of, tree


@pytest.mark.parametrize("name", [DELTAS, METRICS, PROGRESS])
def test_a_file_that_was_lost_is_written_again_as_it_was(bench: Bench, name: str) -> None:
    bench.migrate()
    before = tree(bench.root)
    (bench.root / name).unlink()
    bench.migrate()
    assert tree(bench.root) == before


@pytest.mark.parametrize("name", [DELTAS, METRICS])
def test_a_row_that_a_merge_lost_is_added_and_the_others_stay(bench: Bench, name: str) -> None:
    bench.migrate()
    path = bench.root / name
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2] + lines[-1:]))
    bench.migrate()
    assert path.read_bytes().splitlines(keepends=True) == [*lines[:-2], lines[-1], lines[-2]]


def test_a_reference_entry_that_a_merge_lost_is_added(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / PROGRESS
    head, *entries = path.read_text().split("### ")
    path.write_text("### ".join([head, *entries[1:]]))
    bench.migrate()
    assert path.read_text() == "### ".join([head, *entries[1:], entries[0]])


@pytest.mark.parametrize("name", [DELTAS, METRICS, PROGRESS, ".session-codec/manifest.jsonl"])
def test_a_torn_line_is_ended_first_and_reported_and_spoils_no_other(
    bench: Bench, name: str
) -> None:
    bench.migrate()
    path = bench.root / name
    before = path.read_bytes()
    path.write_bytes(before + b"2025-11-0")
    bench.log.write_bytes(bench.log.read_bytes() + entry(day(4), task="task-4"))
    result = bench.migrate()
    assert [f.file for f in result.plan.findings if f.code == "torn-line"] == [name]
    assert path.read_bytes().startswith(before + b"2025-11-0\n")
    assert len(bench.deltas()) == 4 + (name == DELTAS)
    assert len(bench.manifest.sessions) == 4


def test_ignore_lines_are_added_once_after_the_users_own(bench: Bench) -> None:
    (bench.root / ".gitignore").write_bytes(b"node_modules\n/.diffs/")
    bench.migrate()
    text = (bench.root / ".gitignore").read_text()
    assert text.startswith("node_modules\n/.diffs/\n")
    assert sorted(line for line in text.splitlines() if line in IGNORED) == sorted(IGNORED)
    attributes = (bench.root / ".gitattributes").read_text().splitlines()
    assert set(ATTRIBUTES) <= set(attributes)
    assert not list(git_appends(bench.workspace, ["AGENT_PROGRESS_LOG.md"]))


def test_git_ignores_local_files_and_tracks_the_others(bench: Bench) -> None:
    bench.migrate()
    git(bench.root, "add", "-A")
    tracked = set(git(bench.root, "ls-files").split())
    assert ".session-codec/manifest.jsonl" in tracked
    assert not {t for t in tracked if t.startswith(".diffs") or t.endswith("lock")}


def test_outside_of_git_nothing_is_written_for_git(plain: Bench) -> None:
    plain.migrate()
    assert not {".gitignore", ".gitattributes"} & set(tree(plain.root))


def test_sessions_are_written_oldest_first(bench: Bench) -> None:
    bench.log.write_bytes(log_of(*(entry(day(n)) for n in (2, 9, 1, 5))))
    bench.migrate()
    times = [line.split(" | ")[0] for line in bench.deltas()]
    assert times == [day(n) for n in (1, 2, 5, 9)]


def test_nothing_is_appended_where_nothing_is_missing(bench: Bench) -> None:
    result = bench.migrate()
    assert codes(result) == []
    assert list(session_appends(bench.workspace, bench.manifest.sessions.values())) == []
    assert (bench.root / METRICS).read_text().count("timestamp\t") == 1
    assert Path(bench.root, PROGRESS).read_text().count("# Agent progress log") == 1
