"""Read what `package.json` and `composer.json` state.

Any JSON is accepted; a value that is not where the format has it counts as missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.errors import FormatError
from codec.references.sources.lockfiles import FORMATS, Lock
from codec.references.sources.packages import NPM, PHP, stated_packages
from codec.references.sources.positions import Places, json_places, table_at
from codec.references.sources.statement import Origin, Statement, in_stack, target

#: The key of a command -> the names that its script may have, the most common first.
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "lint_command": ("lint",),
    "typecheck_command": ("typecheck", "type-check", "check-types", "check:types", "tsc"),
    "test_command": ("test",),
    "build_command": ("build",),
}

_PACKAGE_MANAGER = re.compile(r"(?P<name>[\w-]+)@(?P<version>[^+\s]+)\S*")
_NO_TEST = re.compile(r".*no test specified.*")


def stated_package_json(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `package.json`.

    Raises:
        FormatError: it is not a JSON object.
    """
    content = _object(text)
    places = json_places(text)
    found = _dependencies(content, places, ("devDependencies", "dependencies"))
    yield from stated_packages(NPM, found, lock)
    manager = content.get("packageManager")
    runner = FORMATS[lock.file.rpartition("/")[2]].manager if lock else "npm"
    if isinstance(manager, str) and (match := _PACKAGE_MANAGER.fullmatch(manager)):
        runner = match["name"]
        manager = f"{runner} {match['version']}"
        yield in_stack("package_manager", manager, places.origin("packageManager"))
    if isinstance(node := table_at(content, "engines").get("node"), str):
        yield in_stack("node", node, places.origin("engines", "node"))
    for name, script in _scripts(content):
        short = script == "test" and runner != "bun"
        command = f"{runner} test" if short else f"{runner} run {script}"
        yield in_stack(name, command, places.origin("scripts", script), fallback=True)
    yield from _jest_threshold(content, places)


def stated_composer_json(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `composer.json`.

    Raises:
        FormatError: it is not a JSON object.
    """
    content = _object(text)
    places = json_places(text)
    found = _dependencies(content, places, ("require-dev", "require"))
    yield from stated_packages(PHP, found, lock)
    if "php" in found and isinstance(found["php"][0], str):
        yield in_stack("php", *found["php"])
    for name, script in _scripts(content):
        origin = places.origin("scripts", script)
        yield in_stack(name, f"composer {script}", origin, fallback=True)


def _object(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as e:
        raise FormatError(f"not JSON: {e.msg}", line=e.lineno) from e
    except (ValueError, RecursionError) as e:
        raise FormatError("not JSON: a number is too long or the nesting too deep") from e
    if not isinstance(content, Mapping):
        raise FormatError("not a JSON object")
    return content


def _dependencies(
    content: Mapping[str, Any], places: Places, groups: tuple[str, ...]
) -> dict[str, tuple[Any, Origin]]:
    """Return the required version of each package and its place; a later group overrides."""
    return {
        package: (version, places.origin(group, package))
        for group in groups
        for package, version in table_at(content, group).items()
    }


def _scripts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scripts = table_at(content, "scripts")
    for name, known in SCRIPTS.items():
        script = next((s for s in known if s in scripts), None)
        if script and not _NO_TEST.match(str(scripts[script])):
            yield name, script


def _jest_threshold(content: Mapping[str, Any], places: Places) -> Iterator[Statement]:
    path = ("jest", "coverageThreshold", "global")
    limits = table_at(content, *path)
    stated = {
        name: f"{limit}%"
        for name, limit in limits.items()
        if type(limit) in (int, float) and 0 < limit <= 100
    }
    if stated:
        each = ", ".join(f"{name} {limit}" for name, limit in stated.items())
        value = each if len(set(stated.values())) > 1 else next(iter(stated.values()))
        yield target("coverage", value, places.origin(*path))
