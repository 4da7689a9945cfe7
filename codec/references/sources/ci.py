"""Read what workflow files and names of configuration files state: CI, commands, deployment.

1. A command is reported only whole and as written: a long one, one with an expression
   (`${{ ... }}`) and lines inside quotes are skipped; the next of the same kind is taken.
2. One kind of expression is resolved: a language version that names a column of its own matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from codec.errors import FormatError
from codec.references.sources.statement import Origin, Statement, in_stack, plain
from codec.references.yaml_nodes import Text, load_texts

#: File name -> the deployment that the file shows by its existence.
DEPLOYMENT_FILES: Final[Mapping[str, str]] = {
    "vercel.json": "Vercel",
    "netlify.toml": "Netlify",
    "fly.toml": "Fly.io",
    "render.yaml": "Render",
    "railway.json": "Railway",
    "wrangler.toml": "Cloudflare",
    "Dockerfile": "Docker",
}

#: Path -> the CI system that the file shows by its existence.
CI_FILES: Final[Mapping[str, str]] = {
    ".gitlab-ci.yml": "GitLab CI",
    ".circleci/config.yml": "CircleCI",
    "Jenkinsfile": "Jenkins",
    "azure-pipelines.yml": "Azure Pipelines",
    "bitbucket-pipelines.yml": "Bitbucket Pipelines",
    ".travis.yml": "Travis CI",
}

STEP_LIMIT: Final = 500
COMMAND_LIMIT: Final = 60
RUN_LIMIT: Final = 4096

#: A command is of the first kind whose pattern matches.
_KINDS: Final = (
    (
        "lint_command",
        re.compile(
            r"\b(?:(?:es|style|py|yaml)?lint|ruff|flake8|prettier|biome|pre-commit run|black"
            r"|clippy|golangci-lint|rubocop|phpcs|pint|php-cs-fixer)\b"
        ),
    ),
    ("typecheck_command", re.compile(r"\b(?:mypy|pyright|tsc|type-?check|phpstan|go vet)\b")),
    (
        "test_command",
        re.compile(
            r"\b(?:tests?|pytest|vitest|jest|tox|nox|nextest|rspec|phpunit|pest|cypress run"
            r"|coverage run)\b"
        ),
    ),
    ("build_command", re.compile(r"\bbuild\b")),
)
_NO_COMMAND = re.compile(
    r"(?:echo|printf|cd|mkdir|rm|cp|mv|cat|ls|export|set|source|test|if|then|else|elif|fi|for|while"
    r"|do|done|case|grep|find|git|gh|curl|wget|docker|#.*|\[.*)(?:\s.*)?|.*\binstall\b.*|.*\$\{\{.*"
    r"|(?:uv|pdm|npm|pnpm|yarn|bun|cargo|go mod|bundle)\s+(?:sync|ci|fetch|download|lock)\b.*"
)
#: A program, after settings of its environment.
_PROGRAM = re.compile(r"(?:[A-Za-z_]\w*=\S*\s+)*(?:\./|\.\./|[A-Za-z_/])[\w./+@-]*(?:\s|$)")
_QUOTES = re.compile(r"(?<!\\)['\"]")
_HERE = re.compile(r"<<-?\s*(?P<q>['\"]?)(?P<word>\w+)(?P=q)")
_CONTINUED = re.compile(r"\\\n\s*")
_MATRIX = re.compile(r"\$\{\{\s*matrix\.(?P<column>[\w-]+)\s*\}\}")
_VERSIONS: Final = (
    ("node", "node-version", ("actions/setup-node",)),
    ("python", "python-version", ("actions/setup-python", "astral-sh/setup-uv")),
    ("rust", "toolchain", ("dtolnay/rust-toolchain", "actions-rust-lang/setup-rust-toolchain")),
    ("go", "go-version", ("actions/setup-go",)),
    ("ruby", "ruby-version", ("ruby/setup-ruby",)),
    ("php", "php-version", ("shivammathur/setup-php",)),
    ("java", "java-version", ("actions/setup-java",)),
)
_DEPLOYMENTS: Final = (
    ("Vercel", re.compile(r"vercel-action|\bvercel\s+(?:deploy|--prod)\b")),
    ("Netlify", re.compile(r"netlify/actions|actions-netlify|\bnetlify\s+deploy\b")),
    ("Fly.io", re.compile(r"\bfly(?:ctl)?\s+deploy\b")),
    ("Cloudflare", re.compile(r"cloudflare/wrangler-action|\bwrangler\s+(?:pages\s+)?deploy\b")),
    ("GitHub Pages", re.compile(r"actions/deploy-pages|actions-gh-pages")),
    ("Docker", re.compile(r"docker/build-push-action|\bdocker\s+push\b")),
    ("PyPI", re.compile(r"gh-action-pypi-publish|\b(?:twine\s+upload|uv\s+publish)\b")),
    ("npm", re.compile(r"\bnpm\s+publish\b(?!.*--dry-run)")),
    ("crates.io", re.compile(r"\bcargo\s+publish\b(?!.*--dry-run)")),
)


def stated_workflow(text: str) -> Iterator[Statement]:
    """Yield the statements of a GitHub Actions workflow.

    Raises:
        FormatError: it is not YAML, or has no jobs.
    """
    content = load_texts(text)
    if not isinstance(content, Mapping) or not isinstance(content.get("jobs"), Mapping):
        raise FormatError("not a workflow: the jobs are missing")
    yield in_stack("ci", "GitHub Actions", Origin(line=_line(content, "jobs"), place="jobs"))
    for origin, job, step in islice(_steps(content["jobs"]), STEP_LIMIT):
        uses, run = _text(step.get("uses")), _text(step.get("run"))
        yield from _versions(uses, step, job, origin)
        yield from _commands(run, origin.place)
        for name, pattern in _DEPLOYMENTS:
            if pattern.search(uses) or pattern.search(run[:RUN_LIMIT]):
                yield in_stack("deployment", name, origin)


def stated_gitlab(text: str) -> Iterator[Statement]:
    """Yield the statements of a `.gitlab-ci.yml`.

    Raises:
        FormatError: it is not YAML, or not a mapping.
    """
    content = load_texts(text)
    if not isinstance(content, Mapping):
        raise FormatError("not a pipeline: expected a mapping of jobs")
    jobs = ((name, job.get("script")) for name, job in content.items() if isinstance(job, Mapping))
    scripts = ((n, s if isinstance(s, list) else [s]) for n, s in jobs)
    for name, line in islice(((n, _text(line)) for n, s in scripts for line in s), STEP_LIMIT):
        yield from _commands(line, plain(f"{name}.script"))


def _steps(
    jobs: Mapping[str, Any],
) -> Iterator[tuple[Origin, Mapping[str, Any], Mapping[str, Any]]]:
    for name, job in jobs.items():
        if not isinstance(job, Mapping) or not isinstance(job.get("steps"), list):
            continue
        for i, step in enumerate(job["steps"]):
            if isinstance(step, Mapping):
                line = _line(step, next(iter(step), ""))
                yield Origin(line=line, place=plain(f"jobs.{name}.steps[{i}]")), job, step


def _versions(
    uses: str, step: Mapping[str, Any], job: Mapping[str, Any], origin: Origin
) -> Iterator[Statement]:
    action = uses.partition("@")[0]
    settings = step.get("with")
    for name, setting, actions in _VERSIONS:
        if action in actions and isinstance(settings, Mapping):
            version = str(_text(settings.get(setting)))
            if match := _MATRIX.fullmatch(version.strip()):
                version = " ".join(_column(job, match["column"]))
            if version.strip() and "${{" not in version:
                versions = ", ".join(dict.fromkeys(version.split()))
                place = f"{origin.place}.with.{setting}"
                yield in_stack(name, versions, Origin(line=_line(settings, setting), place=place))


def _column(job: Mapping[str, Any], column: str) -> list[str]:
    """Return the values of a column of a job's matrix: those of its lists and of its `include`."""
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


