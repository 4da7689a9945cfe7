"""A fleet run whose worker is killed with SIGKILL, at five points of the run.

The points are calls of git, which every verb makes: a `git` in front of the real one counts them
and kills the verb, the server that forked it, or the worker that waits for it. For the runner
`local` the last one is the run, which is repeated by the same command; Dask starts another worker.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.pipelines.conftest import command, day, entry, git, log_of, tree

pytest.importorskip("pyarrow")

STEPS: Final = "migrate,verify,export"
POINTS: Final = 5
REPOSITORIES: Final = 2
_SEEN: Final = re.compile(rb'"seen":"[^"]*"')
#: The processes from git upwards, by the number of generations.
VICTIMS: Final = {"verb": 0, "server": 1, "worker": 2}
#: Makes a folder for each call in a repository, whose number is its name; kills at the chosen one.
GIT: Final = """#!/bin/sh
case "$*" in *{root}*) ;; *) exec {git} "$@" ;; esac
n=1
until mkdir "{counted}/$n" 2>"{counted}.log"; do n=$((n + 1)); done
if [ "$n" = "${{KILL_AT:-0}}" ]; then
  victim=$PPID
  for _ in $(seq "$KILL"); do victim=$(ps -o ppid= -p "$victim" | tr -d ' '); done
  kill -9 "$victim"
fi
exec {git} "$@"
"""


class Fleet(NamedTuple):
    """Repositories with a log, a copy of them, and the `git` that counts."""

    root: Path
    kept: Path
    bin: Path
    counted: Path

    def reset(self) -> None:
        """Restore the repositories, and count from 1."""
        for folder in (self.root, self.counted):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.kept, self.root)
        self.counted.mkdir()

    def run(self, run: Path, runner: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the verbs in all of them."""
        argv = command("fleet", "run", STEPS, "--find", self.root, "--run", run,
                       "--runner", runner, "--workers", 2, "--json")  # fmt: skip
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            argv, env={**os.environ, **more, "PATH": path}, capture_output=True, text=True,
            check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def calls(self) -> int:
        """Return how often git was called."""
        return len(list(self.counted.iterdir()))

    def state(self, run: Path) -> dict[str, Any]:
        """Return the tables, and the files of the repositories without caches and the clock."""
        files = {k: v for k, v in tree(self.root).items() if "/.session-codec/cache/" not in k}
        files |= {f"tables/{k}": v for k, v in tree(run / "tables").items()}
        return {name: _SEEN.sub(b"", data) for name, (data, _) in files.items()}


class Whole(NamedTuple):
    """A fleet, the end state of a run that nobody killed, and its calls of git."""

    fleet: Fleet
    state: dict[str, Any]
    calls: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    real = shutil.which("git")
    assert real is not None
    top = tmp_path_factory.mktemp("killed")
    fleet = Fleet(top / "fleet", top / "kept", top / "bin", top / "counted")
    for number in range(REPOSITORIES):
        root = fleet.kept / f"app{number}"
        root.mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")
        entries = (entry(day(n), task=f"task-{number}-{n}") for n in (1, 2))
        (root / "AGENT_PROGRESS_LOG.md").write_bytes(log_of(*entries))
    fleet.bin.mkdir()
    (fleet.bin / "git").write_text(GIT.format(git=real, counted=fleet.counted, root=fleet.root))
    (fleet.bin / "git").chmod(0o755)
    fleet.reset()
    done = fleet.run(top / "whole", "local")
    assert done.returncode == 0, done.stderr
    return Whole(fleet, fleet.state(top / "whole"), fleet.calls())


def lines_of(run: Path) -> list[dict[str, Any]]:
    """Return the lines of all result files of a run."""
    paths = sorted((run / "results").iterdir())
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runner", "victim", "point"),
    [
        *((runner, "worker", point) for runner in ("local", "dask") for point in range(POINTS)),
        ("local", "server", 1),
        ("dask", "server", 3),
        ("local", "verb", 2),
    ],
)
def test_a_killed_worker_changes_nothing_of_the_end_state(
    whole: Whole, tmp_path: Path, runner: str, victim: str, point: int
) -> None:
    if runner == "dask":
        pytest.importorskip("distributed")
    fleet, run = whole.fleet, tmp_path / "run"
    fleet.reset()
    at = 1 + point * (whole.calls - 1) // (POINTS - 1)
    done = fleet.run(run, runner, KILL_AT=str(at), KILL=str(VICTIMS[victim]))
    if (runner, victim) == ("local", "worker"):
        assert done.returncode == -signal.SIGKILL
        done = fleet.run(run, runner)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"] == REPOSITORIES
    state = fleet.state(run)
    different = {k for k in {*state, *whole.state} if state.get(k) != whole.state.get(k)}
    assert different == set()
    lines = lines_of(run)
    ended = Counter((x["repository"], x["verb"]) for x in lines if "outcome" in x)
    assert set(ended.values()) == {1}
    assert len(ended) == 3 * REPOSITORIES
    began = Counter((x["repository"], x["verb"]) for x in lines if "began" in x)
    again = [key for key, count in began.items() if count > 1]
    assert 1 <= len(again) <= 2, "what was running was started again, and nothing else"
