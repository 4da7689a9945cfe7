"""Options of a verb that is called at every turn of an agent, as data.

click takes three times as long to import as Python to start. A verb that declares its options here
is called without it, where its command line is plain: `called` reads that. Whatever it does not
understand, help and mistakes among it, is for click, to which `command_of` declares the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import click


class Misuse(Exception):
    """Options that do not go together, or a value that means nothing."""


class Option(NamedTuple):
    """One option, `--name VALUE` or `--name`.

    Attributes:
        name: as it is written, with its dashes.
        to: the parameter that it is handed to.
        help: what it is for.
        kind: `text`, `texts` (it may be repeated), `number` (whole, not negative), `choice` or
            `flag`.
        default: its value where it is not given; None for none.
        metavar: what its value is called.
        choices: what it may be.
        required: it must be given.
        shown: its default is told.
    """

    name: str
    to: str
    help: str
    kind: str = "text"
    default: Any = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    shown: bool = False


REPO = "repo"
JSON = Option("--json", "as_json", "One JSON document on stdout.", "flag", default=False)


def called(options: Sequence[Option], arguments: Sequence[str]) -> dict[str, Any] | None:
    """The parameters of a plain command line; None where click must look at it."""
    by_name = {option.name: option for option in options}
    values: dict[str, Any] = {option.to: option.default for option in options}
    given: set[str] = set()
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        option = by_name.get(name)
        if option is None:
            if argument.startswith("-") or REPO in given:
                return None
            values[REPO] = argument
            given.add(REPO)
            continue
        read: str | int | None
        if option.kind == "flag":
            read = None if equals else True
        else:
            read = _value(option, value if equals else next(rest, None))
        if read is None:
            return None
        values[option.to] = (*values[option.to], read) if option.kind == "texts" else read
        given.add(option.to)
    if any(option.required and option.to not in given for option in options):
        return None
    return {REPO: ".", **values}


def _value(option: Option, text: str | None) -> str | int | None:
    if text is None or (text.startswith("-") and text != "-"):
        return None
    if option.kind == "number":
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
    return text if option.kind in ("text", "texts") or text in option.choices else None


def command_of(run: Callable[..., int], options: Sequence[Option]) -> click.Command:
    """The command that click makes of a verb; its help is the docstring of `run`."""
    import click

    kinds: dict[str, Callable[[Option], Any]] = {
        "text": lambda _option: str,
        "texts": lambda _option: str,
        "number": lambda _option: click.IntRange(min=0),
        "choice": lambda option: click.Choice(option.choices),
        "flag": lambda _option: bool,
    }
    params: list[click.Parameter] = [click.Argument([REPO], default=".")]
    params += [
        click.Option(
            [option.name, option.to],
            help=option.help,
            type=kinds[option.kind](option),
            default=option.default,
            is_flag=option.kind == "flag",
            multiple=option.kind == "texts",
            metavar=option.metavar,
            required=option.required,
            show_default=option.shown,
        )
        for option in options
    ]
    return click.Command(name=None, callback=run, params=params, help=run.__doc__)


def text_of(argument: str) -> str:
    """An argument as text: bytes that the locale has no character for are UTF-8, else U+FFFD."""
    return os.fsencode(argument).decode(errors="replace")


def absolute(path: str) -> str:
    """A path of the command line, absolute."""
    return os.path.abspath(os.path.expanduser(path))
