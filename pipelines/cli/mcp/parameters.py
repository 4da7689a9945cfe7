"""Declare the arguments of a tool: as a JSON schema for clients, and as checks of what they send.

A model reads the error about an invalid argument and tries again. So one error names every problem,
the value that was sent, and the values that are accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple

from codec.shown_text import one_line

Kind = Literal["string", "integer", "boolean"]

_TYPES: Final[Mapping[Kind, type]] = {"string": str, "integer": int, "boolean": bool}
_NAMES: Final[Mapping[Kind, str]] = {
    "string": "a string",
    "integer": "a whole number",
    "boolean": "true or false",
}
#: The most characters of an invalid value in an error.
_QUOTED: Final = 40


class BadArguments(Exception):
    """The arguments of a call are invalid."""


class Parameter(NamedTuple):
    """An argument of a tool.

    Attributes:
        name: its name.
        kind: its JSON type.
        help: its description; empty if its name is sufficient.
        default: its value if it is not given; None with `required`.
        required: it must be given.
        choices: the values that it accepts; empty for any.
        limits: the least and the greatest value of a number.
        read: converts a string; raises `ValueError` with a sentence if the string is invalid.
    """

    name: str
    kind: Kind = "string"
    help: str = ""
    default: Any = None
    required: bool = False
    choices: Sequence[str] = ()
    limits: tuple[int, int] | None = None
    read: Callable[[str], Any] | None = None


def schema_of(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the JSON schema of the arguments."""
    properties = {}
    for p in parameters:
        fields: dict[str, Any] = {"type": p.kind}
        if p.help:
            fields["description"] = p.help
        if p.choices:
            fields["enum"] = list(p.choices)
        properties[p.name] = fields
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = [p.name for p in parameters if p.required]
    return {**schema, "required": required} if required else schema


def checked(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every argument; null, and an empty optional string, count as not given.

    Raises:
        BadArguments: some are unknown, missing or invalid; the message names all of them.
    """
    values: dict[str, Any] = {}
    problems = list(_unknown(parameters, given))
    for p in parameters:
        value = given.get(p.name)
        if value is None or (value == "" and not p.required):
            values[p.name] = p.default
            if p.required:
                problems.append(f"{p.name} is missing")
            continue
        try:
            values[p.name] = _read(p, value)
        except ValueError as e:
            problems.append(f"{p.name}: {e}")
    if problems:
        raise BadArguments("; ".join(problems))
    return values


def _unknown(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> Iterator[str]:
    names = [p.name for p in parameters]
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
            yield f"unknown argument {_shown(name)} ({hint})"


def _read(p: Parameter, value: Any) -> Any:
    is_kind = isinstance(value, _TYPES[p.kind])
    if not is_kind or (p.kind == "integer" and isinstance(value, bool)):
        raise ValueError(f"expected {_expected(p)}, got {_shown(value)}")
    if p.choices and value not in p.choices:
        raise ValueError(f"expected {_expected(p)}, got {_shown(value)}")
    if p.limits and not p.limits[0] <= value <= p.limits[1]:
        raise ValueError(f"expected {_expected(p)}, got {_shown(value)}")
    return p.read(value) if p.read is not None else value


def _expected(p: Parameter) -> str:
    if p.choices:
        return f"one of {', '.join(p.choices)}"
    if p.limits:
        return f"{_NAMES[p.kind]} from {p.limits[0]} to {p.limits[1]}"
    return _NAMES[p.kind]


def _shown(value: Any) -> str:
    return one_line(repr(value), _QUOTED)
