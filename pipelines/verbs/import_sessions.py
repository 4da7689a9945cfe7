"""Import sessions from the transcripts of agents: the plan only reads, one transaction writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from codec.errors import IntegrityError
from codec.kinds import Key
from codec.manifest.facts import Fact
from codec.records import Session
from pipelines.importing.planning import Imported, Request, plan_import
from pipelines.outcomes.progress import Progress
from pipelines.recording.flushing import begin_writing, keep_until_committed
from pipelines.system.fs.files import write_new
from pipelines.v1.migrated_rows import MigratedRows
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace, check_format, writing
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import git_appends
from pipelines.workspace.transaction import Append, Replace, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of an import.

    Attributes:
        workspace: the workspace to import into.
        imported: the sessions.
        replaces: the tracked files to rewrite, before appending.
        appends: the lines to append to the tracked files, in order.
        diffs: the patches to store, each with the key of its session.
        tokens: the tokens of all session lines, as an agent reads them, before and after.
    """

    workspace: Workspace
    imported: Imported
    replaces: list[Replace] = field(default_factory=list)
    appends: list[Append] = field(default_factory=list)
    diffs: list[tuple[Key, bytes]] = field(default_factory=list)
    tokens: tuple[int, int] = (0, 0)

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to write."""
        return not (self.imported.added or self.imported.changed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, and the interrupted verb that was completed first."""

    plan: Plan
    recovered: str | None = None


def plan(request: Request, progress: Progress) -> Plan:
    """Return the plan of an import, without changing anything.

    Raises:
        Unavailable: git failed, or a text may hold a secret and the scanner is missing.
    """
    workspace = request.workspace
    manifest = read_manifest(workspace)
    imported = plan_import(request, manifest, progress)
    if not (imported.added or imported.changed):
        return Plan(workspace=workspace, imported=imported)
    rows = MigratedRows(workspace, manifest, imported, ())
    replaces, appends = rows.writes(None)
    purged = manifest.purged
    diffs = [
        (session.key, patch)
        for session, patch in (
            *((a.session, a.patch) for a in imported.added),
            *((c.pair.becomes, c.patch) for c in imported.changed),
        )
        if patch and session.patch is not None and session.patch.sha256 not in purged
    ]
    return Plan(
        workspace=workspace,
        imported=imported,
        replaces=replaces,
        appends=[*appends, *git_appends(workspace, ())],
        diffs=diffs,
        tokens=(_tokens(list(manifest.sessions.values())), _tokens(rows.sessions)),
    )


def _tokens(sessions: Sequence[Session]) -> int:
    """Return the tokens of the session lines."""
    from codec.tokens.tokenizers import DEFAULT
    from codec.v2.deltas import delta_of, encode_delta
    from pipelines.system.worker.tokenizer import load

    count = load(DEFAULT) if sessions else len
    return sum(count(f"{encode_delta(delta_of(session))}\n") for session in sessions)


def import_sessions(request: Request, progress: Progress) -> Result:
    """Plan and apply, under the lock.

    Raises:
        Conflict: a file is a link to somewhere else.
        NewerFormat: a later version of session-codec has written to the workspace.
        Unavailable: git failed, or a text may hold a secret and the scanner is missing.
    """
    workspace = request.workspace
    check_format(workspace)
    early = None if workspace.exists else plan(request, progress)
    if early is not None and early.is_empty:
        return Result(plan=early)  # a folder without a workspace stays as it is
    with writing(workspace):
        recovered = begin_writing(workspace)
        made = plan(request, progress) if early is None or workspace.exists else early
        apply(made)
    return Result(plan=made, recovered=recovered)


def apply(made: Plan) -> None:
    """Write the plan in one transaction, under the lock."""
    if made.is_empty:
        return
    workspace = made.workspace
    facts: list[Fact] = [*(a.session for a in made.imported.added), *made.imported.facts]
    with Transaction(workspace, "import") as transaction:
        for key, patch in made.diffs:
            name = names_of(key)[0]
            if not write_new(os.path.join(transaction.staging, name), patch):
                raise IntegrityError("the diff does not read back as it was written", file=name)
        transaction.prepare(made.appends, made.replaces)
        keep_until_committed(workspace, facts)
        transaction.commit()
