"""Amend a recorded or migrated session: the plan only reads, the result is one more fact.

The former values stay in the manifest, and the former diff stays reachable. Only texts that are
removed on purpose (`private`) leave the files, and the places where they remain are reported.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from codec.manifest.erased import without_erased
from codec.manifest.fact_lines import split_lines
from codec.manifest.facts import Fact
from codec.manifest.identity import History
from codec.merge.key_conflicts import Settled
from codec.names import name_of, one_line
from codec.records import Metrics, Session, Status
from codec.summaries.summary_file import digest_of
from codec.vocabulary import agent_of
from pipelines.diffs.text_scan import TEXTS, clean_texts
from pipelines.outcomes.findings import Finding
from pipelines.recording.flushing import begin_writing, keep_until_committed
from pipelines.recording.revising import (
    edits_of,
    private_facts,
    revision_to,
    texts_of,
    without_texts,
)
from pipelines.system.fs.files import SIZE_LIMIT, read_bytes
from pipelines.v1.layouts import has_layout
from pipelines.workspace.cache import CACHE, remove_caches
from pipelines.workspace.find_session import find_key, session_of
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.location import MANIFEST, Workspace, moment, read_config, writing
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.summaries import edits_without
from pipelines.workspace.tracked_files import MERGED, Tracked, tracked_under_lock
from pipelines.workspace.transaction import Replace, Transaction

_HISTORY = (
    "git filter-repo rewrites history; a hosting service keeps pushed commits until you ask for "
    "their removal"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """The changes of a session; None leaves a field unchanged.

    Attributes:
        agent: the agent, as it calls itself; aliases apply.
        task: a slug or a sentence; a sentence also becomes the title, unless a title is given.
        title, status, remark, notes: as in `Session`; empty removes a text.
        figures: numbers by the names of `Metrics`; None for an unknown number.
        private: remove all texts.
    """

    agent: str | None = None
    task: str | None = None
    title: str | None = None
    status: Status | None = None
    remark: str | None = None
    notes: str | None = None
    figures: dict[str, int | None] = field(default_factory=dict)
    private: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of an amendment.

    Attributes:
        workspace: the workspace of the session.
        before: the tracked files before the change.
        pair: the session before and after.
        edits: the edits of the tracked files; empty if nothing changes.
        facts: the facts that the edits add.
        erased: digests of the facts to remove.
        findings: findings on places where removed texts remain.
        replaced: findings on secrets that were replaced in new texts.
    """

    workspace: Workspace
    before: Tracked
    pair: Settled
    edits: tuple[Replace, ...]
    facts: tuple[Fact, ...] = ()
    erased: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    replaced: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, and the interrupted verb that was completed first."""

    plan: Plan
    recovered: str | None = None


def plan(workspace: Workspace, name: str, amendment: Amendment) -> Plan:
    """Return the plan of an amendment, without changing anything.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
        amendment: the changes.

    Raises:
        NotFound: there is no such session.
        Conflict: several keys begin with the name, or the texts cannot be removed.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    given = {name: text for name in TEXTS if (text := getattr(amendment, name)) is not None}
    cleaned, replaced = clean_texts(workspace, given)
    amendment = replace(amendment, **cleaned)  # type: ignore[arg-type]
    before = tracked_under_lock(workspace)
    manifest = decode_manifest(before.manifest)
    key = find_key(workspace, name)
    was = session_of(manifest, key)
    history = manifest.history(key)
    session = _amended(was, amendment, read_config(workspace).agents)
    facts: list[Fact] = []
    erased: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    if amendment.private:
        facts, purged = private_facts(history, session, moment())
        erased = frozenset(purged.lines)
        if erased:
            facts.append(purged)
        elif session == was:
            facts = []  # its texts were removed before
        findings = tuple(_remaining(workspace, manifest, history, erased))
    elif session != was:
        facts = [revision_to(history, session, "person")]
    pair = Settled(was, session)
    edits = edits_of(before, manifest, pair, facts, erased) if facts else ()
    if amendment.private:
        edits += tuple(edits_without(workspace, {digest_of(manifest.identity(key))}))
    return Plan(
        workspace=workspace,
        before=before,
        pair=pair,
        edits=edits,
        facts=tuple(facts),
        erased=erased,
        findings=findings,
        replaced=tuple(replaced),
    )


