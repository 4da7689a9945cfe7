"""The logs that a migration reads: which they are, how they mark sessions, which version each is.

A log that was migrated before may be shorter now, down to nothing: what was migrated stays, and it
is a note. How a person said that a log marks its sessions is kept with its version.
"""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from codec.errors import CodecError, EncodeError, FormatError
from codec.manifest.facts import V1Version
from codec.records import READER
from codec.tokens.tokenizers import DEFAULT as DEFAULT_TOKENIZER
from codec.v1.dates import NO_CLUES, Clues
from codec.v1.dialects import Dialects, Marker
from codec.v1.forms import FORMS
from codec.v1.stub import is_bare_stub
from pipelines.outcomes.errors import LogsUnnamed, WorkspaceMissing
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.system.worker.client import Worker
from pipelines.v1.candidates import migrate_commands, other_logs
from pipelines.v1.entries import dialects_of
from pipelines.v1.reader import ReadLog, read_log
from pipelines.v1.source import Source, open_source, source_name
from pipelines.workspace.location import V1_LOG, Workspace, moment
from pipelines.workspace.manifest_view import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The logs to migrate.

    Attributes:
        workspace: where to.
        sources: absolute paths of logs; none for the v1 log and every log of the workspace that
            was seen before.
        dialect, heading_pattern: how sessions are marked, where that is not to be found out.
        clues: how ambiguous dates and times are read.
        tokenizer: counts the tokens.
        strict: stop, before anything is written, where there are findings.
        reread: revise the sessions that an older reader read.
    """

    workspace: Workspace
    sources: tuple[str, ...] = ()
    dialect: str | None = None
    heading_pattern: str | None = None
    clues: Clues = NO_CLUES
    tokenizer: str = DEFAULT_TOKENIZER
    strict: bool = False
    reread: bool = False


def _log_paths(request: Request, manifest: Manifest) -> list[str]:
    """Return the logs to read: the named ones, else all of the workspace that exist.

    Raises:
        LogsUnnamed: there are logs of other names only.
        WorkspaceMissing: the workspace has no log and never had one.
    """
    workspace = request.workspace
    if request.sources:
        return list(dict.fromkeys(request.sources))
    names = dict.fromkeys([V1_LOG, *filter(workspace.holds, manifest.sources())])
    paths = [workspace.path(*name.split("/")) for name in names]
    found = [path for path in paths if os.path.lexists(path)]
    if found or manifest.sources():
        return found
    if others := other_logs(workspace):
        raise LogsUnnamed(
            f"{workspace.root}: no {V1_LOG} here or above, but logs of other names",
            logs=tuple(others),
            hint="Name one with --from:\n" + "\n".join(migrate_commands(workspace, others)),
        )
    if manifest.sessions:
        return []
    raise WorkspaceMissing(
        f"{workspace.root}: no {V1_LOG} here or above, and no log of another name",
        hint="To record sessions from now on, run 'session-codec install --hooks claude,codex'; "
        "to migrate a log that is elsewhere, name it with --from",
    )


def _marking(request: Request, manifest: Manifest, source: Source) -> tuple[str, str]:
    """Return the dialect and pattern that the user named, now or at the log's last migration."""
    if request.dialect or request.heading_pattern:
        return request.dialect or "", request.heading_pattern or ""
    newest = manifest.newest(source.name)
    return (newest.dialect, newest.pattern) if newest else ("", "")


def read_logs(
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
    known = {s.v1.sha256 for s in manifest.sessions.values() if s.v1} if not request.reread else ()
    logs: list[ReadLog] = []
    skipped: list[str] = []
    refused: list[CodecError] = []
    paths = _log_paths(request, manifest)
    for path in paths:
        if _was_emptied(workspace, path, manifest):
            findings.append(_no_sessions(source_name(workspace, path)))
            continue
        try:
            source = open_source(workspace, path)
            if len(source.data) < 1 << 14 and is_bare_stub(source.data[:]):
                skipped.append(source.name)
                continue
            logs.append(_read_source(request, source, manifest, known, worker, progress))
        except (FormatError, EncodeError) as e:
            if len(paths) == 1:
                raise
            refused.append(e)
    if refused and not (logs or skipped):
        raise refused[0]
    findings += [_refused_log(e) for e in refused]
    return logs, skipped


def _read_source(
    request: Request,
    source: Source,
    manifest: Manifest,
    known: Container[str],
    worker: Worker,
    progress: Progress,
) -> ReadLog:
    """Read a log; one that was migrated before may have no session any more: it was cut short."""
    newest = manifest.newest(source.name)
    try:
        dialect, pattern = _marking(request, manifest, source)
        given = request.heading_pattern is not None
        dialects = dialects_of(
            source.data, source.name, dialect=dialect, pattern=pattern, given=given
        )
    except FormatError as e:
        if newest is None or request.dialect or request.heading_pattern:
            raise e.at(file=source.name) from None
        dialects = Dialects(marker=Marker.HEADING, level=3, forms=FORMS)
    counted = newest.sha256 if newest else None
    log = read_log(source, dialects, worker, progress, known=known, counted=counted)
    if not log.found and newest is None:
        raise FormatError(
            "not a session log: all its dated headings are quoted in fences",
            file=source.name,
            hint="A fence that was never closed can be the cause",
        )
    if not log.found:
        log.findings.append(_no_sessions(source.name))
    return log


def _was_emptied(workspace: Workspace, path: str, manifest: Manifest) -> bool:
    """Return True if a migrated log is an empty file now."""
    known = source_name(workspace, path) in manifest.sources()
    return known and os.path.isfile(path) and not os.path.getsize(path)


def _no_sessions(name: str) -> Finding:
    """Return a finding that a log that was migrated has been cut short."""
    message = "has no session any more; what was migrated from it stays"
    return Finding(code="no-sessions", message=message, level="note", file=name)


def _refused_log(error: CodecError) -> Finding:
    """Return the finding that one of several files was refused."""
    return Finding(
        code="refused-log",
        message=f"refused: {error.problem}",
        file=error.file,
        line=error.line,
        hint=error.hint,
    )


def new_version(request: Request, manifest: Manifest, log: ReadLog) -> V1Version | None:
    """Return the fact of a version that is not the newest that the manifest has."""
    newest = manifest.newest(log.source.name)
    if newest is not None and newest.sha256 == log.sha256:
        return None
    total = log.counts.total()
    dialect, pattern = _marking(request, manifest, log.source)
    return V1Version(
        source=log.source.name,
        sha256=log.sha256,
        size=len(log.source.data),
        words=total.words,
        tokens={request.tokenizer: total.tokens},
        seen=_after(newest),
        dialect=dialect,
        pattern=pattern,
        reader=READER,
    )


def _after(newest: V1Version | None) -> str:
    """Return the current time, or a time just after that of a machine whose clock is ahead."""
    now = moment()
    if newest is None or newest.seen < now:
        return now
    try:
        return moment(datetime.fromisoformat(newest.seen) + timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return now
