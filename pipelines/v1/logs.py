"""Choose the logs that a migration reads, their dialects, and their versions.

A log that was migrated before may have become shorter, or empty: its sessions stay, and a note
reports it. The dialect that a user named is stored with the version of the log.
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
        workspace: the workspace.
        sources: absolute paths of logs; empty for the v1 log and every log of the workspace that
            was migrated before.
        dialect, heading_pattern: the form of its headings; empty to detect it.
        clues: how ambiguous dates and times are read.
        tokenizer: counts the tokens.
        strict: stop before anything is written if there are findings.
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
    """Return the logs to read: those that the user named, else all existing logs of the workspace.

    Raises:
        LogsUnnamed: there are only logs with other names.
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
            hint="Pass one with --from:\n" + "\n".join(migrate_commands(workspace, others)),
        )
    if manifest.sessions:
        return []
    raise WorkspaceMissing(
        f"{workspace.root}: no {V1_LOG} here or above, and no log with another name",
        hint="To record sessions from now on, run 'session-codec install --hooks claude,codex'; "
        "to migrate a log in another place, pass it with --from",
    )


def _marking(request: Request, manifest: Manifest, source: Source) -> tuple[str, str]:
    """Return the dialect and pattern that the user named, now or when the log was migrated last."""
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
    """Return the logs that were read, and the names of empty ones; refused logs do not stop others.

    Returns:
        A log that is refused becomes a finding, if there are others.
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
    """Return a log that was read; one that was migrated before may have no sessions any more."""
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
            hint="Check for a fence that is never closed",
        )
    if not log.found:
        log.findings.append(_no_sessions(source.name))
    return log


def _was_emptied(workspace: Workspace, path: str, manifest: Manifest) -> bool:
    """Return True if a migrated log is now an empty file."""
    known = source_name(workspace, path) in manifest.sources()
    return known and os.path.isfile(path) and not os.path.getsize(path)


def _no_sessions(name: str) -> Finding:
    """Return a finding on a migrated log that has no sessions any more."""
    message = "has no sessions any more; the migrated sessions stay"
    return Finding(code="no-sessions", message=message, level="note", file=name)


def _refused_log(error: CodecError) -> Finding:
    """Return a finding on a log that was refused."""
    return Finding(
        code="refused-log",
        message=f"refused: {error.problem}",
        file=error.file,
        line=error.line,
        hint=error.hint,
    )


def new_version(request: Request, manifest: Manifest, log: ReadLog) -> V1Version | None:
    """Return the fact of a version, unless it is the newest one in the manifest."""
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
    """Return the current time, or a later one if the last version has a time in the future."""
    now = moment()
    if newest is None or newest.seen < now:
        return now
    try:
        return moment(datetime.fromisoformat(newest.seen) + timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return now
