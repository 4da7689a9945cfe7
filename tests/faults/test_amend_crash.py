"""An amendment that is stopped at any change of a file is done as a whole or not at all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.test_crash import SCRIPT
from tests.faults.test_crash import state as state_of
from tests.pipelines.conftest import Bench, Cli, day

pytestmark = pytest.mark.slow

JOURNAL = r"\.session-codec/journal-[0-9a-f]{16}"
CHANGES = ("--status", "FAIL", "--notes", "Taken back")


def state(root: Path) -> dict[str, bytes]:
    """Return a workspace's files without half-written replacements, which `doctor` sets aside."""
    return {name: data for name, data in state_of(root).items() if not name.endswith(".tmp")}


def test_an_amendment_that_is_stopped_anywhere_is_completed_or_never_happened(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    start, before = bench.root.parent / "start", state(bench.root)
    shutil.copytree(bench.root, start, symlinks=True)
    assert cli("amend", day(2), bench.root, *CHANGES).code == 0
    after = state(bench.root)
    at, seen = 0, set()
    while True:
        at += 1
        shutil.rmtree(bench.root)
        shutil.copytree(start, bench.root, symlinks=True)
        command = [sys.executable, str(SCRIPT), str(at), "kill", "amend", day(2), str(bench.root)]
        found = subprocess.run([*command, *CHANGES], capture_output=True, check=False)
        stopped = state(bench.root)
        if found.returncode == 0:
            break
        assert found.returncode == 137
        if not any(re.fullmatch(JOURNAL, name) for name in stopped):
            assert stopped in (before, after)
            seen.add(stopped == after)
        assert cli("amend", day(2), bench.root, *CHANGES).code == 0
        assert state(bench.root) == after
    assert at > 10
    assert False in seen
