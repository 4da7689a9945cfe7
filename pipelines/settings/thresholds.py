"""What a repository asks of itself: the gate and the budgets, `[verify]` of its settings.

These are safe to take from a repository: they decide what is a finding, not where anything goes.
The command line speaks first, for whoever can commit can change the file.

    [verify]
    threshold = 95          # per cent that the window must save
    context_budget = 400    # tokens
    references_budget = 300 # tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from codec.errors import FormatError
from codec.v2.context_view import DEFAULT_BUDGET
from pipelines.workspace.location import CONFIG, Workspace, read_tables

THRESHOLD: Final = 90.0
REFERENCES_BUDGET: Final = 250


TABLE: Final = "verify"
#: By the name of a setting, the field of `Limits`, and whether it is per cent.
_NAMES: Final = {
    "threshold": ("threshold", True),
    "context_budget": ("context", False),
    "references_budget": ("references", False),
}


def limits_of(tables: Mapping[str, Any], given: Mapping[str, float | int | None]) -> Limits:
    """Return the limits of the command line, and a repository's settings for the others.

    Args:
        tables: of the settings.
        given: by name of the setting; None for one that is not given.

    Raises:
        FormatError: a setting is not known, or not of its kind.
    """
    table = tables.get(TABLE, {})
    if not isinstance(table, dict):
        raise FormatError("is not a table", file=CONFIG, field=TABLE)
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _NAMES:
            hint = f"There are: {', '.join(_NAMES)}"
            raise FormatError("is no setting", file=CONFIG, field=f"{TABLE}.{name}", hint=hint)
        field, percent = _NAMES[name]
        found[field] = _number(name, value, percent=percent)
    said = {_NAMES[name][0]: value for name, value in given.items() if value is not None}
    limits = {**found, **said}
    return Limits(**limits, is_explicit="threshold" in limits)


def read_limits(workspace: Workspace, given: Mapping[str, float | int | None]) -> Limits:
    """Return the limits of a workspace: see `limits_of`."""
    return limits_of(read_tables(workspace.path(CONFIG), CONFIG), given)


def _number(name: str, value: object, *, percent: bool) -> Any:
    kinds = (int, float) if percent else (int,)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not (value <= 100 if percent else value >= 0):  # type: ignore[operator]
        wanted = "a number up to 100" if percent else "a whole number that is not negative"
        raise FormatError(f"is not {wanted}", file=CONFIG, field=f"{TABLE}.{name}")
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the gate and the budgets ask for.

    Attributes:
        threshold: per cent that the window must save.
        context, references: tokens that each may cost.
        is_explicit: somebody set the threshold, so it is judged whatever the size of the window.
    """

    threshold: float = THRESHOLD
    context: int = DEFAULT_BUDGET
    references: int = REFERENCES_BUDGET
    is_explicit: bool = False
