"""What `package.json` and `pyproject.toml` state about the stack.

1. Only names that are looked up here are reported: a package that nobody knows says nothing.
2. A version is stated where one major version is asked for (`^14.2.0`, `==5.*`); a range over
   several, a tag or an address states none.
3. Any shape is read: what is not where the format has it is not there.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.errors import FormatError
from codec.stated_values import Statement, plain, shorten

#: npm package -> the key of the stack it belongs to, and its own name.
NPM_PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "next": ("framework", "Next.js"),
    "nuxt": ("framework", "Nuxt"),
    "@remix-run/react": ("framework", "Remix"),
    "astro": ("framework", "Astro"),
    "gatsby": ("framework", "Gatsby"),
    "@sveltejs/kit": ("framework", "SvelteKit"),
    "expo": ("framework", "Expo"),
    "react-native": ("framework", "React Native"),
    "@angular/core": ("framework", "Angular"),
    "react": ("framework", "React"),
    "vue": ("framework", "Vue"),
    "svelte": ("framework", "Svelte"),
    "solid-js": ("framework", "Solid"),
    "@nestjs/core": ("framework", "NestJS"),
    "express": ("framework", "Express"),
    "fastify": ("framework", "Fastify"),
    "hono": ("framework", "Hono"),
    "koa": ("framework", "Koa"),
    "typescript": ("language", "TypeScript"),
    "tailwindcss": ("styling", "Tailwind"),
    "styled-components": ("styling", "styled-components"),
    "@emotion/react": ("styling", "Emotion"),
    "@mui/material": ("styling", "MUI"),
    "@chakra-ui/react": ("styling", "Chakra UI"),
    "bootstrap": ("styling", "Bootstrap"),
    "sass": ("styling", "Sass"),
    "unocss": ("styling", "UnoCSS"),
    "jest": ("testing", "Jest"),
    "vitest": ("testing", "Vitest"),
    "mocha": ("testing", "Mocha"),
    "ava": ("testing", "AVA"),
    "@playwright/test": ("testing", "Playwright"),
    "playwright": ("testing", "Playwright"),
    "cypress": ("testing", "Cypress"),
    "eslint": ("linting", "ESLint"),
    "prettier": ("linting", "Prettier"),
    "@biomejs/biome": ("linting", "Biome"),
    "stylelint": ("linting", "Stylelint"),
}

#: Python distribution (or its table under `tool`) -> key of the stack, own name.
PYTHON_PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "django": ("framework", "Django"),
    "djangorestframework": ("framework", "Django REST framework"),
    "flask": ("framework", "Flask"),
    "fastapi": ("framework", "FastAPI"),
    "starlette": ("framework", "Starlette"),
    "litestar": ("framework", "Litestar"),
    "aiohttp": ("framework", "aiohttp"),
    "tornado": ("framework", "Tornado"),
    "pyramid": ("framework", "Pyramid"),
    "sanic": ("framework", "Sanic"),
    "streamlit": ("framework", "Streamlit"),
    "pytest": ("testing", "pytest"),
    "hypothesis": ("testing", "hypothesis"),
    "tox": ("testing", "tox"),
    "nox": ("testing", "nox"),
    "ruff": ("linting", "ruff"),
    "black": ("linting", "black"),
    "isort": ("linting", "isort"),
    "flake8": ("linting", "flake8"),
    "pylint": ("linting", "pylint"),
    "mypy": ("linting", "mypy"),
    "pyright": ("linting", "pyright"),
    "basedpyright": ("linting", "basedpyright"),
    "ty": ("linting", "ty"),
}

#: First part of a build backend's module -> the distribution.
BUILD_BACKENDS: Final[Mapping[str, str]] = {
    "flit_core": "flit-core",
    "poetry": "poetry-core",
    "pdm": "pdm-backend",
    "scikit_build_core": "scikit-build-core",
    "mesonpy": "meson-python",
    "uv_build": "uv-build",
}

_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<version>[^;]*)", re.ASCII
)
_ONE_MAJOR = re.compile(
    r"\s*(?:npm:[^\s]+@)?(?:===?|~=|\^|~|=|v)?\s*(?P<major>\d{1,4})"
    r"(?:\.(?P<minor>\d{1,4}|[xX*])[\w.*+-]*)?\s*",
    re.ASCII,
)
_PACKAGE_MANAGER = re.compile(r"(?P<name>[\w-]+)@(?P<version>[^+\s]+)\S*")
_DASHES = re.compile(r"[-_.]+")


def stated_package_json(text: str) -> Iterator[Statement]:
    """What a `package.json` states.

    Raises:
        FormatError: it is not a JSON object.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as e:
        raise FormatError(f"not JSON: {e.msg}", line=e.lineno) from e
    except (ValueError, RecursionError) as e:
        raise FormatError("not JSON: a number or a nesting without end") from e
    if not isinstance(content, Mapping):
        raise FormatError("not a JSON object")
    for package, (name, label) in NPM_PACKAGES.items():
        for group in ("dependencies", "devDependencies"):
            if (version := _table(content, group).get(package)) is not None:
                yield _stack(name, label + _major(version), f"{group}.{package}")
    manager = content.get("packageManager")
    if isinstance(manager, str) and (match := _PACKAGE_MANAGER.fullmatch(manager)):
        yield _stack("package_manager", f"{match['name']} {match['version']}", "packageManager")
    if isinstance(node := _table(content, "engines").get("node"), str):
        yield _stack("node", node, "engines.node")
    yield from _jest_threshold(_table(content, "jest", "coverageThreshold", "global"))


