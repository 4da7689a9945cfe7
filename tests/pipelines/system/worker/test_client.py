"""The process beside a verb: its errors are raised here, and it ends with the verb."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Unavailable, WorkspaceMissing
from pipelines.system.worker.client import Worker
from pipelines.workspace.location import find


def test_known_errors_of_the_worker_are_raised_in_the_caller(
    worker: Worker, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(WorkspaceMissing) as raised:
        worker.call(find, missing).result()
    assert raised.value.hint
    with pytest.raises(FileNotFoundError):
        worker.call(os.stat, missing).result()
    assert worker.count_text("still here") == 2


def test_a_worker_that_was_killed_is_unavailable_and_not_a_success() -> None:
    # A pipe that broke on the way out once turned the error into exit code 0.
    def ask_the_dead() -> None:
        with Worker("o200k_base") as worker:
            assert worker._process is not None
            worker._process.kill()
            worker._process.wait()
            worker.count_text("little enough to wait in the buffer")

    with pytest.raises(Unavailable, match="worker process ended"):
        ask_the_dead()


def test_a_worker_ends_when_its_verb_is_killed() -> None:
    code = (
        "import sys\nfrom pipelines.system.worker.client import Worker\n"
        "w = Worker('o200k_base')\nw.count_text('warm')\n"
        "print(w._process.pid, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as verb:
        assert verb.stdout is not None
        pid = int(verb.stdout.readline())
        ended = os.pidfd_open(pid)
        verb.kill()
        verb.wait()
        # the descriptor of a process becomes readable when it ends
        assert select.select([ended], [], [], 20)[0]
        os.close(ended)
