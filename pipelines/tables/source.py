"""Read the rows of a workspace for the tables of an export.

1. Rows leave the machine, so the rules for output apply: private sessions are only counted, secrets
   are replaced and reported, format characters are removed.
2. Figures are those of `query`; savings are those of `verify`.
3. The same workspace gives the same rows: no clock, no order from the file system.
4. With `redact`, paths, tasks and names of unknown agents become hashes, which can still be
   grouped; other texts are left out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.names import UNNAMED, key_time
from codec.records import Session
from codec.secrets.hint import may_hold_secret
from codec.shown_text import shown
from codec.tables.repository_name import repository_name
from codec.tables.rows import Head, Row, digest_of
from codec.tables.schema import BY_NAME, Cell
from codec.tokens.tokenizers import DEFAULT
from codec.v1.agents import is_agent
from pipelines.diffs.local_archives import list_archives
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.report.period.rows import sessions_of_rows, tokens_by_key
from pipelines.report.period.source import private_keys, public_sessions
from pipelines.report.period.touched import Files, Touched, touched_by
from pipelines.report.token_savings import token_report
from pipelines.system.fs.files import regular_size
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.git_queries import prefix_of, repository_of
from pipelines.workspace.location import (
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.thresholds import read_limits

_TRACKED: Final = (MANIFEST, METRICS, PROGRESS, DELTAS, REFERENCES)
#: The classes of tokens, in the order of the columns of `usage`.
_CLASSES: Final = ("input", "output", "cache_write", "cache_read")
#: The hex digits of a hash that replaces a text.
_DIGITS: Final = 16


class Request(NamedTuple):
    """The request for an export.

    Attributes:
        workspace: the workspace of the sessions.
        repository: its name in the tables; None for its origin's address, else its path.
        redact: hash paths and tasks, leave out other texts.
        private_paths: patterns of paths; sessions that change one are only counted.
        allow: fingerprints of secrets that may stay.
    """

    workspace: Workspace
    repository: str | None = None
    redact: bool = False
    private_paths: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()


class Rows(NamedTuple):
    """The rows of one repository, and findings."""

    head: Head
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def digest(self) -> str:
        """Return the digest that the row of `repos` states."""
        place = BY_NAME["repos"].names.index("digest")
        return next(str(r.values[place]) for r in self.rows if r.table == "repos")


def read_rows(
    request: Request, load: Callable[[str], Callable[[str], int]], progress: Progress
) -> Rows:
    """Return the rows of a workspace.

    Args:
        request: the request.
        load: loads the counter of a tokenizer.
        progress: receives the stages.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    workspace = request.workspace
    with progress.stage("read"):
        deltas = read_deltas(workspace)
        manifest = read_manifest(workspace)
        tokens = tokens_by_key(workspace)
        every = sessions_of_rows(list(deltas.lines), manifest, tokens)
        every.sort(key=attrgetter("time", "key"))
    sessions, replaced = public_sessions(workspace, every, request.allow)
    files = touched_by(workspace, manifest, sessions, progress)
    private = private_keys(sessions, files, request.private_paths)
    public = [s for s in sessions if s.key not in private]
    files, hidden = _without_secrets({s.key: files[s.key] for s in public if s.key in files},
                                     request.allow)  # fmt: skip
    name = request.repository or _name_of(workspace, redact=request.redact)
    with progress.stage("tokens"):
        saved = _saved(workspace, manifest, load) if every else (None,) * 4
    rows = [
        *(_session(name, s, redact=request.redact) for s in public),
        *(row for s in public for row in _edits(name, s, files.get(s.key, {}), request.redact)),
        *(_usage(name, s, redact=request.redact) for s in public if _has_usage(s)),
    ]
    about = _about(workspace, manifest, public, len(every) - len(public), files)
    rows.append(_repos(name, about, saved, rows))
    kept = tuple(f for f in (*deltas.findings, *replaced, *hidden) if f.key not in private)
    return Rows(Head(name, request.redact), tuple(rows), kept)


def _name_of(workspace: Workspace, *, redact: bool) -> str:
    """Return the address of the origin, else the path of the workspace; hashed if requested."""
    folder = ""
    if workspace.repository is not None:
        from pipelines.system.git.process import run_git

        done = run_git(
            repository_of(workspace), "config", "--get", "remote.origin.url", answers=(0, 1)
        )
        origin = os.fsdecode(done.stdout).rstrip("\n").encode(errors="replace").decode()
        name = repository_name(origin)
        if name is not None:
            folder = (prefix_of(workspace) or "").rstrip("/")
            return f"{name}:{_hash(folder) if redact else folder}" if folder else name
    path = os.fsencode(os.path.realpath(workspace.root)).decode(errors="replace")
    return _hash(path) if redact else path


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_DIGITS]


def _session(name: str, session: Session, *, redact: bool) -> Row:
    m = session.metrics
    texts = (session.remark, session.title, session.notes)
    return _row("sessions", session, name, (
        _agent(session, redact=redact),
        _hash(session.task) if redact else session.task,
        session.status,
        *((None,) * len(texts) if redact else (text or None for text in texts)),
        m.lines_added, m.lines_removed, m.commits, m.duration_min, m.tokens_used or None,
        "migrated" if session.v1 else "imported" if session.transcript else "recorded",
        session.v1.tokens.get(DEFAULT) if session.v1 else None,
        session.patch.sha256 if session.patch else None,
        session.patch.size if session.patch else None,
    ), began=True)  # fmt: skip


