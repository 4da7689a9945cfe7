"""`session-codec` as click has it: the verbs, each imported when it is called, and their help."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from pipelines.cli.declared import command_of
from pipelines.cli.verbs import HIDDEN, VERBS

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
  33   purged: the diff was erased on purpose
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
        module: Any = import_module(f"pipelines.cli.commands.{cmd_name.replace('-', '_')}")
        if hasattr(module, "OPTIONS"):
            return command_of(module.run, module.OPTIONS)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs and what each is for, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


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
