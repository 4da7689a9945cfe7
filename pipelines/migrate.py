"""Migrate v1 logs: split, read, count, map, prove, write.

1. The plan only reads. It holds all that will be written, or where in the log it stands.
2. Before the first file of the workspace changes, what was staged is decoded again and compared
   with the log byte for byte.
3. It is incremental: a session is recognised by the hash of its entry, in any version of any
   log; one that is recognised is neither doubled nor changed. Nothing is ever removed.
4. All writes are one transaction (`journal`), the delta lines last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from codec.errors import FormatError
from codec.manifest import Fact, V1Version, encode_fact
from codec.records import Session
from codec.tokens import DEFAULT as DEFAULT_TOKENIZER
from codec.v1_dialects import Dialects, custom_dialect, detect
from codec.v1_layout import LAYOUT_NAME, LITERAL_NAME, EncodedLayout, StoredPatch
from codec.v1_stub import is_bare_stub
from codec.v1_to_v2 import Options
from pipelines.checks import fact_findings
from pipelines.errors import NotFound, WorkspaceMissing
from pipelines.files import locked, read_file, write_new
from pipelines.findings import Finding
from pipelines.journal import Append, Transaction, is_pending, recover
from pipelines.progress import Advance, Progress
from pipelines.repository import references_append
from pipelines.store import Store, names_of
from pipelines.tracked import git_appends, session_appends
from pipelines.v1_proof import encode_log, prove
from pipelines.v1_reading import ReadLog, read_log
from pipelines.v1_sessions import Added, plan_sessions
from pipelines.v1_source import Source, open_source
from pipelines.v1_store import has_layout
from pipelines.worker import Counted, Worker
from pipelines.workspace import MANIFEST, V1_LOG, Manifest, Workspace, read_config, read_manifest

#: A log's dialect is looked for in this much of it; in all of it only where that has none.
_DETECT: Final = 8 << 20
_STAGE_BATCH: Final = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to migrate.

    Attributes:
        workspace: where to.
        sources: absolute paths of logs; none for the v1 log and every log seen before.
        dialect, heading_pattern: how sessions are marked, where that is not to be found out.
        zone: the zone of times that name none.
        tokenizer: counts the tokens.
        strict: stop, before anything is written, where there are findings.
    """

    workspace: Workspace
    sources: tuple[str, ...] = ()
    dialect: str | None = None
    heading_pattern: str | None = None
    zone: tzinfo = UTC
    tokenizer: str = DEFAULT_TOKENIZER
    strict: bool = False


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
        with locked(workspace.lock):
            recovered = recover(workspace)
    before = _state(workspace)
    made = plan(request, worker, progress)
    if made.is_empty or (request.strict and _stops(made)):
        return Result(plan=made, recovered=recovered)
    os.makedirs(os.path.dirname(workspace.lock), exist_ok=True)
    with locked(workspace.lock):
        if _state(workspace) != before or is_pending(workspace):
            recovered = recover(workspace) or recovered
            made = plan(request, worker, progress)
        written = apply(made, worker, progress)
    return Result(plan=made, written=written, recovered=recovered)


def plan(request: Request, worker: Worker, progress: Progress) -> Plan:
    """What a migration would write; reads only."""
    workspace = request.workspace
    manifest = read_manifest(workspace)
    known = {s.v1.sha256: s for s in manifest.sessions.values() if s.v1}
    options = Options(zone=request.zone, agents=read_config(workspace).agents)
    findings = fact_findings(manifest)
    skipped: list[str] = []
    logs: list[ReadLog] = []
    for path in _paths(request, manifest):
        source = open_source(workspace, path)
        if len(source.data) < 1 << 14 and is_bare_stub(source.data[:]):
            skipped.append(source.name)
            continue
        dialects = _dialects(request, source)
        logs.append(read_log(source, dialects, known, worker, progress))
    for log in logs:
        findings += log.findings
    with progress.stage("count"):
        counts = [log.counts() for log in logs]
    with progress.stage("map"):
        sessions = plan_sessions(
            workspace, manifest, logs, counts, options=options, tokenizer=request.tokenizer
        )
    findings += sessions.findings
    seen = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    plans = [
        LogPlan(
            log=log,
            version=_version(manifest, log, counted, request.tokenizer, seen),
            stored=has_layout(workspace, log.sha256),
        )
        for log, counted in zip(logs, counts, strict=True)
    ]
    new = [a.session for a in sessions.added]
    facts: list[Fact] = [*new, *(p.version for p in plans if p.version)]
    appends = [_manifest_append(facts, manifest)] if facts else []
    everything = [*manifest.sessions.values(), *new]
    appends += session_appends(workspace, everything)
    if everything:
        appends += references_append(workspace, {log.source.name: log.rules for log in logs})
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


