"""Hooks in the JSON settings of an agent: added and removed as text, between the user's own.

Claude Code (`.claude/settings.json`) and Codex (`.codex/hooks.json`) use one form:

    {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "...", "timeout": 30}]}]}}

Gemini CLI uses the same form. Cursor (`.cursor/hooks.json`) lists the commands without groups:

    {"version": 1, "hooks": {"sessionStart": [{"command": "..."}]}}

1. The text around our hooks keeps its order, indentation and line ends: it is not re-serialized.
2. Each place has a form of its own (a new file, an empty object, a list with elements, ...), so
   that removing the hooks restores the former bytes.
3. If a user moved our hooks or rewrote the file, they are recognized by their command,
   `session-codec-hook`, and removed together with any lists that become empty.
4. After each change, the rest of the document is checked to have the same meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.agents.json_text import NEW, Layout, Span, cut, inside, layout_of, members, start_of
from codec.errors import FormatError

#: The program that hooks call; a command with this word is ours.
PROGRAM: Final = "session-codec-hook"

Wanted = Mapping[str, Mapping[str, Any]]


def with_hooks(text: str | None, wanted: Wanted) -> str:
    """Return settings with a hook of ours for each event; existing ones stay as they are.

    Args:
        text: the settings; None for a file that does not exist.
        wanted: the element that each event's list gets.

    Raises:
        FormatError: the settings are not JSON, or not of the form of hooks.
    """
    if text is None:
        return _new_document(wanted)
    root = _document(text)
    missing = {e: g for e, g in wanted.items() if not any(map(_is_ours, _groups(root, e)))}
    after, layout = text, layout_of(text)
    if missing and "hooks" not in root:
        at, is_empty = inside(after, start_of(after))
        after = after[:at] + _all(layout, missing, inline=is_empty) + after[at:]
    else:
        for event, group in missing.items():
            at, added = _insertion(after, layout, event, group)
            after = after[:at] + added + after[at:]
    _check(text, after)
    return after


def our_commands(text: str) -> list[str]:
    """Return the commands of our hooks in settings.

    Raises:
        FormatError: the settings are not JSON, or not of the form of hooks.
    """
    groups = (group for _, groups in _events(_document(text)) for group in groups)
    handlers = (handler for group in groups for handler in _handlers(group))
    return [handler["command"] for handler in handlers if _is_our_handler(handler)]


def without_hooks(text: str) -> str | None:
    """Return settings without our hooks; None if nothing else was ever in the file.

    Raises:
        FormatError: the settings are not JSON, or not of the form of hooks.
    """
    root = _document(text)
    ours = {e: g for e, groups in _events(root) for g in groups if _is_ours(g)}
    if not ours:
        return text
    if text == _new_document(ours):
        return None
    # A document without indentation has got the indentation of a new one.
    layouts = (layout_of(text), Layout(eol=layout_of(text).eol, unit=NEW.unit))
    after = text
    for layout in layouts:
        after = _without_added(after, layout, ours)
    while (span := _first_ours(after)) is not None:
        after = cut(after, *span)
    _check(text, after)
    return after


def _without_added(text: str, layout: Layout, ours: Wanted) -> str:
    """Return a document without the text that `with_hooks` added, if it is unchanged."""
    added = [_all(layout, ours, inline=inline) for inline in (False, True)]
    for event, group in reversed(list(ours.items())):
        added += _forms(layout, event, group)
    for piece in added:
        less = text.replace(piece, "", 1)
        if text.count(piece) == 1 and _is_json(less):
            text = less
    return text


def _new_document(wanted: Wanted) -> str:
    """Return the settings for a new file. A list without groups needs a version."""
    is_grouped = all("hooks" in group for group in wanted.values())
    version = "" if is_grouped else f'{NEW.line(1)}"version": 1,'
    return f"{{{version}{NEW.line(1)}{_member(NEW, wanted)}{NEW.eol}}}\n"


def _member(layout: Layout, wanted: Wanted) -> str:
    """Return the member `hooks`, for a root without one."""
    return f'"hooks": {layout.dumped({e: [g] for e, g in wanted.items()}, 1)}'


def _all(layout: Layout, wanted: Wanted, *, inline: bool) -> str:
    """Return the member `hooks` as text to add after other members, or into an empty root."""
    member = _member(layout, wanted)
    return f" {member} " if inline else f",{layout.line(1)}{member}"


def _forms(layout: Layout, event: str, group: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that `with_hooks` may have added for an event, by the state of its list."""
    element, member = layout.dumped(group, 3), f'"{event}": {layout.dumped([group], 2)}'
    yield f",{layout.line(2)}{member}"
    yield f" {member} "
    yield f",{layout.line(3)}{element}"
    yield f" {element} "


