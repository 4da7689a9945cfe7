"""Rewrite the parts of README.md and FORMATS.md that are made from the code: `make docs`.

A part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.

1. `help`: what `session-codec --help` says, and each verb's `--help`.
2. `transcript`: what `make migrate` says of the sample, run in a copy of what it needs. Times and
   folders differ between runs and machines, so a part that differs in nothing else stays.
3. `context`: what `session-codec context` then prints.
4. `labels`, `date-labels`, `status-words`, `findings`, `diff-tree`: tables of the code.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (ROOT / "README.md", ROOT / "codec" / "FORMATS.md")
WIDTH: Final = 88
#: Where the checkout stands in the transcript.
HOME: Final = "~/session-codec"

_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n)(?P<text>.*?)"
    r"(?P<end><!-- end of (?P=name) -->)",
    re.S,
)
_SECONDS = re.compile(r" +\d+\.\d\d s$", re.M)
_NEEDED: Final = ("Makefile", "pyproject.toml", ".ci/runtime.lock", "fixtures/sample")


def rewritten(page: str) -> str:
    """A page with each of its parts made anew."""
    return _PART.sub(_renewed, page)


def _renewed(m: re.Match[str]) -> str:
    made = f"\n{PARTS[m['name']]()}\n"
    text = m["text"] if normalised(m["text"]) == normalised(made) else made
    return f"{m['begin']}{text}{m['end']}"


def normalised(text: str) -> str:
    """A text without what differs between two runs: seconds, and how wide they are."""
    return _SECONDS.sub(" N s", text)


def help_pages() -> str:
    """The help of the command and of each verb, as fenced blocks."""
    import click

    from pipelines.cli.group import cli
    from pipelines.cli.verbs import VERBS

    def page(command: click.Command, name: str, parent: click.Context | None) -> str:
        return command.get_help(_context(command, name, parent)).rstrip()

    def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
        settings = {**command.context_settings, "terminal_width": WIDTH}
        return click.Context(command, info_name=name, parent=parent, **settings)

    top = _context(cli, "session-codec", None)
    pages = [("session-codec", page(cli, "session-codec", None))]
    for verb in VERBS:
        command = cli.get_command(top, verb)
        if command is not None:
            pages.append((f"session-codec {verb}", page(command, verb, top)))
    return "\n\n".join(f"### {name}\n\n```text\n{text}\n```" for name, text in pages) + "\n"


def transcript() -> str:
    """What a terminal shows for `make migrate` in a checkout where everything is installed."""
    return f"```text\n$ make migrate\n{_sample()[0]}\n```\n"


def context() -> str:
    """What an agent reads of the sample."""
    return f"```text\n$ session-codec context build/sample\n{_sample()[1]}\n```\n"


@cache
def _sample() -> tuple[str, str]:
    """What migrating the sample says, and what its context is then."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        for name in _NEEDED:
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target)
            else:
                shutil.copy(ROOT / name, target)
        _pretend_installed(copy / ".venv")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        environment["PYTHONPATH"] = str(ROOT)
        commands = (["make", "migrate"], [".venv/bin/session-codec", "context", "build/sample"])
        migrated, read = (_shown(command, copy, environment) for command in commands)
    return migrated, read


def _shown(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    run = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shown = run.stdout.replace(str(folder), HOME).rstrip()
    if run.returncode:
        raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}:\n{shown}")
    return shown


def _pretend_installed(venv: Path) -> None:
    """A `.venv` that runs this checkout by this Python, newer than what it is made from."""
    (venv / "bin").mkdir(parents=True)
    python = shlex.quote(sys.executable)
    for name, command in (("python", python), ("session-codec", f"{python} -m pipelines.cli.main")):
        script = venv / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    (venv / "runtime").touch()


def labels() -> str:
    """The labels of each field."""
    from codec.v1_labels import LABELS

    rows = ((field, _code(found)) for field, found in LABELS.items())
    return _table("labels", ("field", "labels, the best first"), rows)


def date_labels() -> str:
    """The labels of the field that dates a heading."""
    from codec.v1_labels import DATE_LABELS

    return _table("date-labels", ("labels",), [(_code(DATE_LABELS),)])


def status_words() -> str:
    """The words of each status."""
    from codec.vocabulary import STATUS_WORDS

    words: dict[str, list[str]] = {}
    for word, status in STATUS_WORDS.items():
        words.setdefault(status, []).append(word)
    rows = ((status, _code(found)) for status, found in words.items())
    return _table("status-words", ("status", "words"), rows)


def findings() -> str:
    """What each code of a finding means."""
    from pipelines.verdict import RULES

    rows = ((f"`{code}`", text) for code, text in RULES.items())
    return _table("findings", ("code", "what it means"), rows)


def diff_tree() -> str:
    """How git is asked for the patch of a range."""
    from pipelines.git_patches import LEFT_OUT, PATCH_OPTIONS

    excluded = (f"':(top,exclude,literal){name}'" for name in LEFT_OUT)
    words = ["git diff-tree", *PATCH_OPTIONS, "BASE HEAD --", "':(top)'", *excluded]
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return "```sh\n" + " \\\n".join(lines) + "\n```\n"


def drop_order() -> str:
    """What the references leave out first."""
    from codec.references_budget import DROP_ORDER

    sections = {"stack.": "other keys of the stack", "performance_targets.": "targets",
                "routing_rules.": "routing rules"}  # fmt: skip
    names = (sections.get(n) or (f"`{n}`" if "." in n else n) for n in DROP_ORDER)
    text = f"{', '.join(names)}. Of a section the last goes first; the first four mandates are the"
    return textwrap.fill(f"{text} first ones.", 100) + "\n"


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _table(name: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"<!-- table: {name} -->\n\n{table}"


PARTS: Final[dict[str, Callable[[], str]]] = {
    "help": help_pages,
    "transcript": transcript,
    "context": context,
    "labels": labels,
    "date-labels": date_labels,
    "status-words": status_words,
    "findings": findings,
    "diff-tree": diff_tree,
    "drop-order": drop_order,
}


def main() -> None:
    """Rewrite the pages."""
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = rewritten(before)
        if after != before:
            page.write_text(after, encoding="utf-8", newline="\n")
            sys.stderr.write(f"rewrote {page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
