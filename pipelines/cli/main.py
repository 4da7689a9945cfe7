"""`session-codec`: the verbs, each loaded when it is called, and the one way out of all of them.

An error that was raised on purpose becomes one line and its exit code here, and nowhere else.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # a program file: git's merge driver and jobs name it by its path
    _folder = os.path.dirname(os.path.abspath(__file__))
    _installed = os.path.dirname(os.path.dirname(_folder))
    _at = sys.path.index(os.path.dirname(os.__file__))
    # PYTHONPATH comes last: a project's own pipelines or codec must not be taken for ours.
    sys.path[:] = [*sys.path[_at:], _installed, *(p for p in sys.path[:_at] if p != _folder)]

import io
import signal
from importlib import import_module
from itertools import pairwise
from types import FrameType
from typing import Any, Final, NoReturn

from pipelines.cli.declared import Misuse, called

#: Verbs whose options are declared, so that they can be called without click.
_QUICK: Final = ("context", "record", "flush", "migrate")


class Terminated(BaseException):
    """SIGTERM arrived."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _terminated)
    _stand_in()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are no text, terminals without UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _stand_in() -> None:
    """Let a stdout or stderr that was closed before we came (`>&-`) take what is written."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def run(arguments: list[str]) -> int:
    """Run the command line; its exit code."""
    try:
        result = _quick(arguments)
        if result is None:
            result = _by_click(arguments)
        sys.stdout.flush()
        return result
    except KeyboardInterrupt:
        return _stopped(130, "interrupted")
    except Terminated:
        return _stopped(143, "terminated")
    except BrokenPipeError:
        # Whoever read our output has enough; what is buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Misuse as e:
        return _misused(arguments, str(e))
    except Exception as e:
        return _failed(e, as_json=_wants_json(arguments))


def _quick(arguments: list[str]) -> int | None:
    """The exit code of a verb whose command line is plain; None for all that is left to click."""
    if not arguments:
        from pipelines.cli.overview import run as show_overview

        return show_overview()
    if arguments[0] not in _QUICK:
        return None
    verb: Any = import_module(f"pipelines.cli.commands.{arguments[0]}")
    parameters = called(verb.OPTIONS, arguments[1:])
    return None if parameters is None else int(verb.run(**parameters))


def _by_click(arguments: list[str]) -> int:
    import click

    from pipelines.cli.group import cli

    try:
        # Not `cli.main`: it answers a closed pipe with an exit code of its own.
        with cli.make_context("session-codec", arguments) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        e.show()
        if _wants_json(arguments):
            _say_error(e, e.exit_code)
        return e.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None


def _misused(arguments: list[str], problem: str) -> int:
    from pipelines.cli.output import tell

    tell(f"Try 'session-codec {arguments[0]} --help' for help.\n\nError: {problem}")
    if _wants_json(arguments):
        _say_error(Misuse(problem), 2)
    return 2


def _wants_json(arguments: list[str]) -> bool:
    """Whether stdout is to have one JSON document, also of what goes wrong."""
    pairs = pairwise(arguments)
    return bool({"--json", "--format=json"} & set(arguments)) or ("--format", "json") in pairs


def _failed(error: Exception, *, as_json: bool) -> int:
    from pipelines.cli.output import tell
    from pipelines.errors import BUG, exit_code, storage_error

    if isinstance(error, OSError):
        error = storage_error(error)
    code = exit_code(error)
    if code == BUG:
        import traceback

        traceback.print_exc()
        tell("This is a bug in session-codec. Nothing of it is your fault; please report it.")
    else:
        tell(f"error: {error}")
    if as_json:
        _say_error(error, code)
    return code


def _say_error(error: Exception, code: int) -> None:
    from pipelines.cli.output import say_json

    fields: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    for name in ("file", "line", "field", "hint", "logs"):
        if getattr(error, name, None) is not None:
            fields[name] = getattr(error, name)
    say_json("error", {"error": fields, "exit": code})


def _stopped(code: int, how: str) -> int:
    sys.stderr.write(f"{how}: the workspace is as it was, or the next run completes it\n")
    return code


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    main()
