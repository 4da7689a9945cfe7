"""What a repository's own files state about it: the references of a first migration.

1. Only what is written there: manifests by a table of known names, prose by plain rules. Each
   value has its origin, so that a person can check it.
2. Any bytes give a result. A file that is not what its name says is a problem, told by name, and
   the rest goes on.
3. What can only be one thing (a version) comes from the first file that states it: manifests
   before workflows before prose. What can be several (testing, linting) is joined. Of several
   commands the shortest is taken, as the most general.
4. It stays small: texts are short, lists are capped, of each file `SIZE_LIMIT` bytes are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import PurePosixPath
from typing import Final

from codec.errors import FormatError
from codec.stated_ci import DEPLOYMENT_FILES, stated_workflow
from codec.stated_manifests import stated_package_json, stated_pyproject
from codec.stated_rules import stated_by_agent_rules, stated_by_log
from codec.stated_values import Statement, plain
from codec.v2_references import SECTIONS, References

#: Paths and globs, relative to the workspace, of the files that state something. v1 logs may be
#: given besides them, under their own names.
WANTED: Final = (
    "package.json",
    "pyproject.toml",
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    *DEPLOYMENT_FILES,
    "CLAUDE.md",
    "AGENTS.md",
)

SIZE_LIMIT: Final = 256 * 1024
AGENT_MANDATES: Final = 8
LOG_MANDATES: Final = 4
ROUTES_LIMIT: Final = 16
TARGETS_LIMIT: Final = 8
JOIN_LIMIT: Final = 8

#: The keys of the stack, in the order of the file.
STACK_KEYS: Final = (
    "framework", "language", "styling", "testing", "linting", "build_backend", "package_manager",
    "node", "python", "ci", "lint_command", "typecheck_command", "test_command", "build_command",
    "deployment",
)  # fmt: skip
#: Keys under which several statements can hold at once.
JOINED_KEYS: Final = frozenset(
    {"framework", "language", "styling", "testing", "linting", "ci", "deployment"}
)
COMMAND_KEYS: Final = frozenset(key for key in STACK_KEYS if key.endswith("_command"))

_WORKFLOWS: Final = PurePosixPath(".github/workflows")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What was found.

    Attributes:
        references: the values.
        origins: where each comes from, by its dotted name: `stack.framework` ->
            `package.json: dependencies.next`, `mandates.0` -> `CLAUDE.md: line 12`.
        problems: files that are not what their names say, a sentence each.
    """

    references: References
    origins: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class _Kind(IntEnum):
    """What a file is, in the order in which they are read."""

    PACKAGE_JSON = 0
    PYPROJECT = 1
    WORKFLOW = 2
    DEPLOYMENT = 3
    AGENT_RULES = 4
    LOG = 5
    OTHER = 6


_READERS: Final[Mapping[_Kind, Callable[[str], Iterable[Statement]]]] = {
    _Kind.PACKAGE_JSON: stated_package_json,
    _Kind.PYPROJECT: stated_pyproject,
    _Kind.WORKFLOW: stated_workflow,
    _Kind.AGENT_RULES: stated_by_agent_rules,
    _Kind.LOG: stated_by_log,
}
#: Prose may be read in part; a manifest that is cut off is none.
_PROSE: Final = (_Kind.AGENT_RULES, _Kind.LOG)


def stated_references(files: Mapping[str, bytes]) -> Stated:
    """What files state, for any bytes.

    Args:
        files: content by path, relative to the workspace, with `/`: those that `WANTED` names,
            and v1 logs (any other `.md`). What is neither is passed over.
    """
    statements: list[Statement] = []
    problems: list[str] = []
    mandates: dict[str, Statement] = {}
    room = {_Kind.AGENT_RULES: AGENT_MANDATES, _Kind.LOG: LOG_MANDATES}
    for kind, path in sorted((_kind(path), path) for path in files):
        try:
            found = list(_read(kind, path, files[path]))
        except FormatError as e:
            problems.append(plain(str(e.at(file=path))))
            continue
        statements += (s for s in found if s.section != "mandates")
        for mandate in (s for s in found if s.section == "mandates"):
            if room[kind] and (words := _words(mandate)) not in mandates:
                mandates[words] = mandate
                room[kind] -= 1
    return _stated(statements, list(mandates.values()), problems)


