"""Find the commands that run tests, and what their exit codes say.

1. A command line is split at its operators. Wrappers before a command (`cd x &&`, `FOO=1`,
   `uv run`, `timeout 60`, `bash -lc '...'`) do not count.
2. A command runs tests if its program is a test runner (`pytest`, `vitest`), if it asks a build
   tool for them (`npm test`, `make check`, `cargo test`), or if it is a script named after them
   (`./run_tests.sh`).
3. The exit code of a line is that of its last command. It says nothing about tests whose result
   the line discards: `pytest | tail`, `pytest; echo done`, `pytest || true`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from codec.agents.transcript_events import Command

#: Parts of a line: quoted texts and escapes as they are, operators apart.
_PIECE: Final = re.compile(
    r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|(?<=[<>])&|&(?=>)"""
    r"""|(?P<operator>&&|\|\||\|&|[;|&\n])|[^'"\\;|&\n]+|.""",
    re.S,
)
_HEREDOC: Final = re.compile(r"<<-?\s*['\"]?(?P<end>\w+)")
_ASSIGNMENT: Final = re.compile(r"\w+=.*", re.S)
_OPTION: Final = re.compile(r"[-+].+", re.S)
#: Wrappers, and how many plain words stand between them and the command.
_WRAPPERS: Final = {
    "(": 0, "{": 0, "!": 0, "if": 0, "then": 0, "do": 0, "while": 0, "else": 0,
    "builtin": 0, "bundle exec": 0, "bunx": 0, "chronic": 0, "command": 0, "conda run": 0,
    "coverage run": 0, "direnv exec": 1, "docker compose exec": 1, "docker compose run": 1,
    "docker exec": 1, "docker run": 1, "docker-compose exec": 1, "docker-compose run": 1,
    "dotenv run": 0, "env": 0, "eval": 0, "exec": 0, "flock": 1, "hatch run": 0,
    "ionice": 0, "mamba run": 0, "micromamba run": 0, "mise exec": 0, "nice": 0, "nohup": 0,
    "npm exec": 0, "npx": 0, "pdm run": 0, "pipenv run": 0, "pixi run": 0, "pnpm": 0,
    "pnpm dlx": 0, "pnpm exec": 0, "poetry run": 0, "rye run": 0, "stdbuf": 0, "sudo": 0,
    "time": 0, "timeout": 1, "uv run": 0, "uvx": 0, "xvfb-run": 0, "yarn": 0,
}  # fmt: skip
_SHELLS: Final = frozenset(("bash", "dash", "sh", "zsh"))
#: Programs that do nothing else.
_RUNNERS: Final = frozenset((
    "ava", "bats", "behave", "busted", "ctest", "cucumber", "gotestsum", "jasmine", "jest",
    "karma", "cypress", "mocha", "nose2", "nosetests", "nox", "pest", "phpunit", "prove", "py.test",
    "pytest", "rspec", "stestr", "tap", "testem", "tox", "trial", "vitest",
))  # fmt: skip
#: Build tools that take the names of targets or tasks.
_TOOLS: Final = frozenset((
    "ant", "artisan", "bazel", "bazelisk", "buck", "buck2", "bun", "cargo", "cmake", "composer",
    "dart", "deno", "dotnet", "earthly", "flutter", "gmake", "go", "gradle", "gradlew",
    "gulp", "grunt", "hatch", "inv", "invoke", "just", "lein", "make", "manage.py", "meson", "mix",
    "moon", "mvn", "mvnw", "ninja", "npm", "nx", "pants", "php", "playwright", "pnpm", "poe",
    "rails", "rake", "rye", "sbt", "setup.py", "stack", "swift", "task", "turbo", "xcodebuild",
    "yarn", "zig", "cabal",
))  # fmt: skip
_TARGET: Final = re.compile(
    r"(?:[^\s/]*[:_.-])?(?:tests?|spec|nextest|retest|runtests?)(?:[:_.A-Z-]\S*)?"
    r"|(?:[^\s/]*:)?test[A-Z]\w*|[^\s/]*Test|(?:[^\s/]*:)?(?:check|verify)"
)
#: Tools whose `check` compiles and does not run tests.
_COMPILERS: Final = frozenset(("cargo", "dart", "deno", "go", "zig"))
#: Words of a build tool after which no target follows.
_NOT_TARGETS: Final = frozenset((
    "add", "audit", "build", "create", "dlx", "fmt", "generate", "get", "i", "info", "init",
    "install", "new", "outdated", "remove", "uninstall", "update", "upgrade", "view", "why",
))  # fmt: skip
#: Options whose value may look like a target, a script or a command.
_VALUED: Final = frozenset((
    "--build", "--cwd", "--directory", "--file", "--filter", "--manifest-path", "--package",
    "--prefix", "--project", "--require", "-C", "-W", "-X", "-f", "-p", "-pl",
))  # fmt: skip
_INTERPRETER: Final = re.compile(r"(?:python|pypy|node|ruby|perl|php|deno|bun|tsx)[\d.]*")
_MODULES: Final = frozenset((
    "doctest", "nose2", "nox", "pytest", "testtools.run", "tox", "twisted.trial", "unittest",
    "xdoctest",
))  # fmt: skip
_SCRIPT: Final = re.compile(
    r"(?:.*[-_])?(?:run[-_]?)?(?:tests?|specs?)(?:[-_]\w+)*(?:\.(?:sh|py|js|mjs|ts|rb|pl|bash))?"
)
#: Options with which a runner only reports about itself.
_NO_RUN: Final = frozenset(
    ("--version", "--help", "-h", "-V", "--collect-only", "--co", "--fixtures")
)
#: The limits of the search: wrappers in each other, characters of a line, words of a command.
_DEPTH: Final = 4
_LONGEST: Final = 20_000
_WORDS: Final = 48


