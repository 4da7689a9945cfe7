"""Write the help of the program, and of a verb from its declaration, in the terminal's width."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterable
from typing import Final

from pipelines.cli.declared import HELP, PROGRAM, VERSION, Argument, Option, Verb
from pipelines.cli.verbs import VERBS
from pipelines.outcomes.errors import DENIED, EXIT_CODES

_WIDEST: Final = 100
_NARROWEST: Final = 40
_COLUMN: Final = 26
#: Parameters for a folder, whose workspace the verb finds.
_PLACES: Final = frozenset({"repo", "folder"})
_UNTRUSTED: Final = "git does not trust the owner of the repository"
_DESCRIPTION: Final = """\
Keep the history of your coding agents in the repository: few tokens to read, nothing lost.

Start with 'session-codec install --hooks claude,codex' in a repository where agents work.
If they keep a log (AGENT_PROGRESS_LOG.md), start with 'session-codec migrate --dry-run'.
"""


def terminal_width() -> int:
    """Return the number of columns for text."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns - 1))


def top_help(width: int | None = None) -> str:
    """Return the help of the program."""
    width = width or terminal_width()
    options = [
        (", ".join(HELP), "Show this help."),
        (", ".join(VERSION), "Show the version."),
    ]
    parts = [
        f"Usage: {PROGRAM} VERB [OPTIONS] [REPO]\n",
        _filled(_DESCRIPTION, width),
        _section("Verbs", VERBS.items(), width),
        _section("Options", options, width),
        _section("Exit codes", ((str(code), text) for code, text in EXIT_CODES.items()), width),
        _examples(f"{PROGRAM} help record\n{PROGRAM} migrate --dry-run"),
    ]
    return "\n".join(parts)


def verb_help(name: str, verb: Verb, width: int | None = None) -> str:
    """Return the help of a verb."""
    width = width or terminal_width()
    text = inspect.cleandoc(verb.run.__doc__ or "")
    description, _, examples = text.partition("Examples:\n")
    usage = " ".join([PROGRAM, name, "[OPTIONS]", *map(_usage, verb.arguments)])
    parts = [f"Usage: {usage}\n", _filled(description, width)]
    if verb.verbs:
        below = ((n, _first_sentence(v)) for n, v in verb.verbs.items())
        parts.append(_section("Verbs", below, width))
    rows = [*map(_row, verb.all_options), (", ".join(HELP), "Show this help.")]
    parts.append(_section("Options", rows, width))
    if examples:
        parts.append(_examples(examples))
    rows = [(str(code), meaning) for code, meaning in sorted(exits_of(verb).items())]
    parts.append(_section("Exit codes", rows, width))
    parts.append(f"All exit codes: {PROGRAM} --help\n")
    return "\n".join(parts)


def exits_of(verb: Verb) -> dict[int, str]:
    """Return the exit codes of a verb, each with its meaning for the verb."""
    codes = {code: EXIT_CODES[code] for code in (0, 2)} | dict(verb.exits)
    places = {*(a.to for a in verb.arguments), *(o.target for o in verb.options)}
    if places & _PLACES:
        codes[DENIED] = "; or ".join(filter(None, (codes.get(DENIED), _UNTRUSTED)))
    return codes


def _examples(text: str) -> str:
    return "Examples:\n" + textwrap.indent(textwrap.dedent(text).rstrip(), "  ") + "\n"


def _usage(argument: Argument) -> str:
    shown = argument.metavar + ("..." if argument.repeat else "")
    return shown if argument.required else f"[{shown}]"


def _row(option: Option) -> tuple[str, str]:
    choices = "|".join(option.choices)
    value = option.metavar or choices or "TEXT"
    text = option.help
    if option.choices and value != choices:
        text += f" One of {', '.join(option.choices)}."
    if option.shown:
        text += f" [default: {option.default}]"
    if option.required:
        text += " [required]"
    return ", ".join(option.names) + ("" if option.flag else f" {value}"), text


def _first_sentence(verb: Verb) -> str:
    return inspect.cleandoc(verb.run.__doc__ or "").partition("\n")[0]


def _section(title: str, rows: Iterable[tuple[str, str]], width: int) -> str:
    """Return two columns below a title; a left cell that is too long gets a line of its own."""
    lines = [f"{title}:"]
    rows = list(rows)
    column = min(_COLUMN, width // 2, max(len(left) for left, _ in rows) + 4)
    for left, right in rows:
        first = f"  {left}"
        if len(first) + 2 > column:
            lines.append(first)
            first = ""
        filled = textwrap.wrap(right, width - column, break_on_hyphens=False) or [""]
        lines.append(f"{first:<{column}}{filled[0]}".rstrip())
        lines += [" " * column + line for line in filled[1:]]
    return "\n".join(lines) + "\n"


def _filled(text: str, width: int) -> str:
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return (
        "\n\n".join(textwrap.fill(p, width, break_on_hyphens=False) for p in paragraphs if p) + "\n"
    )
