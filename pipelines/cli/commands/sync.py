"""`session-codec sync`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from codec.shown_text import counted
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute, between
from pipelines.cli.options import ALLOW_SECRET
from pipelines.cli.output import Stages, code_of, findings_json, say, say_json, tell_findings
from pipelines.cli.remote_options import (
    JOBS,
    REMOTE_OPTIONS,
    UPLOAD_OPTIONS,
    open_remote,
    settings_of,
)
from pipelines.remotes.base import Remote
from pipelines.verbs.sync import Plan, Result, apply, plan
from pipelines.workspace.location import find
from pipelines.workspace.user_settings import ignored_findings


def run(
    repo: str,
    trust_repo_config: bool,
    retain_until: datetime | None,
    prune_local: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Copy REPO's workspace to a remote: archives, loose diffs, layouts and the tracked files.

    Only objects that the remote does not have are uploaded; nothing is ever deleted or overwritten
    there. An interrupted run is completed by the next one. A prefix holds one workspace; its clones
    share it. If any text seems to contain a secret, nothing is uploaded.

    Examples:
      session-codec sync --remote s3://bucket/project
      session-codec sync --remote /mnt/backup/project --dry-run
      session-codec sync --remote s3://bucket/project --encrypt-to age1...
      session-codec sync --remote s3://bucket/project --endpoint-url https://s3.example.com
    """
    if retain_until and given["retain_days"]:
        raise Misuse("--retain-until and --retain-days exclude each other")
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
    code = code_of(findings)
    if as_json:
        fields = {**_json(result, remote, dry_run), "findings": findings_json(findings)}
        say_json("sync", {"exit": code, **fields})
        return code
    tell_findings(findings)
    _say(result, remote, dry_run)
    return code


VERB: Final = Verb(
    run,
    (REPO,),
    (
        *REMOTE_OPTIONS,
        *UPLOAD_OPTIONS,
        ALLOW_SECRET,
        Option(
            "--prune-local", "Delete local archives after verifying their remote copies.", flag=True
        ),
        Option(
            "--jobs", f"Parallel transfers. [default: {JOBS}]", read=between(1, 64), metavar="N"
        ),
        Option("--dry-run", "Print what would be uploaded; upload nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "a text seems to contain a secret; nothing was uploaded",
        12: "the remote has other bytes than expected",
        31: "the remote denies access",
        32: "the remote cannot be reached",
    },
)


def _say(result: Result, remote: Remote, dry_run: bool) -> None:
    made: Plan = result.plan
    if dry_run:
        for upload in made.uploads:
            say(f"would send {upload.name}, {upload.size:,} bytes")
        if made.diffs:
            say(f"would send {counted(len(made.diffs), 'loose diff')}")
        if not made.is_current:
            say("would send a snapshot of the tracked files")
    for name, size in sorted(result.sent.items()):
        say(f"sent {name}, {size:,} bytes")
    for archive in result.pruned:
        say(f"deleted here, proved there: {archive}")
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
