"""`session-codec merge-driver`: called by git, not by people."""

from __future__ import annotations

import click

from pipelines.verbs.merge_driver import merge_files


@click.command(hidden=True)
@click.argument("ancestor", metavar="%O")
@click.argument("ours", metavar="%A")
@click.argument("theirs", metavar="%B")
@click.argument("path", metavar="%P")
def command(ancestor: str, ours: str, theirs: str, path: str) -> int:
    """Merge one of the tracked files by record; git calls this where 'install' set it up."""
    merge_files(ancestor, ours, theirs, path)
    return 0
