"""What a start of the program loads, and what it does at its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.pipelines.conftest import Bench, command

RECORD = ("record", "--agent", "human", "--task", "t", "--status", "PASS", "--diff")
PATCH = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\n"
#: Modules that take milliseconds, and that neither `record` nor `context` needs.
COSTLY = {"shutil", "bz2", "subprocess", "dataclasses", "threading", "yaml", "pathlib", "tempfile",
          "logging", "inspect", "pipelines.system.git.process"}  # fmt: skip


@pytest.mark.parametrize("verb", ["record", "context"])
def test_a_verb_that_agents_run_at_every_turn_loads_nothing_costly(plain: Bench, verb: str) -> None:
    plain.migrate()
    (plain.root / "a.diff").write_text(PATCH)
    words = (*RECORD, plain.root / "a.diff", plain.root) if verb == "record" else (verb, plain.root)
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    for _ in ("first", "with caches"):
        done = subprocess.run(
            command(*words), env=environment, capture_output=True, text=True, check=True
        )
    times = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = COSTLY & {line.rpartition("|")[2].strip() for line in times}
    assert not loaded


def ended(before: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program's main function after a line of code."""
    code = f"import sys\n{before}\nsys.argv[1:] = {words!r}\n"
    code += "from pipelines.cli.main import main\nmain()\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_all_output_is_written_where_the_shutdown_is_skipped() -> None:
    assert (
        ended("", "completion", "bash").stdout
        == ended("import atexit", "completion", "bash").stdout
    )
    failed = ended("", "nonsense", "--json")
    assert (failed.returncode, failed.stdout[-2:]) == (2, "}\n")
    assert "unknown verb" in failed.stderr


def test_work_at_the_interpreters_shutdown_is_done() -> None:
    last = "import atexit; atexit.register(print, 'the last line')"
    assert ended(last, "--version").stdout.endswith("the last line\n")


def test_a_thread_ends_before_the_program() -> None:
    thread = "import threading as t; t.Timer(0.01, print, ['from a thread']).start()"
    assert "from a thread\n" in ended(thread, "--version").stdout
