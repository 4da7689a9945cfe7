"""`session-codec show`."""

from __future__ import annotations

import sys
from typing import Any, Final

from codec.manifest.session_fields import encode_session
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Argument, Misuse, Option, Verb
from pipelines.cli.output import (
    say,
    say_json,
    tell,
    visible,
)
from pipelines.cli.remote_options import REMOTE_OPTIONS, opener
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.verbs.show import show, show_diff, show_entry


def run(
    name: str,
    repo: str,
    what: str | None,
    as_json: bool,
    trust_repo_config: bool,
    **given: Any,
) -> int:
    """Show the reference entry of one session, its diff, or its v1 entry.

    KEY is a key or the beginning of one, 'latest', or 'latest~2', two sessions before the latest.
    Data that is missing locally is read from the remote, if one is named.

    Examples:
      session-codec show latest
      session-codec show 2025-11-06T14:30 --diff
      session-codec show latest~2 --diff | git apply
    """
    if as_json and what:
        raise Misuse(f"--json and --{what} exclude each other")
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


VERB: Final = Verb(
    run,
    (Argument("name", "KEY"), REPO),
    (
        Option(
            "--diff",
            "Print the exact diff, as 'git apply' reads it.",
            to="what",
            flag=True,
            const="diff",
        ),
        Option(
            "--entry",
            "Print the entry as it was in the v1 log.",
            to="what",
            flag=True,
            const="entry",
        ),
        *REMOTE_OPTIONS,
        JSON,
    ),
    exits={
        12: "the stored bytes differ from those that were recorded",
        20: EXIT_CODES[20],
        30: "no such session, or its diff is missing locally",
        33: EXIT_CODES[33],
    },
)