def apply(made: Plan, worker: Worker, progress: Progress) -> list[str]:
    """Write what was planned, under the lock: stage, prove, commit. Gives the paths written."""
    workspace = made.workspace
    transaction = Transaction(workspace, "migrate")
    try:
        transaction.begin()
        with progress.stage("stage"):
            ready = _stage_diffs(transaction.staging, made, worker)
            layouts = [(p.log, encode_log(p.log, made.stored)) for p in made.logs if not p.stored]
            for log, layout in layouts:
                _stage_layout(transaction.staging, log, layout)
            transaction.prepare(made.appends)
        with progress.stage("prove", len(ready)) as proved:
            patches = _staged_patches(transaction.staging, ready, workspace, proved)
            for log, layout in layouts:
                prove(log, layout, patches)
            for staged in ready.values():
                staged.result()
            for log_plan in made.logs:
                log_plan.log.source.check_unchanged()
        with progress.stage("write"):
            transaction.commit()
    except BaseException:
        if not is_pending(workspace):
            transaction.abandon()
        raise
    paths = [a.path for a in made.appends]
    paths += [f".diffs/{names_of(key)[0]}" for key in ready]
    paths += [f".diffs/v1/{log.sha256}/" for log, _ in layouts]
    return paths


def prove_on_paper(made: Plan) -> None:
    """The proof of a plan that is not applied: patches as they stand in the logs, or in the store.

    Raises:
        IntegrityError: a log could not be rebuilt.
    """
    planned = {a.session.key: a for a in (*made.added, *made.restored)}
    store = Store(made.workspace)

    def read(part: StoredPatch) -> bytes:
        added = planned.get(part.key)
        if added is None:
            return store.read(part.key, part.patch)
        start, end = added.found.patch_at
        return added.source.data[start:end]

    for log in made.logs:
        prove(log.log, encode_log(log.log, made.stored), read)


def _paths(request: Request, manifest: Manifest) -> list[str]:
    workspace = request.workspace
    if request.sources:
        return list(dict.fromkeys(request.sources))
    names = dict.fromkeys([V1_LOG, *manifest.sources()])
    paths = [workspace.path(*name.split("/")) for name in names]
    found = [path for path in paths if os.path.lexists(path)]
    if found:
        return found
    if manifest.sessions:
        raise NotFound(
            f"{V1_LOG}: no v1 log in {workspace.root} any more; its sessions are migrated",
            hint="Another log is named with --from; the old one comes back with restore-v1",
        )
    raise WorkspaceMissing(
        f"{workspace.root}: no {V1_LOG} here or above",
        hint="Go to the repository that has the log, or name it with --from",
    )


def _dialects(request: Request, source: Source) -> Dialects:
    if request.heading_pattern is not None:
        return custom_dialect(request.heading_pattern)
    try:
        if len(source.data) > _DETECT:
            try:
                return detect(source.data[:_DETECT], request.dialect)
            except FormatError:
                return detect(source.data[:], request.dialect)
        return detect(source.data[:], request.dialect)
    except FormatError as e:
        raise e.at(file=source.name) from None


def _version(
    manifest: Manifest, log: ReadLog, counted: list[Counted], tokenizer: str, seen: str
) -> V1Version | None:
    name = log.source.name
    newest = manifest.newest(name)
    if newest is not None and newest.sha256 == log.sha256:
        return None
    return V1Version(
        source=name,
        sha256=log.sha256,
        size=len(log.source.data),
        words=sum(c.words for c in counted),
        tokens={tokenizer: sum(c.tokens for c in counted)},
        seen=seen,
    )


def _manifest_append(facts: list[Fact], manifest: Manifest) -> Append:
    lines = (f"{encode_fact(fact)}\n".encode() for fact in facts)
    return Append(path=MANIFEST, chunks=lines, torn=manifest.torn)


def _stage_diffs(staging: str, made: Plan, worker: Worker) -> dict[str, Future[None]]:
    """Let the worker write diffs to the staging folder: by key, what tells when one is there."""
    ready: dict[str, Future[None]] = {}
    for log in made.logs:
        source = log.log.source
        own = [a for a in (*made.added, *made.restored) if a.source is source and a.found.patch]
        own.sort(key=lambda a: a.found.start)
        if own:
            worker.open(source).result()
        for i in range(0, len(own), _STAGE_BATCH):
            batch = own[i : i + _STAGE_BATCH]
            files = [(names_of(a.session.key)[0], *a.found.patch_at) for a in batch]
            staged = worker.stage(staging, files)
            ready.update((a.session.key, staged) for a in batch)
    return ready


def _stage_layout(staging: str, log: ReadLog, layout: EncodedLayout) -> None:
    folder = os.path.join(staging, "v1", log.sha256)
    os.makedirs(folder, exist_ok=True)
    write_new(os.path.join(folder, LAYOUT_NAME), layout.layout)
    write_new(os.path.join(folder, LITERAL_NAME), layout.literal)


def _staged_patches(
    staging: str, ready: dict[str, Future[None]], workspace: Workspace, proved: Advance
) -> Callable[[StoredPatch], bytes]:
    """Gives patches as they were staged, each as soon as it is there; others from the store."""
    store = Store(workspace)
    seen = 0

    def read(part: StoredPatch) -> bytes:
        nonlocal seen
        staged = ready.get(part.key)
        if staged is None:
            return store.read(part.key, part.patch)
        staged.result()
        seen += 1
        if seen % _STAGE_BATCH == 0:
            proved(seen)
        return read_file(os.path.join(staging, names_of(part.key)[0]), part.patch.size)

    return read


def _stops(made: Plan) -> bool:
    return any(f.level == "finding" for f in made.findings)


def _state(workspace: Workspace) -> tuple[int, int] | None:
    try:
        stat = os.stat(workspace.path(MANIFEST))
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns
