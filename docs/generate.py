"""Rewrite the parts of the documents that are generated from the code: `make docs`.

A part is delimited by `<!-- generated: NAME -->` and `<!-- end of NAME -->`.

1. `help`: the help of the program, of each verb and of each sub-verb.
2. `transcript`: the output of `make migrate` for the sample, run in a copy of the files it needs.
   Times and folders differ between runs and machines; a part that differs in nothing else is kept.
3. `context`, `newest`, `baselines`: the output of other verbs for the migrated sample.
4. `window`: a column of the measured scaling table of docs/tokens.md.
5. `tables`: the columns of exported tables, with types and units.
6. `labels`, `date-labels`, `status-words`, `findings`, `diff-tree`, `drop-order`: tables of the
   code.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
FIGURES: Final = ROOT / "docs" / "tokens.md"
PAGES: Final = (
    ROOT / "README.md",
    ROOT / "codec" / "FORMATS.md",
    ROOT / "docs" / "agents.md",
    ROOT / "docs" / "commands.md",
    ROOT / "docs" / "migrate.md",
    ROOT / "docs" / "tables.md",
    FIGURES,
)
WIDTH: Final = 88
#: The folder that the transcript shows for the checkout.
HOME: Final = "~/session-codec"

_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n)(?P<text>.*?)"
    r"(?P<end><!-- end of (?P=name) -->)",
    re.S,
)
_SECONDS = re.compile(r" +\d+\.\d\d s$", re.M)
_NEEDED: Final = ("Makefile", "pyproject.toml", ".ci/runtime.lock", "fixtures/sample")


def rewritten(page: str) -> str:
    """Return a page with each of its generated parts current."""
    return _PART.sub(_renewed, page)


def _renewed(m: re.Match[str]) -> str:
    made = f"\n{PARTS[m['name']]()}\n"
    text = m["text"] if normalised(m["text"]) == normalised(made) else made
    return f"{m['begin']}{text}{m['end']}"


def normalised(text: str) -> str:
    """Return a text without what differs between two runs: seconds and their width."""
    return _SECONDS.sub(" N s", text)


def help_pages() -> str:
    """Return the help of the program, of each verb and of each sub-verb, as fenced blocks."""
    pages = (f"### {' '.join(words)}\n\n```text\n{text}\n```" for words, text in all_help())
    return "\n\n".join(pages) + "\n"


def all_help() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the words of each command, and its help without the blank line at its end."""
    from pipelines.cli.declared import PROGRAM
    from pipelines.cli.help import top_help, verb_help
    from pipelines.cli.parser import load_verb
    from pipelines.cli.verbs import VERBS

    yield (PROGRAM,), top_help(WIDTH).rstrip()
    for name in VERBS:
        verb = load_verb(name)
        yield (PROGRAM, name), verb_help(name, verb, WIDTH).rstrip()
        for below, sub_verb in verb.verbs.items():
            yield (PROGRAM, name, below), verb_help(f"{name} {below}", sub_verb, WIDTH).rstrip()


def transcript() -> str:
    """Return what a terminal shows for `make migrate` if everything is installed already."""
    return f"```text\n$ make migrate\n{_sample().migrated}\n```\n"


def context() -> str:
    """Return what an agent reads about the sample."""
    return f"```text\n$ session-codec context\n{_sample().context}\n```\n"


def newest() -> str:
    """Return the end of what an agent reads about the sample."""
    command = "session-codec context --last 5 | tail -11"
    lines = _sample().newest.splitlines()[-11:]
    return "\n".join(["```text", f"$ {command}", *lines, "```", ""])


def baselines() -> str:
    """Return what the sample saves by each baseline."""
    rows = (
        (
            f"`{b['name']}`",
            f"{b['before']:,}",
            f"{b['after']:,}",
            f"{b['reduction_percent']:.2f} %",
            b["what"],
        )
        for b in _verified()
    )
    return _rows(("baseline", "before", "after", "saved", "what is compared"), rows)


def window() -> str:
    """Return what the sample and the measured logs save by the baseline `window`."""
    text = FIGURES.read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| log \| sessions \| `window` .*\n\|.*\n((?:\|.*\n)+)", text, re.M)
    measured = [[c.strip() for c in row.strip("|").split("|")] for row in table.splitlines()]
    (sample,) = (b for b in _verified() if b["name"] == "window")
    compared = f"the bundled sample: {sample['before']:,} tokens become {sample['after']:,}"
    rows = [
        (compared, f"{_sample().verified['sessions']:,}", f"{sample['reduction_percent']:.2f} %"),
        *((_log_name(name), sessions, saved) for name, sessions, saved, *_ in measured),
    ]
    return _rows(("log", "sessions", "fewer tokens"), rows)


