"""Verbs that are stopped at a moment, for the tests of what they leave."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pipelines.verification.integrity import check_integrity
from pipelines.workspace.tracked_files import read_tracked
from tests.faults.test_crash import SCRIPT
from tests.pipelines.conftest import Bench


class Stopping(NamedTuple):
    """A verb that is stopped, and what must hold then, and after the next run of it.

    Attributes:
        bench: where it runs.
        start: a copy of the workspace before it.
        arguments: the verb and what it is given.
        stopped, completed: what must hold.
    """

    bench: Bench
    start: Path
    arguments: tuple[str, ...]
    stopped: Callable[[], None]
    completed: Callable[[], None]

    def run(self, at: int, how: str) -> subprocess.CompletedProcess[str]:
        """Run it, and stop before the nth change of a file; 0 for none."""
        known = Path(os.environ["XDG_CACHE_HOME"], "session-codec")
        shutil.rmtree(known, ignore_errors=True)  # so that each run makes the same changes
        return subprocess.run(
            [sys.executable, str(SCRIPT), str(at), how, *self.arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def moments(self, how: str) -> range:
        """All moments at which it can be stopped."""
        return range(1, int(self.run(0, how).stderr.split()[-1]) + 1)

    def check(self, at: int, how: str) -> None:
        """Stop at one moment, and run it again."""
        bench = self.bench
        shutil.rmtree(bench.root)
        shutil.copytree(self.start, bench.root, symlinks=True)
        stopped = self.run(at, how)
        assert stopped.returncode == {"kill": 137, "full": 32}[how], stopped.stderr
        self.stopped()
        again = self.run(0, how)
        assert again.returncode == 0, again.stderr
        self.completed()
        tracked = read_tracked(bench.workspace)
        found = check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None)
        assert found.findings == ()
