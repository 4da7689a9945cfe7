"""The values of the references by name: they are built, edited, merged and reported one by one.

A name is the section, a dot and the key in it: `stack.framework`, `routing_rules.app/*.tsx`. A
mandate has no key; its name is its letters and digits, so that another spelling of one rule is
not taken for another rule: `mandates.noemojis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codec.references.document import References

#: The texts of a value: one, or one an agent of a routing rule.
Value = tuple[str, ...]

MANDATE: Final = "mandates."


def mandate_name(text: str) -> str:
    """Return a mandate's name, made of its letters and digits; of the whole text if it has none."""
    words = "".join(c for c in text.casefold() if c.isalnum())
    return f"{MANDATE}{words or text}"


def by_name(references: References) -> dict[str, Value]:
    """Return all values in the order of the file; a repeated mandate's name has a further `'`."""
    values: dict[str, Value] = {f"stack.{key}": (text,) for key, text in references.stack.items()}
    for text in references.mandates:
        name = mandate_name(text)
        while name in values:
            name += "'"
        values[name] = (text,)
    values.update((f"routing_rules.{g}", agents) for g, agents in references.routing_rules.items())
    targets = references.performance_targets
    values.update((f"performance_targets.{key}", (text,)) for key, text in targets.items())
    return values


def from_names(values: Mapping[str, Value], extra: Mapping[str, Any]) -> References:
    """Return the references that have these values.

    Args:
        values: as `by_name` gives them.
        extra: other top-level keys.
    """
    sections: dict[str, dict[str, Value]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    return References(
        stack={key: value[0] for key, value in sections.get("stack", {}).items()},
        mandates=tuple(value[0] for value in sections.get("mandates", {}).values()),
        routing_rules=sections.get("routing_rules", {}),
        performance_targets={
            key: value[0] for key, value in sections.get("performance_targets", {}).items()
        },
        extra=extra,
    )
