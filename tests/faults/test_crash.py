"""A migration that is killed at any moment loses nothing.

The workspace is as it was before, or the next run completes it; then it equals the workspace of
a migration that was never killed.
"""

from __future__ import annotations

import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.outcomes.progress import Advance
from tests.pipelines.conftest import THREE, Bench, command, day, entry, tree

SCRIPT = Path(__file__).with_name("crashing.py")
#: What a stopped run may leave beside the workspace's files: none of it is read as a fact.
JOURNAL = re.compile(r"\.session-codec/journal-\w+")
LITTER = re.compile(r"\.session-codec/(?:lock|journal-\w+\.tmp(?:\.payload)?|staging-[\w-]+/.*)")
Tree = dict[str, bytes]


def state(root: Path) -> Tree:
    """Return a workspace's files without temporary files and times of reading."""
    return {
        name: re.sub(rb'"seen":"[^"]*"', b'"seen":""', content)
        for name, (content, _) in tree(root).items()
        if not LITTER.fullmatch(name)
    }


def crash(at: int, how: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(at), how, "migrate", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )


def grow(root: Path) -> None:
    log = root / "AGENT_PROGRESS_LOG.md"
    log.write_bytes(THREE + entry(day(8), task="task-8") + entry(day(9), task="task-9"))


class Runs:
    """A migration that is stopped, from the same beginning each time."""

    def __init__(self, bench: Bench, kind: str) -> None:
        self.bench = bench
        self.start = bench.root.parent / "start"
        if kind == "grown":
            bench.migrate()
            grow(bench.root)
        shutil.copytree(bench.root, self.start, symlinks=True)
        self.before = state(bench.root)
        bench.migrate()
        self.after = state(bench.root)
        self.again()

    def again(self) -> None:
        """Back to the beginning."""
        shutil.rmtree(self.bench.root)
        shutil.copytree(self.start, self.bench.root, symlinks=True)

    def count(self, how: str) -> int:
        """Return the number of moments at which a run can be stopped."""
        found = crash(0, how, self.bench.root)
        assert found.returncode == 0, found.stderr
        assert state(self.bench.root) == self.after
        self.again()
        return int(found.stderr.split()[-1])

    def check(self) -> None:
        """Check that the remaining files are valid and that the next run completes them."""
        stopped = state(self.bench.root)
        pending = any(JOURNAL.fullmatch(name) for name in stopped)
        if not pending:
            assert stopped in (self.before, self.after)
        self.bench.migrate()
        assert state(self.bench.root) == self.after
        assert not [p for p in tree(self.bench.root) if "staging" in p or "journal" in p]
        assert self.bench.restore() == self.bench.log.read_bytes()
        assert self.bench.migrate().written == []


@pytest.fixture(params=["first", "grown"])
def runs(bench: Bench, request: pytest.FixtureRequest) -> Runs:
    return Runs(bench, request.param)


def assert_a_stop_is_completed(runs: Runs, moments: Iterator[int] | range | list[int]) -> None:
    for at in moments:
        found = crash(at, "kill", runs.bench.root)
        assert found.returncode == 137, (at, found.stderr)
        runs.check()
        runs.again()


@pytest.mark.slow
def test_a_crash_at_any_change_of_a_file_loses_and_doubles_nothing(runs: Runs) -> None:
    assert_a_stop_is_completed(runs, range(1, runs.count("kill") + 1))


def test_a_crash_at_some_changes_of_files_loses_and_doubles_nothing(runs: Runs) -> None:
    count = runs.count("kill")
    assert count > 30
    assert_a_stop_is_completed(runs, sorted(random.Random(7).sample(range(1, count + 1), 4)))  # noqa: S311


def test_a_second_crash_while_recovering_loses_and_doubles_nothing(runs: Runs) -> None:
    count = runs.count("kill")
    crash(count - 5, "kill", runs.bench.root)
    assert any(JOURNAL.fullmatch(name) for name in tree(runs.bench.root))
    for at in (2, 4, 6):
        crash(at, "kill", runs.bench.root)
    runs.check()


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_moment_is_reported_and_the_next_run_completes(
    runs: Runs,
) -> None:
    assert_a_full_disk_is_told(runs, range(1, runs.count("full") + 1))


