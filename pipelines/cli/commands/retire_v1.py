"""`session-codec retire-v1`."""

from __future__ import annotations

from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import say, say_json
from pipelines.cli.remote_options import opener, remote_options
from pipelines.transfer.remote_reader import RemoteCopy
from pipelines.verbs.retire_v1 import apply, plan
from pipelines.workspace.location import V1_LOG, find


@click.command()
@options.repo
@click.option("--source", metavar="PATH", default=V1_LOG, show_default=True, help="Which log.")
@click.option("--dry-run", is_flag=True, help="Check that it could go, change nothing.")
@remote_options
@options.as_json
def command(
    repo: str,
    source: str,
    dry_run: bool,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Swap a migrated v1 log for a stub that tells agents where its history went.

    It refuses unless the log was just rebuilt byte for byte, and the commit HEAD holds it or a
    remote does: then it was rebuilt from what the remote holds, too.
    """
    workspace = find(absolute(repo))
    open_named = opener(workspace, given, trust_repo_config)
    made = plan(workspace, source.removeprefix("./"), RemoteCopy(workspace, open_named))
    if not made.done and not dry_run:
        apply(made)
    if as_json:
        state = "retired-before" if made.done else "could-retire" if dry_run else "retired"
        say_json("retire-v1", {"source": made.source, "sha256": made.stands_for, "state": state})
    elif made.done:
        say(f"{made.source} is retired already")
    elif dry_run:
        say(f"{made.source} can be retired: it was rebuilt byte for byte, and its bytes are safe")
    else:
        say(f"{made.source} is retired: 'session-codec restore-v1' gives it back")
    return 0
