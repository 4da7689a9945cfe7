"""`session-codec purge`."""

from __future__ import annotations

import os
import sys

import click

from pipelines.archives import shown
from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import findings_json, say, say_json, tell_findings
from pipelines.errors import FINDINGS
from pipelines.purge import Plan, plan, purge
from pipelines.workspace import find


@click.command()
@click.argument("name", metavar="KEY")
@options.repo
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased; erase nothing.")
@options.as_json
def command(name: str, repo: str, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Erase the diff of the session KEY from this machine; it cannot be brought back.

    Archives that hold it are written anew without it. The session stays, and 'verify' and
    'restore-v1' name the gap. Exit 3 where the bytes still stand in a file that is not changed: a
    v1 log, say. Other machines erase their copies by the same command, once the manifest is merged.

    \b
    Examples:
      session-codec purge 2025-11-06T14:30:00Z --dry-run
      session-codec purge 2025-11-06T14:30:00Z --yes
    """
    workspace = find(absolute(repo))
    made = plan(workspace, name)
    if dry_run or not yes:
        if dry_run or sys.stdin.isatty():
            _say_plan(made, as_json)
        if dry_run:
            return 0
        if not sys.stdin.isatty():
            raise click.UsageError("purge erases for good: say --yes")
        click.confirm("Erase it for good?", abort=True, err=True)
    result = purge(workspace, made.session.key)
    code = FINDINGS if any(f.level == "finding" for f in result.findings) else 0
    if as_json:
        say_json(
            "purge",
            {
                "exit": code,
                "key": made.session.key,
                "erased": _erased(result.plan),
                "written": [shown(a.name) for a in result.written],
                "findings": findings_json(result.findings),
            },
        )
        return code
    tell_findings(result.findings)
    for file in _erased(result.plan):
        say(f"erased: {file}")
    for archive in result.written:
        say(f"written: {shown(archive.name)}, {len(archive.keys):,} diffs")
    say(f"{made.session.key}: purged; commit .session-codec/manifest.jsonl")
    return code


def _erased(made: Plan) -> list[str]:
    loose = [f".diffs/{os.path.basename(path)}" for path in made.loose]
    return [*loose, *map(shown, made.archives)]


def _say_plan(made: Plan, as_json: bool) -> None:
    if as_json:
        say_json("purge", {"exit": 0, "key": made.session.key, "would_erase": _erased(made)})
        return
    for file in _erased(made):
        say(f"would erase it from {file}")
    if not _erased(made):
        say("it is not stored on this machine; the manifest would say that it was purged")
