"""Choose which values the references leave out to stay within the token budget.

1. Only values that no user wrote or edited are left out, the least important first.
2. No more values are left out than needed, and none if the user's values alone exceed the budget,
   because leaving out others would not help.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from codec.references.values import MANDATE

#: This many mandates are more important than the stack.
FIRST_MANDATES: Final = 4

_FURTHER, _FIRST = "further mandates", "first mandates"
#: The least important first. A name without a dot is a section, whose last value is dropped first.
DROP_ORDER: Final = (
    "stack.", "stack.build_backend", "stack.deployment", "stack.ci", "stack.styling",
    "performance_targets.", _FURTHER, "stack.linting", "stack.testing", "routing_rules.",
    "stack.java", "stack.php", "stack.ruby", "stack.go", "stack.rust", "stack.python",
    "stack.node", "stack.package_manager", "stack.build_command", "stack.typecheck_command",
    "stack.lint_command", _FIRST, "stack.test_command", "stack.language", "stack.framework",
)  # fmt: skip


class Fit(NamedTuple):
    """The values left out, and the tokens of the rest."""

    dropped: frozenset[str]
    tokens: int


def fit(names: Iterable[str], cost: Callable[[Collection[str]], int], budget: int) -> Fit:
    """Choose the values to leave out.

    Args:
        names: the values that may be left out, in the order of the file.
        cost: the tokens of the file without some values.
        budget: the most tokens.
    """
    whole = cost(())
    order = drop_order(names)
    if whole <= budget or cost(order) > budget:
        return Fit(frozenset(), whole)
    few, enough = 0, len(order)
    while few + 1 < enough:
        middle = (few + enough) // 2
        if cost(order[:middle]) <= budget:
            enough = middle
        else:
            few = middle
    return Fit(frozenset(order[:enough]), cost(order[:enough]))


def drop_order(names: Iterable[str]) -> Sequence[str]:
    """Return values in the order of `DROP_ORDER`."""
    names = list(names)
    ranks = {name: rank for rank, name in enumerate(DROP_ORDER)}
    first = [name for name in names if name.startswith(MANDATE)][:FIRST_MANDATES]

    def rank(place: int) -> tuple[int, int]:
        name = names[place]
        if name.startswith(MANDATE):
            return ranks[_FIRST if name in first else _FURTHER], -place
        return ranks.get(name, ranks.get(f"{name.partition('.')[0]}.", 0)), -place

    return [names[place] for place in sorted(range(len(names)), key=rank)]
