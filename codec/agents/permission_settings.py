"""A rule in Claude Code's settings that lets it run `session-codec` without asking each time.

    {"permissions": {"allow": ["Bash(session-codec:*)"]}}

The text around the rule does not change, and removing the rule restores the former bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from codec.agents.json_text import NEW, Layout, cut, inside, layout_of, members, start_of

#: Any verb of `session-codec`, with any arguments.
RULE: Final = "Bash(session-codec:*)"


def with_rule(text: str) -> str:
    """Return settings with the rule; unchanged if their permissions have another form.

    Args:
        text: a JSON object.
    """
    permissions = json.loads(text.removeprefix("\ufeff")).get("permissions", {})
    allowed = permissions.get("allow", []) if isinstance(permissions, dict) else None
    if not isinstance(allowed, list) or RULE in allowed:
        return text
    layout = layout_of(text)
    at, depth = start_of(text), 1
    for name in ("permissions", "allow"):
        found = [m for m in members(text, at) if m.key == name]
        if not found:
            break
        at, depth = found[-1].value_start, depth + 1
    place, is_empty = inside(text, at)
    behind, alone = _forms(layout, depth)
    return text[:place] + (alone if is_empty else behind) + text[place:]


def without_rule(text: str) -> str:
    """Return settings without the rule.

    Args:
        text: a JSON object.
    """
    if RULE not in _allowed(text):
        return text
    for layout in (layout_of(text), Layout(eol=layout_of(text).eol, unit=NEW.unit)):
        for piece in _every_form(layout):
            less = text.replace(piece, "", 1)
            if text.count(piece) == 1 and _is_object(less) and RULE not in _allowed(less):
                return less
    at = start_of(text)
    for name in ("permissions", "allow"):
        at = [m for m in members(text, at) if m.key == name][-1].value_start
    rules = list(members(text, at))
    return cut(text, rules, next(n for n, rule in enumerate(rules) if rule.value == RULE))


def _every_form(layout: Layout) -> Iterator[str]:
    for depth in (1, 2, 3):
        yield from _forms(layout, depth)


def _forms(layout: Layout, depth: int) -> tuple[str, str]:
    """Return the texts to add after other members and to an empty list."""
    value: Any = (RULE, [RULE], {"allow": [RULE]})[3 - depth]
    name = ("permissions", "allow", "")[depth - 1]
    text = (f'"{name}": ' if name else "") + layout.dumped(value, depth)
    return f",{layout.line(depth)}{text}", f" {text} "


def _allowed(text: str) -> list[Any]:
    permissions = json.loads(text.removeprefix("\ufeff")).get("permissions", {})
    allowed = permissions.get("allow", []) if isinstance(permissions, dict) else []
    return allowed if isinstance(allowed, list) else []


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text.removeprefix("\ufeff")), dict)
    except ValueError:
        return False