def _edits(name: str, session: Session, files: Files, redact: bool) -> Iterator[Row]:
    paths = {_hash(path) if redact else shown(path): touched for path, touched in files.items()}
    for path, touched in sorted(paths.items()):
        values = (path, touched.added, touched.removed, touched.blob or None)
        yield _row("edits", session, name, values)


def _has_usage(session: Session) -> bool:
    return bool(session.metrics.tokens_used) or session.metrics.duration_min is not None


def _agent(session: Session, *, redact: bool) -> str:
    """Return the agent of a session; with redaction, unknown names are hashed."""
    name = session.agent
    return _hash(name) if redact and name != UNNAMED and not is_agent(name) else name


def _usage(name: str, session: Session, *, redact: bool) -> Row:
    m, stated = session.metrics, session.transcript
    tokens = stated.tokens if stated else {}
    classes = tuple(tokens.get(name, 0) if tokens else None for name in _CLASSES)
    figures = (m.tokens_used or None, m.duration_min, *classes, stated.wall_min if stated else None)
    return _row("usage", session, name, (_agent(session, redact=redact), *figures))


def _row(
    table: str, session: Session, name: str, values: Sequence[Cell], *, began: bool = False
) -> Row:
    time = key_time(session.key)
    when = (time if "T" in time else None,) if began else ()
    return Row(table, time[:7], (name, session.key, time[:10], *when, *values))


class _About(NamedTuple):
    """The figures of a repository, in the order of the columns."""

    sessions: int
    private_sessions: int
    agents: int
    first_date: str | None
    last_date: str | None
    unread_diffs: int
    diff_bytes: int
    archives: int
    archive_bytes: int
    file_bytes: int


def _about(
    workspace: Workspace,
    manifest: Manifest,
    public: Sequence[Session],
    private: int,
    files: Mapping[Key, Files],
) -> _About:
    archives = list_archives(workspace, manifest)
    return _About(
        sessions=len(public),
        private_sessions=private,
        agents=len({s.agent for s in public}),
        first_date=public[0].time[:10] if public else None,
        last_date=public[-1].time[:10] if public else None,
        unread_diffs=sum(s.patch is not None and s.key not in files for s in public),
        diff_bytes=sum(s.patch.size for s in public if s.patch),
        archives=len(archives),
        archive_bytes=sum(a.fact.size for a in archives),
        file_bytes=sum(regular_size(workspace.path(path)) or 0 for path in _TRACKED),
    )


def _repos(name: str, about: _About, saved: Sequence[Cell], rows: Sequence[Row]) -> Row:
    values = (name, *about, *saved)
    digest = digest_of([*rows, Row("repos", "", values)])
    return Row("repos", "", (*values, digest))


def _saved(
    workspace: Workspace, manifest: Manifest, load: Callable[[str], Callable[[str], int]]
) -> tuple[Cell, ...]:
    """Return the tokens before and after, by the baselines `window` and `log`; null if unknown."""
    try:
        report = token_report(
            workspace,
            manifest,
            tokenizer=DEFAULT,
            count=load(DEFAULT),
            limits=read_limits(workspace, {}),
        )
    except NotFound:  # the log was counted with another tokenizer
        return (None,) * 4
    found = {b.name: (b.before, b.after) for b in report.baselines}
    return (*found.get("window", (None, None)), *found.get("log", (None, None)))


def _without_secrets(
    files: Mapping[Key, Files], allow: frozenset[str]
) -> tuple[dict[Key, Files], list[Finding]]:
    """Return files with paths without secrets, and a finding for each secret that was replaced."""
    paths = sorted({path for found in files.values() for path in found})
    if not may_hold_secret("\n".join(paths)):
        return dict(files), []
    from pipelines.diffs.secret_scan import redact
    from pipelines.diffs.text_scan import MARK

    clean: dict[str, str] = {}
    findings = []
    for path in filter(may_hold_secret, paths):
        redacted = redact(path, allow, MARK)
        if redacted.found:
            clean[path] = redacted.text
            findings += [
                Finding(
                    code="secret-replaced",
                    message=f"{rule}: a possible secret in a path was replaced before it"
                    f" was written, fingerprint {fingerprint}",
                    rule=rule,
                    fingerprint=fingerprint,
                    hint="If it is a secret, rename the file and rotate the secret",
                )
                for rule, fingerprint in redacted.found
            ]
    return {k: _renamed(found, clean) for k, found in files.items()}, findings


def _renamed(files: Files, clean: Mapping[str, str]) -> dict[str, Touched]:
    """Return files under clean paths; changes of paths that become equal are added up."""
    found: dict[str, Touched] = {}
    for path, touched in files.items():
        name = clean.get(path, path)
        before = found.get(name)
        found[name] = (
            Touched(before.added + touched.added, before.removed + touched.removed, touched.blob)
            if before
            else touched
        )
    return found
