"""`session-codec purge`."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from codec.snapshot import archive_object
from pipelines import sync
from pipelines.archives import shown
from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import Stages, findings_json, say, say_json, tell_findings
from pipelines.cli.remotes import open_remote, remote_options, settings_of
from pipelines.errors import FINDINGS
from pipelines.findings import Finding
from pipelines.operator import Settings
from pipelines.purge import Plan, plan, purge
from pipelines.purge_remote import delete, fetch, find_held
from pipelines.workspace import Workspace, find


@click.command()
@click.argument("name", metavar="KEY")
@options.repo
@remote_options
@click.option(
    "--encrypt-to", multiple=True, metavar="RECIPIENT", help="As sync was told; repeatable."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased; erase nothing.")
@options.as_json
def command(
    name: str,
    repo: str,
    trust_repo_config: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Erase the diff of the session KEY from this machine; it cannot be brought back.

    Archives that hold it are written anew without it. The session stays, and 'verify' and
    'restore-v1' name the gap. Exit 3 where the bytes still stand in a file that is not changed: a
    v1 log, say. Other machines erase their copies by the same command, once the manifest is merged.

    --remote erases it there as well: the objects that hold it are deleted, in all versions, after
    what stands for them was sent. Exit 31 where a lock retains one.

    \b
    Examples:
      session-codec purge 2025-11-06T14:30:00Z --dry-run
      session-codec purge 2025-11-06T14:30:00Z --yes
      session-codec purge 2025-11-06T14:30:00Z --yes --remote s3://bucket/project
    """
    workspace = find(absolute(repo))
    made = plan(workspace, name)
    settings = settings_of(workspace, given, trust_repo_config)
    there = _There(workspace, settings, made) if given["remote"] else None
    if dry_run or not yes:
        if dry_run or sys.stdin.isatty():
            _say_plan(made, there, as_json)
        if dry_run:
            return 0
        if not sys.stdin.isatty():
            raise click.UsageError("purge erases for good: say --yes")
        click.confirm("Erase it for good?", abort=True, err=True)
    findings = there.fetch() if there else []
    result = purge(workspace, made.session.key)
    findings += result.findings
    if settings.remote and there is None:
        findings.append(_not_looked_at(settings.remote))
    if there:
        findings += there.erase()
    code = FINDINGS if any(f.level == "finding" for f in findings) else 0
    if as_json:
        say_json(
            "purge",
            {
                "exit": code,
                "key": made.session.key,
                "erased": _erased(result.plan),
                "erased_there": there.names if there else [],
                "written": [shown(a.name) for a in result.written],
                "findings": findings_json(findings),
            },
        )
        return code
    tell_findings(findings)
    for file in _erased(result.plan):
        say(f"erased: {file}")
    for file in there.names if there else ():
        say(f"erased: {file}")
    for archive in result.written:
        say(f"written: {shown(archive.name)}, {len(archive.keys):,} diffs")
    say(f"{made.session.key}: purged; commit .session-codec/manifest.jsonl")
    return code


def _not_looked_at(url: str) -> Finding:
    return Finding(
        code="remote",
        message="was not looked at, and may hold the diff",
        level="note",
        file=url,
        hint="Run the same command with --remote",
    )


class _There:
    """The same on a remote, step by step."""

    def __init__(self, workspace: Workspace, settings: Settings, made: Plan) -> None:
        self._workspace = workspace
        self._settings = settings
        self._reads = open_remote(settings)
        self._held = find_held(self._reads, made.session.key, made.patch)

    @property
    def names(self) -> list[str]:
        """The objects that go."""
        return [f"{self._reads.url}/{name}" for name in self._held.objects]

    def fetch(self) -> list[Finding]:
        """Bring here what else they hold."""
        self._held, findings = fetch(self._workspace, self._reads, self._held)
        return findings

    def erase(self) -> list[Finding]:
        """Delete them, and send what stands for them.

        Raises:
            Denied: one of them stays.
        """
        pack_stays = delete(self._reads, self._held.packs)
        writes = open_remote(self._settings, writes=True)
        stages = Stages()
        sent = sync.plan(self._workspace, writes, self._settings.allow, stages)
        sync.apply(sent, writes, stages)
        stays = delete(self._reads, map(archive_object, self._held.archives)) or pack_stays
        if stays:
            raise stays
        return sent.findings


def _erased(made: Plan) -> list[str]:
    loose = [f".diffs/{os.path.basename(path)}" for path in made.loose]
    return [*loose, *map(shown, made.archives)]


def _say_plan(made: Plan, there: _There | None, as_json: bool) -> None:
    files = [*_erased(made), *(there.names if there else ())]
    if as_json:
        say_json("purge", {"exit": 0, "key": made.session.key, "would_erase": files})
        return
    for file in files:
        say(f"would erase it from {file}")
    if not files:
        say("it is not stored on this machine; the manifest would say that it was purged")
