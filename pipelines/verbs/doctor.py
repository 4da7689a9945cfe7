"""Find problems of a workspace, and repair those that can be repaired without loss.

1. The plan only reads. It is carried out as it is, and each file is written as a whole.
2. The former content of a file is kept beside it as a backup; renaming that undoes the repair.
3. The manifest is written first and the deltas last. The next run completes an interrupted one.
4. A problem that cannot be repaired without loss is reported and left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from codec.summaries.paths import is_path
from pipelines.importing.expiring import expiring_findings
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.recording.flushing import begin_writing, pending_findings
from pipelines.recording.spooled_events import spool_findings
from pipelines.system.fs.files import (
    keep_copy,
    make_folder,
    move,
    remove,
    replace_file,
    sync_directory,
)
from pipelines.verification.agent_servers import server_findings
from pipelines.verification.agent_trust import trust_findings
from pipelines.verification.housekeeping import (
    StoredRepair,
    Upkeep,
    agent_findings,
    upkeep_of,
    with_end,
)
from pipelines.verification.integrity import check_stored
from pipelines.verification.line_repairs import Repairs, left_findings, repairs_of
from pipelines.workspace.diff_files import put_diff
from pipelines.workspace.git_ignored import ignored_findings
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.journal import target_of
from pipelines.workspace.location import MANIFEST, Workspace, find, locate, writing
from pipelines.workspace.manifest_view import decode_manifest
from pipelines.workspace.merge_driver_setup import merges_by_record
from pipelines.workspace.reading import read_overlay
from pipelines.workspace.summaries import (
    PRIVATE,
    edits_without,
    private_digests,
    summary_findings,
)
from pipelines.workspace.tracked_files import MERGED, Tracked, read_tracked, tracked_under_lock
from pipelines.workspace.transaction import Replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The repairs of a workspace.

    Attributes:
        workspace: the workspace of the files.
        before, after: the tracked files.
        repairs: the repairs of the lines of the tracked files.
        edits: the edits of files, in the order in which they are written.
        upkeep: the repairs outside of these lines.
    """

    workspace: Workspace
    before: Tracked
    after: Tracked
    repairs: tuple[Finding, ...]
    edits: tuple[Replace, ...]
    upkeep: Upkeep

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to do."""
        return not self.edits and self.upkeep.is_empty and not read_overlay(self.workspace).lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, the backups, and the interrupted verb that was completed."""

    plan: Plan
    backups: tuple[str, ...] = ()
    recovered: str | None = None


def find_lost(start: str) -> Workspace:
    """Find the workspace at or above a folder, even if only the last commit has its manifest.

    Raises:
        WorkspaceMissing: no folder has one.
    """
    workspace = locate(start)
    if not workspace.exists and not content_at(workspace, "HEAD", MANIFEST):
        find(start)
    return workspace


def plan(workspace: Workspace) -> Plan:
    """Return the plan of the repairs, without changing anything.

    Raises:
        Conflict: a file is a link to somewhere else.
        WorkspaceLocked: another process was writing for too long.
    """
    for name in MERGED:
        target_of(workspace, name)
    committed = content_at(workspace, "HEAD", MANIFEST)  # first: it was written before
    return _plan(workspace, read_tracked(workspace), committed)


def apply(made: Plan) -> Result:
    """Carry out the planned repairs, under the lock; if a file changed, plan again.

    Raises:
        Conflict: a file is a link to somewhere else.
    """
    if made.is_empty:
        return Result(plan=made)
    workspace = made.workspace
    with writing(workspace):
        recovered = begin_writing(workspace)
        now = tracked_under_lock(workspace)
        if recovered or now != made.before:
            committed = content_at(workspace, "HEAD", MANIFEST)
            made = _plan(workspace, now, committed, alone=True)
        backups = _write(workspace, made.edits)
        backups += _keep_up(workspace, made.upkeep)
    return Result(plan=made, backups=backups, recovered=recovered)


