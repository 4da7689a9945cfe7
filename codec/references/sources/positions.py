"""Find the lines of the keys in a JSON or TOML file, which their parsers do not report.

Both functions expect text that a parser has accepted; for any text they take linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from codec.references.sources.statement import Origin

#: Deeper keys are not needed.
_DEPTH: Final = 5

_JSON = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"|[{}\[\]:\n]')
_HEADER = re.compile(r"\s*\[\[?(?P<path>[^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?P<path>(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[\w\"'-]+)*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")

Path = tuple[str, ...]


class Places:
    """The lines of the keys of one file."""

    def __init__(self, text: str, lines: Mapping[Path, int]) -> None:
        self._text = text
        self._lines = lines

    def line(self, *path: str) -> int | None:
        """Return the 1-based line of a key, given the path of keys to it; None if unknown."""
        return self._lines.get(path)

    def origin(self, *path: str) -> Origin:
        """Return the origin of a key, given the path of keys to it."""
        return Origin(line=self.line(*path), place=".".join(path))

    def line_of(self, wanted: str, *path: str) -> int | None:
        """Return the line of a text in the value of a key, such as a list; None if unknown."""
        first = self._lines.get(path)
        if first is None:
            return None
        start = 0
        for _ in range(first - 1):
            start = self._text.index("\n", start) + 1
        found = self._text.find(wanted, start)
        return first if found < 0 else first + self._text.count("\n", start, found)


def table_at(content: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the table at a path of a parsed file; empty if it is missing."""
    for name in path:
        inner = content.get(name)
        if not isinstance(inner, Mapping):
            return {}
        content = inner
    return content


def json_places(text: str) -> Places:
    """Return the lines of the keys of a JSON text."""
    lines: dict[Path, int] = {}
    path: list[str] = []
    line = 1
    last = ""
    for token in _JSON.finditer(text):
        match token[0]:
            case "\n":
                line += 1
            case "{" | "[":
                path.append("")
            case "}" | "]":
                del path[-1:]
            case ":":
                if path:
                    path[-1] = last
                if len(path) <= _DEPTH:
                    lines.setdefault(tuple(path), line)
            case _:
                last = token["text"]
    return Places(text, lines)


def toml_places(text: str) -> Places:
    """Return the lines of the tables and keys of a TOML text."""
    lines: dict[Path, int] = {}
    table: Path = ()
    open_quotes = ""
    for number, line in enumerate(text.split("\n"), 1):
        if open_quotes:
            if open_quotes in line:
                open_quotes = ""
            continue
        if header := _HEADER.fullmatch(line):
            table = _parts(header["path"])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(table + _parts(key["path"]), number)
            quotes = next((q for q in ('"""', "'''") if line.count(q, key.end()) == 1), "")
            open_quotes = quotes
    return Places(text, lines)


def _parts(path: str) -> Path:
    return tuple(next(filter(None, part.groups()), "") for part in _PART.finditer(path))
