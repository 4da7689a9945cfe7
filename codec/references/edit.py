"""Change values of a user-owned `PROJECT_REFERENCES.yaml`, and keep all its other bytes.

1. A file in the layout of `encode_references` is written as a whole. In any other file, values are
   changed in place: comments, order and layout belong to the user.
2. The edited text is decoded again and compared with the requested values. If they differ, or if a
   comment is inside the text to change, nothing is edited, and the error names the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from codec.errors import EncodeError, FormatError
from codec.references.document import SECTIONS, decode_references, dump_yaml, encode_references
from codec.references.values import Value, by_name, from_names
from codec.references.yaml_nodes import compose, line_of

_COMMENT = re.compile(r"(?:^|[ \t])#", re.MULTILINE)
_HINT = "Change it by hand, or remove the comment inside it"


def edit_references(data: bytes, values: Mapping[str, Value]) -> bytes:
    """Return a references file with the given values instead of its own; its other keys stay.

    Args:
        data: a file that `decode_references` accepts.
        values: all values, as `references.values.by_name` returns them.

    Raises:
        EncodeError: a comment would be lost, or the layout cannot be edited.
    """
    before = decode_references(data)
    if by_name(before) == dict(values):
        return data
    wanted = from_names(values, before.extra)
    if encode_references(before) == data or not data.strip():
        return encode_references(wanted)
    text = data.decode()
    mark = text[: len(text) - len(text.removeprefix("\ufeff"))]
    edited = _Editor(text.removeprefix(mark), by_name(before), values).edited()
    try:
        done = decode_references(edited.encode())
    except FormatError as e:
        raise EncodeError("its layout cannot be edited", line=e.line, hint=_HINT) from None
    if by_name(done) != dict(values) or done.extra != before.extra:
        raise EncodeError("its layout cannot be edited", hint=_HINT)
    return (mark + edited).encode()


class _Editor:
    """Collects edits of a text, as (start, end, replacement)."""

    def __init__(self, text: str, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._before = before
        self._after = after
        self._edits: list[tuple[int, int, str]] = []

    def edited(self) -> str:
        root = compose(self._text)
        if root is None:
            self._append("".join(self._section(section, "") for section in SECTIONS))
        elif isinstance(root, yaml.MappingNode) and not root.flow_style:
            for section in SECTIONS:
                if self._values(section, self._before) != self._values(section, self._after):
                    self._edit_section(section, root)
        else:
            raise _unfit(root)
        text = self._text
        for start, end, replacement in sorted(self._edits, reverse=True, key=lambda e: e[:2]):
            text = text[:start] + replacement + text[end:]
        return text

    def _edit_section(self, section: str, root: yaml.MappingNode) -> None:
        pair = next(((k, v) for k, v in root.value if k.value == section), None)
        after = self._values(section, self._after)
        if pair is None:
            self._append(self._section(section, ""))
        elif not after:
            self._remove(*pair)
        elif isinstance(pair[1], yaml.CollectionNode) and not pair[1].flow_style and pair[1].value:
            self._edit_entries(section, pair[1])
        else:
            self._replace(*pair, self._section(section, self._indent(pair[0])))

    def _edit_entries(self, section: str, node: yaml.CollectionNode) -> None:
        """Change, remove and add entries of a block, so that it has the requested values."""
        keyed = isinstance(node, yaml.MappingNode)
        entries = [entry if keyed else (entry, entry) for entry in node.value]
        before = self._values(section, self._before)
        after = self._values(section, self._after)
        indent = self._indent(entries[0][0])
        places = dict(zip(before, entries, strict=True))
        end: int | None = None
        for name, (key, value) in places.items():
            if name not in after:
                self._remove(key, value)
            elif after[name] != before[name]:
                self._replace(key, value, self._entry(name, after[name], indent))
        for name, value_ in after.items():
            if name in places:
                end = self._line_after(places[name][1])
            else:
                at = self._line_start(entries[0][0]) if end is None else end
                self._insert(at, self._entry(name, value_, indent))

    def _entry(self, name: str, value: Value, indent: str) -> str:
        """Return a value as the line of an entry."""
        section, _, key = name.partition(".")
        if section == "mandates":
            line = f"- {dump_yaml([value[0]])[1:-2]}\n"
        else:
            line = dump_yaml({key: list(value) if section == "routing_rules" else value[0]})
        return indent + line.replace("\n", self._newline)

    def _section(self, section: str, indent: str) -> str:
        """Return a section with all its values; empty for a section without values."""
        values = self._values(section, self._after)
        if not values:
            return ""
        if section == "mandates":
            line = dump_yaml({section: [value[0] for value in values.values()]})
            return indent + line.replace("\n", self._newline)
        lines = [self._entry(name, value, f"{indent}  ") for name, value in values.items()]
        return f"{indent}{section}:{self._newline}{''.join(lines)}"

    def _append(self, lines: str) -> None:
        self._insert(len(self._text), lines)

    def _insert(self, at: int, lines: str) -> None:
        """Insert lines after earlier insertions at the same position."""
        for i, (start, end, earlier) in enumerate(self._edits):
            if start == end == at:
                self._edits[i] = (start, end, earlier + lines)
                return
        torn = at and self._text[at - 1] != "\n"
        self._edits.append((at, at, (self._newline if torn else "") + lines))

    def _replace(self, key: yaml.Node, value: yaml.Node, lines: str) -> None:
        start, end = self._line_start(key), self._line_after(value)
        inner = self._text[start : self._end(value)]
        if _COMMENT.search(inner):
            raise _unfit(key)
        rest = self._text[self._end(value) : end].strip()
        comment = f" {rest}" if rest else ""
        line, newline, more = lines.partition(self._newline)
        self._edits.append((start, end, f"{line}{comment}{newline}{more}"))

    def _remove(self, key: yaml.Node, value: yaml.Node) -> None:
        """Remove an entry, but keep its trailing comment on a line of its own."""
        start, end = self._line_start(key), self._line_after(value)
        if _COMMENT.search(self._text[start : self._end(value)]):
            raise _unfit(key)
        rest = self._text[self._end(value) : end].strip()
        kept = f"{self._indent(key)}{rest}{self._newline}" if rest else ""
        self._edits.append((start, end, kept))

    def _indent(self, key: yaml.Node) -> str:
        """Return the indentation of an entry."""
        start = self._line_start(key)
        return self._text[start : key.start_mark.index].partition("-")[0]

    def _line_start(self, node: yaml.Node) -> int:
        start = self._text.rfind("\n", 0, node.start_mark.index) + 1
        if self._text[start : node.start_mark.index].strip(" -"):
            raise _unfit(node)
        return start

    def _end(self, node: yaml.Node) -> int:
        """Return the end of a node's text; a block's end mark is after the blank lines below it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        text = self._text[node.start_mark.index : node.end_mark.index]
        return int(node.start_mark.index) + len(text.rstrip())

    def _line_after(self, node: yaml.Node) -> int:
        end = self._end(node)
        if end and self._text[end - 1] == "\n":
            return end
        found = self._text.find("\n", end)
        return len(self._text) if found < 0 else found + 1

    @staticmethod
    def _values(section: str, values: Mapping[str, Value]) -> dict[str, Value]:
        return {n: v for n, v in values.items() if n.startswith(f"{section}.")}


def _unfit(node: yaml.Node) -> EncodeError:
    return EncodeError("cannot be edited without losing a comment", line=line_of(node), hint=_HINT)
