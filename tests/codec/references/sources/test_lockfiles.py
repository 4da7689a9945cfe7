"""The locked version is the one that counts, in the form of every lock file, large or hostile."""

from __future__ import annotations

import pytest

from codec.references.sources.collect import LOCK_LIMIT, stated_references
from codec.references.sources.lockfiles import FORMATS, read_lock
from tests.support.cpu_limit import not_quadratic

PACKAGE = b'{"dependencies": {"next": ">=13", "@nestjs/core": "^10"}}'
PACKAGE_LOCK = """{
  "name": "a", "version": "1.0.0", "lockfileVersion": 3,
  "packages": {
    "": {"name": "a", "version": "1.0.0"},
    "node_modules/@nestjs/core": {
      "version": "10.4.15",
      "resolved": "x"
    },
    "node_modules/b/node_modules/next": {
      "version": "12.0.0"
    },
    "node_modules/next": {
      "version": "15.1.3"
    }
  }
}
"""
OLD_PACKAGE_LOCK = """{
  "lockfileVersion": 1,
  "dependencies": {
    "@nestjs/core": {
      "version": "10.4.15"
    },
    "b": {
      "version": "1.0.0",
      "dependencies": {
        "next": {
          "version": "12.0.0"
        }
      }
    },
    "next": {
      "version": "15.1.3"
    }
  }
}
"""
YARN = """# yarn lockfile v1

"@nestjs/core@^10", "@nestjs/core@^10.4":
  version "10.4.15"
  resolved "x"

next@>=13:
  version "15.1.3"
"""
BERRY = """__metadata:
  version: 8

"@nestjs/core@npm:^10":
  version: 10.4.15
  resolution: "@nestjs/core@npm:10.4.15"

"next@npm:>=13":
  version: 15.1.3
"""
OLD_PNPM = """lockfileVersion: '6.0'

dependencies:
  '@nestjs/core':
    specifier: ^10
    version: 10.4.15(rxjs@7.8.1)
  next:
    specifier: '>=13'
    version: 15.1.3

packages:

  /next@12.0.0:
    resolution: {integrity: x}
"""
BUN = """{
  "lockfileVersion": 1,
  "packages": {
    "@nestjs/core": ["@nestjs/core@10.4.15", "", {}, "sha512-x"],

    "next": ["next@15.1.3", "", { "bin": { "next": "dist/bin/next" } }, "sha512-x"],
    "b/next": ["next@12.0.0", "", {}, "sha512-x"],
  }
}
"""


@pytest.mark.parametrize(
    ("name", "text", "lines", "manager"),
    [
        ("package-lock.json", PACKAGE_LOCK, (13, 6), "npm"),
        ("package-lock.json", PACKAGE_LOCK.replace("  ", "\t"), (13, 6), "npm"),
        ("package-lock.json", OLD_PACKAGE_LOCK, (16, 5), "npm"),
        ("yarn.lock", YARN, (8, 4), "yarn"),
        ("yarn.lock", BERRY, (9, 5), "yarn"),
        ("pnpm-lock.yaml", OLD_PNPM, (9, 6), "pnpm"),
        ("bun.lock", BUN, (6, 4), "bun"),
    ],
)
def test_a_locked_version_of_npm_beats_the_range(
    name: str, text: str, lines: tuple[int, int], manager: str
) -> None:
    found = stated_references({"package.json": PACKAGE, name: text.encode()})
    stack = found.references.stack
    assert stack["framework"] == "Next.js 15.1, NestJS 10.4"
    assert stack["package_manager"] == manager
    locked = [o.line for o in found.origins["stack.framework"] if o.file == name]
    assert tuple(locked) == lines


def cargo(lock: str, asked: str) -> str:
    manifest = f'[dependencies]\naxum = "{asked}"\n'.encode()
    stack = stated_references({"Cargo.toml": manifest, "Cargo.lock": lock.encode()}).references
    return stack.stack["framework"]


def entry(name: str, version: str) -> str:
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n\n'


def test_of_two_locked_versions_the_one_of_the_major_that_is_asked_for_counts() -> None:
    both = entry("axum", "0.6.20") + entry("axum", "0.7.9")
    assert cargo(both, "0.7") == "axum 0.7"
    assert cargo(both, "0.6.1") == "axum 0.6"
    assert cargo(both, "*") == "axum"
    assert cargo(entry("axum", "0.6.20") + entry("axum", "0.16.1"), "0.6") == "axum 0.6"
    assert cargo(entry("axum-core", "9.9.9"), "0.7") == "axum 0.7"


def test_the_locks_of_other_ecosystems_are_read() -> None:
    found = stated_references(
        {
            "Gemfile": b"ruby '3.3.0'\ngem 'rails', '~> 7.1'\ngem \"rubocop\", require: false\n",
            "Gemfile.lock": b"GEM\n  specs:\n    rails (7.2.1)\n      actionpack (= 7.2.1)\n"
            b"    rubocop (1.69.0-x86)\n",
            "composer.json": b'{"require": {"php": "^8.2", "laravel/framework": "^11"}}',
            "composer.lock": b'[{"name": "laravel/framework", "version": "v11.36.1"}]',
            "pyproject.toml": b'[project]\ndependencies = ["Django>=4"]\n',
            "poetry.lock": entry("django", "5.1.4").encode(),
        }
    )
    assert found.references.stack == {
        "framework": "Django 5.1, Rails 7.2, Laravel 11.36", "linting": "RuboCop 1",
        "package_manager": "Poetry", "ruby": "3.3.0", "php": "^8.2",
    }  # fmt: skip


def test_a_lock_file_alone_states_only_its_package_manager() -> None:
    found = stated_references({"yarn.lock": YARN.encode()})
    assert found.references.stack == {"package_manager": "yarn"}


def test_two_package_managers_are_both_stated_and_one_with_its_version_once() -> None:
    files = {"package.json": b'{"packageManager": "pnpm@9.1.0"}', "pnpm-lock.yaml": b"",
             "uv.lock": b""}  # fmt: skip
    assert stated_references(files).references.stack["package_manager"] == "pnpm 9.1.0, uv"


def test_a_lock_of_many_megabytes_is_read_in_time() -> None:
    count = 100_000
    body = "".join(
        f'    "node_modules/p{i}": {{\n      "version": "1.0.{i}"\n    }},\n' for i in range(count)
    )
    text = PACKAGE_LOCK.replace('    "node_modules/next"', f'{body}    "node_modules/next"')
    with not_quadratic():
        found = stated_references({"package.json": PACKAGE, "package-lock.json": text.encode()})
    assert found.references.stack["framework"] == "Next.js 15.1, NestJS 10.4"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "unit",
    [
        "[" * 9, '{"a":', '    "node_modules/a": {', '"name": "a/b",', " " * 9, "  a:\n", "a@b:",
        "    a (", '[[package]]\nname = "a"\n', '    "a": ["a@', "\n", "x" * 9, "\x00",
    ],
)  # fmt: skip
def test_time_is_linear_in_a_hostile_lock(name: str, unit: str) -> None:
    text = unit * ((1 << 20) // len(unit))
    with not_quadratic():
        read_lock(name, name, text)


def test_of_a_lock_that_is_too_large_a_part_is_read() -> None:
    lock = b" " * LOCK_LIMIT + PACKAGE_LOCK.encode()
    found = stated_references({"package.json": PACKAGE, "package-lock.json": lock})
    assert found.references.stack["framework"] == "Next.js, NestJS 10"
    assert found.problems == ()
