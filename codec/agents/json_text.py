"""Edit JSON as text: find members and elements, and write values in the layout of the document.

The text is not re-serialized, so order, indentation and line ends of a user's file stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_INDENT: Final = re.compile(r"\n(?P<unit>[ \t]+)")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A member of an object, or an element of an array, and its position."""

    key: str
    start: int
    value_start: int
    end: int
    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The layout of a document: its line end and one step of its indentation."""

    eol: str
    unit: str

    def dumped(self, value: object, depth: int) -> str:
        """Return a value as text in the layout of the document, indented by `depth` steps."""
        text = json.dumps(value, indent=self.unit, ensure_ascii=False)
        return text.replace("\n", self.eol + self.unit * depth)

    def line(self, depth: int) -> str:
        """Return a line end and the indentation of `depth` steps."""
        return self.eol + self.unit * depth


#: The layout of a new file.
NEW: Final = Layout(eol="\n", unit="  ")


def inside(text: str, start: int) -> tuple[int, bool]:
    """Return the position at which an object or array can grow, and whether it is empty."""
    found = list(members(text, start))
    return (found[-1].end, False) if found else (start + 1, True)


def start_of(text: str) -> int:
    """Return the offset of the document, after a byte order mark."""
    return _skip(text, 1 if text.startswith("\ufeff") else 0)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def layout_of(text: str) -> Layout:
    """Return the layout of a document."""
    eol = "\r\n" if "\r\n" in text else "\n"
    indent = _INDENT.search(text)
    return Layout(eol=eol, unit=indent["unit"] if indent else "  ")


def members(text: str, start: int) -> Iterator[Span]:
    """Yield the members of the object, or the elements of the array, that begins at `start`."""
    closing = "}" if text[start] == "{" else "]"
    at = _skip(text, start + 1)
    while text[at] != closing:
        begin, key = at, ""
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield Span(key=key, start=begin, value_start=at, end=end, value=value)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def cut(text: str, siblings: list[Span], at: int) -> str:
    """Return a text without one of the siblings and the comma that belongs to it."""
    if at:
        return text[: siblings[at - 1].end] + text[siblings[at].end :]
    if len(siblings) > 1:
        return text[: siblings[0].start] + text[siblings[1].start :]
    return text[: siblings[0].start] + text[siblings[0].end :].lstrip(" \t\r\n")
