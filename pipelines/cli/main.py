"""`session-codec`: the verbs, each loaded when it is called, and the one way out of all of them.

An error that was raised on purpose becomes one line and its exit code here, and nowhere else.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from importlib import import_module
from types import FrameType
from typing import Any, Final, NoReturn

import click

VERBS: Final = {
    "install": "Make a workspace and tell agents of it; take it out again.",
    "context": "What an agent reads at its start: references and the newest sessions.",
    "record": "Record a session when its task is done: its diff, figures and notes.",
    "show": "One session: its reference entry, its diff, or its v1 entry.",
    "query": "Ask about the sessions: filter, group, sum, average.",
    "migrate": "Migrate a v1 log to references, diffs and metrics; prove that no byte is lost.",
    "verify": "Check every hash, and report how many tokens are saved.",
    "restore-v1": "Give a migrated v1 log back, byte for byte.",
    "retire-v1": "Swap a migrated v1 log for a stub that names its successors.",
}
#: Called by other programs, not by people.
HIDDEN: Final = frozenset({"merge-driver"})

EXIT_CODES: Final = """\
\b
Exit codes:
  0    done
  1    a bug
  2    usage
  3    ran, with findings
  10   not the format
  11   not representable
  12   integrity: a hash or a length is wrong
  20   no workspace
  21   locked
  22   conflict
  30   not found
  31   denied
  32   unavailable: disk full, broken, or out of reach
  130  interrupted
  141  whoever read the output closed it
  143  terminated
"""


class Verbs(click.Group):
    """The verbs of `VERBS`, imported only when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb."""
        if cmd_name not in VERBS and cmd_name not in HIDDEN:
            return None
        module = import_module(f"pipelines.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs and what each is for, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


class Terminated(BaseException):
    """SIGTERM arrived."""


@click.command(
    cls=Verbs,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="session-codec", prog_name="session-codec")
def cli() -> None:
    """The history of your coding agents: small to read, whole to keep.

    A v1 log (AGENT_PROGRESS_LOG.md) becomes references: a static context, one line a session, a
    metrics table, and diffs as files that are read on demand. Start with 'session-codec migrate'.
    """


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _terminated)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are no text, terminals without UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; its exit code."""
    try:
        # Not `cli.main`: it answers a closed pipe with an exit code of its own.
        with cli.make_context("session-codec", arguments) as context:
            result = cli.invoke(context)
        sys.stdout.flush()
        return int(result or 0)
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        e.show()
        if "--json" in arguments:
            _say_error(e, e.exit_code)
        return e.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _stopped(130, "interrupted")
    except Terminated:
        return _stopped(143, "terminated")
    except BrokenPipeError:
        # Whoever read our output has enough; what is buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as e:
        return _failed(e, "--json" in arguments)


def _failed(error: Exception, as_json: bool) -> int:
    from pipelines.cli.output import tell
    from pipelines.errors import BUG, exit_code, storage_error

    if isinstance(error, OSError):
        error = storage_error(error)
    code = exit_code(error)
    if code == BUG:
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
    for name in ("file", "line", "field", "hint"):
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
