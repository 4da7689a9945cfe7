"""Compare a workspace with a remote: what is stored there, what to upload, what to hold back.

An archive that has a purged diff is not uploaded; its other diffs are uploaded by themselves. If
the remote already has such an archive, its other diffs are still read from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from codec.archive.snapshot import Pack, archive_object
from codec.kinds import Key, ObjectName
from codec.manifest.facts import Archive
from codec.records import PatchRef
from pipelines.diffs.local_archives import archive_folder, archive_names, shown
from pipelines.diffs.store import Store
from pipelines.erasing.local import archive_holds
from pipelines.erasing.targets import targets_of
from pipelines.outcomes.findings import Finding
from pipelines.remotes.base import Remote
from pipelines.transfer.last_snapshot import Last
from pipelines.transfer.packs import needed_packs, packs_of_all
from pipelines.transfer.snapshots import unarchived
from pipelines.transfer.uploads import LayoutUpload, layouts_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest


class Survey(NamedTuple):
    """The parts of a workspace that are on a remote, and those that are missing there.

    Attributes:
        there: the archives that the remote has.
        unsent: the archives to upload.
        layouts: the layouts that are on the remote, or may be uploaded.
        packs: the objects with loose diffs that are still needed.
        diffs: local diffs that are in no archive and no object, by key.
        is_whole: everything that the manifest names is on the remote or will be uploaded.
        findings: the findings.
    """

    there: list[Archive]
    unsent: list[Archive]
    layouts: list[LayoutUpload]
    packs: list[Pack]
    diffs: dict[Key, PatchRef]
    is_whole: bool
    findings: list[Finding]


def survey(
    workspace: Workspace,
    manifest: Manifest,
    remote: Remote,
    names: Mapping[ObjectName, int],
    last: Last | None,
) -> Survey:
    """Return the comparison of a workspace with a remote, without changing either."""
    there, unsent, findings = _archives(workspace, manifest, names)
    is_whole = not findings
    needed = unarchived(manifest, [*there, *unsent])
    packs, others = needed_packs(needed, names, last.snapshot.packs if last else ())
    if others and last is None:  # another copy of the workspace may have uploaded them
        packs, others = needed_packs(needed, names, packs_of_all(remote, names))
    store = Store(workspace, manifest=manifest)
    diffs = {key: patch for key, patch in others.items() if _is_here(store, manifest, key, patch)}
    layouts = []
    for layout in layouts_of(workspace, manifest):
        if layout is None:
            is_whole = False
        elif layout.is_held:
            is_whole = False
            findings.append(_held(layout))
        else:
            layouts.append(layout)
    is_whole = is_whole and others.keys() == diffs.keys()
    return Survey(there, unsent, layouts, packs, diffs, is_whole, findings)


def _is_here(store: Store, manifest: Manifest, key: Key, patch: PatchRef) -> bool:
    """Return True if a diff can be uploaded by itself: loose, pending, or in a kept archive."""
    if store.loose_path(key, patch) is not None or store.is_pending(patch):
        return True
    return bool(manifest.void) and store.has(key, patch)


def _archives(
    workspace: Workspace, manifest: Manifest, names: Mapping[ObjectName, int]
) -> tuple[list[Archive], list[Archive], list[Finding]]:
    """Return the archives on the remote, those to upload, and a note on each other one."""
    folder = archive_folder(workspace)
    here = set(archive_names(folder))
    targets = targets_of(manifest, manifest.purged.keys()) if manifest.void else None
    there, unsent, findings = [], [], []
    for fact in sorted(manifest.every_archive().values()):
        is_void = fact.name in manifest.void
        if names.get(archive_object(fact.name)) == fact.size:
            there.append(fact)  # its other diffs are read from it
        elif fact.name in here:
            path = os.path.join(folder, fact.name)
            if targets is None or not is_void or not archive_holds(path, fact, targets):
                unsent.append(fact)
        elif not is_void:
            findings.append(_absent(fact))
    return there, unsent, findings


def _absent(fact: Archive) -> Finding:
    return Finding(
        code="absent",
        message="is missing locally and on the remote",
        level="note",
        file=shown(fact.name),
        hint="Run the same command on the machine that has it",
    )


def _held(layout: LayoutUpload) -> Finding:
    return Finding(
        code="purged-diff",
        message="contains a purged diff and is not sent",
        file=f".diffs/v1/{layout.version.sha256}/",
        hint="Run 'session-codec purge --merged'",
    )
