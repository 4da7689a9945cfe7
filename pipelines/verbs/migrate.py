"""Migrate v1 logs: split, read, count, map, prove, write.

1. The plan only reads. It holds all that will be written, or where in the log it stands.
2. Before the first file of the workspace changes, what will be written is decoded again and
   compared with the log byte for byte, and every staged diff is read back.
3. It is incremental: a session is recognised by the hash of its entry, in any version of any
   log; one that is recognised is neither doubled nor changed. Nothing is ever removed.
4. All writes are one transaction (`journal`), the delta lines last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

from codec.errors import CodecError, EncodeError, FormatError
from codec.manifest.fact_lines import kept_rows
from codec.manifest.facts import Fact, ReferencesBuilt, V1Version
from codec.manifest.jsonl import encode_fact
from codec.records import PatchRef, Session
from codec.v1.layout import StoredPatch
from codec.v1.mapping import Options
from codec.v1.stub import is_bare_stub
from pipelines.findings import Finding, torn_finding
from pipelines.fs.files import identity
from pipelines.progress import Progress
from pipelines.recording.flushing import begin_writing
from pipelines.references.sources import build_references
from pipelines.settings.thresholds import REFERENCES_BUDGET
from pipelines.v1.layouts import has_layout
from pipelines.v1.logs import (
    Request,
    log_paths,
    new_version,
    no_sessions,
    read_source,
    refused_log,
    was_emptied,
)
from pipelines.v1.new_sessions import Added, plan_sessions
from pipelines.v1.proof import encode_log, prove
from pipelines.v1.reader import ReadLog
from pipelines.v1.source import open_source, source_name
from pipelines.v1.staging import planned_patches, stage_diffs, stage_layout
from pipelines.verification.line_repairs import fact_findings
from pipelines.worker.client import Worker
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.journal import APPENDED, Append, Transaction, is_pending
from pipelines.workspace.location import (
    MANIFEST,
    REFERENCES,
    V1_LOG,
    Manifest,
    Workspace,
    read_config,
    writing,
)
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import git_appends, kept_facts, session_appends


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPlan:
    """What is to be kept of one log.

    Attributes:
        log: as it was read.
        version: the fact to record; None where the manifest has it.
        stored: its layout is stored already.
    """

    log: ReadLog
    version: V1Version | None
    stored: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that a migration will write.

    Attributes:
        workspace, manifest: as they were when the plan was made.
        logs: what is kept of each log.
        added: new sessions, oldest first.
        restored: known sessions whose diffs are absent here and stand in a log.
        stored: by entry hash, the patch that is, or will be, stored under a key.
        appends: to the tracked files, in order.
        skipped: logs that hold nothing: bare stubs.
        findings: what was noticed.
    """

    workspace: Workspace
    manifest: Manifest
    logs: list[LogPlan]
    added: list[Added]
    restored: list[Added]
    stored: Mapping[str, StoredPatch]
    appends: list[Append]
    skipped: list[str]
    findings: list[Finding]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        layouts = any(p.version or not p.stored for p in self.logs)
        return not (self.added or self.restored or self.appends or layouts)

    def sessions(self) -> list[Session]:
        """All sessions of the workspace once it is applied."""
        return [*self.manifest.sessions.values(), *(a.session for a in self.added)]

    def with_diffs(self) -> list[Added]:
        """The sessions whose diffs are to be written: never one that was purged."""
        purged = self.manifest.purged
        every = (*self.added, *self.restored)
        return [a for a in every if a.found.patch and a.found.patch.sha256 not in purged]

    def purged(self) -> dict[PatchRef, str]:
        """Return the purged diffs that a log may hold, and for each the key of a session."""
        return {**self.manifest.purged_patches(), **_again(self.manifest, self.added)}

    def versions(self) -> list[V1Version]:
        """All versions of logs once it is applied."""
        return [*self.manifest.versions, *(p.version for p in self.logs if p.version)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a migration did: the plan, and the verb that it had to complete first."""

    plan: Plan
    written: list[str] = field(default_factory=list)
    recovered: str | None = None


def migrate(request: Request, worker: Worker, progress: Progress) -> Result:
    """Plan, then apply under the lock; nothing is touched where there is nothing to write.

    Raises:
        FormatError: a log is no session log.
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


def plan(request: Request, worker: Worker, progress: Progress) -> Plan:
    """What a migration would write; reads only."""
    workspace = request.workspace
    manifest = read_manifest(workspace)
    options = Options(clues=request.clues, agents=read_config(workspace).agents)
    findings = fact_findings(manifest)
    logs, skipped = _read_logs(request, manifest, findings, worker, progress)
    references = _references(workspace, manifest, logs, worker)
    for log in logs:
        findings += log.findings
    with progress.stage("map"):
        sessions = plan_sessions(
            workspace, manifest, logs, options=options, tokenizer=request.tokenizer
        )
    findings += sessions.findings
    findings += _purged_findings(manifest, sessions.added)
    with progress.stage("count"):
        plans = [
            LogPlan(
                log=log,
                version=new_version(request, manifest, log),
                stored=has_layout(workspace, log.sha256),
            )
            for log in logs
        ]
    new = [a.session for a in sessions.added]
    facts: list[Fact] = [*new, *(p.version for p in plans if p.version)]
    everything = [*manifest.sessions.values(), *new]
    if not everything:
        references = None
    appends = []
    kept = manifest.kept
    if facts or references is not None:
        first = kept_facts(workspace)
        kept = kept or kept_rows(first)
        appends.append(_manifest_append([*first, *facts], references, manifest))
    appends += session_appends(workspace, everything, kept)
    findings += [torn_finding(a.path) for a in appends if a.torn and a.path != MANIFEST]
    if everything:
        if references is not None:
            chunks = (future.result()[0] for future in (references,))
            appends.append(Append(path=REFERENCES, chunks=chunks))
        appends += git_appends(workspace, [V1_LOG, *(log.source.name for log in logs)])
    return Plan(
        workspace=workspace,
        manifest=manifest,
        logs=plans,
        added=sessions.added,
        restored=sessions.restored,
        stored=sessions.stored,
        appends=appends,
        skipped=skipped,
        findings=findings,
    )


def _read_logs(
    request: Request,
    manifest: Manifest,
    findings: list[Finding],
    worker: Worker,
    progress: Progress,
) -> tuple[list[ReadLog], list[str]]:
    """Read every log; of several, those that are refused do not stop the others.

    Returns:
        The logs, and the names of those that hold nothing. What was refused is a finding.
    """
    workspace = request.workspace
    known = manifest.entries()
    logs: list[ReadLog] = []
    skipped: list[str] = []
    refused: list[CodecError] = []
    paths = log_paths(request, manifest)
    for path in paths:
        if was_emptied(workspace, path, manifest):
            findings.append(no_sessions(source_name(workspace, path)))
            continue
        try:
            source = open_source(workspace, path)
            if len(source.data) < 1 << 14 and is_bare_stub(source.data[:]):
                skipped.append(source.name)
                continue
            logs.append(read_source(request, source, manifest, known, worker, progress))
        except (FormatError, EncodeError) as e:
            if len(paths) == 1:
                raise
            refused.append(e)
    if refused and not (logs or skipped):
        raise refused[0]
    findings += [refused_log(e) for e in refused]
    return logs, skipped


def apply(made: Plan, worker: Worker, progress: Progress) -> list[str]:
    """Write what was planned, under the lock: stage, prove, commit. Gives the paths written."""
    workspace = made.workspace
    transaction = Transaction(workspace, "migrate")
    staged: list[Future[None]] = []
    try:
        transaction.begin()
        with progress.stage("stage"):
            staged = stage_diffs(transaction.staging, made.with_diffs(), worker)
            unstored = {p.log.sha256: p.log for p in made.logs if not p.stored}.values()
            purged = made.purged()
            layouts = [(log, encode_log(log, made.stored, purged)) for log in unstored]
            for log, layout in layouts:
                stage_layout(transaction.staging, log.sha256, layout)
            transaction.prepare(made.appends)
        with progress.stage("prove", len(staged)) as proved:
            patches = planned_patches(workspace, made.with_diffs())
            for log, layout in layouts:
                prove(log, layout, patches, purged)
            for number, batch in enumerate(staged, 1):
                batch.result()
                proved(number)
            for log_plan in made.logs:
                log_plan.log.source.check_unchanged()
        with progress.stage("write"):
            transaction.commit()
    except BaseException:
        if not is_pending(workspace):
            for batch in staged:
                batch.cancel()
            wait(staged)  # or the worker would put more into the folder while it is removed
            transaction.abandon()
        raise
    paths = [a.path for a in made.appends]
    paths += [f".diffs/{names_of(a.session.key)[0]}" for a in made.with_diffs()]
    paths += [f".diffs/v1/{log.sha256}/" for log, _ in layouts]
    return paths


def prove_on_paper(made: Plan) -> None:
    """The proof of a plan that is not applied.

    Raises:
        IntegrityError: a log could not be rebuilt.
    """
    patches = planned_patches(made.workspace, made.with_diffs())
    purged = made.purged()
    for log in made.logs:
        prove(log.log, encode_log(log.log, made.stored, purged), patches, purged)


def _again(manifest: Manifest, added: list[Added]) -> dict[PatchRef, str]:
    """Return the purged diffs that new sessions have again, by the keys of these."""
    return {
        a.found.patch: a.session.key
        for a in added
        if a.found.patch is not None and a.found.patch.sha256 in manifest.purged
    }


def _purged_findings(manifest: Manifest, added: list[Added]) -> list[Finding]:
    """Report new sessions whose diffs were purged before; they are not stored again."""
    return [
        Finding(
            code="purged-again",
            message="has the diff of a session that was purged; it is not stored again",
            key=key,
        )
        for key in _again(manifest, added).values()
    ]


def _references(
    workspace: Workspace, manifest: Manifest, logs: list[ReadLog], worker: Worker
) -> Future[tuple[bytes, ReferencesBuilt]] | None:
    """What the workspace states, where it has no references: made beside the stages that follow."""
    if os.path.exists(workspace.path(REFERENCES)):
        return None
    rules = {log.source.name: log.rules for log in logs}
    return worker.call(
        build_references,
        workspace.root,
        workspace.repository,
        rules,
        manifest.last_builds(),
        REFERENCES_BUDGET,
    )


def _manifest_append(
    facts: list[Fact], references: Future[tuple[bytes, ReferencesBuilt]] | None, manifest: Manifest
) -> Append:
    """The new facts; that the references were built is the last, for it is known last."""

    def lines() -> Iterator[bytes]:
        yield from (f"{encode_fact(fact)}\n".encode() for fact in facts)
        if references is not None:
            yield f"{encode_fact(references.result()[1])}\n".encode()

    return Append(path=MANIFEST, chunks=lines(), torn=manifest.torn)


def _stops(made: Plan) -> bool:
    return any(f.level == "finding" for f in made.findings)


def _state(workspace: Workspace) -> list[tuple[int, int, int, int] | None]:
    """What tells whether another run wrote to the workspace meanwhile."""
    return [_stamp(workspace.diffs), *(_stamp(workspace.path(name)) for name in APPENDED)]


def _stamp(path: str) -> tuple[int, int, int, int] | None:
    try:
        return identity(os.stat(path))
    except FileNotFoundError:
        return None