class SuiteRun(NamedTuple):
    """A command line that ran tests.

    Attributes:
        text: the line.
        exit_code: the exit code of the line; None if unknown.
        is_masked: the tests may have ended with another exit code than the line.
    """

    text: str
    exit_code: int | None
    is_masked: bool = False


def last_suite_run(commands: Iterable[Command]) -> SuiteRun | None:
    """Return the last of some commands that ran tests; None if no command did."""
    ordered = sorted(commands, key=lambda c: c.began)
    return next(filter(None, map(suite_run_of, reversed(ordered))), None)


def suite_run_of(command: Command) -> SuiteRun | None:
    """Return a command as a run of tests; None if it does not run any."""
    text = unwrapped(command.text[:_LONGEST])
    parts = _split(text)
    tests = [n for n, (words, _) in enumerate(parts) if runs_tests(words)]
    if not tests:
        return None
    following = [operator for _, operator in parts[tests[-1] :] if operator]
    after_pass = all(operator == "&&" for operator in following) and command.exit_code == 0
    piped = "pipefail" in text and all(o in {"|", "|&"} for o in following)
    return SuiteRun(text, command.exit_code, not (not following or after_pass or piped))


def unwrapped(text: str, depth: int = _DEPTH) -> str:
    """Return the command line that a shell was given with `-c`, or the text itself."""
    words = text.split(maxsplit=2)
    is_shell = len(words) == 3 and _name(words[0]) in _SHELLS
    if not is_shell or not depth or not re.fullmatch(r"-\w*c", words[1]):
        return text.strip()
    inner = words[2].strip()
    if inner[:1] in {"'", '"'}:
        quoted = _words(inner)
        inner = quoted[0] if len(quoted) == 1 else inner
    return unwrapped(inner, depth - 1)


def runs_tests(words: Sequence[str], depth: int = _DEPTH) -> bool:
    """Return True if one command, given as its words, runs tests."""
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words or _NO_RUN.intersection(words):
        return False
    if depth and any(runs_tests(rest, depth - 1) for rest in _inside(words[:_WORDS])):
        return True
    program, arguments = _name(words[0]), words[1:]
    if program in _RUNNERS:
        return True
    if program in _SHELLS and len(arguments) > 1 and re.fullmatch(r"-\w*c", arguments[0]):
        return bool(depth) and any(runs_tests(w, depth - 1) for w, _ in _split(arguments[1]))
    if program in _SHELLS or _INTERPRETER.fullmatch(program):
        return _interprets_tests(program, arguments) or _asks_for_tests(program, arguments)
    if program in _TOOLS:
        return _asks_for_tests(program, arguments)
    return "/" in words[0] and bool(_SCRIPT.fullmatch(program))


def _inside(words: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield the possible commands after a wrapper, because its options may have values."""
    size = next((n for n in (3, 2, 1) if " ".join([_name(words[0]), *words[1:n]]) in _WRAPPERS), 0)
    if not size:
        if words[0][:1] in {"(", "{"} and len(words[0]) > 1:
            yield [words[0][1:], *words[1:]]
        return
    plain = _WRAPPERS[" ".join([_name(words[0]), *words[1:size]])]
    for at in range(size, len(words)):
        yield words[at:]
        word = words[at]
        if _OPTION.fullmatch(word) or _ASSIGNMENT.fullmatch(word):
            continue
        if at > size and _OPTION.fullmatch(words[at - 1]):
            continue
        if not plain:
            return
        plain -= 1


def _interprets_tests(program: str, arguments: Sequence[str]) -> bool:
    """Return True if a script, a module or an option of an interpreter runs tests."""
    before = ""
    for at, word in enumerate(arguments):
        if before == "-m":
            rest = arguments[at + 1 :]
            return word in _MODULES or (word == "coverage" and runs_tests(["coverage", *rest]))
        if (word, program) == ("--test", "node"):
            return True
        if word in {"-c", "-e"}:
            return False
        if not word.startswith("-") and before not in _VALUED:
            name = _name(word)
            is_known = name in _RUNNERS or bool(_SCRIPT.fullmatch(name))
            return is_known or _asks_for_tests(name, arguments[at + 1 :])
        before = word
    return False


def _asks_for_tests(tool: str, arguments: Sequence[str]) -> bool:
    """Return True if a build tool is asked for tests."""
    before = ""
    for word in arguments if tool in _TOOLS else ():
        if before in _VALUED:
            before = ""
            continue
        if word in _NOT_TARGETS:
            return False
        if word == "t" or _TARGET.fullmatch(word):
            return not (tool in _COMPILERS and word == "check")
        before = word
    return False


def _split(text: str) -> list[tuple[list[str], str]]:
    """Return the commands of a line as words, each with the operator after it."""
    parts: list[tuple[list[str], str]] = []
    current = ""
    for m in _PIECE.finditer(_without_input(text)):
        if m["operator"] is None:
            current += m[0]
        elif words := _words(current):
            parts.append((words, ";" if m[0] == "\n" else m[0]))
            current = ""
    if words := _words(current):
        parts.append((words, ""))
    elif parts and parts[-1][1] == ";":
        parts[-1] = parts[-1][0], ""
    return parts


def _without_input(text: str) -> str:
    """Return a command line without its here-documents."""
    kept: list[str] = []
    end = ""
    for line in text.split("\n"):
        if not end:
            kept.append(line)
            found = _HEREDOC.search(line)
            end = found["end"] if found else ""
        elif line.strip() == end:
            end = ""
    return "\n".join(kept)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quote is not closed
        return text.split()


def _name(word: str) -> str:
    return word.rstrip(")").rpartition("/")[2].removesuffix(".exe").removesuffix(".cmd")