def _log_name(name: str) -> str:
    """Return what a reader calls a log of the scaling table."""
    count = name.removeprefix("first ")
    return "a real log" if count == name else f"the first {count} sessions of a long log"


def _verified() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _sample().verified["tokens"]["baselines"]
    return found


class _Sample(NamedTuple):
    """What verbs print for the sample: migrate, context, context of five sessions, verify."""

    migrated: str
    context: str
    newest: str
    verified: dict[str, Any]


@cache
def _sample() -> _Sample:
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
        command = ".venv/bin/session-codec"
        migrated = _shown(["make", "migrate"], copy, environment, subprocess.STDOUT)
        context, newest, verified = (
            _shown([command, verb, "build/sample", *options], copy, environment)
            for verb, *options in (("context",), ("context", "--last", "5"), ("verify", "--json"))
        )
    return _Sample(migrated, context, newest, json.loads(verified))


def _shown(
    command: list[str], folder: Path, environment: dict[str, str], stderr: int = subprocess.DEVNULL
) -> str:
    run = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )
    shown = run.stdout.replace(str(folder), HOME).rstrip()
    if run.returncode:
        raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}:\n{shown}")
    return shown


def _pretend_installed(venv: Path) -> None:
    """Make a `.venv` that runs this checkout with this Python and is newer than its sources."""
    (venv / "bin").mkdir(parents=True)
    python = shlex.quote(sys.executable)
    for name, command in (("python", python), ("session-codec", f"{python} -m pipelines.cli.main")):
        script = venv / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    (venv / "runtime").touch()


def labels() -> str:
    """Return the table of the labels of each field."""
    from codec.v1.labels import LABELS

    rows = ((field, _code(found)) for field, found in LABELS.items())
    return _table("labels", ("field", "labels, the best first"), rows)


def date_labels() -> str:
    """Return the labels of the field that dates a heading."""
    from codec.v1.labels import DATE_LABELS

    return _table("date-labels", ("labels",), [(_code(DATE_LABELS),)])


def status_words() -> str:
    """Return the words of each status."""
    from codec.vocabulary import STATUS_WORDS

    words: dict[str, list[str]] = {}
    for word, status in STATUS_WORDS.items():
        words.setdefault(status, []).append(word)
    rows = ((status, _code(found)) for status, found in words.items())
    return _table("status-words", ("status", "words"), rows)


def findings() -> str:
    """Return the table of finding codes and their meanings."""
    from pipelines.verification.report import RULES

    rows = ((f"`{code}`", text) for code, text in RULES.items())
    return _table("findings", ("code", "what it means"), rows)


def tables() -> str:
    """Return the columns of the exported tables."""
    from codec.tables.schema import TABLES

    parts = []
    for table in TABLES:
        month = "`month` (string, YYYY-MM) is in the name of the folder." if table.by_month else ""
        rows = [
            (
                f"`{c.name}`",
                c.type,
                c.unit or "",
                c.meaning + (f" ({c.text} by `--redact`)" if c.text else ""),
            )
            for c in table.columns
        ]
        header = ("column", "type", "unit", "meaning")
        parts.append(f"### {table.name}\n\n{table.meaning}. {month}".rstrip())
        parts.append(_rows(header, rows))
    return "\n\n".join(parts)


def diff_tree() -> str:
    """How git is asked for the patch of a range."""
    from pipelines.workspace.git_patches import LEFT_OUT, PATCH_OPTIONS

    excluded = (f"':(top,exclude,literal){name}'" for name in LEFT_OUT)
    words = ["git diff-tree", *PATCH_OPTIONS, "BASE HEAD --", "':(top)'", *excluded]
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return "```sh\n" + " \\\n".join(lines) + "\n```\n"


def drop_order() -> str:
    """Return the values in the order in which the references leave them out."""
    from codec.references.budget import DROP_ORDER

    sections = {"stack.": "other keys of the stack", "performance_targets.": "targets",
                "routing_rules.": "routing rules"}  # fmt: skip
    names = (sections.get(n) or (f"`{n}`" if "." in n else n) for n in DROP_ORDER)
    text = f'{", ".join(names)}. Within a section, the last value is omitted first. The "first'
    return textwrap.fill(f'{text} mandates" are the first four.', 100) + "\n"


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _rows(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(name: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return f"<!-- table: {name} -->\n\n{_rows(header, rows)}"


PARTS: Final[dict[str, Callable[[], str]]] = {
    "help": help_pages,
    "transcript": transcript,
    "context": context,
    "newest": newest,
    "baselines": baselines,
    "window": window,
    "labels": labels,
    "date-labels": date_labels,
    "status-words": status_words,
    "findings": findings,
    "tables": tables,
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
