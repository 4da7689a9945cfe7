"""Run random command lines of every verb: `python -m tests.fuzz.command_lines [COUNT [SEED]]`.

Most are nearly right. Each runs in this process, in a fresh copy of a folder, a workspace or a
repository with one. It must end with a documented exit code other than 1, without a traceback, and
with one JSON document if it asks for JSON and fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

from codec.tokens.tokenizers import DEFAULT
from pipelines.cli.declared import HELP, VERSION, Verb
from pipelines.cli.main import run
from pipelines.cli.parser import load_verb
from pipelines.cli.verbs import HIDDEN, VERBS
from pipelines.outcomes.errors import BUG, EXIT_CODES
from pipelines.system.worker.client import Worker
from tests.pipelines.conftest import THREE, git

VALUES: Final = (
    "", "-", "--", "-x", "--x", "-5", "0", "7", "7d", "2025-11", "yesterday", "a b", "./x",
    "latest", "latest~1", "2025-11-06", "PASS", "=", "--json=1", "\udcff", "é", "9" * 40, "1e999",
    "nan", "[", "%s", "{}", "(?P<time>a{99999999999})", "x" * 300, "/proc/none/x", "~nobody", "s3:",
    "s3://", "http://[", "Europe/Berlin", "../../etc/passwd", "none", "local", "cron", "\0", "\n",
    "AGENT_PROGRESS_LOG.md", "-h", "--help", "--json", "-o", "-ox",
)  # fmt: skip
#: Options that reach out of the folder.
_REACHING: Final = frozenset({"--remote", "--endpoint-url", "--schedule"})
_OUTPUT: Final = ("-o", "--output", "--outpu")


class Failure(NamedTuple):
    """A command line that did not end as it must."""

    words: list[str]
    problem: str


def command_lines(seed: int, count: int) -> Iterator[list[str]]:
    """Yield random command lines of every verb, most of them nearly right."""
    rng = random.Random(seed)  # noqa: S311 (a repeatable fuzz)
    for _ in range(count):
        # `mcp` serves whoever is on stdin; a process of its own tests it.
        names = [*(v for v in VERBS if v != "mcp"), *HIDDEN, "help"]
        words = [rng.choice(names) if rng.random() < 0.98 else rng.choice(VALUES)]
        verb = load_verb(words[0]) if words[0] in VERBS or words[0] in HIDDEN else None
        if verb and verb.verbs and rng.random() < 0.6:
            words.append(rng.choice(list(verb.verbs)))
            verb = verb.verbs[words[1]]
        if verb and rng.random() < 0.5:  # else most lines lack what a verb needs
            words += [argument.default or "latest" for argument in verb.arguments]
            for option in (option for option in verb.options if option.required):
                words += [option.name, "x"]
        for _ in range(rng.randrange(5)):
            words += _more(rng, verb) if verb and rng.random() < 0.7 else [rng.choice(VALUES)]
        yield words


def _more(rng: random.Random, verb: Verb) -> list[str]:
    option = rng.choice([o for o in verb.all_options if o.name not in _REACHING])
    word = rng.choice(option.names)
    value = rng.choice(option.choices or VALUES)
    right = [word] if option.flag else [word, value]
    return rng.choice((right, right, [word], [f"{word}={value}"], [word[:-1], value]))


def failures(seed: int, count: int, folder: Path) -> Iterator[Failure]:
    """Run random command lines below a folder; yield those that end as they must not."""
    copied = [None, *_templates(folder / "templates")]
    before = Path.cwd()
    with (
        Worker(DEFAULT) as worker,
        _in_this_process(worker, folder),
        open(os.devnull, encoding="utf-8") as stdin,
        mock.patch("sys.stdin", stdin),
    ):
        for n, words in enumerate(command_lines(seed, count)):
            root = folder / str(n)
            template = copied[n % len(copied)]
            if template is None:
                root.mkdir()
            else:
                shutil.copytree(template, root, symlinks=True)
            os.chdir(root)
            try:
                problem = _problem(words)
            finally:
                os.chdir(before)
                shutil.rmtree(root, ignore_errors=True)
            if problem:
                yield Failure(words, problem)


@contextlib.contextmanager
def _in_this_process(worker: Worker, home: Path) -> Iterator[None]:
    def shared(_tokenizer: str) -> AbstractContextManager[Worker]:
        return nullcontext(worker)

    with (
        mock.patch("pipelines.cli.commands.migrate.Worker", shared),
        mock.patch("pipelines.system.worker.client.Worker", shared),
        mock.patch("gc.disable"),
        mock.patch.dict(os.environ, HOME=str(home), GIT_CONFIG_NOSYSTEM="1"),
    ):
        yield


def _templates(folder: Path) -> Iterator[Path]:
    """Yield a folder with a log, a workspace, and a repository with one."""
    log = folder / "log"
    log.mkdir(parents=True)
    (log / "AGENT_PROGRESS_LOG.md").write_bytes(THREE)
    yield log
    for name in ("workspace", "repository"):
        root = folder / name
        shutil.copytree(log, root)
        if name == "repository":
            git(root, "init", "-q", "--template=")
        _run(["migrate", str(root)])
        if name == "repository":
            git(root, "add", "-A")
            git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "a")
        yield root


def _run(words: list[str]) -> tuple[int, str, str]:
    """Return the exit code of a command line, and what it printed."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    out.flush()
    return code, out.buffer.getvalue().decode(errors="replace"), err.getvalue()


def _problem(words: list[str]) -> str | None:
    code, out, err = _run(words)
    if code not in EXIT_CODES or code == BUG or "Traceback" in err:
        return f"exit {code}: {err}"
    if code == 2 and not err.strip():
        return "exit 2 without a message"
    asks_help = any(word in (*HELP, *VERSION, "help") for word in words)
    to_file = any(word.startswith(_OUTPUT) for word in words)
    if "--json" in words and code and not asks_help and not to_file:
        try:
            document = json.loads(out)
        except ValueError:
            return f"exit {code}, not one JSON document: {out[:200]!r}"
        if not str(document["schema"]).startswith("session-codec/"):
            return f"a document without a schema: {out[:200]!r}"
    return None


def main(count: str = "20000", seed: str = "1") -> None:
    """Run random command lines and print those that end as they must not."""
    with tempfile.TemporaryDirectory() as folder:
        found = 0
        for failure in failures(int(seed), int(count), Path(folder)):
            found += 1
            print(f"{failure.words!r}: {failure.problem}")  # noqa: T201
    print(f"seed {seed}: {int(count):,} command lines, {found:,} failures")  # noqa: T201
    sys.exit(found > 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
