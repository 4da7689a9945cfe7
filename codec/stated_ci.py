"""What workflow files and the names of configuration files state: CI, commands, deployment.

1. A command is reported only whole and as written: one that is long or holds an expression
   (`${{ ... }}`) is passed over, the next of its kind is taken.
2. Expressions are followed in one case: a language version that names a column of its own matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from codec.errors import FormatError
from codec.stated_values import Statement, plain, shorten
from codec.yaml_nodes import load_texts

#: File name -> where the project is deployed, by the mere presence of the file.
DEPLOYMENT_FILES: Final[Mapping[str, str]] = {
    "vercel.json": "Vercel",
    "netlify.toml": "Netlify",
    "fly.toml": "Fly.io",
    "render.yaml": "Render",
    "railway.json": "Railway",
    "wrangler.toml": "Cloudflare",
    "Dockerfile": "Docker",
}

STEP_LIMIT: Final = 500
COMMAND_LIMIT: Final = 60
RUN_LIMIT: Final = 4096

#: The first kind whose pattern is found is the kind of a command.
_KINDS: Final = (
    (
        "lint_command",
        re.compile(
            r"\b(?:(?:es|style|py|yaml)?lint|ruff|flake8|prettier|biome|pre-commit run|black)\b"
        ),
    ),
    ("typecheck_command", re.compile(r"\b(?:mypy|pyright|tsc|type-?check)\b")),
    (
        "test_command",
        re.compile(r"\b(?:tests?|pytest|vitest|jest|tox|nox|cypress run|coverage run)\b"),
    ),
    ("build_command", re.compile(r"\bbuild\b")),
)
_NO_COMMAND = re.compile(
    r"(?:echo|printf|cd|mkdir|rm|cp|mv|cat|ls|export|set|source|test|if|then|else|elif|fi|for|while"
    r"|do|done|case|grep|find|git|gh|curl|wget|docker|#.*|\[.*)(?:\s.*)?|.*\binstall\b.*|.*\$\{\{.*"
)
_CONTINUED = re.compile(r"\\\n\s*")
_MATRIX = re.compile(r"\$\{\{\s*matrix\.(?P<column>[\w-]+)\s*\}\}")
_VERSIONS: Final = (
    ("node", "node-version", ("actions/setup-node",)),
    ("python", "python-version", ("actions/setup-python", "astral-sh/setup-uv")),
)
_DEPLOYMENTS: Final = (
    ("Vercel", re.compile(r"vercel-action|\bvercel\s+(?:deploy|--prod)\b")),
    ("Netlify", re.compile(r"netlify/actions|actions-netlify|\bnetlify\s+deploy\b")),
    ("Fly.io", re.compile(r"\bfly(?:ctl)?\s+deploy\b")),
    ("Cloudflare", re.compile(r"cloudflare/wrangler-action|\bwrangler\s+(?:pages\s+)?deploy\b")),
    ("GitHub Pages", re.compile(r"actions/deploy-pages|actions-gh-pages")),
    ("Docker", re.compile(r"docker/build-push-action|\bdocker\s+push\b")),
    ("PyPI", re.compile(r"gh-action-pypi-publish|\b(?:twine\s+upload|uv\s+publish)\b")),
    ("npm", re.compile(r"\bnpm\s+publish\b")),
)


def stated_workflow(text: str) -> Iterator[Statement]:
    """What one workflow file of GitHub Actions states.

    Raises:
        FormatError: it is not YAML, or has no jobs.
    """
    content = load_texts(text)
    if not isinstance(content, Mapping) or not isinstance(content.get("jobs"), Mapping):
        raise FormatError("not a workflow: it has no jobs")
    yield Statement(section="stack", name="ci", values=("GitHub Actions",), origin="jobs")
    for origin, job, step in islice(_steps(content["jobs"]), STEP_LIMIT):
        uses, run = _text(step.get("uses")), _text(step.get("run"))[:RUN_LIMIT]
        yield from _versions(uses, step, job, origin)
        yield from _commands(run, f"{origin}.run")
        for name, pattern in _DEPLOYMENTS:
            if pattern.search(uses) or pattern.search(run):
                yield _stack("deployment", name, origin)


def _steps(
    jobs: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for name, job in jobs.items():
        if not isinstance(job, Mapping) or not isinstance(job.get("steps"), list):
            continue
        for i, step in enumerate(job["steps"]):
            if isinstance(step, Mapping):
                yield f"jobs.{name}.steps[{i}]", job, step


def _versions(
    uses: str, step: Mapping[str, Any], job: Mapping[str, Any], origin: str
) -> Iterator[Statement]:
    action = uses.partition("@")[0]
    settings = step.get("with")
    for name, setting, actions in _VERSIONS:
        if action in actions and isinstance(settings, Mapping):
            version = _text(settings.get(setting))
            if match := _MATRIX.fullmatch(version.strip()):
                version = " ".join(_column(job, match["column"]))
            if version.strip() and "${{" not in version:
                versions = ", ".join(dict.fromkeys(version.split()))
                yield _stack(name, versions, f"{origin}.with.{setting}")


def _column(job: Mapping[str, Any], column: str) -> list[str]:
    """The values of one column of a job's matrix, of its lists and of what it includes."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(matrix, Mapping):
        return []
    values, included = matrix.get(column), matrix.get("include")
    found = values[:STEP_LIMIT] if isinstance(values, list) else [values]
    for row in included[:STEP_LIMIT] if isinstance(included, list) else ():
        if isinstance(row, Mapping):
            found.append(row.get(column))
    return [value for value in found if isinstance(value, str)]


def _commands(run: str, origin: str) -> Iterator[Statement]:
    for line in _CONTINUED.sub(" ", run).split("\n"):
        for part in line.split("&&"):
            command = plain(part)
            if len(command) > COMMAND_LIMIT or _NO_COMMAND.fullmatch(command):
                continue
            kind = next((name for name, pattern in _KINDS if pattern.search(command)), None)
            if kind:
                yield _stack(kind, command, origin)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stack(name: str, value: str, origin: str) -> Statement:
    return Statement(
        section="stack", name=name, values=(shorten(plain(value)),), origin=plain(origin)
    )
