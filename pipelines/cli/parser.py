"""Parse the command line with argparse, by the options that each verb declares.

1. A verb is imported only when it is called: `verbs.VERBS` has all names without imports.
2. argparse reads the options; the remaining words are assigned to the positional arguments, so that
   options and arguments may come in any order.
3. A command line that cannot be run raises `Misuse` with one sentence, and the exit code is 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from pipelines.cli.declared import (
    HELP,
    JSON,
    OUTPUT,
    PROGRAM,
    VERSION,
    Misuse,
    Option,
    Verb,
    absolute,
    text_of,
)
from pipelines.cli.verbs import HIDDEN, VERBS


def load_verb(name: str) -> Verb:
    """Return a verb from its module, whose name ends with `_` if it is a Python keyword."""
    module_name = "import_" if name == "import" else name.replace("-", "_")
    module: Any = import_module(f"pipelines.cli.commands.{module_name}")
    verb: Verb = module.VERB
    return verb


def call(words: Sequence[str]) -> int:
    """Run a command line, given without the program's name, and return its exit code.

    Raises:
        Misuse: it cannot be run.
    """
    if any("\0" in word for word in words):  # shells cannot pass one, but programs can
        raise Misuse("an argument contains a NUL byte")
    if set(words) <= {JSON.name}:
        from pipelines.cli.overview import run as show_overview

        return show_overview(as_json=bool(words))
    name, rest = words[0], list(words[1:])
    if name in VERSION:
        return _print_version()
    if name == "help":
        name, rest = (rest[0], [*rest[1:2], HELP[1]]) if rest else (HELP[1], [])
    if name in HELP:
        from pipelines.cli.help import top_help

        sys.stdout.write(top_help())
        return 0
    path, verb, rest = _verb_of(name, rest)
    if wants_help(rest):
        from pipelines.cli.help import verb_help

        sys.stdout.write(verb_help(path, verb))
        return 0
    values = parse(verb, rest)
    target = values.pop(OUTPUT.target, None)
    if target is None:
        return verb.run(**values)
    from pipelines.cli.output import stdout_to

    with stdout_to(absolute(target)):
        return verb.run(**values)


def _verb_of(name: str, rest: list[str]) -> tuple[str, Verb, list[str]]:
    """Return the name of a verb or sub-verb, the verb, and its arguments."""
    if name not in VERBS and name not in HIDDEN:
        kind = "option" if name.startswith("-") else "verb"
        known = [*HELP, *VERSION] if kind == "option" else [*VERBS, "help"]
        raise Misuse(f"unknown {kind} {_shown(name)}{guess(name, known)}")
    verb = load_verb(name)
    if rest and rest[0] in verb.verbs:
        return f"{name} {rest[0]}", verb.verbs[rest[0]], rest[1:]
    if (
        verb.verbs
        and rest
        and (hint := guess(rest[0], verb.verbs))
        and not os.path.exists(absolute(rest[0]))
    ):
        raise Misuse(f"unknown verb '{name} {text_of(rest[0])}'{hint}")
    return name, verb, rest


def help_words(words: Sequence[str]) -> list[str]:
    """Return the command that prints the help for a command line."""
    verb = [word for word in words[:1] if word in VERBS]
    below = [word for word in words[1:2] if verb and word in load_verb(verb[0]).verbs]
    return [PROGRAM, *verb, *below, HELP[1]]


def wants_help(words: Iterable[str]) -> bool:
    """Return True if a word before `--` asks for help."""
    for word in words:
        if word == "--":
            return False
        if word in HELP:
            return True
    return False


def parse(verb: Verb, words: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of a verb.

    Raises:
        Misuse: an option or argument is unknown, missing or invalid.
    """
    options = verb.all_options
    values = {option.target: option.unset for option in options}
    end = words.index("--") if "--" in words else len(words)
    rest: Sequence[str] = words[:end]
    if any(word.startswith("-") for word in rest):
        given, rest = _read_options(options, rest)
        values.update(given)
        _refuse_unknown(options, rest)
    values.update(_arguments(verb, [*rest, *words[end + 1 :]]))
    missing = [o.name for o in options if o.required and values[o.target] == o.unset]
    if missing:
        raise Misuse(f"missing {' and '.join(missing)}")
    return values


