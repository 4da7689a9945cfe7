"""Too many tokens: the least important values go, no more than needed, and none in vain."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from codec.references.budget import DROP_ORDER, drop_order, fit
from codec.references.sources.collect import STACK_KEYS

NAMES = [
    "stack.framework", "stack.ci", "stack.storage", "stack.test_command", "mandates.a",
    "mandates.b", "mandates.c", "mandates.d", "mandates.e", "mandates.f", "routing_rules.x",
    "routing_rules.y", "performance_targets.p", "performance_targets.q",
]  # fmt: skip


def test_the_least_important_goes_first_and_of_a_section_the_last() -> None:
    assert drop_order(NAMES) == [
        "stack.storage", "stack.ci", "performance_targets.q", "performance_targets.p",
        "mandates.f", "mandates.e", "routing_rules.y", "routing_rules.x", "mandates.d",
        "mandates.c", "mandates.b", "mandates.a", "stack.test_command", "stack.framework",
    ]  # fmt: skip


def test_every_key_of_the_stack_has_its_rank() -> None:
    assert {f"stack.{key}" for key in STACK_KEYS} <= set(DROP_ORDER)
    assert len(set(DROP_ORDER)) == len(DROP_ORDER)


COSTS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 20), max_size=10)


@given(COSTS, st.integers(0, 40), st.integers(0, 120))
def test_no_more_goes_than_needed(costs: dict[str, int], own: int, budget: int) -> None:
    def cost(dropped: Collection[str]) -> int:
        return own + sum(c for name, c in costs.items() if name not in dropped)

    found = fit(costs, cost, budget)
    assert found.tokens == cost(found.dropped)
    if cost(costs) > budget or cost(()) <= budget:
        assert found.dropped == frozenset()
    else:
        order = drop_order(costs)
        count = len(found.dropped)
        assert found.dropped == set(order[:count])
        assert found.tokens <= budget < cost(order[: count - 1])
