"""`PROJECT_REFERENCES.yaml`: the static context of a project, in as few tokens as YAML allows.

1. Sections have a fixed order, and an empty one is left out. Mappings are in block style, indented
   by one space (one token per line less than with two); lists are in flow style. Each entry is one
   line.
2. A text that YAML would read as a number, a truth value or a date is quoted, so that every reader
   gets the text. Users need not quote it: such a scalar is read as it is written.
3. Users may nest values: where a text is expected, a list is read as its items joined by `, `,
   and a mapping as `name: value` texts. `mandates` may be a mapping as well.
4. Top-level keys that this version does not know are kept unchanged after the known ones, with the
   common indentation: YAML allows the narrow one only around values on one line.
5. The same record gives the same bytes on every machine: the pure writer of PyYAML is used even
   where libyaml is installed, because libyaml writes an emoji as ten tokens. Reading uses libyaml.
6. `compact_references` is the text for agents: the same content, without comments and layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from codec.errors import EncodeError, FormatError
from codec.references.yaml_nodes import compose, construct, line_of

SECTIONS: Final = ("stack", "mandates", "routing_rules", "performance_targets")

_BREAK = re.compile(r"[\n\r\x85\u2028\u2029]")
_INDENT = re.compile(r"^ {2}", re.MULTILINE)
_INDENTS = re.compile(r"^(?:  )+", re.MULTILINE)
_COMPLEX_KEY = re.compile(r"^ *[?:] ", re.MULTILINE)
#: Texts that need no quotes anywhere, unless they look like a number or a truth value.
_PLAIN = re.compile(r"[A-Za-z](?:[\w ./*+-]*[\w./*+-])?")
_HALF = re.compile(r"[\ud800-\udfff]")
_LIST_HINT: Final = "Write a list: [first, second]"
_MAP_HINT: Final = "Write one `name: value` a line"
_TEXT_HINT: Final = "Write one text, in quotes if need be"


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """The static context of a project, which applies to every session.

    Attributes:
        stack: what the project is built with, `framework: Next.js 14`.
        mandates: rules that hold for every change.
        routing_rules: the agents for a path glob, `app/*.tsx: [test-worker]`.
        performance_targets: figures to reach, `coverage: 80%`.
        extra: other top-level keys of the file, kept as they are.
    """

    stack: Mapping[str, str] = field(default_factory=dict)
    mandates: tuple[str, ...] = ()
    routing_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    performance_targets: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


class _Dumper(yaml.SafeDumper):
    """A YAML dumper with block mappings, flow lists, texts on one line, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_map(self, data: Mapping[str, Any]) -> yaml.Node:
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=False)

    def represent_flow(self, data: list[Any] | tuple[Any, ...]) -> yaml.Node:
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)

    def represent_text(self, data: str) -> yaml.Node:
        if _HALF.search(data):
            raise EncodeError(f"a lone surrogate in {data!r}")
        style = '"' if _BREAK.search(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(dict, _Dumper.represent_map)
_Dumper.add_representer(list, _Dumper.represent_flow)
_Dumper.add_representer(tuple, _Dumper.represent_flow)
_Dumper.add_representer(str, _Dumper.represent_text)
for _type in (bytes, set):  # these need tags, which the file must not have
    _Dumper.add_representer(_type, _Dumper.represent_undefined)


def encode_references(references: References) -> bytes:
    """Return the file as bytes: UTF-8, LF, no comments; `{}` for references without a value.

    Raises:
        EncodeError: `extra` has a key that is a section, or a value that plain YAML cannot express.
    """
    known: dict[str, Any] = {
        "stack": dict(references.stack),
        "mandates": references.mandates,
        "routing_rules": dict(references.routing_rules),
        "performance_targets": dict(references.performance_targets),
    }
    if doubled := sorted(known.keys() & references.extra.keys()):
        raise EncodeError("is the name of a section, so it cannot be in extra", field=doubled[0])
    sections = dump_yaml({name: value for name, value in known.items() if value})
    text = _INDENT.sub(" ", sections) + dump_yaml(dict(references.extra))
    return (text or "{}\n").encode()


def dump_yaml(content: dict[str, Any] | list[Any]) -> str:
    """Return a value as YAML text, each entry on a line; empty for an empty value.

    Raises:
        EncodeError: it has a value that plain YAML cannot express.
    """
    if not content:
        return ""
    try:
        text: str = yaml.dump(
            content, Dumper=_Dumper, width=float("inf"), allow_unicode=True, sort_keys=False
        )
    except yaml.YAMLError as e:
        raise EncodeError(f"cannot be written as plain YAML: {e}", field="extra") from e
    return text


def compact_references(data: bytes) -> str:
    """Return a references file in as few tokens as its content needs: no comments, no layout.

    Keys, values and their order are those of the file. Text that is not a references file is
    returned unchanged: the reader of a context should see it, and `verify` reports the error.
    """
    text = data.decode(errors="replace").removeprefix("\ufeff")
    try:
        root = compose(text)
    except FormatError:
        return text
    if not isinstance(root, yaml.MappingNode) or not root.value:
        return "" if _is_null(root) or not getattr(root, "value", None) else text
    _lay_out(root, in_list=False)
    written: str = yaml.serialize(root, Dumper=_Dumper, width=float("inf"), allow_unicode=True)
    if _COMPLEX_KEY.search(written):
        return written  # text after `: ` sets the indentation of the next lines
    return _INDENTS.sub(lambda m: " " * (len(m[0]) // 2), written)


def _lay_out(node: yaml.Node, *, in_list: bool) -> None:
    """Set the style of a node and of all nodes below it, so that each value is on one line."""
    if isinstance(node, yaml.CollectionNode):
        in_list = in_list or isinstance(node, yaml.SequenceNode)
        node.flow_style = in_list
        for child in node.value:
            for part in child if isinstance(child, tuple) else (child,):
                _lay_out(part, in_list=in_list)
        return
    if not isinstance(node, yaml.ScalarNode):
        raise AssertionError(f"a node of an unknown kind: {node!r}")
    if _BREAK.search(node.value):
        node.style = '"'
    elif node.style in (None, "|", ">") or _PLAIN.fullmatch(node.value):
        node.style = None


def decode_references(data: bytes) -> References:
    """Return the references in a file with any YAML layout; an empty file gives empty references.

    Raises:
        FormatError: it is not UTF-8 or not YAML, it uses aliases or tags, has a key twice, or a
            section has another shape; the error has the line.
    """
    try:
        root = compose(data.decode().removeprefix("\ufeff"))
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise FormatError("not UTF-8", line=line, hint="Save the file as UTF-8") from e
    nodes = {} if _is_null(root) else {_text(k, "key"): v for k, v in _pairs(root, "the file")}
    return References(
        stack=_texts(nodes, "stack"),
        mandates=_list(nodes.get("mandates"), "mandates"),
        routing_rules={
            glob: _agents(node, f"routing_rules.{glob}")
            for glob, node in _entries(nodes, "routing_rules")
        },
        performance_targets=_texts(nodes, "performance_targets"),
        extra={name: construct(node) for name, node in nodes.items() if name not in SECTIONS},
    )


def _texts(nodes: Mapping[str, yaml.Node], section: str) -> dict[str, str]:
    return {k: _flat(node, f"{section}.{k}") for k, node in _entries(nodes, section)}


def _entries(nodes: Mapping[str, yaml.Node], section: str) -> list[tuple[str, yaml.Node]]:
    node = nodes.get(section)
    if _is_null(node):
        return []
    return [(_text(k, f"{section}: key"), v) for k, v in _pairs(node, section)]


def _pairs(node: yaml.Node | None, name: str) -> list[tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(node, name, "a mapping", _MAP_HINT)
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return pairs


def _list(node: yaml.Node | None, name: str) -> tuple[str, ...]:
    if _is_null(node):
        return ()
    if isinstance(node, yaml.MappingNode):
        return tuple(_named(pair, name) for pair in node.value)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_flat(item, f"{name}[{i}]") for i, item in enumerate(node.value))
    raise _wrong(node, name, "a list", _LIST_HINT)


def _agents(node: yaml.Node, name: str) -> tuple[str, ...]:
    """Return the agents of a path glob; a single agent need not be in a list."""
    one = isinstance(node, yaml.ScalarNode) and not _is_null(node)
    return (_text(node, name),) if one else _list(node, name)


def _named(pair: tuple[yaml.Node, yaml.Node], name: str) -> str:
    """Return an entry of a mapping as a text, `name: value`."""
    key = _text(pair[0], f"{name}: key")
    return f"{key}: {_flat(pair[1], f'{name}.{key}')}"


def _flat(node: yaml.Node, name: str) -> str:
    """Return a value as one text: the items of a list or a mapping joined by `, `."""
    if isinstance(node, yaml.SequenceNode) and node.value:
        return ", ".join(_flat(item, f"{name}[{i}]") for i, item in enumerate(node.value))
    if isinstance(node, yaml.MappingNode) and node.value:
        return ", ".join(_named(pair, name) for pair in node.value)
    return _text(node, name)


def _text(node: yaml.Node, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or (_is_null(node) and not node.value):
        raise _wrong(node, name, "a text", _TEXT_HINT)
    text: str = node.value
    return text


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or node.tag == "tag:yaml.org,2002:null"


def _wrong(node: yaml.Node | None, name: str, expected: str, hint: str) -> FormatError:
    found = {"mapping": "a mapping", "sequence": "a list"}.get(getattr(node, "id", ""), "one value")
    if _is_null(node):
        found = "nothing"
    line = line_of(node) if node is not None else None
    return FormatError(f"{found} instead of {expected}", field=name, line=line, hint=hint)
