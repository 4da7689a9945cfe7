"""Percentages never look better than they are."""

from __future__ import annotations

import pytest

from pipelines.report.percentages import in_percent, loss_in_percent


@pytest.mark.parametrize(
    ("percent", "gain", "loss"),
    [
        (100, "100.0 %", "100.0 %"),
        (99.99, "99.9 %", "100.0 %"),
        (20.04, "20.0 %", "20.1 %"),
        (0.01, "0.0 %", "0.1 %"),
        (0, "0.0 %", "0.0 %"),
        (33.3, "33.3 %", "33.3 %"),
        (-3.84, "-3.9 %", "-3.8 %"),
    ],
)
def test_no_percentage_looks_better_than_it_is(percent: float, gain: str, loss: str) -> None:
    assert (in_percent(percent), loss_in_percent(percent)) == (gain, loss)
