"""A short form of the random walks; `python -m tests.walks --seeds 200` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_walks(first: int, seeds: int) -> subprocess.CompletedProcess[str]:
    """Run walks in a process of their own, because they fork."""
    program = [sys.executable, "-m", "tests.walks", "--trail"]
    return subprocess.run(
        [*program, "--first", str(first), "--seeds", str(seeds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("first", "seeds"), [(1, 3), (7, 1)], ids=["folders", "versioned bucket"])
def test_random_walks_break_no_promise(first: int, seeds: int) -> None:
    walked = run_walks(first, seeds)
    assert walked.returncode == 0, walked.stdout + walked.stderr
