"""Verify a workspace: completeness, consistency and savings.

All stages only read: `integrity` (stored files against their hashes, lines against the manifest),
`references` (the current statements of the repository), `tokens` (the baselines) and, on request,
`attribution` (the sessions behind the tracked files).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from codec.errors import FormatError
from codec.kinds import Key
from codec.references.sources.log_rules import LogRules
from pipelines.diffs.text_scan import secrets_in_text
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.recording.flushing import pending_findings
from pipelines.recording.spooled_events import spool_findings
from pipelines.references.plan import Request as Refreshing
from pipelines.references.plan import plan_with, stale_finding
from pipelines.remotes.base import Remote
from pipelines.report.percentages import in_percent
from pipelines.report.token_savings import TokenReport, token_report
from pipelines.search.evidence.attribution import attribution
from pipelines.system.fs.files import read_bytes
from pipelines.system.worker.client import Worker
from pipelines.v1.rules import rules_by_facts
from pipelines.verification.housekeeping import agent_findings, upkeep_of
from pipelines.verification.integrity import check_integrity
from pipelines.verification.report import Request, Verdict
from pipelines.verification.since_base import added, read_base
from pipelines.workspace.git_ignored import ignored_findings
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.location import MANIFEST, PROGRESS, REFERENCES, Workspace
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.summaries import summary_findings
from pipelines.workspace.thresholds import Limits, limits_of, read_limits
from pipelines.workspace.tracked_files import read_tracked

#: Findings of a refresh that are not repeated: budgets, which are reported here, and details.
_NOT_TOLD = ("over-budget", "left-out", "no-build")


# Long: one call for each check, in the order of the report.
def verify(
    request: Request, worker: Worker, progress: Progress, remote: Remote | None = None
) -> Verdict:
    """Return the result of verifying a workspace.

    Args:
        request: the request.
        worker: reads v1 logs and counts tokens at the same time.
        progress: receives the stages.
        remote: where diffs that are missing locally must be; contacted only if some are missing.

    Raises:
        FormatError: the manifest has no readable line, or the settings are invalid.
        NotFound: there is no such revision.
        WorkspaceLocked: another process was writing for too long.
    """
    workspace = request.workspace
    base = read_base(workspace, request.since) if request.since else None
    # A branch must not choose its own thresholds.
    limits = limits_of(base.config, request.limits) if base else _limits(request)
    # First, because committed lines were written before.
    committed = content_at(workspace, "HEAD", MANIFEST) + (base.tracked.manifest if base else b"")
    tracked = read_tracked(workspace)
    manifest = decode_manifest(tracked.manifest)
    if manifest.errors and not manifest.sessions:
        raise FormatError(
            "does not contain a readable fact",
            file=manifest.errors[0].file,
            hint="'session-codec doctor --repair' restores the committed facts",
        )
    rules = worker.call(rules_by_facts, workspace, [*manifest.versions, *manifest.retired])
    with progress.stage("integrity", len(manifest.sessions)) as advance:
        integrity = check_integrity(workspace, tracked, manifest, advance, committed)
    findings = list(integrity.findings)
    findings += _missing(request, manifest, integrity.absent, remote)
    with progress.stage("references"):
        findings += _references(request, worker, limits, manifest, rules.result())
    text = read_bytes(workspace.path(REFERENCES)).decode(errors="replace")
    findings += secrets_in_text(workspace, manifest, text)
    if base:
        findings = list(added(base, tracked, findings))
    else:
        findings += _beside(workspace, manifest)
    with progress.stage("tokens"):
        tokens, judged = _tokens(request, worker, manifest, limits)
    attributed = None
    if request.attribution:
        with progress.stage("attribution"):
            attributed = attribution(workspace, manifest)
    return Verdict(
        root=os.path.relpath(workspace.root, workspace.repository or workspace.root),
        sessions=len(manifest.sessions),
        versions=len({v.sha256 for v in manifest.versions}),
        diffs=integrity.diffs,
        layouts=integrity.layouts,
        absent=integrity.absent,
        in_git=integrity.in_git,
        findings=(*findings, *judged),
        tokens=tokens,
        since=base.commit if base else None,
        attribution=attributed,
    )


def _limits(request: Request) -> Limits:
    return read_limits(request.workspace, request.limits)


def _missing(
    request: Request, manifest: Manifest, absent: Sequence[Key], remote: Remote | None
) -> Iterator[Finding]:
    """Yield a finding for each diff that is missing where the request requires it."""
    if request.require == "local":
        yield from map(_absent, absent)
    elif remote is not None and absent:
        from pipelines.transfer.reachable import not_there

        yield from (_lost(key, remote) for key in not_there(manifest, absent, remote))


def _beside(workspace: Workspace, manifest: Manifest) -> Iterator[Finding]:
    """Yield findings on the files beside the records: pending sessions, agents, summaries, git."""
    yield from spool_findings(workspace)
    yield from pending_findings(workspace)
    yield from agent_findings(workspace)
    yield from summary_findings(workspace, manifest)
    yield from ignored_findings(workspace)
    yield from upkeep_of(workspace, manifest).findings()


def _absent(key: Key) -> Finding:
    return Finding(
        code="absent",
        message=f"the diff of {key} is required locally, but missing",
        file=PROGRESS,
        key=key,
        hint="Restore it with 'session-codec restore', or record it again",
    )


def _lost(key: Key, remote: Remote) -> Finding:
    return Finding(
        code="absent",
        message=f"the diff of {key} is missing locally and on {remote.url}",
        file=PROGRESS,
        key=key,
        hint="Run 'session-codec sync' on the machine that has it",
    )


def _references(
    request: Request, worker: Worker, limits: Limits, manifest: Manifest, rules: LogRules
) -> Iterator[Finding]:
    """Yield the findings of `references --check`, except those of the budget."""
    refreshing = Refreshing(
        workspace=request.workspace,
        tokenizer=request.tokenizer,
        count=worker.count_text,
        budget=limits.references,
    )
    try:
        made = plan_with(refreshing, manifest, rules)
    except FormatError as e:
        yield Finding(
            code="broken-references",
            message=e.problem,
            file=REFERENCES,
            line=e.line,
            hint=e.hint or "Repair the line, or remove the file and run 'session-codec references'",
        )
        return
    yield from (f for f in made.findings if f.code not in _NOT_TOLD)
    if made.is_stale:
        yield stale_finding(made)


def _tokens(
    request: Request, worker: Worker, manifest: Manifest, limits: Limits
) -> tuple[TokenReport | None, list[Finding]]:
    """Return the savings, and findings on those below their thresholds."""
    if not manifest.sessions:
        return None, []
    try:
        report = token_report(
            request.workspace,
            manifest,
            tokenizer=request.tokenizer,
            count=worker.count_text,
            limits=limits,
        )
    except NotFound as e:
        return None, [Finding(code="gate-uncounted", message=e.problem, hint=e.hint)]
    return report, list(_judged(report))


def _judged(report: TokenReport) -> Iterator[Finding]:
    limits, window = report.limits, report.baselines[0]
    if not report.gate_met:
        yield Finding(
            code="gate",
            message=f"the window saves {in_percent(window.reduction)} of {window.before:,} tokens, "
            f"less than the threshold of {limits.threshold:g} %",
            hint="Shorten the references, or lower --threshold",
        )
    costs = (
        ("context", report.context, limits.context, None),
        ("references", report.references, limits.references, REFERENCES),
    )
    for name, cost, limit, file in costs:
        if cost > limit:
            yield Finding(
                code=f"over-{name}-budget",
                message=f"{name}: {cost:,} tokens by {report.tokenizer}, budget {limit:,}",
                file=file,
                hint=f"Shorten the references, or raise --{name}-budget",
            )