def _insertion(text: str, layout: Layout, event: str, group: Mapping[str, Any]) -> tuple[int, str]:
    """Return the place and the text to insert one event's hook into a document that has `hooks`."""
    after_others, alone, after_elements, only_element = _forms(layout, event, group)
    hooks = next(m for m in members(text, start_of(text)) if m.key == "hooks")
    found = [m for m in members(text, hooks.value_start) if m.key == event]
    if not found:
        at, is_empty = inside(text, hooks.value_start)
        return at, alone if is_empty else after_others
    at, is_empty = inside(text, found[-1].value_start)
    return at, only_element if is_empty else after_elements


def _document(text: str) -> dict[str, Any]:
    try:
        root = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as e:
        raise FormatError(
            f"not JSON: {e.msg}", line=e.lineno, hint="Repair it, and run the same command again"
        ) from None
    except RecursionError:
        raise FormatError("nested too deep") from None
    if not isinstance(root, dict):
        raise FormatError("not an object")
    hooks = root.get("hooks", {})
    if not isinstance(hooks, dict) or not all(isinstance(v, list) for v in hooks.values()):
        raise FormatError("is not an object of lists", field="hooks")
    return root


def _is_json(text: str) -> bool:
    try:
        _document(text)
    except FormatError:
        return False
    return True


def _events(root: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    yield from root.get("hooks", {}).items()


def _groups(root: dict[str, Any], event: str) -> list[Any]:
    groups: list[Any] = root.get("hooks", {}).get(event, [])
    return groups


def _handlers(group: object) -> list[Any]:
    """Return the commands of a group; an element without a list of commands is a command itself."""
    if not isinstance(group, dict):
        return []
    handlers = group.get("hooks", [group])
    return handlers if isinstance(handlers, list) else []


def _is_our_handler(handler: object) -> bool:
    command = handler.get("command") if isinstance(handler, dict) else None
    return isinstance(command, str) and PROGRAM in command


def _is_ours(group: object) -> bool:
    return any(map(_is_our_handler, _handlers(group)))


def _first_ours(text: str) -> tuple[list[Span], int] | None:
    """Return the largest element that holds only one of our hooks: its siblings, and its index."""
    for hooks in members(text, start_of(text)):
        if hooks.key != "hooks":
            continue
        events = list(members(text, hooks.value_start))
        for event_at, event in enumerate(events):
            groups = list(members(text, event.value_start))
            for group_at, group in enumerate(groups):
                if not _is_ours(group.value):
                    continue
                if not all(map(_is_our_handler, _handlers(group.value))):
                    return _one_of(text, group)
                if len(groups) > 1:
                    return groups, group_at
                if len(events) > 1:
                    return events, event_at
                root = list(members(text, start_of(text)))
                return root, next(n for n, m in enumerate(root) if m.start == hooks.start)
    return None


def _one_of(text: str, group: Span) -> tuple[list[Span], int]:
    """Return one of our hooks in a group with other hooks: its siblings, and its index."""
    member = next(m for m in members(text, group.value_start) if m.key == "hooks")
    handlers = list(members(text, member.value_start))
    return handlers, next(n for n, h in enumerate(handlers) if _is_our_handler(h.value))


def _check(before: str, after: str) -> None:
    """Raise FormatError if the two texts differ in meaning outside our hooks."""
    if _others(_document(before)) != _others(_document(after)):
        raise FormatError(
            "cannot be edited without affecting other settings",
            hint="Add or remove the hooks by hand",
        )


def _others(root: dict[str, Any]) -> dict[str, Any]:
    """Return a document without our hooks, and without lists that become empty."""
    kept: dict[str, list[Any]] = {}
    for event, groups in _events(root):
        others = []
        for group in groups:
            if _is_ours(group):
                left = [h for h in _handlers(group) if not _is_our_handler(h)]
                if left:
                    others.append({**group, "hooks": left})
            else:
                others.append(group)
        if others:
            kept[event] = others
    rest = {k: v for k, v in root.items() if k != "hooks"}
    return {**rest, "hooks": kept} if kept else rest
