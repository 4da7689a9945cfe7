"""Report on a period: what was done in a year, quarter, month, week or range of days.

1. The report is complete without a model; its figures are those of `query`. This part only reads.
2. With a model, `plan_claims` counts and prepares what would be sent, and `apply_claims` sends it
   and writes each answer to `.session-codec/summaries/`, in a transaction of its own.
3. Private sessions are never sent. Possible secrets are replaced when sessions are read; every
   question is searched once more, and refused if anything is found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from codec.periods import Period
from codec.records import Session
from pipelines.outcomes.errors import CodecError, Refused, StorageError
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.report.period.content import Content, content_of
from pipelines.report.period.source import Read, read_source
from pipelines.workspace.location import Workspace

if TYPE_CHECKING:  # a report without a model loads no modules of models
    from codec.summaries.summary_file import Summary
    from pipelines.report.period.narrative import Material, Step
    from pipelines.system.models.base import Model

#: The characters of a diff that can be in one token.
_TOKEN_TEXT = 16


class Request(NamedTuple):
    """The request for a period report.

    Attributes:
        workspace: the workspace of the sessions.
        period: the period.
        tokenizer: the name of the tokenizer.
        private_paths: patterns of paths; sessions that change one are only counted.
        allow: fingerprints of secrets that may be shown and sent.
    """

    workspace: Workspace
    period: Period
    tokenizer: str
    private_paths: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()


class Report(NamedTuple):
    """A period report, its input, and findings."""

    content: Content
    read: Read
    findings: tuple[Finding, ...]


class ClaimsPlan(NamedTuple):
    """The plan to ask a model about a period.

    Attributes:
        request: the request.
        material: the input of the questions.
        step: the questions and the known answers; None if no session may be sent.
    """

    request: Request
    material: Material
    step: Step | None


def summarize(
    request: Request, load: Callable[[str], Callable[[str], int]], progress: Progress
) -> Report:
    """Return the report of a period.

    Args:
        request: the request.
        load: loads the counter of a tokenizer.
        progress: receives the stages.

    Raises:
        FormatError: there is no period before this one.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    read = read_source(
        request.workspace,
        request.period,
        progress,
        private_paths=request.private_paths,
        allow=request.allow,
    )
    content = content_of(read.source, request.tokenizer, _lazy(request.tokenizer, load))
    return Report(content, read, read.findings)


def plan_claims(
    request: Request,
    read: Read,
    model: str,
    count: Callable[[str], int],
    *,
    with_diffs: bool = False,
) -> ClaimsPlan:
    """Return the plan to ask a model about a period, without sending anything.

    Args:
        request: the request.
        read: the input that `summarize` read.
        model: the name of the model.
        count: counts tokens.
        with_diffs: send the beginning of each diff as well.
    """
    from pipelines.report.period.narrative import Material, plan
    from pipelines.workspace.summaries import summary_of

    source, manifest = read.source, read.manifest
    sessions = [
        s for s in source.sessions if s.key not in source.private and s.key in manifest.sessions
    ]

    def stored(period: Period) -> Summary | None:
        found = summary_of(request.workspace, period)
        return found.summary if found is not None else None

    material = Material(
        sessions=sessions,
        identities={s.key: manifest.identity(s.key) for s in sessions},
        stored=stored,
        model=model,
        count=count,
        diffs=_diffs(request, read) if with_diffs else lambda _: "",
    )
    return ClaimsPlan(request, material, plan(material, request.period))


def apply_claims(plan: ClaimsPlan, model: Model, limit: int) -> Step | None:
    """Ask the open questions and write each answer; return None if no session may be sent.

    Args:
        plan: the plan.
        model: the model to ask.
        limit: the most tokens to send and receive.

    Raises:
        Refused: the plan is above the limit, or a question seems to contain a secret.
        FormatError, StorageError: a question got no valid answer; earlier answers are kept.
        WorkspaceLocked: another process was writing for too long.
    """
    from pipelines.report.period.narrative import answered
    from pipelines.workspace.location import moment

    if plan.step is None:
        return None
    request = plan.request
    return answered(
        plan.material,
        plan.step,
        model,
        limit,
        check=lambda text: _check(text, request.allow),
        keep=lambda summary: _keep(request.workspace, summary),
        now=lambda: f"{moment()[:19]}Z",
    )


def _check(text: str, allow: frozenset[str]) -> None:
    """Raise Refused if a question seems to contain a secret."""
    from pipelines.diffs.secret_scan import redact

    if found := redact(text, allow, "").found:
        rules = ", ".join(f"{rule} ({fingerprint})" for rule, fingerprint in found[:3])
        raise Refused(
            f"a question seems to contain a secret, so nothing was sent: {rules}",
            hint="Amend the session, or pass --allow-secret FINGERPRINT",
        )


def _keep(workspace: Workspace, summary: Summary) -> Summary:
    """Write a summary, without claims about sessions that are now private or missing; return it."""
    from codec.summaries.paths import path_of
    from codec.summaries.summary_file import digest_of, encode_summary
    from pipelines.diffs.text_scan import clean_texts
    from pipelines.system.fs.files import read_bytes
    from pipelines.workspace.journal import recover
    from pipelines.workspace.location import writing
    from pipelines.workspace.reading import read_manifest
    from pipelines.workspace.tracked_files import exception_appends
    from pipelines.workspace.transaction import Replace, Transaction

    texts, _ = clean_texts(workspace, {str(n): c.text for n, c in enumerate(summary.claims)})
    claims = [c._replace(text=texts[str(n)]) for n, c in enumerate(summary.claims)]
    path = path_of(summary.period)
    with writing(workspace):
        recover(workspace)
        manifest = read_manifest(workspace)
        public = {
            digest_of(manifest.identity(key))
            for key, session in manifest.sessions.items()
            if not session.private
        }
        left = tuple(c for c in claims if public.issuperset(s.digest for s in c.cited))
        kept = summary._replace(claims=left)
        before = read_bytes(workspace.path(*path.split("/")))
        with Transaction(workspace, "summarize") as transaction:
            edit = Replace(path, before, encode_summary(kept))
            transaction.prepare(exception_appends(workspace, [path]), [edit])
            transaction.commit()
    return kept


def _diffs(request: Request, read: Read) -> Callable[[Session], str]:
    """Return a function that returns the beginning of a session's diff, without secrets."""
    from codec.summaries.prompt import DIFF_TOKENS
    from pipelines.diffs.secret_scan import redact
    from pipelines.diffs.store import Store, commits_of
    from pipelines.diffs.text_scan import MARK

    store = Store(request.workspace, manifest=read.manifest)

    def diff(session: Session) -> str:
        if session.patch is None:
            return ""
        try:
            data = store.read(session.key, session.patch, commits_of(session))
        except (StorageError, CodecError):  # purged, damaged, or not on this machine
            return ""
        text = data.decode(errors="replace")
        return redact(text, request.allow, MARK).text[: _TOKEN_TEXT * DIFF_TOKENS]

    return diff


def _lazy(tokenizer: str, load: Callable[[str], Callable[[str], int]]) -> Callable[[str], int]:
    """Return a counter that is loaded when it counts its first text."""
    loaded: list[Callable[[str], int]] = []

    def count(text: str) -> int:
        if not loaded:
            loaded.append(load(tokenizer))
        return loaded[0](text)

    return count
