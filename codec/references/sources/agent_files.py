"""Read what `.claude/agents/*.md`, `.claude/rules/*.md` and `PROJECT_MEMORY.yaml` state.

1. The path globs in an agent's front matter are routed to it: under `paths` or `globs`, or in a
   sentence of its description without a negation. A description without a glob routes nothing.
2. Front matter is read line by line, as Claude Code reads it: descriptions are seldom
   valid YAML.
3. A rule for some paths only is not a mandate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from codec.errors import FormatError
from codec.references.sources.mandates import stated_by_agent_rules
from codec.references.sources.statement import Origin, Section, Statement, plain, shorten
from codec.references.yaml_nodes import Text, load_texts

ITEM_LIMIT: Final = 40
LINE_LIMIT: Final = 2000
FRONT_LINES: Final = 100
AGENT_LIMIT: Final = 40

_FIELD = re.compile(r"(?P<name>[A-Za-z][\w-]*):(?:\s+(?P<value>.*))?")
_ITEM = re.compile(r"\s*-\s+(?P<value>.*)")
_AGENT = re.compile(r"[A-Za-z][\w.-]*")
_SENTENCES = re.compile(r"\\n|(?<=[.!?;])\s")
_DENIES = re.compile(
    r"\b(?:not|never|no|without|except|outside|other than|instead of|don't|do not)\b", re.IGNORECASE
)
_BETWEEN = re.compile(r"[\s,;()`'\"<>\[\]]+")
_BETWEEN_GLOBS = re.compile(r",(?![^{}]*\})")
_GLOB = re.compile(r"(?=.*\*)(?=.*(?:/|\*\.))(?=.*\w)[\w./*{},@-]+")
_PATH = re.compile(r"(?=.*\w)[\w./*?{},@\[\]-]{1,80}")
_SCOPES: Final = ("paths", "globs")
_GAPS = re.compile(r"[^a-z0-9]+")

_SECTIONS: Final[Mapping[str, Section]] = {
    "stack": "stack",
    "tech_stack": "stack",
    "mandates": "mandates",
    "rules": "mandates",
    "constraints": "mandates",
    "routing_rules": "routing_rules",
    "routing": "routing_rules",
    "performance_targets": "performance_targets",
    "targets": "performance_targets",
}
_INSIDE: Final = ("project", "project_memory", "memory")
_RULE_TEXTS: Final = ("rule", "text", "description")
_ROUTE_PATHS: Final = ("pattern", "glob", "path", "paths", "globs")
_ROUTE_AGENTS: Final = ("agent", "agents")

Field = tuple[int, str]


def stated_agent(stem: str, text: str) -> Iterator[Statement]:
    """Yield the paths that an agent's file routes to it.

    Args:
        stem: the file's name, used if the agent does not name itself.
        text: the file.
    """
    front = _front_matter(text)
    name = _unquoted(front["name"][0][1]) if front.get("name") else stem
    if not _AGENT.fullmatch(name):
        return
    found: dict[str, int] = {}
    for scope in _SCOPES:
        for line, value in front.get(scope, ()):
            for glob in _globs(value):
                found.setdefault(glob, line)
    for line, value in front.get("description", ()):
        for sentence in _SENTENCES.split(value.partition("<example>")[0]):
            for word in () if _DENIES.search(sentence) else _BETWEEN.split(sentence):
                if _GLOB.fullmatch(glob := word.strip(".:")):
                    found.setdefault(glob, line)
    for glob, line in islice(found.items(), ITEM_LIMIT):
        yield _route(glob[:80], (name,), Origin(line=line))


def stated_rule_file(text: str) -> Iterator[Statement]:
    """Yield the statements of a file in `.claude/rules` that apply to all paths."""
    front = _front_matter(text)
    if not any(front.get(scope) for scope in _SCOPES):
        yield from stated_by_agent_rules(text)


def _front_matter(text: str) -> dict[str, list[Field]]:
    """Return the values of the fields by name, each with its line; a list has one for each item."""
    lines = text.split("\n", FRONT_LINES)
    fields: dict[str, list[Field]] = {}
    if lines[0].strip() != "---":
        return fields
    current: list[Field] = []
    for number, line in enumerate(lines[1:FRONT_LINES], 2):
        if line.strip() == "---":
            return fields
        if field := _FIELD.fullmatch(line[:LINE_LIMIT].rstrip()):
            current = fields.setdefault(field["name"], [])
            if value := (field["value"] or "").strip():
                current.append((number, value))
        elif item := _ITEM.fullmatch(line[:LINE_LIMIT]):
            current.append((number, item["value"].strip()))
        elif current and line[:1].isspace():
            current.append((number, line[:LINE_LIMIT].strip()))
    return {}


def _globs(value: str) -> list[str]:
    found = (_unquoted(part) for part in _BETWEEN_GLOBS.split(value[:LINE_LIMIT].strip("[]")))
    return [glob for glob in found if _PATH.fullmatch(glob)]


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'").strip()


def stated_memory(text: str) -> Iterator[Statement]:
    """Yield the statements of a `PROJECT_MEMORY.yaml`, which has the sections of the references.

    Raises:
        FormatError: it is not YAML, or not a mapping.
    """
    content = load_texts(text)
    if not isinstance(content, Mapping):
        raise FormatError("not a mapping of sections")
    inner = [content.get(name) for name in _INSIDE]
    for part in (content, *(i for i in inner if isinstance(i, Mapping))):
        for name, value in part.items():
            section = _SECTIONS.get(_key(name))
            if section == "mandates":
                yield from _mandates(value)
            elif section == "routing_rules":
                yield from _routes(value)
            elif section is not None and isinstance(value, Mapping):
                yield from _named(section, value)


def _named(section: Section, values: Mapping[Any, Any]) -> Iterator[Statement]:
    for name, value in islice(values.items(), ITEM_LIMIT):
        key, text = _key(name), _one_text(value)
        if key and text:
            values_ = (shorten(text),)
            origin = _origin(name)
            yield Statement(section=section, name=key, values=values_, origins=(origin,))


def _mandates(value: Any) -> Iterator[Statement]:
    items: list[tuple[Any, str]] = []
    if isinstance(value, list):
        items = [(i, _member(i, _RULE_TEXTS) or _one_text(i)) for i in value[:ITEM_LIMIT]]
    elif isinstance(value, Mapping):
        pairs = islice(value.items(), ITEM_LIMIT)
        items = [(k, f"{plain(k)}: {t}") for k, v in pairs if (t := _one_text(v))]
    for place, text in items:
        if text:
            rule = shorten(text.rstrip("."))
            yield Statement(section="mandates", values=(rule,), origins=(_origin(place),))


def _routes(value: Any) -> Iterator[Statement]:
    pairs: list[tuple[Any, Any, Any]] = []
    if isinstance(value, Mapping):
        pairs = [(k, k, v) for k, v in value.items()]
    elif isinstance(value, list):
        routes = [r for r in value if isinstance(r, Mapping)]
        pairs = [
            (next(iter(r), ""), _member(r, _ROUTE_PATHS), _first(r, _ROUTE_AGENTS)) for r in routes
        ]
    for place, glob, agents in pairs[:ITEM_LIMIT]:
        listed = agents.split(",") if isinstance(agents, str) else agents
        names = [plain(a) for a in listed if isinstance(a, str)] if isinstance(listed, list) else []
        wanted = tuple(name for name in names if _AGENT.fullmatch(name))
        for path in _globs(glob) if isinstance(glob, str) and wanted else ():
            yield _route(path, wanted, _origin(place))


def _route(glob: str, agents: tuple[str, ...], origin: Origin) -> Statement:
    names = tuple(shorten(agent, AGENT_LIMIT) for agent in agents[:8])
    return Statement(section="routing_rules", name=plain(glob), values=names, origins=(origin,))


def _one_text(value: Any) -> str:
    """Return one text for a scalar, a list of scalars, or a name with its version."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return ", ".join(plain(v) for v in value[:ITEM_LIMIT] if isinstance(v, str))
    if isinstance(value, Mapping):
        parts = (value.get("name"), value.get("version"))
        return " ".join(plain(p) for p in parts if isinstance(p, str))
    return ""


def _first(value: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _member(value: Any, names: tuple[str, ...]) -> str:
    return _one_text(_first(value, names)) if isinstance(value, Mapping) else ""


def _key(name: Any) -> str:
    return _GAPS.sub("_", str(name).lower()).strip("_")[:AGENT_LIMIT]


def _origin(place: Any) -> Origin:
    if isinstance(place, Mapping):
        place = next(iter(place), "")
    line = place.line if isinstance(place, Text) else None
    return Origin(line=line)
