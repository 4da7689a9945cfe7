"""Read the input of a period report: rows, texts, files and archives."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import translate
from operator import attrgetter
from re import compile as compile_pattern
from typing import Any, Final, NamedTuple

from codec.kinds import Key
from codec.periods import Period
from codec.records import Session
from codec.secrets.hint import may_hold_secret
from codec.shown_text import shown
from pipelines.diffs.local_archives import list_archives
from pipelines.diffs.text_scan import TEXTS, clean_session
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.report.period.content import Source
from pipelines.report.period.rows import sessions_of_rows, tokens_by_key
from pipelines.report.period.touched import changed_lines, touched_by
from pipelines.workspace.days_of_manifest import read_days
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest

_DAY: Final = len("2025-11-06")


class Read(NamedTuple):
    """The input of a report, the manifest, and findings."""

    source: Source
    manifest: Manifest
    findings: tuple[Finding, ...]


def read_source(
    workspace: Workspace,
    period: Period,
    progress: Progress,
    *,
    private_paths: Sequence[str] = (),
    allow: frozenset[str] = frozenset(),
) -> Read:
    """Return the input of a period report.

    Args:
        workspace: the workspace of the sessions.
        period: the period.
        progress: receives the stages.
        private_paths: patterns of paths; sessions that change one are not shown.
        allow: fingerprints of secrets that may stay.

    Raises:
        FormatError: there is no period before this one.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    earlier = period.before()
    with progress.stage("read"):
        deltas = read_deltas(workspace)
        manifest, columns = read_days(workspace, period.since, period.until)
        tokens = tokens_by_key(workspace)
        lines = list(deltas.lines)
        inside = sessions_of_rows(_rows(lines, period), manifest, tokens, columns)
        before = sessions_of_rows(_rows(lines, earlier), manifest, tokens)
        inside.sort(key=attrgetter("time", "key"))
    sessions, replaced = public_sessions(workspace, inside, allow)
    files = changed_lines(touched_by(workspace, manifest, sessions, progress))
    source = Source(
        name=os.path.basename(workspace.root) or workspace.root,
        period=period,
        sessions=sessions,
        before=before,
        private=private_keys(sessions, files, private_paths),
        files=files,
        archives=list_archives(workspace, manifest),
    )
    return Read(source, manifest, (*deltas.findings, *replaced))


def _rows(lines: Iterable[bytes], period: Period) -> list[bytes]:
    """Return the delta lines of a period, with their line ends."""
    since, until = period.since.encode(), period.until.encode()
    return [line for line in lines if since <= line[:_DAY] <= until]


def public_sessions(
    workspace: Workspace, sessions: Sequence[Session], allow: frozenset[str]
) -> tuple[list[Session], list[Finding]]:
    """Return the sessions that may be shown, without secrets and format characters."""
    texts_of = attrgetter(*TEXTS)
    together = "\n".join(set().union(*map(texts_of, sessions)))
    may_hold = may_hold_secret(together)
    if not may_hold and together.isascii():
        return list(sessions), []
    public, findings = [], []
    for session in sessions:
        clean = session
        texts = texts_of(session)
        if may_hold and may_hold_secret("\n".join(texts)):
            clean, replaced = clean_session(workspace, session, allow)
            findings += [finding._replace(key=session.key) for finding in replaced]
            texts = texts_of(clean)
        if not all(map(str.isascii, texts)):
            changed: dict[str, Any] = dict(zip(TEXTS, map(shown, texts), strict=True))
            clean = clean._replace(**changed)
        public.append(clean)
    return public, findings


def private_keys(
    sessions: Iterable[Session], files: Mapping[Key, Collection[str]], paths: Sequence[str]
) -> frozenset[Key]:
    """Return the keys of private sessions.

    A session whose patch cannot be read counts as private if private paths are set.
    """
    patterns = [compile_pattern(translate(_pattern(path))) for path in paths]
    found = {s.key for s in sessions if s.private}
    for session in sessions if patterns else ():
        touched = files.get(session.key)
        if touched is None:
            if session.patch is not None:
                found.add(session.key)
        elif any(p.match(path) for p in patterns for path in touched):
            found.add(session.key)
    return frozenset(found)


def _pattern(path: str) -> str:
    """Return the pattern for a path in the settings: a folder covers everything below it."""
    return f"{path}*" if path.endswith("/") else path
