"""`session-codec` without a verb: the state of the workspace, the next step, and the verbs."""

from __future__ import annotations

import os

from pipelines.cli.output import say, say_json
from pipelines.cli.verbs import VERBS
from pipelines.verbs.overview import overview
from pipelines.workspace.location import locate


def run(*, as_json: bool) -> int:
    """Print the state of the workspace at or above the current folder, and the verbs."""
    seen = overview(locate(os.curdir))
    if as_json:
        steps = [{"command": command, "reason": reason} for command, reason in seen.steps]
        say_json("overview", {"state": seen.state, "next": steps})
        return 0
    for line in seen.state:
        say(line)
    for command, reason in seen.steps:
        say(f"next: {command}  ({reason})")
    say("\nVerbs:")
    for name, purpose in VERBS.items():
        say(f"  {name:<12} {purpose}")
    say("\n'session-codec help VERB' explains a verb, 'session-codec --help' the exit codes.")
    return 0