def amend(workspace: Workspace, name: str, amendment: Amendment) -> Result:
    """Plan and apply, under the lock.

    Raises:
        NotFound: there is no such session.
        Conflict: several keys begin with the name, or a file is a link to somewhere else.
        NewerFormat: a later version of session-codec has written to the workspace.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    with writing(workspace):
        recovered = begin_writing(workspace)
        made = plan(workspace, name, amendment)
        apply(made)
    return Result(plan=made, recovered=recovered)


def apply(made: Plan) -> None:
    """Write the plan in one transaction. The caller must hold the lock."""
    if not made.edits:
        return
    workspace = made.workspace
    with Transaction(workspace, "amend") as transaction:
        transaction.prepare((), made.edits)
        keep_until_committed(workspace, made.facts, made.erased)
        transaction.commit()
    if made.pair.becomes.private:
        remove_caches(workspace)


def _amended(session: Session, amendment: Amendment, aliases: Any) -> Session:
    """Return a session after an amendment."""
    changes: dict[str, Any] = {
        name: one_line(text)
        for name, text in (
            ("title", amendment.title),
            ("remark", amendment.remark),
            ("notes", amendment.notes),
        )
        if text is not None
    }
    if amendment.agent is not None:
        changes["agent"] = agent_of(amendment.agent, aliases)
    if amendment.task is not None:
        changes["task"] = name_of(amendment.task)
        title = one_line(amendment.task)
        if title != changes["task"]:
            changes.setdefault("title", title)
    if amendment.status is not None:
        changes["status"] = amendment.status
    metrics = Metrics(**{**session.metrics._asdict(), **amendment.figures})
    if session.private and any(changes.get(n) for n in ("task", "title", "remark", "notes")):
        changes["private"] = False  # the user gave it new texts
    amended = session._replace(**changes, metrics=metrics)
    return without_texts(amended) if amendment.private else amended


def _remaining(
    workspace: Workspace, manifest: Manifest, history: History, erased: frozenset[str]
) -> Iterator[Finding]:
    """Yield findings on places outside the tracked files that still have the removed texts."""
    session = history.session
    committed = split_lines(content_at(workspace, "HEAD", MANIFEST))
    if len(without_erased(committed, erased)) < len(committed):
        yield _left(session, "the commits of the manifest hold the texts", None, _HISTORY)
    if session.v1 is not None:
        source = session.v1.source
        if workspace.holds(source) and os.path.exists(workspace.path(*source.split("/"))):
            yield _left(session, "holds the entry of the session", source, "Edit the log by hand")
        for version in {v.sha256: v for v in manifest.versions if v.source == source}.values():
            if has_layout(workspace, version.sha256):
                folder = f".diffs/v1/{version.sha256}"
                message = "is a version of the log, which holds the entry of the session"
                yield _left(session, message, folder, "Remove it, if nobody needs that version")
    encoded = [text.encode() for text in texts_of((session, *history.facts))]
    for name in MERGED:
        for path in glob.glob(glob.escape(workspace.path(name)) + ".repair-*.bak"):
            shown = os.path.relpath(path, workspace.root).replace(os.sep, "/")
            if os.path.getsize(path) > SIZE_LIMIT:
                yield _left(
                    session, "is too large to be searched for the texts", shown, "Remove it"
                )
                continue
            data = read_bytes(path)
            if any(text in data for text in encoded):
                yield _left(session, "is a backup that holds the texts", shown, "Remove it")
    if glob.glob(glob.escape(workspace.path(CACHE)) + "/sync-*"):
        message = "snapshots on a remote were sent before, and hold the texts"
        yield _left(session, message, None, "Delete the old snapshots there")


def _left(session: Session, message: str, file: str | None, hint: str) -> Finding:
    return Finding(code="text-remains", message=message, file=file, key=session.key, hint=hint)
