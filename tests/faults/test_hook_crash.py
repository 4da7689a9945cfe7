"""Killed at any moment, a hook loses no session that was spooled; a verb that records them none."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pipelines.recording.drain import drain
from pipelines.recording.spool import waiting
from pipelines.verbs.install import apply, plan
from pipelines.workspace.location import locate
from pipelines.workspace.reading import read_manifest
from tests.faults.test_crash import SCRIPT
from tests.pipelines.conftest import Cli, git

HOOK = """
import sys
import pipelines.cli.hook as hook
from tests.faults.crashing import Fault, install
fault = Fault(int(sys.argv[1]), sys.argv[2])
sys.argv[1:] = ["claude", "end"]
install(fault)
flush = sys.stderr.flush
sys.stderr.flush = lambda: (sys.stderr.write(f"{fault.count}\\n"), flush())
hook.main()
"""
Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a workspace with one waiting session."""
    made = tmp_path / "repo"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    git(made, "commit", "-q", "--allow-empty", "-m", "first")
    apply(plan(locate(str(made))))
    assert hook(made, "first").returncode == 0
    return made


def hook(root: Path, session_id: str, at: int = 0, how: str = "kill") -> Ran:
    """Run the hook of a session's end and stop it at its nth change of a file."""
    return subprocess.run(
        [sys.executable, "-c", HOOK, str(at), how],
        input=f'{{"session_id": "{session_id}"}}',
        cwd=root,
        env={"PYTHONPATH": ":".join(filter(None, (str(Path(__file__).parents[2]), *sys.path)))},
        capture_output=True,
        text=True,
        check=False,
    )


def recorded(root: Path) -> list[str]:
    return sorted(s.id for s in read_manifest(locate(str(root))).sessions.values())


def again(root: Path, start: Path) -> None:
    """Back to the beginning."""
    shutil.rmtree(root)
    shutil.copytree(start, root, symlinks=True)


@pytest.mark.parametrize("how", ["kill", "full"])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_hook_that_is_stopped_loses_no_session_that_was_spooled(
    root: Path, tmp_path: Path, how: str, fresh: bool
) -> None:
    spool = root / ".session-codec" / "spool"
    before = ["first"]
    if fresh:
        shutil.rmtree(spool)
        before = []
    start = tmp_path / "start"
    shutil.copytree(root, start, symlinks=True)
    count = int(hook(root, "s", 0, how).stderr.split()[-1])
    assert count >= 2
    for at in range(1, count + 1):
        again(root, start)
        ran = hook(root, "s", at, how)
        if how == "full":
            assert ran.returncode == 0
            assert ran.stderr.count("\n") == 2  # what went wrong, and the count
        named = len(waiting(str(spool))) > len(before)
        drain(locate(str(root)))
        assert recorded(root) == [*before, *(["s"] if named else [])], at
    assert named == (how == "kill")  # what is last needs no space: it has its name by then


def test_the_entry_of_a_killed_hook_is_used_later(root: Path) -> None:
    ran = hook(root, "s", 3)
    assert ran.returncode == 137
    (left,) = (root / ".session-codec" / "spool").glob("*.tmp")
    subprocess.run(["touch", "-d", "2020-01-01", left], check=True)
    drain(locate(str(root)))
    assert recorded(root) == ["first", "s"]


def stopped_at(root: Path, cli: Cli, choose: Callable[[int], Iterable[int]]) -> None:
    """Stop a verb that records waiting sessions at each of the chosen moments."""
    hook(root, "second")
    start = root.parent / "start"
    shutil.copytree(root, start, symlinks=True)
    count = int(crash(root, 0).stderr.split()[-1])
    assert recorded(root) == ["first", "second"]
    assert count > 30
    for at in choose(count):
        again(root, start)
        ran = crash(root, at)
        assert ran.returncode == 137, (at, ran.stderr)
        said = cli("flush", root)
        assert said.code == 0, (at, said.err)
        assert recorded(root) == ["first", "second"], at
        assert cli("verify", root).code == 0, at
        assert waiting(str(root / ".session-codec" / "spool")) == []


def crash(root: Path, at: int) -> Ran:
    argv = [sys.executable, str(SCRIPT), str(at), "kill", "flush", str(root)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_verb_that_is_killed_as_it_records_loses_and_doubles_no_session(
    root: Path, cli: Cli
) -> None:
    stopped_at(root, cli, lambda count: random.Random(7).sample(range(1, count + 1), 9))  # noqa: S311
    assert recorded(root) == ["first", "second"]


@pytest.mark.slow
def test_a_verb_that_is_killed_at_any_change_loses_and_doubles_no_session(
    root: Path, cli: Cli
) -> None:
    stopped_at(root, cli, lambda count: range(1, count + 1))
    assert recorded(root) == ["first", "second"]
