"""Collect the values that a repository's files state; the references are built from them.

1. Only explicit statements are used: manifests by a table of known names, prose by simple rules.
   Each value has its origins, so that a user can check it.
2. Any bytes are accepted. A file whose content does not match its name is reported as a problem,
   and the others are still read.
3. A value that can be only one thing (a version) comes from the first file that states it:
   manifests, version files, workflows, the project's memory, prose. Values that can be several
   (testing, linting) are joined. Of several commands of workflows the shortest is taken, as the
   most general; scripts and targets give a command only if no workflow has one.
4. The result stays small: texts are short, lists are capped, `limit_of` bytes of a file are read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from codec.errors import FormatError
from codec.references.document import References
from codec.references.sources.agent_files import stated_agent, stated_memory, stated_rule_file
from codec.references.sources.ci import CI_FILES, DEPLOYMENT_FILES, stated_gitlab, stated_workflow
from codec.references.sources.json_manifests import stated_composer_json, stated_package_json
from codec.references.sources.line_files import (
    VERSION_FILES,
    stated_dockerfile,
    stated_gemfile,
    stated_go_mod,
    stated_recipes,
    stated_requirements,
    stated_tool_versions,
    stated_version,
)
from codec.references.sources.lockfiles import FORMATS, Lock, read_lock
from codec.references.sources.mandates import stated_by_agent_rules, stated_by_log
from codec.references.sources.statement import Origin, Statement, in_stack, plain
from codec.references.sources.toml_manifests import (
    stated_cargo_toml,
    stated_pyproject,
    stated_rust_toolchain,
)
from codec.references.values import by_name, mandate_name

SIZE_LIMIT: Final = 256 * 1024
LOCK_LIMIT: Final = 32 * 1024 * 1024
AGENT_MANDATES: Final = 8
MEMORY_MANDATES: Final = 8
LOG_MANDATES: Final = 4
ROUTES_LIMIT: Final = 16
TARGETS_LIMIT: Final = 8
JOIN_LIMIT: Final = 8
#: The keys that only a `PROJECT_MEMORY.yaml` states.
OTHER_LIMIT: Final = 8

#: The keys of the stack, in the order of the file; others follow them.
STACK_KEYS: Final = (
    "framework", "language", "styling", "testing", "linting", "build_backend", "package_manager",
    "node", "python", "rust", "go", "ruby", "php", "java", "ci", "lint_command",
    "typecheck_command", "test_command", "build_command", "deployment",
)  # fmt: skip
#: Keys whose statements can be true together.
JOINED_KEYS: Final = frozenset(
    {"framework", "language", "styling", "testing", "linting", "package_manager", "ci",
     "deployment"}
)  # fmt: skip
COMMAND_KEYS: Final = frozenset(key for key in STACK_KEYS if key.endswith("_command"))

#: The first line of each part of a file: in the parts as given, and in the file itself; empty if it
#: is not known.
LineMap = Sequence[tuple[int, int]]

Reader = Callable[[str], Iterable[Statement]]
ManifestReader = Callable[[str, Lock | None], Iterable[Statement]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """The values found, with their sources and findings.

    Attributes:
        references: the values.
        origins: the origins of each value, by its name in `references.values.by_name`.
        problems: the files whose content does not match their name.
    """

    references: References
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    problems: tuple[FormatError, ...] = ()


class _Rank(IntEnum):
    """The kinds of files, in reading order."""

    MANIFEST = 0
    VERSION = 1
    LOCK = 2
    WORKFLOW = 3
    PRESENCE = 4
    RECIPES = 5
    MEMORY = 6
    AGENT_RULES = 7
    AGENT = 8
    LOG = 9


#: Name of a manifest -> its ecosystem, as `lockfiles` names it, and its reader; in order.
_MANIFESTS: Final[Mapping[str, tuple[str, ManifestReader]]] = {
    "package.json": ("npm", stated_package_json),
    "pyproject.toml": ("python", stated_pyproject),
    "requirements.txt": ("python", stated_requirements),
    "Cargo.toml": ("rust", stated_cargo_toml),
    "go.mod": ("go", stated_go_mod),
    "Gemfile": ("ruby", stated_gemfile),
    "composer.json": ("php", stated_composer_json),
}
_FILES: Final[Mapping[str, tuple[_Rank, Reader]]] = {
    **{name: (_Rank.VERSION, partial(stated_version, key)) for name, key in VERSION_FILES.items()},
    ".tool-versions": (_Rank.VERSION, stated_tool_versions),
    "rust-toolchain.toml": (_Rank.VERSION, stated_rust_toolchain),
    "Dockerfile": (_Rank.PRESENCE, stated_dockerfile),
    ".gitlab-ci.yml": (_Rank.WORKFLOW, stated_gitlab),
    "Makefile": (_Rank.RECIPES, partial(stated_recipes, "make")),
    "justfile": (_Rank.RECIPES, partial(stated_recipes, "just")),
    "PROJECT_MEMORY.yaml": (_Rank.MEMORY, stated_memory),
    "CLAUDE.md": (_Rank.AGENT_RULES, stated_by_agent_rules),
    "AGENTS.md": (_Rank.AGENT_RULES, stated_by_agent_rules),
    ".claude/CLAUDE.md": (_Rank.AGENT_RULES, stated_by_agent_rules),
}
#: Folder and suffix of further files.
_FOLDERS: Final[Mapping[tuple[str, str], tuple[_Rank, Reader]]] = {
    (".github/workflows", ".yml"): (_Rank.WORKFLOW, stated_workflow),
    (".github/workflows", ".yaml"): (_Rank.WORKFLOW, stated_workflow),
    (".claude/rules", ".md"): (_Rank.AGENT_RULES, stated_rule_file),
}
_AGENTS: Final = ".claude/agents"
#: Files that state something by their existence: the key of the stack, and its value.
_PRESENT: Final = {
    **{name: ("ci", label) for name, label in CI_FILES.items()},
    **{name: ("deployment", label) for name, label in DEPLOYMENT_FILES.items()},
}

#: Paths and globs, relative to the workspace, of the files that are read. v1 logs may be given as
#: well, under their own names.
WANTED: Final = (
    *_MANIFESTS,
    *FORMATS,
    *dict.fromkeys((*_FILES, *_PRESENT)),
    *(f"{folder}/*{ending}" for folder, ending in _FOLDERS),
    f"{_AGENTS}/*.md",
)

_VERSION_TAIL = re.compile(r"\s+v?\d[\w.+-]*$")


def limit_of(path: str) -> int:
    """Return the largest number of bytes that are read from a file."""
    return LOCK_LIMIT if path in FORMATS else SIZE_LIMIT


def stated_references(
    files: Mapping[str, bytes], lines: Mapping[str, LineMap] | None = None
) -> Stated:
    """Return the values that files state; any bytes are accepted.

    Args:
        files: contents by path, relative to the workspace, with `/`: files that `WANTED` names, and
            v1 logs (any other `.md`). Other files are skipped.
        lines: for a file that is given in parts, the line numbers of its parts.
    """
    statements: list[Statement] = []
    problems: list[FormatError] = []
    mandates: dict[str, Statement] = {}
    room = {
        _Rank.MEMORY: MEMORY_MANDATES,
        _Rank.AGENT_RULES: AGENT_MANDATES,
        _Rank.LOG: LOG_MANDATES,
    }
    for rank, path in _in_order(files):
        try:
            found = list(_read(rank, path, files, (lines or {}).get(path)))
        except FormatError as e:
            problem = FormatError(plain(e.problem), line=e.line, hint=e.hint)
            problems.append(problem.at(file=plain(path)))
            continue
        statements += (s for s in found if s.section != "mandates")
        for mandate in (s for s in found if s.section == "mandates"):
            name = mandate_name(mandate.values[0])
            if room[rank] and name not in mandates:
                mandates[name] = mandate
                room[rank] -= 1
    return _stated(statements, mandates, problems)


def _in_order(files: Iterable[str]) -> list[tuple[_Rank, str]]:
    manifests = list(_MANIFESTS)
    ranked = [(rank, path) for path in files if (rank := _rank(path)) is not None]
    return sorted(
        ranked, key=lambda r: (r[0], manifests.index(r[1]) if r[1] in manifests else 0, r[1])
    )


def _rank(path: str) -> _Rank | None:
    if path in _MANIFESTS:
        return _Rank.MANIFEST
    if path in FORMATS:
        return _Rank.LOCK
    if path in _FILES:
        return _FILES[path][0]
    if path in _PRESENT:
        return _Rank.PRESENCE
    pure = PurePosixPath(path)
    folder = pure.parent.as_posix()
    if (folder, pure.suffix) in _FOLDERS:
        return _FOLDERS[folder, pure.suffix][0]
    if folder == _AGENTS:
        return _Rank.AGENT if pure.suffix == ".md" else None
    return _Rank.LOG if pure.suffix.lower() == ".md" else None


def _read(
    rank: _Rank, path: str, files: Mapping[str, bytes], lines: LineMap | None
) -> Iterator[Statement]:
    """Yield the statements of one file, each with the path in its origins."""
    where = plain(path)
    if path in _PRESENT:
        key, label = _PRESENT[path]
        yield in_stack(key, label, Origin(where))
    if rank is _Rank.LOCK:
        if manager := FORMATS[path].manager:
            yield in_stack("package_manager", manager, Origin(where))
        return
    reader = _reader(rank, path, files)
    if reader is None:
        return
    data = files[path]
    # Prose may be read in part; a truncated manifest cannot be parsed.
    if len(data) > SIZE_LIMIT and rank < _Rank.AGENT_RULES:
        raise FormatError(f"larger than {SIZE_LIMIT // 1024} KiB; not read")
    for statement in reader(_text(data[:SIZE_LIMIT])):
        if statement.name or statement.section == "mandates":
            origins = tuple(_located(origin, where, lines) for origin in statement.origins)
            if all(statement.values):  # not only control characters
                yield replace(statement, origins=origins)


def _located(origin: Origin, where: str, lines: LineMap | None) -> Origin:
    """Return an origin with its file, and with the line number of the whole file."""
    if origin.file:
        return origin
    if lines is None or origin.line is None:
        return origin._replace(file=where)
    part = bisect_right(lines, origin.line, key=lambda pair: pair[0]) - 1
    line = lines[part][1] + origin.line - lines[part][0] if part >= 0 else None
    return origin._replace(file=where, line=line)


def _reader(rank: _Rank, path: str, files: Mapping[str, bytes]) -> Reader | None:
    if path in _MANIFESTS:
        ecosystem, reader = _MANIFESTS[path]
        return lambda text: reader(text, _lock(ecosystem, files))
    if path in _FILES:
        return _FILES[path][1]
    pure = PurePosixPath(path)
    if rank is _Rank.AGENT:
        return partial(stated_agent, pure.stem)
    if rank is _Rank.LOG:
        return stated_by_log
    folder = (pure.parent.as_posix(), pure.suffix)
    return _FOLDERS[folder][1] if folder in _FOLDERS else None


def _lock(ecosystem: str, files: Mapping[str, bytes]) -> Lock | None:
    """Return the first lock file of an ecosystem that the repository has."""
    name = next((n for n, f in FORMATS.items() if f.ecosystem == ecosystem and n in files), None)
    return read_lock(name, name, _text(files[name][:LOCK_LIMIT])) if name else None


def _text(data: bytes) -> str:
    return data.decode(errors="replace").removeprefix("\ufeff")


def _stated(
    statements: list[Statement], mandates: Mapping[str, Statement], problems: list[FormatError]
) -> Stated:
    merged = _merged([s for s in statements if not s.fallback])
    for place, fallback in _merged([s for s in statements if s.fallback]).items():
        merged.setdefault(place, fallback)
    stack = {name: s for (section, name), s in merged.items() if section == "stack"}
    names: list[str] = [name for name in STACK_KEYS if name in stack]
    names += [name for name in stack if name not in STACK_KEYS][:OTHER_LIMIT]
    routes = [s for s in merged.values() if s.section == "routing_rules"][:ROUTES_LIMIT]
    targets = [s for s in merged.values() if s.section == "performance_targets"][:TARGETS_LIMIT]
    references = References(
        stack={name: ", ".join(stack[name].values) for name in names},
        mandates=tuple(m.values[0] for m in mandates.values()),
        routing_rules={s.name: s.values for s in routes},
        performance_targets={s.name: s.values[0] for s in targets},
    )
    kept = [*(stack[name] for name in names), *mandates.values(), *routes, *targets]
    named = by_name(references)
    return Stated(
        references=references,
        origins={name: s.origins for name, s in zip(named, kept, strict=True)},
        problems=tuple(problems),
    )


def _merged(statements: list[Statement]) -> dict[tuple[str, str], Statement]:
    """Return one statement for each name: several joined, else the first or the shortest."""
    merged: dict[tuple[str, str], Statement] = {}
    for statement in statements:
        place = statement.section, statement.name
        first = merged.setdefault(place, statement)
        if first.name in COMMAND_KEYS and len(statement.values[0]) < len(first.values[0]):
            merged[place] = statement
        if first.name in JOINED_KEYS or first.section == "routing_rules":
            known = {_VERSION_TAIL.sub("", value) for value in first.values}
            more = [v for v in statement.values if _VERSION_TAIL.sub("", v) not in known]
            values = first.values + tuple(dict.fromkeys(more))
            if len(first.values) < len(values) <= JOIN_LIMIT:
                origins = tuple(dict.fromkeys(first.origins + statement.origins))
                merged[place] = replace(first, values=values, origins=origins)
    return merged
