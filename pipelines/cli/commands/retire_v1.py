"""`session-codec retire-v1`."""

from __future__ import annotations

from typing import Any, Final

from pipelines.cli.declared import JSON, REPO, Option, Verb, absolute
from pipelines.cli.output import say, say_json
from pipelines.cli.remote_options import REMOTE_OPTIONS, opener
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.transfer.remote_reader import RemoteCopy
from pipelines.verbs.retire_v1 import apply, plan
from pipelines.workspace.location import V1_LOG, find


def run(
    repo: str,
    source: str,
    dry_run: bool,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Replace a migrated v1 log with a stub that points agents to its history.

    The log is replaced only after it was rebuilt byte for byte, and only if the commit HEAD or a
    remote contains it. For a remote, it is rebuilt from the remote's bytes as well.

    Examples:
      session-codec retire-v1 --dry-run
      session-codec retire-v1
    """
    workspace = find(absolute(repo))
    open_named = opener(workspace, given, trust_repo_config)
    made = plan(workspace, source.removeprefix("./"), RemoteCopy(workspace, open_named))
    if not made.done and not dry_run:
        apply(made)
    if as_json:
        state = "retired-before" if made.done else "could-retire" if dry_run else "retired"
        say_json("retire-v1", {"source": made.source, "sha256": made.stub_sha256, "state": state})
    elif made.done:
        say(f"{made.source} is retired already")
    elif dry_run:
        say(f"{made.source} can be retired: it was rebuilt byte for byte, and its bytes are safe")
    else:
        say(f"{made.source} is retired: 'session-codec restore-v1' restores it")
    return 0


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option("--source", "The log to retire.", metavar="PATH", default=V1_LOG, shown=True),
        Option("--dry-run", "Check that the log can be retired; change nothing.", flag=True),
        *REMOTE_OPTIONS,
        JSON,
    ),
    exits={
        20: EXIT_CODES[20],
        22: "the log changed since it was migrated, or is not stored safely yet",
        30: "a part of the log is missing locally",
    },
)
