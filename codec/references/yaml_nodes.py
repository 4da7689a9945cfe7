"""YAML as nodes and texts, safe for any input.

1. Every problem is a `FormatError` with its line; no exception of PyYAML leaves this module.
2. Nesting is bounded, and checked on events before anything recurses: the C composer crashes
   the process on deep nesting.
3. `compose` accepts only plain files: no aliases (so no alias bomb), no tags, no repeated keys. A
   file that other programs read (`load_texts`) may have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import yaml

from codec.errors import FormatError

try:
    from yaml import CBaseLoader as _BaseLoader
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import BaseLoader as _BaseLoader  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

DEPTH_LIMIT: Final = 50


class Text(str):
    """A text of a YAML document with its 1-based line: the first line that it is on."""

    __slots__ = ("line",)
    line: int


class _Loader(_BaseLoader):
    def construct_scalar(self, node: yaml.ScalarNode) -> Text:
        text = Text(super().construct_scalar(node))
        # A block begins below the indicator that opens it.
        text.line = (_line(node.start_mark) or 1) + (node.style in ("|", ">"))
        return text


_NOT_PRINTABLE = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def compose(text: str) -> yaml.Node | None:
    """Return the root node of a YAML document, with tags, texts and places; None if it is empty.

    Raises:
        FormatError: it is not YAML, or has an alias, a tag, a second document, a repeated key, or
            more than `DEPTH_LIMIT` levels.
    """
    _check(text, plain=True)
    with _yaml_errors():
        root: yaml.Node | None = yaml.compose(text, Loader=_SafeLoader)
    if root is not None:
        _check_keys(root)
    return root


def construct(node: yaml.Node) -> Any:
    """Return the Python value of a node: mappings, lists and scalars by the types of YAML 1.1.

    Raises:
        FormatError: a scalar looks like a date or a number but is invalid (`2025-13-45`).
    """
    with _yaml_errors(line=line_of(node)):
        return _SafeLoader("").construct_document(node)


def load_texts(text: str) -> Any:
    """Return the value of a YAML document in which every scalar is the text as written.

    Each scalar is a `Text`. So `on` stays a key, and `3.10` is not 3.1. Values may be shared
    between places, and a value may contain itself: walk it only to a fixed depth.

    Raises:
        FormatError: it is not YAML, or has more than `DEPTH_LIMIT` levels.
    """
    _check(text, plain=False)
    with _yaml_errors():
        return _Loader(text).get_single_data()


def line_of(node: yaml.Node) -> int:
    """Return the 1-based line at which a node begins."""
    return _line(node.start_mark) or 1


def _check(text: str, *, plain: bool) -> None:
    if bad := _NOT_PRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise FormatError(f"YAML cannot hold the character {bad[0]!r}", line=line)
    depth = 0
    with _yaml_errors():
        for event in yaml.parse(text, Loader=_SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEPTH_LIMIT:
                raise FormatError(
                    f"more than {DEPTH_LIMIT} levels of nesting", line=_line(event.start_mark)
                )
            if plain:
                _check_plain(event)


def _check_plain(event: yaml.Event) -> None:
    line = _line(event.start_mark)
    if isinstance(event, yaml.AliasEvent):
        raise FormatError(
            f"an alias, *{event.anchor}, is not supported",
            line=line,
            hint="Write its value in full",
        )
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise FormatError(
            f"YAML tags are not supported: {tag}",
            line=line,
            hint="Remove the tag, or put the value in quotes",
        )


def _check_keys(root: yaml.Node) -> None:
    if isinstance(root, yaml.MappingNode):
        seen = set()
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise FormatError(
                        f"duplicate key {key.value!r}",
                        line=line_of(key),
                        hint="Keep one of the two",
                    )
                seen.add(key.value)
            _check_keys(value)
    elif isinstance(root, yaml.SequenceNode):
        for item in root.value:
            _check_keys(item)


@contextmanager
def _yaml_errors(*, line: int | None = None) -> Iterator[None]:
    """Turn PyYAML's errors into a FormatError; `line` is for errors without a line."""
    try:
        yield
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        problem = " ".join(filter(None, (e.context, e.problem)))
        raise FormatError(f"not YAML: {problem}", line=_line(mark) or line) from e
    except yaml.YAMLError as e:
        raise FormatError(f"not YAML: {str(e).splitlines()[0]}", line=line) from e
    except (ValueError, OverflowError) as e:
        if isinstance(e, FormatError):
            raise
        raise FormatError(
            f"not a valid date or number: {e}", line=line, hint="Put it in quotes"
        ) from e


def _line(mark: Any) -> int | None:
    return None if mark is None else mark.line + 1
