"""`session-codec purge`."""

from __future__ import annotations

import sys
from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import Stages, findings_json, say, say_json, tell, tell_findings
from pipelines.cli.remote_options import open_remote, remote_options, settings_of
from pipelines.diffs.local_archives import shown
from pipelines.erasing.purge_remote import There
from pipelines.errors import FINDINGS
from pipelines.findings import Finding
from pipelines.settings.user import Settings
from pipelines.verbs.purge import Plan, disown, plan, plan_merged, purge
from pipelines.workspace.location import Workspace, find


@click.command()
@click.argument("name", metavar="[KEY]", required=False)
@options.repo
@remote_options
@click.option(
    "--encrypt-to", multiple=True, metavar="RECIPIENT", help="As sync was told; repeatable."
)
@click.option("--merged", is_flag=True, help="Erase what is left of diffs purged elsewhere.")
@click.option(
    "--disown", "disowned", is_flag=True, help="Keep a diff here that was purged elsewhere."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased; erase nothing.")
@options.as_json
def command(
    name: str | None,
    repo: str,
    merged: bool,
    disowned: bool,
    trust_repo_config: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Erase the diff of the session KEY from this machine; it cannot be brought back.

    Every file that holds the bytes is found by their hash: loose diffs and backups go, archives and
    layouts of logs are written anew without them. The session stays, and 'verify' and 'restore-v1'
    name the gap. Exit 3 where the bytes are in a file that is not changed, a v1 log for example.

    Answered with "n", the question before it changes nothing and ends with 0.

    Once the manifest is merged, no other machine reads or sends the diff. 'verify' reports what is
    left of it there, and 'purge --merged' lists it, asks, and erases it. Where it is to stay,
    --disown records that the tombstone does not count.

    --remote erases it there as well: the objects that hold it are deleted, in all versions, after
    their replacements were sent and read back. Exit 3 where objects cannot be inspected, 31 where a
    lock retains one.

    \b
    Examples:
      session-codec purge 2025-11-06T14:30:00Z --dry-run
      session-codec purge 2025-11-06T14:30:00Z --yes
      session-codec purge 2025-11-06T14:30:00Z --yes --remote s3://bucket/project
    """
    if merged and not disowned:
        repo, name = name or repo, None
    elif name is None or merged:
        raise click.UsageError("purge: name a KEY, or say --merged")
    workspace = find(absolute(repo))
    if disowned and name is not None:
        return _disown(workspace, name, as_json)
    settings = settings_of(workspace, given, trust_repo_config)
    there = _there(workspace, settings) if given["remote"] else None
    made = plan_merged(workspace, there) if name is None else plan(workspace, name, there)
    if dry_run:
        _say_plan(made, as_json)
        return 0
    if not _is_wanted(made, yes):
        return _declined(as_json)
    result = purge(made)
    findings = list(result.findings)
    if settings.remote and there is None:
        findings.append(_not_looked_at(settings.remote))
    code = FINDINGS if any(f.level == "finding" for f in findings) else 0
    keys = _keys(made)
    if as_json:
        say_json(
            "purge",
            {
                "exit": code,
                "key": keys[0] if name is not None else None,
                "keys": keys,
                "erased": result.plan.files,
                "erased_there": made.objects,
                "written": [shown(a.name) for a in result.written],
                "findings": findings_json(findings),
            },
        )
        return code
    tell_findings(findings)
    for file in (*result.plan.files, *made.objects):
        say(f"erased: {file}")
    for archive in result.written:
        say(f"written: {shown(archive.name)}, {len(archive.keys):,} diffs")
    for key in keys:
        say(f"{key}: purged; commit .session-codec/manifest.jsonl")
    return code


def _keys(made: Plan) -> list[str]:
    return list(dict.fromkeys(session.key for session in made.sessions))


def _disown(workspace: Workspace, name: str, as_json: bool) -> int:
    """Take back what another clone purged, as far as it is still here."""
    files = disown(workspace, name)
    if as_json:
        say_json("purge", {"exit": 0, "key": name, "disowned": files})
        return 0
    for file in files:
        say(f"kept: {file}")
    say(f"{name}: its tombstone does not count; commit .session-codec/manifest.jsonl")
    return 0


def _is_wanted(made: Plan, yes: bool) -> bool:
    """Unless --yes was given, list what would be erased and ask whoever is at the terminal.

    Raises:
        click.Abort: they interrupt the question or close the terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("purge erases for good: say --yes")
    for line in _planned(made):
        tell(line)
    return click.confirm("Erase it for good?", err=True)


def _declined(as_json: bool) -> int:
    if as_json:
        say_json("purge", {"exit": 0, "key": None, "keys": [], "erased": []})
    tell("nothing was purged")
    return 0


def _there(workspace: Workspace, settings: Settings) -> There:
    """Open the remote that was named."""
    return There(
        workspace=workspace,
        reads=open_remote(settings, workspace),
        writes=open_remote(settings, workspace, writes=True),
        allow=settings.allow,
        progress=Stages(),
    )


def _not_looked_at(url: str) -> Finding:
    return Finding(
        code="remote",
        message="was not looked at, and may hold the diff",
        level="note",
        file=url,
        hint="Run the same command with --remote",
    )


def _say_plan(made: Plan, as_json: bool) -> None:
    keys = _keys(made)
    if as_json:
        files = [*made.files, *made.objects]
        say_json("purge", {"exit": 0, "key": keys[0] if keys else None, "would_erase": files})
        return
    for line in _planned(made):
        say(line)


def _planned(made: Plan) -> list[str]:
    """Return a line for each file and object that would be erased."""
    lines = [f"would erase it from {file}" for file in (*made.files, *made.objects)]
    return lines or ["it is not stored on this machine; the manifest would say that it was purged"]
