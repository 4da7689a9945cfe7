"""Write a report on a workspace: one HTML file to look at and to share.

1. It only reads the workspace, and needs neither diffs nor a v1 log.
2. The savings are those of `verify`, measured by `token_savings`.
3. Diffs are included only on request, and never with a secret. Secrets in other texts are replaced.
4. The file is replaced as a whole. A file that is not a report is not overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from codec.errors import FormatError, IntegrityError
from codec.kinds import Key
from codec.periods import quarter_of, read_period
from codec.records import Session
from codec.shown_text import shown
from codec.tokens.tokenizers import Counter
from pipelines.diffs.local_archives import Listed, list_archives
from pipelines.diffs.secret_scan import Text, scan
from pipelines.diffs.store import Store, commits_of
from pipelines.diffs.text_scan import TEXTS, clean_session
from pipelines.outcomes.errors import Conflict, Erased, NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Advance, Progress
from pipelines.report.figures import course, periods
from pipelines.report.page import MARK, Page, html
from pipelines.report.period.as_json import document_json
from pipelines.report.period.content import Source, content_of
from pipelines.report.period.document import document_of
from pipelines.report.period.touched import changed_lines, stored_files
from pipelines.report.token_savings import WINDOW, TokenReport, costs_in_v1, token_report
from pipelines.system.fs.files import read_bytes, replace_file
from pipelines.system.fs.lines import lines_of
from pipelines.workspace.git_queries import blob_at
from pipelines.workspace.location import REFERENCES, Workspace, moment
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.thresholds import read_limits
from pipelines.workspace.tracked_files import read_tracked

#: The number of bytes at the beginning of a report that identify it.
_HEAD: Final = 512
#: The number of quarters with a period report.
MOST_QUARTERS: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The request for a report.

    Attributes:
        workspace: the workspace of the sessions.
        output: the file to write, an absolute path; None for stdout.
        since, until: times in v2 form, or prefixes of such, both included.
        with_diffs: include the diffs.
        allow: fingerprints of secrets that the diffs may contain.
        force: overwrite any file.
    """

    workspace: Workspace
    output: str | None
    since: str | None = None
    until: str | None = None
    with_diffs: bool = False
    allow: frozenset[str] = frozenset()
    force: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Diffs:
    """The diffs that a report includes, and those that it leaves out.

    Attributes:
        texts: the text shown of each, by key.
        absent: keys of diffs that are not stored on this machine, or were erased.
        held: keys of diffs with a possible secret.
        damaged: keys of diffs that differ from their record.
        findings: a finding for each diff that is held or damaged.
    """

    texts: Mapping[str, str]
    absent: Sequence[str] = ()
    held: Sequence[str] = ()
    damaged: Sequence[str] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The content of a report, before it is written.

    Attributes:
        request: the request.
        page: the content of the page.
        diffs: the requested diffs; None if they were not requested.
        findings: the findings.
    """

    request: Request
    page: Page
    diffs: Diffs | None
    findings: Sequence[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, and the size of the file in bytes."""

    plan: Plan
    size: int


def plan(request: Request, counter: Counter, progress: Progress) -> Plan:
    """Return the content of a report, without changing anything.

    Args:
        request: the request.
        counter: counts tokens.
        progress: receives the stages.

    Raises:
        Conflict: the file to write exists and is not a report.
        FormatError: the manifest has no readable line.
        Unavailable: the diffs cannot be searched for secrets.
        WorkspaceLocked: another process was writing for too long.
    """
    _check_output(request)
    workspace = request.workspace
    with progress.stage("read"):
        tracked = read_tracked(workspace)
        manifest = decode_manifest(tracked.manifest)
        if manifest.errors and not manifest.sessions:
            raise FormatError("does not contain a readable fact", file=manifest.errors[0].file)
        there = {line.partition(" | ")[0] for _, line in lines_of(tracked.deltas).lines}
        # `verify` reports a missing file of deltas; the manifest has the sessions.
        every = [s for s in manifest.sessions.values() if not there or s.key in there]
        every.sort(key=lambda s: (s.time, s.key))
        every, replaced = _public(request, every)
        sessions = [s for s in every if _is_inside(request, s.key)]
    with progress.stage("tokens"):
        measured = _measured(workspace, manifest, every, counter)
        drawn = periods(sessions)
        spent = course(
            every,
            measured.costs,
            read_bytes(workspace.path(REFERENCES)).decode(errors="replace"),
            window=WINDOW,
            drawn=drawn,
            count=counter.count,
        )
    diffs = _diffs(request, sessions, progress) if request.with_diffs else None
    archives = list_archives(workspace, manifest)
    files = changed_lines(stored_files(workspace, manifest, sessions, progress))
    page = Page(
        name=os.path.basename(workspace.root) or workspace.root,
        made=moment()[:19] + "Z",
        since=request.since,
        until=request.until,
        tokenizer=counter.name,
        sessions=sessions,
        every=len(every),
        tokens=measured.tokens,
        uncounted=measured.uncounted,
        periods=drawn,
        course=spent,
        archives=[a for a in archives if _has_month(request, a)],
        diffs=diffs.texts if diffs else None,
        quarters=_quarters(workspace, sessions, every, files, archives, counter),
    )
    findings = (*replaced, *(diffs.findings if diffs else ()))
    return Plan(request=request, page=page, diffs=diffs, findings=findings)


