"""Read what `pyproject.toml`, `Cargo.toml` and `rust-toolchain.toml` state.

Any TOML is accepted; a value that is not where the format has it counts as missing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.errors import FormatError
from codec.references.sources.lockfiles import Lock
from codec.references.sources.packages import PYTHON, RUST, stated_packages
from codec.references.sources.positions import Places, table_at, toml_places
from codec.references.sources.statement import Origin, Statement, in_stack, plain, target

#: First part of a build backend's module -> the distribution.
BUILD_BACKENDS: Final[Mapping[str, str]] = {
    "flit_core": "flit-core",
    "poetry": "poetry-core",
    "pdm": "pdm-backend",
    "scikit_build_core": "scikit-build-core",
    "mesonpy": "meson-python",
    "uv_build": "uv-build",
}

#: The time that tomllib takes grows with the square of the dots in a key.
DOTS_LIMIT: Final = 500

_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<version>[^;#]*)", re.ASCII
)
_DASHES = re.compile(r"[-_.]+")
_ERROR_LINE = re.compile(r"at line (\d+)")


def requirement(text: str) -> tuple[str, str] | None:
    """Return the normalized name in a Python requirement, and the versions that it requires."""
    match = _REQUIREMENT.match(text)
    return (_normal(match["name"]), match["version"].strip()) if match else None


def stated_pyproject(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `pyproject.toml`.

    Raises:
        FormatError: it is not TOML.
    """
    content, places = _load(text)
    for path in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python")):
        if isinstance(version := table_at(content, *path[:-1]).get(path[-1]), str):
            yield in_stack("python", version, places.origin(*path))
    found: dict[str, tuple[Any, Origin]] = {
        package: (None, places.origin("tool", package)) for package in table_at(content, "tool")
    }
    found.update(_requirements(content, places))
    found.update(_poetry(content, places))
    yield from stated_packages(PYTHON, found, lock)
    backend = table_at(content, "build-system").get("build-backend")
    if isinstance(backend, str):
        module = backend.partition(".")[0]
        name = BUILD_BACKENDS.get(module, module)
        yield in_stack("build_backend", name, places.origin("build-system", "build-backend"))
    path = ("tool", "coverage", "report", "fail_under")
    limit = table_at(content, *path[:-1]).get(path[-1])
    if (type(limit) is int or type(limit) is float) and 0 < limit <= 100:
        yield target("coverage", f"{limit}%", places.origin(*path))


def stated_cargo_toml(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `Cargo.toml` of a package or a workspace.

    Raises:
        FormatError: it is not TOML.
    """
    content, places = _load(text)
    found: dict[str, tuple[Any, Origin]] = {}
    for path in (("dev-dependencies",), ("workspace", "dependencies"), ("dependencies",)):
        for name, version in table_at(content, *path).items():
            asked = version.get("version") if isinstance(version, Mapping) else version
            found[name] = asked, places.origin(*path, name)
    yield from stated_packages(RUST, found, lock)
    for path in (("package",), ("workspace", "package")):
        package = table_at(content, *path)
        if isinstance(edition := package.get("edition"), str):
            yield in_stack("language", f"Rust {edition}", places.origin(*path, "edition"))
        if isinstance(version := package.get("rust-version"), str):
            yield in_stack("rust", version, places.origin(*path, "rust-version"))


def stated_rust_toolchain(text: str) -> Iterator[Statement]:
    """Yield the channel that a `rust-toolchain.toml` names.

    Raises:
        FormatError: it is not TOML.
    """
    content, places = _load(text)
    if isinstance(channel := table_at(content, "toolchain").get("channel"), str):
        yield in_stack("rust", channel, places.origin("toolchain", "channel"))


def _load(text: str) -> tuple[Mapping[str, Any], Places]:
    for number, content in enumerate(text.split("\n"), 1):
        if content.count(".") > DOTS_LIMIT:
            raise FormatError(f"more than {DOTS_LIMIT} dots on one line; not read", line=number)
    try:
        return tomllib.loads(text), toml_places(text)
    except (ValueError, RecursionError) as e:
        place = _ERROR_LINE.search(str(e))
        line = int(place[1]) if place else None
        raise FormatError(f"not TOML: {plain(str(e))}", line=line) from e


def _requirements(content: Mapping[str, Any], places: Places) -> dict[str, tuple[str, Origin]]:
    """Return the known packages of dependency lists; runtime lists override test lists."""
    paths: list[tuple[str, ...]] = [
        (*path, group)
        for path in (
            ("tool", "pdm", "dev-dependencies"),
            ("dependency-groups",),
            ("project", "optional-dependencies"),
        )
        for group in table_at(content, *path)
    ]
    paths += [("tool", "uv", "dev-dependencies"), ("project", "dependencies")]
    found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for path in paths:
        entries = table_at(content, *path[:-1]).get(path[-1])
        for entry in entries if isinstance(entries, list) else ():
            asked = requirement(entry) if isinstance(entry, str) else None
            if asked and asked[0] in PYTHON:
                found[asked[0]] = asked[1], entry, path
    return {
        name: (version, Origin(line=places.line_of(entry, *path), place=".".join(path)))
        for name, (version, entry, path) in found.items()
    }


def _poetry(content: Mapping[str, Any], places: Places) -> Iterator[tuple[str, tuple[Any, Origin]]]:
    poetry = ("tool", "poetry")
    groups = table_at(content, *poetry, "group")
    paths: list[tuple[str, ...]] = [(*poetry, "group", group, "dependencies") for group in groups]
    paths += [(*poetry, "dev-dependencies"), (*poetry, "dependencies")]
    for path in paths:
        for name, version in table_at(content, *path).items():
            asked = version.get("version") if isinstance(version, Mapping) else version
            origin = Origin(line=places.line(*path, name), place=".".join(path))
            yield _normal(name), (asked, origin)


def _normal(name: str) -> str:
    return _DASHES.sub("-", name).lower()
