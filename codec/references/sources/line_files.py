"""Read what line-based files state: `go.mod`, `Gemfile`, requirements, versions, images, targets.

Patterns match whole lines; lines of any other form, such as code, are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.references.sources.json_manifests import SCRIPTS
from codec.references.sources.lockfiles import Lock
from codec.references.sources.packages import GO, PYTHON, RUBY, stated_packages
from codec.references.sources.statement import Origin, Statement, in_stack
from codec.references.sources.toml_manifests import requirement

LINE_LIMIT: Final = 1000

#: A file that has only a version -> the key of the stack.
VERSION_FILES: Final[Mapping[str, str]] = {
    ".nvmrc": "node",
    ".node-version": "node",
    ".python-version": "python",
    ".ruby-version": "ruby",
    "rust-toolchain": "rust",
}
#: A tool of `.tool-versions`, or an official image -> the key of the stack.
TOOLS: Final[Mapping[str, str]] = {
    "nodejs": "node",
    "node": "node",
    "python": "python",
    "rust": "rust",
    "golang": "go",
    "go": "go",
    "ruby": "ruby",
    "php": "php",
    "java": "java",
    "eclipse-temurin": "java",
}

_VERSION = re.compile(
    r"\s*(?P<version>(?:ruby-|v)?\d[\w.+-]{0,30}|lts/[\w*-]{1,20}|stable|nightly)\s*"
)
_TOOL = re.compile(r"(?P<tool>[a-z-]+)[ \t]+(?P<version>[\w-]*\d[\w.+-]{0,40})(?:\s.*)?")
_GO = re.compile(
    r"\s*(?:(?:require\s+)?(?P<path>[\w.~/-]+)\s+(?P<version>v\d\S*)|go\s+(?P<go>\d[\d.]*))\s*(?://(?P<remark>.*))?"
)
_GO_MAJOR = re.compile(r"/v\d+$")
_GEM = re.compile(
    r"\s*gem\s*\(?\s*(?P<q>['\"])(?P<name>[\w.-]+)(?P=q)"
    r"(?:\s*,\s*(?P<r>['\"])(?P<version>[^'\"]{1,40})(?P=r))?.*"
)
_RUBY = re.compile(r"\s*ruby\s*\(?\s*(?P<q>['\"])(?P<version>[^'\"]{1,40})(?P=q).*")
_FROM = re.compile(
    r"\s*FROM\s+(?:--platform=\S+\s+)?(?:docker\.io/)?(?:library/)?"
    r"(?P<image>[a-z-]+):(?P<version>\d[\d.]*)\S*(?:\s.*)?",
    re.IGNORECASE,
)
#: A rule of make, or a recipe of just; recipes have parameters, which may have defaults.
_RECIPES: Final = {
    "make": re.compile(r"(?P<name>[\w-]+)[ \t]*:(?!=).*"),
    "just": re.compile(r"@?(?P<name>[\w-]+)(?:[ \t][^:]*)?:(?!=).*"),
}


def stated_requirements(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `requirements.txt`."""
    found = {}
    for number, line in _lines(text):
        if not line.lstrip().startswith(("#", "-")) and (asked := requirement(line)):
            found[asked[0]] = asked[1], Origin(line=number)
    yield from stated_packages(PYTHON, found, lock)


def stated_go_mod(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `go.mod`; indirect requirements are skipped."""
    found: dict[str, tuple[Any, Origin]] = {}
    for number, line in _lines(text):
        match = _GO.fullmatch(line)
        if match and match["go"]:
            yield in_stack("go", match["go"], Origin(line=number, place="go"))
        elif match and "indirect" not in (match["remark"] or ""):
            found[_GO_MAJOR.sub("", match["path"])] = match["version"], Origin(line=number)
    yield from stated_packages(GO, found, lock)


def stated_gemfile(text: str, lock: Lock | None) -> Iterator[Statement]:
    """Yield the statements of a `Gemfile`."""
    found: dict[str, tuple[Any, Origin]] = {}
    for number, line in _lines(text):
        if ruby := _RUBY.fullmatch(line):
            yield in_stack("ruby", ruby["version"], Origin(line=number, place="ruby"))
        elif gem := _GEM.fullmatch(line):
            found[gem["name"]] = gem["version"], Origin(line=number)
    yield from stated_packages(RUBY, found, lock)


def stated_version(key: str, text: str) -> Iterator[Statement]:
    """Yield the version in a file of `VERSION_FILES`."""
    for number, line in _lines(text):
        if match := _VERSION.fullmatch(line):
            version = match["version"].removeprefix("ruby-").removeprefix("v")
            yield in_stack(key, version, Origin(line=number))
            return


def stated_tool_versions(text: str) -> Iterator[Statement]:
    """Yield the statements of a `.tool-versions`."""
    for number, line in _lines(text):
        if (match := _TOOL.fullmatch(line)) and match["tool"] in TOOLS:
            yield in_stack(TOOLS[match["tool"]], match["version"], Origin(line=number))


def stated_dockerfile(text: str) -> Iterator[Statement]:
    """Yield the versions of the official images that a `Dockerfile` uses."""
    for number, line in _lines(text):
        if (match := _FROM.fullmatch(line)) and match["image"].lower() in TOOLS:
            key = TOOLS[match["image"].lower()]
            yield in_stack(key, match["version"], Origin(line=number, place="FROM"))


def stated_recipes(program: str, text: str) -> Iterator[Statement]:
    """Yield the commands for which a `Makefile` or a `justfile` has targets.

    Args:
        program: the program that runs them, `make` or `just`.
        text: the file.
    """
    for number, line in _lines(text):
        if match := _RECIPES[program].fullmatch(line):
            for name, known in SCRIPTS.items():
                if match["name"] in known:
                    command = f"{program} {match['name']}"
                    yield in_stack(name, command, Origin(line=number), fallback=True)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line[:LINE_LIMIT].rstrip("\r")
