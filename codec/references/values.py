"""The values of the references by name; each is built, edited, merged and reported by itself.

A name is the section, a dot and the key in it: `stack.framework`, `routing_rules.app/*.tsx`. A
mandate has no key; its name has only its letters and digits, so that another spelling of a rule
is not another rule: `mandates.noemojis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codec.references.document import References

#: The texts of a value: one, or one for each agent of a routing rule.
Value = tuple[str, ...]

MANDATE: Final = "mandates."


def mandate_name(text: str) -> str:
    """Return a mandate's name: its letters and digits, or the whole text if it has none."""
    words = "".join(c for c in text.casefold() if c.isalnum())
    return f"{MANDATE}{words or text}"


def by_name(references: References) -> dict[str, Value]:
    """Return all values by name, in file order; a repeated mandate's name gets another `'`."""
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
    """Return references with the given values.

    Args:
        values: values by name, as `by_name` returns them.
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