def remaining(made: Plan, progress: Progress, *, repaired: bool) -> tuple[Finding, ...]:
    """Return the problems that remain after the repairs of a plan.

    Args:
        made: the plan.
        progress: receives the stage.
        repaired: the plan was carried out; if not, lines are those of the current files.
    """
    manifest = decode_manifest(made.after.manifest)
    with progress.stage("integrity", len(manifest.sessions)) as advance:
        stored = check_stored(made.workspace, manifest, advance).findings
    repairs = Repairs(made.after, edits=() if repaired else made.edits)
    repaired_files = () if repaired else {repair.file for repair in made.upkeep.repairs}
    found = (
        *(f for f in stored if f.file not in repaired_files),
        *left_findings(repairs, manifest),
        *(f for f in summary_findings(made.workspace, manifest) if f.code != PRIVATE),
    )
    beside = (
        spool_findings,
        pending_findings,
        agent_findings,
        server_findings,
        trust_findings,
        ignored_findings,
        _driver_note,
        expiring_findings,
    )
    return (*found, *(finding for look in beside for finding in look(made.workspace)))


def _driver_note(workspace: Workspace) -> Iterator[Finding]:
    """Yield a note if git would merge the files without our merge driver."""
    if workspace.repository is not None and not merges_by_record(workspace, as_now=True):
        yield Finding(
            code="merge-driver",
            message="git merges the tracked files line by line: the merge driver is not set up",
            level="note",
            hint="'session-codec install' sets it up",
        )


def _plan(workspace: Workspace, before: Tracked, committed: bytes, *, alone: bool = False) -> Plan:
    repairs = repairs_of(before, committed)
    manifest = decode_manifest(repairs.after.manifest)
    upkeep = upkeep_of(workspace, manifest, repairs=True, alone=alone)
    private = [f for f in summary_findings(workspace, manifest) if f.code == PRIVATE]
    return Plan(
        workspace=workspace,
        before=before,
        after=repairs.after,
        repairs=(*repairs.findings, *private, *upkeep.findings()),
        edits=(
            *repairs.edits,
            *edits_without(workspace, private_digests(manifest)),
            *upkeep.git_edits,
        ),
        upkeep=upkeep,
    )


def _keep_up(workspace: Workspace, upkeep: Upkeep) -> tuple[str, ...]:
    """Rename, set aside and repair stored files; return the names of the backups."""
    backups = []
    for repair in upkeep.repairs:
        backup = _free(repair.path)
        keep_copy(repair.path, backup)
        if repair.key:
            _put_recomputed(repair)
        else:
            replace_file(repair.path, with_end(repair.path, repair.start, repair.tail))
        backups.append(repair.file + backup.removeprefix(repair.path))
    for old, new, _ in upkeep.renames:
        put_diff(os.path.join(workspace.diffs, old), workspace.diffs, new)
    for name in upkeep.leftovers:
        path = workspace.path(name)
        backup = _free(path)
        with suppress(FileNotFoundError):  # a verb that ran meanwhile removed its own
            move(path, backup)
            backups.append(name + backup.removeprefix(path))
    if upkeep.renames:
        sync_directory(workspace.diffs)
    return tuple(backups)


def _put_recomputed(repair: StoredRepair) -> None:
    """Replace a damaged diff, which has a backup, with the recomputed one."""
    folder, name = os.path.split(repair.path)
    remade = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    replace_file(remade, [repair.tail])
    remove(repair.path)
    put_diff(remade, folder, name)
    sync_directory(folder)


def _free(path: str) -> str:
    """Return a path for a backup at which no file exists."""
    number = 1
    while os.path.exists(f"{path}.repair-{number}.bak"):
        number += 1
    return f"{path}.repair-{number}.bak"


def _write(workspace: Workspace, edits: Sequence[Replace]) -> tuple[str, ...]:
    """Write files as a whole, each with a backup beside it; return the names of the backups."""
    number = 1
    while any(os.path.exists(workspace.path(_backup(e, number))) for e in edits):
        number += 1
    made: list[str] = []
    for edit in edits:
        target = target_of(workspace, edit.path)
        # Claims that are removed from a summary are private, so no backup keeps them.
        if os.path.exists(target) and not is_path(edit.path):
            replace_file(workspace.path(_backup(edit, number)), [edit.before])
            made.append(_backup(edit, number))
        make_folder(os.path.dirname(target))
        replace_file(target, [edit.after])
    return tuple(made)


def _backup(edit: Replace, number: int) -> str:
    return f"{edit.path}.repair-{number}.bak"