def _kind(path: str) -> _Kind:
    pure = PurePosixPath(path)
    name = pure.name
    if pure.parent == _WORKFLOWS and pure.suffix in (".yml", ".yaml"):
        return _Kind.WORKFLOW
    if name in DEPLOYMENT_FILES:
        return _Kind.DEPLOYMENT
    if pure.suffix.lower() == ".md":
        return _Kind.AGENT_RULES if name.lower() in ("claude.md", "agents.md") else _Kind.LOG
    named = {"package.json": _Kind.PACKAGE_JSON, "pyproject.toml": _Kind.PYPROJECT}
    return named.get(name, _Kind.OTHER)


def _read(kind: _Kind, path: str, data: bytes) -> Iterator[Statement]:
    """The statements of one file, each with the path in its origin."""
    where = plain(path)
    if kind is _Kind.DEPLOYMENT:
        label = DEPLOYMENT_FILES[PurePosixPath(path).name]
        yield Statement(section="stack", name="deployment", values=(label,), origin=where)
    if kind not in _READERS:
        return
    if len(data) > SIZE_LIMIT and kind not in _PROSE:
        raise FormatError(f"larger than {SIZE_LIMIT // 1024} KiB, so not read")
    text = data[:SIZE_LIMIT].decode(errors="replace").removeprefix("\ufeff")
    for statement in _READERS[kind](text):
        if not all(statement.values):
            continue  # nothing was left of it but control characters
        yield replace(statement, origin=f"{where}: {statement.origin}")


def _words(mandate: Statement) -> str:
    """What makes two mandates the same: their letters and digits."""
    return "".join(c for c in mandate.values[0].casefold() if c.isalnum())


def _stated(statements: list[Statement], mandates: list[Statement], problems: list[str]) -> Stated:
    stack = _merged([s for s in statements if s.section == "stack"])
    routes = _merged([s for s in statements if s.section == "routing_rules"])
    targets = _merged([s for s in statements if s.section == "performance_targets"])
    kept = [*(stack[name] for name in STACK_KEYS if name in stack)]
    kept += [*routes.values()][:ROUTES_LIMIT] + [*targets.values()][:TARGETS_LIMIT]
    by_section = {section: [s for s in kept if s.section == section] for section in SECTIONS}
    return Stated(
        references=References(
            stack={s.name: ", ".join(s.values) for s in by_section["stack"]},
            mandates=tuple(s.values[0] for s in mandates),
            routing_rules={s.name: s.values for s in by_section["routing_rules"]},
            performance_targets={s.name: s.values[0] for s in by_section["performance_targets"]},
        ),
        origins={f"{s.section}.{s.name}": s.origin for s in kept}
        | {f"mandates.{i}": mandate.origin for i, mandate in enumerate(mandates)},
        problems=tuple(problems),
    )


def _merged(statements: list[Statement]) -> dict[str, Statement]:
    """One statement a name: joined where several can hold at once, else the first or shortest."""
    merged: dict[str, Statement] = {}
    for statement in statements:
        first = merged.setdefault(statement.name, statement)
        if first.name in COMMAND_KEYS and len(statement.values[0]) < len(first.values[0]):
            merged[statement.name] = statement
        joins = first.name in JOINED_KEYS or first.section == "routing_rules"
        values = tuple(dict.fromkeys(first.values + statement.values))
        if joins and len(first.values) < len(values) <= JOIN_LIMIT:
            merged[statement.name] = replace(
                first, values=values, origin=f"{first.origin}; {statement.origin}"
            )
    return merged
