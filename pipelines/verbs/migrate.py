"""Migrate v1 logs: split, read, count, map, prove, write.

1. The plan only reads. It has everything that will be written, or its place in the log.
2. Before the first file of the workspace changes, what will be written is decoded and compared with
   the log byte for byte, and every staged diff is read back.
3. Migrating is incremental: a session is recognized by the hash of its entry, in any version of any
   log. A changed entry is a revision of its session; the former one stays in the manifest.
4. All writes are one transaction (`journal`), the delta lines last.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass, field

from codec.manifest.facts import ReferencesBuilt
from codec.v1.mapping import Options
from pipelines.outcomes.findings import torn_finding
from pipelines.outcomes.progress import Progress
from pipelines.recording.flushing import begin_writing
from pipelines.references.beside import build_references
from pipelines.system.fs.files import identity
from pipelines.system.worker.client import Worker
from pipelines.system.worker.process import count_text
from pipelines.v1.layouts import has_layout
from pipelines.v1.logs import Request, new_version, read_logs
from pipelines.v1.migrated_rows import MigratedRows
from pipelines.v1.migration import LogPlan, Plan, purged_findings
from pipelines.v1.new_sessions import plan_sessions
from pipelines.v1.proof import encode_log, prove
from pipelines.v1.reader import ReadLog
from pipelines.v1.staging import planned_patches, stage_layout, staged_diffs
from pipelines.verification.line_repairs import fact_findings
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.journal import APPENDED, is_pending
from pipelines.workspace.location import (
    MANIFEST,
    REFERENCES,
    V1_LOG,
    Workspace,
    read_config,
    writing,
)
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.thresholds import REFERENCES_BUDGET
from pipelines.workspace.tracked_files import git_appends
from pipelines.workspace.transaction import Append, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, and the interrupted verb that was completed first."""

    plan: Plan
    written: list[str] = field(default_factory=list)
    recovered: str | None = None


def migrate(request: Request, worker: Worker, progress: Progress) -> Result:
    """Plan, then apply under the lock; write nothing if the plan is empty.

    Raises:
        FormatError: a log is not a session log.
        IntegrityError: the proof failed, or a stored diff is damaged; nothing was written.
        Conflict: a log changed while it was read.
    """
    workspace = request.workspace
    recovered = None
    if is_pending(workspace):
        with writing(workspace):
            recovered = begin_writing(workspace)
    before = _state(workspace)
    made = plan(request, worker, progress)
    if made.is_empty or (request.strict and _stops(made)):
        return Result(plan=made, recovered=recovered)
    with writing(workspace):
        if _state(workspace) != before or is_pending(workspace):
            recovered = begin_writing(workspace) or recovered
            made = plan(request, worker, progress)
            if made.is_empty or (request.strict and _stops(made)):
                return Result(plan=made, recovered=recovered)
        written = apply(made, worker, progress)
    return Result(plan=made, written=written, recovered=recovered)


# Long: the steps of a migration, which share most of their values.
def plan(request: Request, worker: Worker, progress: Progress) -> Plan:
    """Return the plan of a migration, without changing anything."""
    workspace = request.workspace
    manifest = read_manifest(workspace)
    options = Options(clues=request.clues, agents=read_config(workspace).agents)
    findings = fact_findings(manifest)
    logs, skipped = read_logs(request, manifest, findings, worker, progress)
    references = _references(workspace, manifest, logs, worker)
    for log in logs:
        findings += log.findings
    with progress.stage("map"):
        sessions = plan_sessions(
            workspace,
            manifest,
            logs,
            options=options,
            tokenizer=request.tokenizer,
            reread=request.reread,
        )
    manifest = sessions.manifest
    findings += sessions.findings
    findings += purged_findings(manifest, sessions.added)
    with progress.stage("count"):
        plans = [
            LogPlan(
                log=log,
                version=new_version(request, manifest, log),
                stored=has_layout(workspace, log.sha256),
            )
            for log in logs
        ]
    versions = [p.version for p in plans if p.version]
    rows = MigratedRows(workspace, manifest, sessions, versions, joins=bool(sessions.joins))
    if not rows.sessions:
        references = None
    replaces, appends = rows.writes(references)
    torn = [a.path for a in appends if a.torn and a.path != MANIFEST]
    torn += [r.path for r in replaces if r.path != MANIFEST and not r.before.endswith(b"\n")]
    findings += map(torn_finding, torn)
    if references is not None:
        chunks = (future.result()[0] for future in (references,))
        appends.append(Append(path=REFERENCES, chunks=chunks))
    if rows.sessions:
        appends += git_appends(workspace, [V1_LOG, *(log.source.name for log in logs)])
    return Plan(
        workspace=workspace,
        manifest=manifest,
        logs=plans,
        added=sessions.added,
        restored=sessions.restored,
        updated=sessions.updated,
        changed=sessions.changed,
        stored=sessions.stored,
        appends=appends,
        replaces=replaces,
        skipped=skipped,
        findings=findings,
    )


def apply(made: Plan, worker: Worker, progress: Progress) -> list[str]:
    """Stage, prove and commit the plan under the lock; return the written paths."""
    workspace = made.workspace
    diffs = made.with_diffs()
    purged = made.purged()
    with (
        Transaction(workspace, "migrate") as transaction,
        staged_diffs(transaction.staging, diffs, worker) as staged,
    ):
        with progress.stage("stage"):
            unstored = {p.log.sha256: p.log for p in made.logs if not p.stored}.values()
            layouts = [(log, encode_log(log, made.stored, purged)) for log in unstored]
            for log, layout in layouts:
                stage_layout(transaction.staging, log.sha256, layout)
            transaction.prepare(made.appends, made.replaces)
        with progress.stage("prove", len(staged)) as proved:
            patches = planned_patches(workspace, diffs)
            for log, layout in layouts:
                prove(log, layout, patches, purged)
            for number, batch in enumerate(staged, 1):
                batch.result()
                proved(number)
            for log_plan in made.logs:
                log_plan.log.source.check_unchanged()
        with progress.stage("write"):
            transaction.commit()
    paths = made.tracked()
    paths += [f".diffs/{names_of(a.session.key)[0]}" for a in diffs]
    paths += [f".diffs/v1/{log.sha256}/" for log, _ in layouts]
    return paths


def prove_on_paper(made: Plan) -> None:
    """Prove a plan that will not be applied.

    Raises:
        IntegrityError: a log could not be rebuilt.
    """
    patches = planned_patches(made.workspace, made.with_diffs())
    purged = made.purged()
    for log in made.logs:
        prove(log.log, encode_log(log.log, made.stored, purged), patches, purged)


def _references(
    workspace: Workspace, manifest: Manifest, logs: list[ReadLog], worker: Worker
) -> Future[tuple[bytes, ReferencesBuilt]] | None:
    """Start building references in the worker for a workspace without them; return the future."""
    if os.path.exists(workspace.path(REFERENCES)):
        return None
    rules = {log.source.name: log.rules for log in logs}
    return worker.call(
        build_references,
        workspace.root,
        workspace.repository,
        rules,
        manifest.last_builds(),
        count_text,
        REFERENCES_BUDGET,
    )


def _stops(made: Plan) -> bool:
    return any(f.level == "finding" for f in made.findings)


def _state(workspace: Workspace) -> list[tuple[int, int, int, int] | None]:
    """Return a value that changes if another run writes to the workspace."""
    return [_stamp(workspace.diffs), *(_stamp(workspace.path(name)) for name in APPENDED)]


def _stamp(path: str) -> tuple[int, int, int, int] | None:
    try:
        return identity(os.stat(path))
    except FileNotFoundError:
        return None