def test_a_disk_that_is_full_at_some_moments_is_reported_and_the_next_run_completes(
    runs: Runs,
) -> None:
    count = runs.count("full")
    assert_a_full_disk_is_told(runs, [1, count // 2, count])


def assert_a_full_disk_is_told(runs: Runs, moments: range | list[int]) -> None:
    for at in moments:
        found = crash(at, "full", runs.bench.root)
        assert found.returncode == 32, (at, found.stderr)
        assert "no space left" in found.stderr
        assert "Free some space" in found.stderr
        left = [name for name in tree(runs.bench.root) if LITTER.fullmatch(name)]
        if not any(JOURNAL.fullmatch(name) for name in tree(runs.bench.root)):
            assert set(left) <= {".session-codec/lock"}
        runs.check()
        runs.again()


# A real disk, really full


@pytest.mark.parametrize(("size", "as_before"), [("64k", True), ("96k", False)])
def test_a_full_file_system_is_exit_32_and_the_next_run_with_space_completes(
    bench: Bench, tmp_path: Path, size: str, as_before: bool
) -> None:
    """In 64 KiB the diffs do not fit; in 96 they do, but not what is appended after the commit."""
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(mount)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    try:
        big = b"".join(b"+%032x\n" % random.Random(n).getrandbits(128) for n in range(1000))  # noqa: S311
        small = Bench(mount, bench.worker)
        small.log.write_bytes(THREE + entry(day(9), patch=big))
        before = state(mount)
        found = subprocess.run(
            command("migrate", mount), capture_output=True, text=True, check=False
        )
        assert found.returncode == 32, found.stderr
        assert "no space left on device" in found.stderr
        if as_before:
            assert state(mount) == before
            assert {n for n in tree(mount) if n not in before} <= {".session-codec/lock"}
        else:
            assert any(JOURNAL.fullmatch(name) for name in tree(mount))
        subprocess.run(["mount", "-o", "remount,size=4m", str(mount)], check=True)
        small.migrate()
        assert small.restore() == small.log.read_bytes()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


# Signals


class At:
    """Progress that sends this process a signal as a stage begins."""

    def __init__(self, name: str, number: int) -> None:
        self._name = name
        self._number = number

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        del total
        if name == self._name:
            os.kill(os.getpid(), self._number)
        yield lambda done: None


SIGNALLED = """
import signal
import sys
# Where the tests run in the background, a shell has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
import pipelines.cli.commands.migrate_shown as shown
from tests.faults.test_crash import At
_, number, stage, root = sys.argv
shown.Stages = lambda: At(stage, int(number))
sys.argv = ["session-codec", "migrate", root]
from pipelines.cli.main import main
main()
"""


def signalled(root: Path, number: int, stage: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(int(number)), stage, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("stage", ["read", "stage", "prove", "write"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_so_and_leaves_the_workspace_as_it_was(
    bench: Bench, number: signal.Signals, code: int, stage: str
) -> None:
    before = state(bench.root)
    found = signalled(bench.root, number, stage)
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    assert "the next run completes it" in found.stderr
    assert state(bench.root) == before
    assert {n for n in tree(bench.root) if n not in before} <= {".session-codec/lock"}
    bench.migrate()
    assert bench.restore() == THREE


def test_a_killed_run_leaves_no_process_behind(bench: Bench, tmp_path: Path) -> None:
    # The end of a pipe that verb and worker both hold is seen when the last of them is gone.
    here, there = os.pipe()
    found = subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(int(signal.SIGKILL)), "prove", str(bench.root)],
        pass_fds=[there],
        stderr=there,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    os.close(there)
    assert found.returncode == -signal.SIGKILL
    while select.select([here], [], [], 20)[0]:
        if not os.read(here, 4096):
            break
    else:
        pytest.fail("a process still holds the pipe")
    os.close(here)
    bench.migrate()
    assert bench.restore() == THREE


@pytest.mark.parametrize("stages", [1, 4, 7, 8])
def test_a_run_that_is_killed_from_outside_is_completed(runs: Runs, stages: int) -> None:
    process = subprocess.Popen(command("migrate", runs.bench.root), stderr=subprocess.PIPE)
    assert process.stderr is not None
    for _ in range(stages):  # each is named as it passes; the kill comes some time after it
        process.stderr.readline()
    process.kill()
    process.communicate()
    runs.check()


# Two at once


def test_two_runs_at_once_both_succeed_and_double_nothing(runs: Runs) -> None:
    both = [
        subprocess.Popen(
            command("migrate", runs.bench.root), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert state(runs.bench.root) == runs.after
    runs.check()
