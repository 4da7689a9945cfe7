"""Read the versions in lock files, which can have many megabytes.

1. A lock file is searched with a pattern of its entries, in linear time, and never parsed: it
   can be large, deep and hostile. Text that does not look like an entry is skipped.
2. If a package is locked in several versions, the one with the major version of the manifest
   counts; if there is not exactly one, the version is unknown.
3. In a workspace with several projects, the entries of the root project count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from codec.references.sources.statement import Origin


class Format(NamedTuple):
    """A kind of lock file.

    Attributes:
        ecosystem: the ecosystem of its packages.
        entry: a pattern of one entry, with groups `name` and `version`.
        manager: the package manager that writes it, if the file alone identifies it.
    """

    ecosystem: str
    entry: re.Pattern[str]
    manager: str = ""


_TOML_ENTRY: Final = re.compile(
    r'^\[\[package\]\]\r?\nname = "(?P<name>[\w.-]+)"\r?\nversion = "(?P<version>[\w.+-]+)"', re.M
)
_JSON_NAMED: Final = re.compile(
    r'"name":\s*"(?P<name>[\w.-]+/[\w.-]+)",\s*"version":\s*"(?P<version>[\w.+-]+)"'
)

FORMATS: Final[Mapping[str, Format]] = {
    "package-lock.json": Format(
        "npm",
        re.compile(
            r'^(?: {4}|\t\t)"(?:node_modules/)?(?P<name>(?:@[\w.-]+/)?[\w.-]+)":\s*\{\s*'
            r'"version":\s*"(?P<version>[\w.+-]+)"',
            re.M,
        ),
        "npm",
    ),
    "pnpm-lock.yaml": Format(
        "npm",
        re.compile(
            r"^(?P<indent> {2,6})'?(?P<name>(?:@[\w.-]+/)?[\w.-]+)'?:\r?\n"
            r"(?P=indent)  specifier: [^\n]*\n(?P=indent)  version: '?(?P<version>[\w.+-]+)",
            re.M,
        ),
        "pnpm",
    ),
    "yarn.lock": Format(
        "npm",
        re.compile(
            r'^"?(?P<name>(?:@[\w.-]+/)?[\w.-]+)@[^\n]*:\r?\n  version:? "?(?P<version>[\w.+-]+)',
            re.M,
        ),
        "yarn",
    ),
    "bun.lock": Format(
        "npm",
        re.compile(
            r'^    "(?P<name>(?:@[\w.-]+/)?[\w.-]+)": \["(?P=name)@(?P<version>[\w.+-]+)"', re.M
        ),
        "bun",
    ),
    "uv.lock": Format("python", _TOML_ENTRY, "uv"),
    "poetry.lock": Format("python", _TOML_ENTRY, "Poetry"),
    "pdm.lock": Format("python", _TOML_ENTRY, "PDM"),
    "Cargo.lock": Format("rust", _TOML_ENTRY),
    "Gemfile.lock": Format(
        "ruby", re.compile(r"^    (?P<name>[\w.-]+) \((?P<version>\d[\w.]*)[^)\n]*\)$", re.M)
    ),
    "composer.lock": Format("php", _JSON_NAMED),
}

_IMPORTER = re.compile(r"^  (?P<name>\S[^\n]*):\r?$", re.M)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """The packages that one lock file pins.

    Attributes:
        file: its path.
        text: its content.
        versions: the versions of each package and their positions in the text, by package name.
    """

    file: str
    text: str
    versions: Mapping[str, Mapping[str, int]]

    def version(self, package: str, major: str) -> tuple[str, Origin] | None:
        """Return the version of a package, and its origin; None unless exactly one version fits.

        Args:
            package: the name of the package in its manifest.
            major: the required major version, as ` 14` or ` 0.95`; empty for any.
        """
        found = self.versions.get(package, {})
        wanted = major.strip()
        fitting = [v for v in found if f"{v.removeprefix('v')}.".startswith(f"{wanted}.")]
        chosen = fitting if wanted and fitting else list(found)
        if len(chosen) != 1:
            return None
        line = self.text.count("\n", 0, found[chosen[0]]) + 1
        return chosen[0], Origin(self.file, line)


def read_lock(file: str, name: str, text: str) -> Lock:
    """Return the entries of a lock file.

    Args:
        file: its path, which the origins state.
        name: its key in `FORMATS`.
        text: its content, or the beginning of it.
    """
    versions: dict[str, dict[str, int]] = {}
    start, end = _root_project(text) if name == "pnpm-lock.yaml" else (0, len(text))
    for entry in FORMATS[name].entry.finditer(text, start, end):
        versions.setdefault(entry["name"], {}).setdefault(entry["version"], entry.start("version"))
    return Lock(file=file, text=text, versions=versions)


def _root_project(text: str) -> tuple[int, int]:
    """Return the range of the root project's entries in a `pnpm-lock.yaml`."""
    packages = text.find("\npackages:")
    end = packages if packages >= 0 else len(text)
    if (importers := text.find("\nimporters:", 0, end)) < 0:
        return 0, end
    projects = list(_IMPORTER.finditer(text, importers, end))
    root = next((i for i, m in enumerate(projects) if m["name"] == "."), None)
    if root is None:
        return 0, 0
    last = root + 1 == len(projects)
    return projects[root].start(), end if last else projects[root + 1].start()
