"""Stopped at any moment, a record is whole or not there, and the next with its id completes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.checks import check_integrity
from pipelines.store import Store
from pipelines.tracked import read_tracked
from tests.faults.test_crash import SCRIPT
from tests.pipelines.conftest import PATCH, Bench


@pytest.fixture
def start(bench: Bench) -> Path:
    """A copy of a migrated workspace and a patch beside it."""
    bench.migrate()
    (bench.root.parent / "x.patch").write_bytes(PATCH)
    start = bench.root.parent / "start"
    shutil.copytree(bench.root, start, symlinks=True)
    return start


def record(bench: Bench, at: int, how: str) -> subprocess.CompletedProcess[str]:
    """Record one session, and stop before the nth change of a file."""
    asked = ["--agent", "a", "--task", "t", "--diff", str(bench.root.parent / "x.patch")]
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(at), how, "record", str(bench.root), *asked, "--id", "7"],
        capture_output=True,
        text=True,
        check=False,
    )


def completed(bench: Bench, start: Path, at: int, how: str) -> None:
    """Stop at one moment; then the next run leaves exactly one whole session."""
    shutil.rmtree(bench.root)
    shutil.copytree(start, bench.root, symlinks=True)
    stopped = record(bench, at, how)
    assert stopped.returncode == {"kill": 137, "full": 32}[how], stopped.stderr
    again = record(bench, 0, how)
    assert again.returncode == 0, again.stderr
    manifest = bench.manifest
    (session,) = (s for s in manifest.sessions.values() if s.id == "7")
    assert session.patch is not None
    assert Store(bench.workspace).read(session.key, session.patch) == PATCH
    tracked = read_tracked(bench.workspace)
    integrity = check_integrity(bench.workspace, tracked, manifest, lambda _: None)
    assert integrity.findings == ()
    assert len(bench.deltas()) == 4
    assert len(list((bench.root / ".diffs").glob("*.diff"))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "full"])
def test_a_record_stopped_at_any_moment_is_completed_by_the_next(
    bench: Bench, start: Path, how: str
) -> None:
    moments = int(record(bench, 0, how).stderr.split()[-1])
    assert moments > 8
    for at in range(1, moments + 1):
        completed(bench, start, at, how)


@pytest.mark.parametrize(("how", "at"), [("kill", 12), ("full", 7)])
def test_a_record_stopped_half_way_is_completed_by_the_next(
    bench: Bench, start: Path, how: str, at: int
) -> None:
    completed(bench, start, at, how)
