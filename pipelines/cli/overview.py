"""`session-codec` without a verb: the state of the workspace, the next step, and the verbs."""

from __future__ import annotations

import os

from pipelines.cli.output import say
from pipelines.cli.verbs import VERBS
from pipelines.verbs.overview import overview
from pipelines.workspace.location import locate


def run() -> int:
    """Print the state of the workspace at or above the current folder, and the verbs."""
    seen = overview(locate(os.curdir))
    for line in seen.state:
        say(line)
    for command, reason in seen.steps:
        say(f"next: {command}  ({reason})")
    say("\nVerbs:")
    for name, purpose in VERBS.items():
        say(f"  {name:<12} {purpose}")
    say("\n'session-codec VERB --help' explains a verb, 'session-codec --help' the exit codes.")
    return 0
