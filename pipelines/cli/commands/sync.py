"""`session-codec sync`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import Stages, findings_json, say, say_json, tell_findings
from pipelines.cli.remote_options import (
    JOBS,
    open_remote,
    remote_options,
    settings_of,
    upload_options,
)
from pipelines.errors import FINDINGS
from pipelines.remotes.base import Remote
from pipelines.settings.user import ignored_findings
from pipelines.verbs.sync import Plan, Result, apply, plan
from pipelines.workspace.location import find


@click.command()
@options.repo
@remote_options
@upload_options
@options.allow_secret
@click.option("--prune-local", is_flag=True, help="Delete archives here that the remote proved.")
@click.option("--jobs", type=click.IntRange(1, 64), help=f"Objects at a time; else {JOBS}.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@options.as_json
def command(
    repo: str,
    trust_repo_config: bool,
    retain_until: datetime | None,
    prune_local: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Copy REPO's workspace to a remote: archives, loose diffs, layouts and the tracked files.

    What is there is not sent again, and nothing is ever deleted or overwritten there. A run that
    was stopped is completed by the next. One prefix is for one workspace; its clones share it.
    Where something that would be sent looks like a secret, nothing is sent: exit 3.
    --prune-local deletes an archive here after its remote copy was read again and proved.

    \b
    Examples:
      session-codec sync --remote s3://bucket/project
      session-codec sync --remote /mnt/backup/project --dry-run
      session-codec sync --remote s3://bucket/project --encrypt-to age1...
      session-codec sync --remote s3://bucket/project --endpoint-url https://s3.example.com
    """
    if retain_until and given["retain_days"]:
        raise click.UsageError("--retain-until and --retain-days: give one")
    workspace = find(absolute(repo))
    settings = settings_of(workspace, given, trust_repo_config)
    until = retain_until.replace(tzinfo=UTC) if retain_until else None
    remote = open_remote(settings, workspace, until, writes=True)
    stages = Stages()
    made = plan(workspace, remote, settings.allow, stages)
    if dry_run or made.is_refused:
        result = Result(plan=made)
    else:
        jobs = settings.jobs or JOBS
        result = apply(made, remote, stages, jobs=jobs, prune=prune_local)
    findings = [*made.findings, *ignored_findings(settings, "encrypt", "remote", "secrets")]
    code = FINDINGS if any(f.level == "finding" for f in findings) else 0
    if as_json:
        fields = {**_json(result, remote, dry_run), "findings": findings_json(findings)}
        say_json("sync", {"exit": code, **fields})
        return code
    tell_findings(findings)
    _say(result, remote, dry_run)
    return code


def _say(result: Result, remote: Remote, dry_run: bool) -> None:
    made: Plan = result.plan
    if dry_run:
        for upload in made.uploads:
            say(f"would send {upload.name}, {upload.size:,} bytes")
        if made.diffs:
            say(f"would send {len(made.diffs):,} loose diffs")
        if not made.is_current:
            say("would send a snapshot of the tracked files")
    for name, size in sorted(result.sent.items()):
        say(f"sent {name}, {size:,} bytes")
    for name in result.pruned:
        say(f"deleted here, proved there: {name}")
    requests = ", ".join(f"{count:,} {kind}" for kind, count in sorted(remote.requests.items()))
    if made.is_current:
        state = "is current"
    elif made.is_refused:
        state = "was not current, and nothing was sent: see the findings"
    else:
        state = "was not current" if dry_run else "is current now"
    say(f"{remote.url} {state}; requests: {requests}")


def _json(result: Result, remote: Remote, dry_run: bool) -> dict[str, Any]:
    made = result.plan
    would = [{"name": u.name, "bytes": u.size} for u in made.uploads] if dry_run else []
    return {
        "remote": remote.url,
        "current": made.is_current,
        "would_send": would,
        "loose": len(made.diffs),
        "sent": [{"name": n, "bytes": size} for n, size in sorted(result.sent.items())],
        "present": len(made.names),
        "verified": result.verified,
        "pruned": result.pruned,
        "requests": dict(remote.requests),
    }
