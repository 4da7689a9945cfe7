"""Write percentages so that no figure looks better than it is: only all is 100, only none is 0."""

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
    """Return a share that is better when it is small, rounded up: only none of it is 0."""
    return f"{0 - rounded_down(-percent, 1):.1f} %"