def stated_pyproject(text: str) -> Iterator[Statement]:
    """What a `pyproject.toml` states.

    Raises:
        FormatError: it is not TOML.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not TOML: {plain(str(e))}") from e
    for place in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python")):
        if isinstance(version := _table(content, *place[:-1]).get(place[-1]), str):
            yield _stack("python", version, ".".join(place))
    required = dict(_python_requirements(content))
    for package, (name, label) in PYTHON_PACKAGES.items():
        if package in required:
            origin, version = required[package]
            yield _stack(name, label + _major(version), origin)
        elif package in _table(content, "tool"):
            yield _stack(name, label, f"tool.{package}")
    backend = _table(content, "build-system").get("build-backend")
    if isinstance(backend, str):
        module = backend.partition(".")[0]
        yield _stack(
            "build_backend", BUILD_BACKENDS.get(module, module), "build-system.build-backend"
        )
    yield from _coverage_floor(_table(content, "tool", "coverage", "report").get("fail_under"))


def _python_requirements(content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """(distribution, (origin, version)) for each dependency; what runs overrides what tests."""
    lists: list[tuple[str, Any]] = [
        (f"{origin}.{group}", entries)
        for origin, groups in (
            ("tool.pdm.dev-dependencies", _table(content, "tool", "pdm", "dev-dependencies")),
            ("dependency-groups", _table(content, "dependency-groups")),
            ("project.optional-dependencies", _table(content, "project", "optional-dependencies")),
        )
        for group, entries in groups.items()
    ]
    lists.append(
        ("tool.uv.dev-dependencies", _table(content, "tool", "uv").get("dev-dependencies"))
    )
    lists.append(("project.dependencies", _table(content, "project").get("dependencies")))
    for origin, entries in lists:
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str) and (match := _REQUIREMENT.match(entry)):
                yield _DASHES.sub("-", match["name"]).lower(), (origin, match["version"])
    poetry = _table(content, "tool", "poetry")
    tables = [
        (f"tool.poetry.group.{group}.dependencies", _table(poetry, "group", group, "dependencies"))
        for group in _table(poetry, "group")
    ]
    tables.append(("tool.poetry.dev-dependencies", _table(poetry, "dev-dependencies")))
    tables.append(("tool.poetry.dependencies", _table(poetry, "dependencies")))
    for origin, table in tables:
        for name, version in table.items():
            asked = version.get("version") if isinstance(version, Mapping) else version
            yield _DASHES.sub("-", name).lower(), (origin, asked)


def _jest_threshold(limits: Mapping[str, Any]) -> Iterator[Statement]:
    stated = {
        name: f"{limit}%"
        for name, limit in limits.items()
        if type(limit) in (int, float) and 0 < limit <= 100
    }
    if stated:
        each = ", ".join(f"{name} {limit}" for name, limit in stated.items())
        value = each if len(set(stated.values())) > 1 else next(iter(stated.values()))
        yield _target("coverage", value, "jest.coverageThreshold.global")


def _coverage_floor(limit: Any) -> Iterator[Statement]:
    if type(limit) in (int, float) and 0 < limit <= 100:
        yield _target("coverage", f"{limit}%", "tool.coverage.report.fail_under")


def _major(version: Any) -> str:
    """` 14` for a version that asks for one major version (` 0.95` below 1), else nothing."""
    match = _ONE_MAJOR.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        return ""
    if match["major"] != "0":
        return f" {match['major']}"
    return f" 0.{match['minor']}" if (match["minor"] or "x").isdigit() else ""


def _table(content: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at a path; empty where there is none."""
    for name in path:
        inner = content.get(name)
        if not isinstance(inner, Mapping):
            return {}
        content = inner
    return content


def _stack(name: str, value: str, origin: str) -> Statement:
    return Statement(section="stack", name=name, values=(shorten(plain(value)),), origin=origin)


def _target(name: str, value: str, origin: str) -> Statement:
    value = shorten(plain(value))
    return Statement(section="performance_targets", name=name, values=(value,), origin=origin)