def _quarters(
    workspace: Workspace,
    sessions: Sequence[Session],
    every: Sequence[Session],
    files: Mapping[Key, Mapping[str, int]],
    archives: Sequence[Listed],
    counter: Counter,
) -> dict[str, Any]:
    """Return the period report of each of the last quarters, the newest first."""
    inside: dict[str, list[Session]] = {}
    for session in sessions:
        inside.setdefault(quarter_of(session.key), []).append(session)
    found = {}
    for name in sorted(inside, reverse=True)[:MOST_QUARTERS]:
        period = read_period(name)
        try:
            earlier = period.before()
        except FormatError:  # there is no period before the year 1
            continue
        source = Source(
            name=os.path.basename(workspace.root) or workspace.root,
            period=period,
            sessions=inside[name],
            before=[s for s in every if earlier.contains(s.key)],
            private=frozenset(s.key for s in inside[name] if s.private),
            files=files,
            archives=archives,
        )
        content = content_of(source, counter.name, lambda text: counter.count([text])[0])
        found[name] = document_json(document_of(content))
    return found


def _public(request: Request, sessions: Sequence[Session]) -> tuple[list[Session], list[Finding]]:
    """Return sessions in the form that may be shown: without secrets and format characters."""
    public, findings = [], []
    for session in sessions:
        clean, replaced = clean_session(request.workspace, session, request.allow)
        findings += [finding._replace(key=session.key) for finding in replaced]
        texts: dict[str, Any] = {name: shown(getattr(clean, name)) for name in TEXTS}
        public.append(clean._replace(**texts))
    return public, findings


def apply(made: Plan, progress: Progress, write: Callable[[bytes], object]) -> Result:
    """Write the report, and return the result.

    Args:
        made: the plan.
        progress: receives the stage.
        write: receives the report if it goes to stdout.

    Raises:
        OSError: it could not be written; an existing file is unchanged.
    """
    with progress.stage("write"):
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in html(made.page):
                size += len(chunk)
                yield chunk

        if made.request.output is None:
            for chunk in counted():
                write(chunk)
        else:
            replace_file(made.request.output, counted())
    return Result(plan=made, size=size)


class _Measured(NamedTuple):
    """The savings, or the reason why they are unknown, and the cost of each session in v1."""

    tokens: TokenReport | None
    uncounted: str | None
    costs: Sequence[int]


def _measured(
    workspace: Workspace, manifest: Manifest, sessions: Sequence[Session], counter: Counter
) -> _Measured:
    def count(text: str) -> int:
        return counter.count([text])[0]

    if not sessions:
        return _Measured(None, None, ())
    limits = read_limits(workspace, {})
    name = counter.name
    try:
        costs = costs_in_v1(workspace, manifest, sessions, tokenizer=name, count=count)
        report = token_report(workspace, manifest, tokenizer=name, count=count, limits=limits)
    except NotFound as e:
        return _Measured(None, str(e), [0] * len(sessions))
    return _Measured(report, None, costs)


def _check_output(request: Request) -> None:
    """Raise Conflict if the file to write is not a report, or is a link."""
    path = request.output
    if path is None:
        return
    if os.path.isdir(path):
        raise Conflict(f"{path}: is a folder", hint="Pass a file: -o report.html")
    if request.force or not os.path.lexists(path):
        return
    if os.path.isfile(path) and not os.path.islink(path):
        with open(path, "rb") as f:
            if MARK.encode() in f.read(_HEAD):
                return
    raise Conflict(
        f"{path}: exists and is not a report of session-codec",
        hint="Pass another file with -o, or overwrite it with --force",
    )


def _is_inside(request: Request, key: Key) -> bool:
    """Return True if a key is in the requested range, by the rules of `query`."""
    since, until = request.since or "", request.until
    return key >= since and (until is None or key[: len(until)] <= until)


def _has_month(request: Request, archive: Listed) -> bool:
    """Return True if the month of an archive overlaps the range."""
    month, until = archive.fact.month, request.until
    return month >= (request.since or "")[:7] and (
        until is None or month[: len(until)] <= until[:7]
    )


def _diffs(request: Request, sessions: Sequence[Session], progress: Progress) -> Diffs:
    """Return the diffs of sessions that are stored locally, intact and without secrets."""
    found: dict[Key, bytes] = {}
    absent, findings = [], []
    with progress.stage("diffs", len(sessions)) as advance:
        store = Store(request.workspace)
        for number, session in enumerate(sessions, 1):
            if session.patch is not None:
                try:
                    found[session.key] = store.read(session.key, session.patch, commits_of(session))
                except (Erased, NotFound):
                    absent.append(session.key)
                except IntegrityError as e:
                    findings.append(_damaged(session.key, e))
            advance(number)
    with progress.stage("scan", len(found)) as advance:
        secrets = _secrets(request, found, advance)
    held = sorted({f.key for f in secrets if f.key is not None})
    return Diffs(
        texts={k: v.decode(errors="replace") for k, v in found.items() if k not in set(held)},
        absent=absent,
        held=held,
        damaged=[f.key for f in findings if f.key is not None],
        findings=(*findings, *secrets),
    )


def _secrets(request: Request, found: Mapping[Key, bytes], advance: Advance) -> list[Finding]:
    texts = (Text(f".diffs/{key}.diff", key, partial(bytes, data)) for key, data in found.items())
    return scan(texts, request.allow, advance, partial(blob_at, request.workspace)).findings


def _damaged(key: Key, error: IntegrityError) -> Finding:
    return Finding(
        code="damaged",
        message=f"{error.problem}; it is left out",
        file=error.file,
        key=key,
        hint=error.hint,
    )
