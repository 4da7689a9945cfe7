"""Sessions that run at the same time: each is recorded once, each commit belongs to one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.schedules import run_schedule


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 14, 28, 37, 40, 42, 45])
def test_a_random_schedule_records_each_session_once(seed: int, tmp_path: Path) -> None:
    assert run_schedule(seed, tmp_path) == []
