"""`session-codec`: run a verb, and turn every error into one line and its exit code."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # run as a file: git's merge driver and jobs name it by its path
    _folder = os.path.dirname(os.path.abspath(__file__))
    _installed = os.path.dirname(os.path.dirname(_folder))
    _at = sys.path.index(os.path.dirname(os.__file__))
    # PYTHONPATH comes last: packages of a project named `pipelines` or `codec` are not ours.
    sys.path[:] = [*sys.path[_at:], _installed, *(p for p in sys.path[:_at] if p != _folder)]

import gc
import io
import signal
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Any, Final, NoReturn

from pipelines.cli.declared import Misuse
from pipelines.cli.parser import call, help_words

#: Modules that do something at the interpreter's shutdown: temporary folders, pools and logs of
#: libraries use `atexit`, and threads are waited for.
_NEED_SHUTDOWN: Final = ("atexit", "threading")
#: Objects between two searches for garbage: the import of a verb makes many, and none is garbage.
_GARBAGE: Final = 50_000


class Terminated(BaseException):
    """SIGTERM arrived."""


def main() -> NoReturn:
    """Run the command line, and exit with its exit code."""
    gc.set_threshold(_GARBAGE)
    signal.signal(signal.SIGTERM, _terminated)
    if sys.stdout is None or sys.stderr is None:
        from pipelines.cli.streams import reopen_closed

        reopen_closed()
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # for arguments that are not UTF-8, and terminals without it
        sys.stdout.reconfigure(errors="backslashreplace")
    _exit(run(sys.argv[1:]))


def _exit(code: int) -> NoReturn:
    """Exit; skip the interpreter's shutdown, a tenth of `record`, unless a module needs it."""
    if sys.modules.keys().isdisjoint(_NEED_SHUTDOWN):
        with suppress(OSError):  # the shutdown reports what cannot be written
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command line without the program's name, and return its exit code."""
    try:
        result = call(arguments)
        sys.stdout.flush()
        return result
    except KeyboardInterrupt:
        return _stopped(130, "interrupted")
    except Terminated:
        return _stopped(143, "terminated")
    except BrokenPipeError:
        # The reader closed the pipe; buffered output is dropped.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Misuse as e:
        return _misused(arguments, str(e))
    except Exception as e:
        return _failed(e, as_json=_wants_json(arguments))


def _misused(arguments: list[str], problem: str) -> int:
    from pipelines.cli.output import tell

    end = "" if problem.endswith(("?", ".")) else "."
    tell(f"error: {problem}{end} See '{' '.join(help_words(arguments))}'")
    if _wants_json(arguments):
        _say_error(Misuse(problem), 2)
    return 2


def _wants_json(arguments: list[str]) -> bool:
    """Return True if stdout gets one JSON document, for an error as well."""
    pairs = pairwise(arguments)
    return bool({"--json", "--format=json"} & set(arguments)) or ("--format", "json") in pairs


def _failed(error: Exception, *, as_json: bool) -> int:
    from pipelines.cli.output import tell
    from pipelines.outcomes.errors import BUG, exit_code, storage_error

    if isinstance(error, OSError):
        error = storage_error(error)
    code = exit_code(error)
    if code == BUG:
        import traceback

        traceback.print_exc()
        tell("This is a bug in session-codec. Please report it with the traceback above.")
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