def _read_options(
    options: Sequence[Option], words: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the given options, by parameter, and the remaining words."""
    import argparse

    parser = argparse.ArgumentParser(
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
        usage="",
        argument_default=argparse.SUPPRESS,
        # Without a width, argparse imports shutil and with it four compressors, for 6 ms.
        formatter_class=partial(argparse.HelpFormatter, width=80),
    )
    for option in options:
        if option.flag:
            kind: dict[str, Any] = {"action": "store_const", "const": option.const}
        else:
            action = "append" if option.repeat else "store"
            kind = {"action": action, "type": _reader(option, argparse.ArgumentTypeError)}
        names = [*option.names, *filter(None, [option.former])]
        parser.add_argument(*names, dest=option.target, **kind)
    try:
        found, rest = parser.parse_known_args(words)
    except argparse.ArgumentError as e:
        raise Misuse(_explained(e.argument_name or "", e.message)) from None
    given = vars(found)
    for option in options:
        value = given.get(option.target)
        # Python 3.11 drops the value of `--option=--`.
        if value == [] or (option.repeat and [] in (value or ())):
            raise Misuse(_explained(option.name, "expected"))
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}, rest


def _reader(option: Option, refusal: type[Exception]) -> Callable[[str], Any]:
    """Return a function that converts the text of an option, or raises a refusal."""
    by_name = {choice.lower(): choice for choice in option.choices}

    def read(text: str) -> Any:
        if text == "--":
            raise Misuse(_explained(option.name, "expected"))  # as before Python 3.13
        if by_name and text.lower() not in by_name:
            known = ", ".join(option.choices)
            problem = f"unknown value {_shown(text)} (choose from {known})"
            raise refusal(problem + guess(text, option.choices))
        try:
            return option.read(by_name.get(text.lower(), text))
        except ValueError as e:
            raise refusal(str(e)) from None

    return read


def _explained(names: str, message: str) -> str:
    """Return argparse's error about an option in the wording of this program."""
    name = names.replace("/", ", ")
    if message.startswith("expected"):
        long = name.rpartition(" ")[2]
        return f"{name}: missing value; write {long}=VALUE if it begins with a dash"
    if message.startswith("ignored"):
        return f"{name}: takes no value"
    return f"{name}: {message}"


def _refuse_unknown(options: Sequence[Option], rest: Sequence[str]) -> None:
    for word in rest:
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            names = [n for option in options for n in option.names]
            raise Misuse(f"unknown option {_shown(name)}{guess(name, [*names, *HELP])}")


def _arguments(verb: Verb, words: list[str]) -> dict[str, Any]:
    """Return the values of the positional arguments, by parameter."""
    values: dict[str, Any] = {}
    for argument in verb.arguments:
        if argument.repeat:
            values[argument.to], words = tuple(words), []
        elif words:
            values[argument.to] = words.pop(0)
        elif argument.required:
            raise Misuse(f"missing {argument.metavar}")
        else:
            values[argument.to] = argument.default
    if words:
        raise Misuse(f"unexpected argument {_shown(words[0])}")
    return values


def guess(word: str, known: Iterable[str]) -> str:
    """Return `. Did you mean ...?` with the most similar known word, or an empty text."""
    from difflib import get_close_matches

    by_name = {name.lstrip("-"): name for name in known}  # dashes make all similar
    close = get_close_matches(word.lstrip("-"), by_name, n=1)
    return f". Did you mean '{by_name[close[0]]}'?" if close else ""


def _shown(word: str) -> str:
    return f"'{text_of(word)}'"


def _print_version() -> int:
    from importlib.metadata import version

    sys.stdout.write(f"{PROGRAM} {version(PROGRAM)}\n")
    return 0
