"""Packages that identify a project's stack, and how their versions are stated.

1. Only names that are in the tables here are reported: other packages are ignored.
2. The version is that of the lock file; without one, the manifest states a version if it requires
   one major version (`^14.2.0`, `==5.*`). A range over several, a tag or an address states none.
3. For frameworks and languages the minor version is stated too, because features change with it.
   Patch versions are never stated: the references would be stale after every update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codec.references.sources.lockfiles import Lock
from codec.references.sources.statement import Origin, Statement, in_stack

#: A package by its name in manifests -> the key of the stack, and its usual name.
Packages = Mapping[str, tuple[str, str]]

NPM: Final[Packages] = {
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
    "electron": ("framework", "Electron"),
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

#: A distribution, or its table below `tool` in `pyproject.toml`.
PYTHON: Final[Packages] = {
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

RUST: Final[Packages] = {
    "axum": ("framework", "axum"),
    "actix-web": ("framework", "Actix Web"),
    "rocket": ("framework", "Rocket"),
    "warp": ("framework", "warp"),
    "poem": ("framework", "Poem"),
    "tauri": ("framework", "Tauri"),
    "bevy": ("framework", "Bevy"),
    "leptos": ("framework", "Leptos"),
    "yew": ("framework", "Yew"),
    "dioxus": ("framework", "Dioxus"),
    "ratatui": ("framework", "Ratatui"),
    "clap": ("framework", "clap"),
    "tokio": ("framework", "Tokio"),
    "proptest": ("testing", "proptest"),
    "quickcheck": ("testing", "quickcheck"),
    "insta": ("testing", "insta"),
    "rstest": ("testing", "rstest"),
    "criterion": ("testing", "Criterion"),
}

#: A module by its path, without the major version at the end.
GO: Final[Packages] = {
    "github.com/gin-gonic/gin": ("framework", "Gin"),
    "github.com/labstack/echo": ("framework", "Echo"),
    "github.com/gofiber/fiber": ("framework", "Fiber"),
    "github.com/go-chi/chi": ("framework", "chi"),
    "github.com/gorilla/mux": ("framework", "gorilla/mux"),
    "github.com/spf13/cobra": ("framework", "Cobra"),
    "google.golang.org/grpc": ("framework", "gRPC"),
    "github.com/stretchr/testify": ("testing", "testify"),
    "github.com/onsi/ginkgo": ("testing", "Ginkgo"),
}

RUBY: Final[Packages] = {
    "rails": ("framework", "Rails"),
    "sinatra": ("framework", "Sinatra"),
    "hanami": ("framework", "Hanami"),
    "jekyll": ("framework", "Jekyll"),
    "rspec-rails": ("testing", "RSpec for Rails"),
    "rspec": ("testing", "RSpec"),
    "minitest": ("testing", "Minitest"),
    "rubocop": ("linting", "RuboCop"),
    "standard": ("linting", "Standard"),
    "sorbet": ("linting", "Sorbet"),
}

PHP: Final[Packages] = {
    "laravel/framework": ("framework", "Laravel"),
    "symfony/framework-bundle": ("framework", "Symfony"),
    "slim/slim": ("framework", "Slim"),
    "cakephp/cakephp": ("framework", "CakePHP"),
    "phpunit/phpunit": ("testing", "PHPUnit"),
    "pestphp/pest": ("testing", "Pest"),
    "laravel/pint": ("linting", "Pint"),
    "phpstan/phpstan": ("linting", "PHPStan"),
    "friendsofphp/php-cs-fixer": ("linting", "PHP CS Fixer"),
    "squizlabs/php_codesniffer": ("linting", "PHP_CodeSniffer"),
}

_ONE_MAJOR = re.compile(
    r"\s*(?:npm:[^\s]+@)?(?:===?|~=|\^|~>?|=|v)?\s*v?(?P<major>\d{1,4})"
    r"(?:\.(?P<minor>\d{1,4}|[xX*])[\w.*+-]*)?\s*",
    re.ASCII,
)
_WITH_MINOR: Final = ("framework", "language")


def stated_packages(
    known: Packages, found: Mapping[str, tuple[Any, Origin]], lock: Lock | None
) -> Iterator[Statement]:
    """Yield the packages of a manifest that the table knows, in the order of the table.

    Args:
        known: the table of known packages.
        found: the required version of each package and its origin, by name.
        lock: the locked versions, if there is a lock file.
    """
    for package, (name, label) in known.items():
        if package not in found:
            continue
        asked, origin = found[package]
        locked = lock.version(package, _major(asked)) if lock else None
        if locked:
            version, where = locked
            yield in_stack(name, label + _short_version(version, name), origin, where)
        else:
            yield in_stack(name, label + _major(asked), origin)


def _short_version(version: str, name: str) -> str:
    """Return a locked version in short form: ` 14.2` for a framework, ` 14` for a test tool."""
    match = _ONE_MAJOR.fullmatch(version)
    if match and name in _WITH_MINOR and (match["minor"] or "x").isdigit():
        return f" {match['major']}.{match['minor']}"
    return _major(version)


def _major(version: Any) -> str:
    """Return ` 14` if one major version is required (` 0.95` below 1), else an empty text."""
    match = _ONE_MAJOR.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        return ""
    if match["major"] != "0":
        return f" {match['major']}"
    return f" 0.{match['minor']}" if (match["minor"] or "x").isdigit() else ""
