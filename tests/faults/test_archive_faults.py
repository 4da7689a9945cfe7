"""Stopped at any moment, archiving leaves every diff somewhere, and the next run completes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.checks import check_integrity
from pipelines.packing import contents_of
from pipelines.tracked import read_tracked
from tests.faults.test_crash import SCRIPT
from tests.pipelines.conftest import Bench
from tests.pipelines.test_archive import archives, diffs, log_of_months, loose


@pytest.fixture
def start(bench: Bench) -> Path:
    """A copy of a migrated workspace of two past months, without its log."""
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    bench.log.unlink()
    start = bench.root.parent / "start"
    shutil.copytree(bench.root, start, symlinks=True)
    return start


def run(bench: Bench, at: int, how: str) -> subprocess.CompletedProcess[str]:
    """Archive, and stop before the nth change of a file."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(at), how, "archive", str(bench.root)],
        capture_output=True,
        text=True,
        check=False,
    )


def completed(bench: Bench, start: Path, at: int, how: str) -> None:
    """Stop at one moment: every diff is there; then the next run leaves two whole archives."""
    shutil.rmtree(bench.root)
    shutil.copytree(start, bench.root, symlinks=True)
    before = diffs(bench.workspace)
    stopped = run(bench, at, how)
    assert stopped.returncode == {"kill": 137, "full": 32}[how], stopped.stderr
    assert diffs(bench.workspace) == before
    for path in archives(bench):  # what has its name is whole
        assert contents_of(str(path))
    again = run(bench, 0, how)
    assert again.returncode == 0, again.stderr
    assert diffs(bench.workspace) == before
    assert loose(bench) == []
    assert {p.name for p in archives(bench)} == set(bench.manifest.archives)
    assert len(list((bench.root / ".diffs" / "archive").iterdir())) == 2
    tracked = read_tracked(bench.workspace)
    assert check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "full"])
def test_an_archive_run_stopped_at_any_moment_loses_nothing(
    bench: Bench, start: Path, how: str
) -> None:
    moments = int(run(bench, 0, how).stderr.split()[-1])
    assert moments > 8
    for at in range(1, moments + 1):
        completed(bench, start, at, how)


@pytest.mark.parametrize(("how", "at"), [("kill", 14), ("full", 5)])
def test_an_archive_run_stopped_half_way_loses_nothing(
    bench: Bench, start: Path, how: str, at: int
) -> None:
    completed(bench, start, at, how)
