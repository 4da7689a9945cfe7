"""`session-codec merge-driver`, which git calls."""

from __future__ import annotations

from typing import Final

from pipelines.cli.declared import Argument, Verb
from pipelines.verbs.merge_driver import merge_files


def run(ancestor: str, ours: str, theirs: str, path: str) -> int:
    """Merge a tracked file record by record; git calls this if 'install' has set it up."""
    merge_files(ancestor, ours, theirs, path)
    return 0


VERB: Final = Verb(
    run,
    (
        Argument("ancestor", "%O"),
        Argument("ours", "%A"),
        Argument("theirs", "%B"),
        Argument("path", "%P"),
    ),
    (),
)
