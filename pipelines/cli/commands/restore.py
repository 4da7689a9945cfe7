"""`session-codec restore`."""

from __future__ import annotations

from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import Stages, findings_json, say, say_json, tell_findings
from pipelines.cli.remote_options import JOBS, open_remote, remote_options, settings_of
from pipelines.errors import FINDINGS
from pipelines.remotes.base import Remote
from pipelines.verbs.restore import Only, Result, plan, restore
from pipelines.workspace.location import at


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path())
@remote_options
@click.option(
    "--only",
    type=click.Choice(["v2", "diffs", "loose"]),
    help="The tracked files alone; what git does not have, for a fresh clone; or of that only the "
    "diffs that no archive has.",
)
@click.option("--without", metavar="NAME", multiple=True, help="Leave a snapshot out; repeatable.")
@click.option("--jobs", type=click.IntRange(1, 64), help=f"Objects at a time; else {JOBS}.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@options.as_json
def command(
    folder: str,
    trust_repo_config: bool,
    only: Only | None,
    without: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Bring the workspace that a remote holds back into DIR, which need not be there.

    What comes is the union of what all machines sent, every byte held against its hash. Nothing
    that is here is overwritten: a file that says something else is a conflict, exit 22, and then
    nothing is written. A run that was stopped is completed by the next. A snapshot that cannot be
    read is skipped and named, exit 3.

    \b
    Examples:
      session-codec restore project --remote s3://bucket/project
      session-codec restore --only diffs --remote /mnt/backup/project
    """
    workspace = at(absolute(folder))
    settings = settings_of(workspace, given, trust_repo_config)
    remote = open_remote(settings, workspace)
    if dry_run:
        result = Result(plan=plan(workspace, remote, only or "all", without))
    else:
        jobs = settings.jobs or JOBS
        result = restore(
            workspace, remote, Stages(), only=only or "all", jobs=jobs, without=without
        )
    code = FINDINGS if any(f.level == "finding" for f in result.plan.findings) else 0
    if as_json:
        say_json("restore", {"exit": code, **_json(result, remote)})
        return code
    tell_findings(result.plan.findings)
    _say(result, remote, dry_run)
    return code


def _say(result: Result, remote: Remote, dry_run: bool) -> None:
    made = result.plan
    loose = sum(len(chosen) for _, chosen in made.packs)
    verb = "would write" if dry_run else "written"
    say(f"snapshots: {len(made.snapshots):,}; sessions: {made.sessions:,}")
    say(
        f"{verb}: {len(made.archives):,} archives, {loose:,} loose diffs,"
        f" {len(made.layouts):,} layouts, {len(made.files):,} tracked files"
    )
    requests = ", ".join(f"{count:,} {kind}" for kind, count in sorted(remote.requests.items()))
    say(f"{made.workspace.root} from {remote.url}; requests: {requests}")


def _json(result: Result, remote: Remote) -> dict[str, Any]:
    made = result.plan
    return {
        "remote": remote.url,
        "workspace": made.workspace.root,
        "snapshots": made.snapshots,
        "sessions": made.sessions,
        "planned": {
            "archives": [a.name for a in made.archives],
            "loose": sum(len(chosen) for _, chosen in made.packs),
            "layouts": made.layouts,
            "files": list(made.files),
        },
        "written": result.written,
        "requests": dict(remote.requests),
        "findings": findings_json(made.findings),
    }
