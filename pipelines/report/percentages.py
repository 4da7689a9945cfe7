"""Write percentages so that none looks better than it is: 99.99 % is not shown as 100 %."""

from __future__ import annotations

import math


def rounded_down(percent: float, digits: int) -> float:
    """Return a percentage with few digits, rounded down."""
    whole: int = 10**digits
    return math.floor(percent * whole + 1e-9) / whole


def in_percent(percent: float) -> str:
    """Return a percentage as people read it, with one digit after the point."""
    return f"{rounded_down(percent, 1):.1f} %"


def loss_in_percent(percent: float) -> str:
    """Return the percentage of a loss, rounded up, so that a small loss is not shown as 0 %."""
    return f"{0 - rounded_down(-percent, 1):.1f} %"
