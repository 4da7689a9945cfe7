"""The thresholds of a repository: the gate and the budgets, `[verify]` in its settings.

These are safe to take from a repository: they decide what is a finding, not where data goes. The
command line takes precedence, because a committer can change the file.

    [verify]
    threshold = 95          # per cent that the window must save
    context_budget = 400    # tokens
    references_budget = 300 # tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from codec.v2.context_view import DEFAULT_BUDGET
from pipelines.workspace.location import CONFIG, Workspace
from pipelines.workspace.setting_tables import COUNT, PERCENT, checked_values, read_tables

THRESHOLD: Final = 90.0
REFERENCES_BUDGET: Final = 250


_FIELDS: Final = {
    "threshold": "threshold",
    "context_budget": "context",
    "references_budget": "references",
}
_KINDS: Final = {"threshold": PERCENT, "context_budget": COUNT, "references_budget": COUNT}


def limits_of(tables: Mapping[str, Any], given: Mapping[str, float | int | None]) -> Limits:
    """Return the limits of the command line, else of a repository's settings.

    Args:
        tables: the tables of the settings.
        given: the values of the command line, by name of the setting; None if not given.

    Raises:
        FormatError: a setting is unknown or invalid.
    """
    found = checked_values({"verify": tables.get("verify", {})}, {"verify": _KINDS}, CONFIG)
    chosen = {name: value for (_, name), value in found.items()}
    chosen |= {name: value for name, value in given.items() if value is not None}
    limits = {_FIELDS[name]: value for name, value in chosen.items()}
    return Limits(**limits, is_explicit="threshold" in limits)


def read_limits(workspace: Workspace, given: Mapping[str, float | int | None]) -> Limits:
    """Return the limits of a workspace: see `limits_of`."""
    return limits_of(read_tables(workspace.path(CONFIG), CONFIG), given)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The values of the gate and the budgets.

    Attributes:
        threshold: the per cent that the window must save.
        context, references: the most tokens of each.
        is_explicit: the threshold was set, so it is judged whatever the size of the window.
    """

    threshold: float = THRESHOLD
    context: int = DEFAULT_BUDGET
    references: int = REFERENCES_BUDGET
    is_explicit: bool = False
