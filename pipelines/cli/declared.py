"""The declaration of a verb: its arguments and options, as data for `parser`.

A verb's module ends with `VERB = Verb(run, arguments, options)`. To add an option, add one
`Option(...)` to it, and one parameter of the same name to `run`.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

PROGRAM: Final = "session-codec"
HELP: Final = ("-h", "--help")
VERSION: Final = ("-V", "--version")
#: The most digits of a number in an option; the codec refuses numbers that a record cannot hold.
_DIGITS: Final = 18


class Misuse(Exception):
    """The arguments are invalid, or exclude each other."""


class Argument(NamedTuple):
    """A positional argument.

    Attributes:
        to: the parameter that gets its value.
        metavar: its name in the usage line.
        default: its value if it is not given.
        required: it must be given.
        repeat: takes all remaining words, as a tuple.
    """

    to: str
    metavar: str
    default: str | None = None
    required: bool = True
    repeat: bool = False


class Option(NamedTuple):
    """An option.

    Attributes:
        name: its long name, with dashes.
        help: its description, in one sentence.
        to: the parameter that gets its value; by default its name with underscores.
        short: its short name, with the dash.
        former: an earlier name, which help does not show.
        read: converts its text; raises `ValueError` with a sentence if the text is invalid.
        flag: it has no value; the parameter gets `const`.
        repeat: may be given several times; the parameter gets a tuple.
        default: the value if it is not given.
        metavar: the name of its value in help.
        choices: the values that it accepts, in lower or upper case.
        required: it must be given.
        shown: help shows its default.
    """

    name: str
    help: str
    to: str = ""
    short: str | None = None
    former: str | None = None
    read: Callable[[str], Any] = str
    flag: bool = False
    const: Any = True
    repeat: bool = False
    default: Any = None
    metavar: str | None = None
    choices: Sequence[str] = ()
    required: bool = False
    shown: bool = False

    @property
    def target(self) -> str:
        """Return the parameter that gets the value."""
        return self.to or self.name[2:].replace("-", "_")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the short name, if there is one, and the long name."""
        return (self.short, self.name) if self.short else (self.name,)

    @property
    def unset(self) -> Any:
        """Return the value if the option is not given."""
        if self.repeat:
            return ()
        return False if self.flag and self.const is True else self.default


class Verb(NamedTuple):
    """A verb: its function and what the command line passes to it.

    Attributes:
        run: the function; its docstring is the help text. It returns the exit code.
        arguments: its positional arguments, in order.
        options: its options, in the order of the help text.
        exits: exit codes beside 0 and 2, and their meaning for this verb.
        verbs: its sub-verbs, by name.
    """

    run: Callable[..., int]
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    exits: Mapping[int, str] = {}
    verbs: Mapping[str, "Verb"] = {}

    @property
    def all_options(self) -> tuple[Option, ...]:
        """Return the options, with `--output` unless the verb has its own."""
        own = any(option.name == OUTPUT.name for option in self.options)
        return self.options if own else (*self.options, OUTPUT)


REPO: Final = Argument("repo", "REPO", ".", required=False)
JSON: Final = Option("--json", "Print one JSON document on stdout.", to="as_json", flag=True)
#: Every verb has it; `call` redirects stdout, so that verbs need not know.
OUTPUT: Final = Option(
    "--output", "Write to FILE instead of stdout.", to="stdout_file", short="-o", metavar="FILE"
)


def number(text: str) -> int:
    """Return a whole number that is not negative."""
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text!r} is not a whole number")
    digits = text.lstrip("0")
    if len(digits) > _DIGITS:
        raise ValueError(f"the number has more than {_DIGITS} digits")
    return int(digits or "0")


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    value = number(text)
    if not value:
        raise ValueError(f"{text} is less than 1")
    return value


def named(text: str) -> str:
    """Return a text that is not empty, as `text_of` returns it."""
    if not text.strip():
        raise ValueError("the value is empty")
    return text_of(text)


def between(least: int, most: int) -> Callable[[str], int]:
    """Return a function that reads whole numbers within limits."""

    def read(text: str) -> int:
        value = number(text)
        if not least <= value <= most:
            raise ValueError(f"{text} is not between {least} and {most}")
        return value

    return read


def percent(text: str) -> float:
    """Parse a number that is at most 100; it may be negative."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not -(10**6) <= value <= 100:
        raise ValueError(f"{text} is not a number up to 100")
    return value


def text_of(argument: str) -> str:
    """Return an argument as UTF-8 text in any locale; bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(argument).decode(errors="replace")


def absolute(path: str) -> str:
    """Return an absolute path for a path of the command line."""
    return os.path.abspath(os.path.expanduser(path))