def _commands(run: Text, place: str) -> Iterator[Statement]:
    number = run.line
    quote = ""
    # A continued line is one line; the backslash is replaced, so that the line count stays right.
    for line in _CONTINUED.sub("\v", run[:RUN_LIMIT]).split("\n"):
        quoted, quote = bool(quote), _open_quote(line, quote)
        for part in () if quoted or quote else line.split("&&"):
            command = plain(part)
            if len(command) > COMMAND_LIMIT or _NO_COMMAND.fullmatch(command):
                continue
            if not _PROGRAM.match(command):
                continue
            kind = next((name for name, pattern in _KINDS if pattern.search(command)), None)
            if kind:
                yield in_stack(kind, command, Origin(line=number, place=f"{place}.run"))
        number += 1 + line.count("\v")


def _open_quote(line: str, quote: str) -> str:
    """Return the quote that a line leaves open, or the end word of a here-document (`<<EOF`)."""
    if len(quote) > 1:
        return "" if line.strip() == quote[1:] else quote
    for c in _QUOTES.findall(line):
        if not quote or c == quote:
            quote = "" if quote else c
    if not quote and (text := _HERE.search(line)):
        return f"<{text['word']}"
    return quote


def _line(mapping: Mapping[Any, Any], key: str) -> int | None:
    """Return the line of a key; looking up its value finds only the line of the value."""
    found = next((k for k in mapping if k == key), None)
    return found.line if isinstance(found, Text) else None


def _text(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    empty = Text()
    empty.line = 1
    return empty
