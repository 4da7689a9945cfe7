"""`session-codec show`."""

from __future__ import annotations

import sys
from typing import Any

import click

from codec.manifest.session_fields import encode_session
from pipelines.cli import options
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.output import (
    say,
    say_json,
    tell,
    visible,
)
from pipelines.cli.remote_options import opener, remote_options
from pipelines.verbs.show import show, show_diff, show_entry


@click.command()
@click.argument("name", metavar="KEY")
@options.repo
@click.option("--diff", "what", flag_value="diff", help="The exact diff, fit for 'git apply'.")
@click.option("--entry", "what", flag_value="entry", help="The entry as it stood in the v1 log.")
@remote_options
@options.as_json
def command(
    name: str,
    repo: str,
    what: str | None,
    as_json: bool,
    trust_repo_config: bool,
    **given: Any,
) -> int:
    """The reference entry of one session; its diff, or its v1 entry.

    KEY is a key, the beginning of one, 'latest', or 'latest~2', the second before the latest. What
    is no longer here comes from the remote, if one is named.

    \b
    Examples:
      session-codec show latest
      session-codec show 2025-11-06T14:30 --diff
      session-codec show latest~2 --diff | git apply
    """
    if as_json and what:
        raise click.UsageError(f"--json and --{what}: stdout holds either")
    workspace = workspace_of(repo)
    if what is None:
        session, text = show(workspace, name)
        if as_json:
            say_json("show", {"session": encode_session(session)})
        else:
            say(text.removesuffix("\n"))
            if session.v1 is not None:
                tell(f"the whole text of the entry: session-codec show {session.key} --entry")
        return 0
    shown = show_diff if what == "diff" else show_entry
    data = shown(workspace, name, opener(workspace, given, trust_repo_config))
    if sys.stdout.isatty():
        sys.stdout.write(visible(data.decode(errors="replace")))
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return 0
