"""`session-codec restore`."""

from __future__ import annotations

from typing import Any, Final

from codec.shown_text import counted
from pipelines.cli.declared import JSON, Argument, Option, Verb, absolute, between
from pipelines.cli.output import Stages, code_of, findings_json, say, say_json, tell_findings
from pipelines.cli.remote_options import JOBS, REMOTE_OPTIONS, open_remote, settings_of
from pipelines.remotes.base import Remote
from pipelines.verbs.restore import Only, Result, plan, restore
from pipelines.workspace.location import at


def run(
    folder: str,
    trust_repo_config: bool,
    only: Only | None,
    without: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Restore a workspace from a remote into DIR, which need not exist.

    The result is the union of the uploads of all machines; every byte is verified by its hash.
    Nothing is overwritten: if a local file has other content, nothing is written. An interrupted
    run is completed by the next one. Snapshots that cannot be read are skipped and reported.

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
    code = code_of(result.plan.findings)
    if as_json:
        say_json("restore", {"exit": code, **_json(result, remote)})
        return code
    tell_findings(result.plan.findings)
    _say(result, remote, dry_run)
    return code


VERB: Final = Verb(
    run,
    (Argument("folder", "DIR", ".", required=False),),
    (
        *REMOTE_OPTIONS,
        Option(
            "--only",
            "Restore only a part. v2: the tracked files. diffs: the files that git does not have, "
            "for a fresh clone. loose: of these, the diffs outside of archives.",
            choices=("v2", "diffs", "loose"),
        ),
        Option("--without", "Leave this snapshot out; repeatable.", repeat=True, metavar="NAME"),
        Option(
            "--jobs", f"Parallel transfers. [default: {JOBS}]", read=between(1, 64), metavar="N"
        ),
        Option("--dry-run", "Print what would be written; write nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "restored; a snapshot was skipped, or findings need attention",
        12: "the remote holds damaged bytes",
        22: "a local file has other content; nothing was written",
        30: "the remote does not contain a workspace",
    },
)


def _say(result: Result, remote: Remote, dry_run: bool) -> None:
    made = result.plan
    loose = sum(len(chosen) for _, chosen in made.packs)
    verb = "would write" if dry_run else "written"
    say(f"snapshots: {len(made.snapshots):,}; sessions: {made.sessions:,}")
    say(
        f"{verb}: {counted(len(made.archives), 'archive')}, {counted(loose, 'loose diff')},"
        f" {counted(len(made.layouts), 'layout')}, {counted(len(made.files), 'tracked file')}"
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
