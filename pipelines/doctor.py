"""Find what is wrong with a workspace, and put right what can be without loss.

1. The plan only reads. What it holds is what is done, and each file is written whole.
2. What a file held stays beside it as a backup, and the way back is to rename that.
3. The manifest is written first and the deltas last. A run that was stopped in between is completed
   by the next one.
4. What cannot be put right without loss is told, and left as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipelines.checks import check_integrity
from pipelines.files import locked, read_bytes, remove, replace_file, sync_directory
from pipelines.findings import Finding
from pipelines.journal import Replace, is_pending, recover, target_of
from pipelines.merging import merges_by_record
from pipelines.progress import Progress
from pipelines.repairs import Repairs, repairs_of
from pipelines.store import Store, names_of, patch_in
from pipelines.tracked import MERGED, Tracked, git_appends, read_tracked, tracked_under_lock
from pipelines.workspace import (
    V1_LOG,
    Manifest,
    Workspace,
    decode_manifest,
)

_LEFTOVER: Final = re.compile(
    r"\.(?:manifest\.jsonl|SESSION_DELTAS\.log|PROJECT_METRICS\.tsv|AGENT_PROGRESS_LOG_v2\.md"
    r"|\d{4}-\d{2}-\d{2}.*\.diff)\.\d+\.tmp|journal\.tmp(?:\.payload)?"
)


class Rename(NamedTuple):
    """A diff that stands under the name that its session had before a merge gave it another key."""

    old: str
    new: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is wrong that can be put right, and how.

    Attributes:
        workspace: whose files.
        before, after: the tracked files.
        repairs: each thing that is put right.
        edits: of files, in the order in which they are written.
        renames: of diffs.
        leftovers: paths of files that a stopped run left, relative to the workspace.
        pending: a verb was stopped after its commit; it is completed first.
    """

    workspace: Workspace
    before: Tracked
    after: Tracked
    repairs: tuple[Finding, ...]
    edits: tuple[Replace, ...]
    renames: tuple[Rename, ...]
    leftovers: tuple[str, ...]
    pending: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.edits or self.renames or self.leftovers or self.pending)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was done: the plan as it was carried out, the backups, the verb that was completed."""

    plan: Plan
    backups: tuple[str, ...] = ()
    recovered: str | None = None


def plan(workspace: Workspace) -> Plan:
    """What is wrong that can be put right; reads only.

    Raises:
        Conflict: a file is a link to somewhere else.
        WorkspaceLocked: another process was writing for too long.
    """
    for name in MERGED:
        target_of(workspace, name)
    return _plan(workspace, read_tracked(workspace))


def apply(made: Plan) -> Result:
    """Put right what was planned, under the lock; planned again if a file changed meanwhile.

    Raises:
        Conflict: a file is a link to somewhere else.
    """
    if made.is_empty:
        return Result(plan=made)
    workspace = made.workspace
    with locked(workspace.lock):
        recovered = recover(workspace)
        now = tracked_under_lock(workspace)
        if recovered or now != made.before:
            made = _plan(workspace, now)
        backups = _write(workspace, made.edits)
        for old, new, _ in made.renames:
            os.rename(os.path.join(workspace.diffs, old), os.path.join(workspace.diffs, new))
        if made.renames:
            sync_directory(workspace.diffs)
        for path in made.leftovers:
            remove(workspace.path(path))
    return Result(plan=made, backups=backups, recovered=recovered)


def remaining(made: Plan, progress: Progress, *, repaired: bool) -> tuple[Finding, ...]:
    """What is wrong beside the repairs of a plan, and stays so.

    Args:
        made: the plan.
        progress: hears of the stage.
        repaired: it was carried out; else lines are those of the files as they stand.
    """
    manifest = decode_manifest(made.after.manifest)
    with progress.stage("integrity", len(manifest.sessions)) as advance:
        found = check_integrity(made.workspace, made.after, manifest, advance).findings
    if not repaired:
        repairs = Repairs(made.after, edits=made.edits)
        found = tuple(map(repairs.as_they_stand, found))
    return (*found, *_driver_note(made.workspace))


def _driver_note(workspace: Workspace) -> Iterator[Finding]:
    """A note where git would merge the files without us."""
    if workspace.repository is not None and not merges_by_record(workspace, as_now=True):
        yield Finding(
            code="merge-driver",
            message="git merges the tracked files by lines: the merge driver is not set up here",
            level="note",
            hint="'session-codec install' sets it up",
        )


def _plan(workspace: Workspace, before: Tracked) -> Plan:
    repairs = repairs_of(before)
    facts = decode_manifest(repairs.after.manifest)
    git_edits = list(_git_edits(workspace, facts))
    renames = tuple(_renames(workspace, facts))
    leftovers = tuple(_leftovers(workspace))
    pending = is_pending(workspace)
    return Plan(
        workspace=workspace,
        before=before,
        after=repairs.after,
        repairs=(*repairs.findings, *_notes(git_edits, renames, leftovers, pending=pending)),
        edits=(*repairs.edits, *git_edits),
        renames=renames,
        leftovers=leftovers,
        pending=pending,
    )


def _notes(
    git_edits: Iterable[Replace],
    renames: Iterable[Rename],
    leftovers: Iterable[str],
    *,
    pending: bool,
) -> Iterator[Finding]:
    """What is wrong outside of the tracked files; none of it does harm."""
    for edit in git_edits:
        yield _note("git-lines", edit.path, "lacks lines for git", "they are added")
    for old, new, key in renames:
        message = f"is the diff of {key}, which is found by its hash"
        yield _note("misnamed-diff", f".diffs/{old}", message, f"it becomes .diffs/{new}")
    for path in leftovers:
        yield _note("leftover", path, "half of a file of a stopped run", "it is removed")
    if pending:
        message = "a verb was stopped half-way; the next one that writes completes it"
        yield _note("unfinished", ".session-codec/journal", message, "it is completed")


def _note(code: str, file: str, message: str, done: str) -> Finding:
    hint = f"With 'session-codec doctor --repair' {done}"
    return Finding(code=code, message=message, level="note", file=file, hint=hint)


def _git_edits(workspace: Workspace, manifest: Manifest) -> Iterator[Replace]:
    """What git is not told yet: what to ignore, and how to keep and merge the files."""
    here = [V1_LOG] if os.path.exists(workspace.path(V1_LOG)) else []
    for append in git_appends(workspace, [*here, *manifest.sources()]):
        before = read_bytes(workspace.path(append.path))
        added = b"".join((b"\n" if append.torn else b"", *append.chunks))
        yield Replace(append.path, before, before + added)


def _renames(workspace: Workspace, manifest: Manifest) -> Iterator[Rename]:
    store = Store(workspace)
    loose = store.loose_names()
    sessions = manifest.sessions.values()
    owners = {name: session for session in sessions for name in names_of(session.key)}
    for session in sessions:
        if session.patch is None or not loose.isdisjoint(names_of(session.key)):
            continue
        for name in store.names_near(session.key):
            owner = owners.get(name)
            if owner is not None and owner.patch == session.patch:
                continue
            if patch_in(os.path.join(workspace.diffs, name)) == session.patch:
                new = names_of(session.key)[0]
                loose.add(new)
                yield Rename(name, new, session.key)
                break


def _leftovers(workspace: Workspace) -> Iterator[str]:
    """Halves of files that a stopped run was about to put in place, relative to the workspace."""
    for folder in (workspace.root, workspace.path(".session-codec"), workspace.diffs):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in sorted(filter(_LEFTOVER.fullmatch, names)):
            yield os.path.relpath(os.path.join(folder, name), workspace.root)


def _write(workspace: Workspace, edits: Sequence[Replace]) -> tuple[str, ...]:
    """Write files whole, each with a backup beside it; the names of the backups."""
    number = 1
    while any(os.path.exists(workspace.path(_backup(e, number))) for e in edits):
        number += 1
    made: list[str] = []
    for edit in edits:
        target = target_of(workspace, edit.path)
        if os.path.exists(target):
            replace_file(workspace.path(_backup(edit, number)), [edit.before])
            made.append(_backup(edit, number))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        replace_file(target, [edit.after])
    return tuple(made)


def _backup(edit: Replace, number: int) -> str:
    return f"{edit.path}.repair-{number}.bak"
