"""Restore a workspace from a remote.

1. A remote's content is the union of the last snapshots of all writers: no session is lost.
2. No local file is overwritten: a diff whose name is taken by other bytes gets another name.
   Correct local files stay, so an interrupted run is completed by the next one.
3. Everything is compared with a recorded hash first, and a file gets its name when it is complete.
   The tracked files come last.
4. A purged diff is never written. An archive that may have one is not downloaded as a whole: its
   other diffs are read one by one.
"""

from __future__ import annotations

import os
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from typing import Literal

from codec.archive.snapshot import (
    Pack,
    archive_object,
    decode_layout_object,
    is_layout,
)
from codec.errors import IntegrityError
from codec.kinds import Key, ObjectName
from codec.manifest.facts import Archive
from codec.names import key_time
from codec.records import PatchRef
from codec.summaries.paths import is_path
from pipelines.diffs.local_archives import archive_folder, archive_names, shown
from pipelines.diffs.store import (
    Store,
    patch_in,
)
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import make_folder, read_bytes, replace_file
from pipelines.system.fs.writable import check_diffs
from pipelines.transfer.downloads import (
    Chosen,
    fetch_archives,
    held_of,
    write_diffs,
    write_layout,
)
from pipelines.transfer.shared_remotes import read_heads
from pipelines.transfer.snapshots import (
    FILES,
    MERGED_FILES,
    unarchived,
    united,
)
from pipelines.v1.layouts import has_layout
from pipelines.workspace.location import MANIFEST, Workspace, writing
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.purged_diffs import purged_times
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.summaries import private_digests, public_summary

#: What to restore: everything, only the tracked files, only what git ignores, or of that only the
#: diffs that are in no archive yet.
Only = Literal["all", "v2", "diffs", "loose"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that will be written.

    Attributes:
        workspace: the workspace.
        snapshots: the names of the snapshots that were read.
        sessions: the number of sessions in all of them.
        files: the tracked files to write, by path, in this order.
        archives: the archives to download.
        packs: objects with loose diffs, and which of their diffs to write.
        layouts: the names of objects with layouts that are missing locally.
        purged: the diffs that a layout must not restore, and the key of a session for each.
        findings: the findings.
    """

    workspace: Workspace
    snapshots: list[str]
    sessions: int
    files: dict[str, bytes]
    archives: list[Archive]
    packs: list[tuple[Pack, Chosen]]
    layouts: list[ObjectName]
    purged: Mapping[PatchRef, Key]
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, and the written paths, relative to the workspace."""

    plan: Plan
    written: list[str] = field(default_factory=list)


def restore(
    workspace: Workspace,
    remote: Remote,
    progress: Progress,
    *,
    only: Only,
    jobs: int,
    without: Collection[str] = (),
) -> Result:
    """Plan and apply, under the lock.

    If there is no workspace yet, the plan is made once before the lock: a restore that fails then
    creates neither the folder nor a lock file.

    Raises:
        NotFound: the remote has no snapshot, or `.diffs` leads to a missing target.
        Conflict: a local file differs from the remote's, or leads elsewhere.
        IntegrityError: an object is damaged, or differs from its name.
        Denied, Unavailable: the folder, or `.diffs`, cannot be written.
    """
    made = None if workspace.exists else plan(workspace, remote, only, without)
    os.makedirs(workspace.root, exist_ok=True)
    with writing(workspace):
        if made is None or workspace.exists:  # another process may have written it meanwhile
            made = plan(workspace, remote, only, without)
        return apply(made, remote, progress, jobs)


# Long: the steps of a restore, which share most of their values.
def plan(workspace: Workspace, remote: Remote, only: Only, without: Collection[str] = ()) -> Plan:
    """Return the plan of a restore, with one LIST and a GET for each writer.

    Args:
        workspace: the workspace.
        remote: the remote to restore from.
        only: the part to restore.
        without: the names of snapshots to leave out.
    """
    stored = {s.name: s for s in remote.list_all()}
    found, skipped = read_heads(remote, stored, without)
    if not found:
        raise NotFound(
            f"{remote.url}: does not contain a workspace snapshot",
            hint="Check the remote's name; 'session-codec sync' uploads one",
        )
    found.sort(key=lambda f: (stored[f.name.object].modified, f.name))
    files, findings = united(found)
    findings += skipped
    # Diffs that were purged here are left out, even if the remote still has them.
    manifest = decode_manifest(files.get(MANIFEST, b"")).with_purged(purged_times(workspace))
    archives: list[Archive] = []
    packs: list[tuple[Pack, Chosen]] = []
    layouts: set[ObjectName] = set()
    if only != "v2":
        here = set(archive_names(archive_folder(workspace)))
        for fact in sorted(manifest.archives.values()):
            if fact.name in here:
                _check_archive(workspace, fact)
            elif archive_object(fact.name) in stored:
                archives.append(fact)
            else:
                findings.append(_missing(shown(fact.name), "its diffs are not restored"))
        known = {pack.name: pack for f in found for pack in f.snapshot.packs}
        there_first = sorted(known.values(), key=lambda pack: pack.name not in stored)
        missing = _missing_diffs(workspace, manifest, unarchived(manifest, archives))
        packs = list(_chosen(missing, there_first))
        void = [f for f in manifest.void.values() if archive_object(f.name) in stored]
        void = [f for f in void if f.name not in here and _may_hold(f, missing)]
        packs += _chosen(missing, held_of(remote, void, missing.keys()))
        if only == "loose":
            archives = []
        else:
            layouts = {name for f in found for name in f.snapshot.layouts}
        layouts |= _replaced(layouts, stored)
        logs = {decode_layout_object(name)[0] for name in layouts & stored.keys()}
        gone = {name for name in layouts if decode_layout_object(name)[0] not in logs}
        for name in sorted({*(pack.name for pack, _ in packs), *gone} - stored.keys()):
            findings.append(_missing(f"{remote.url}/{name}", "a snapshot needs it"))
    if only != "v2":
        check_diffs(workspace.diffs)
    return Plan(
        workspace=workspace,
        snapshots=[str(f.name) for f in found],
        sessions=len(manifest.sessions),
        files=_absent(workspace, files, manifest) if only in {"all", "v2"} else {},
        archives=archives,
        packs=[(pack, chosen) for pack, chosen in packs if pack.name in stored],
        layouts=[
            name
            for name in sorted(layouts & stored.keys())
            if not has_layout(workspace, decode_layout_object(name)[0])
        ],
        purged=manifest.purged_patches(),
        findings=findings,
    )


def _replaced(layouts: set[ObjectName], stored: Collection[ObjectName]) -> set[ObjectName]:
    """Return the layouts that replace those of a purge on another machine."""
    logs = {decode_layout_object(name)[0] for name in layouts - set(stored)}
    return {n for n in stored if is_layout(n) and decode_layout_object(n)[0] in logs}


def apply(made: Plan, remote: Remote, progress: Progress, jobs: int = 4) -> Result:
    """Write the plan, under the lock, and return the result."""
    done = Result(plan=made)
    workspace = made.workspace
    done.written.extend(fetch_archives(workspace, remote, made.archives, progress, jobs))
    with progress.stage("diffs", sum(len(chosen) for _, chosen in made.packs)) as advance:
        count = 0
        for pack, chosen in made.packs:
            names = write_diffs(workspace, remote, pack, chosen)
            done.written.extend(f".diffs/{name}" for name in names)
            count += len(chosen)
            advance(count)
    with progress.stage("layouts", len(made.layouts)) as advance:
        for number, layout in enumerate(made.layouts, 1):
            done.written.append(write_layout(workspace, remote, layout, made.purged))
            advance(number)
    with progress.stage("write", len(made.files)):
        for path, data in made.files.items():
            make_folder(os.path.dirname(workspace.path(path)))
            replace_file(workspace.path(path), [data])
            done.written.append(path)
    return done


def _absent(
    workspace: Workspace, files: Mapping[str, bytes], manifest: Manifest
) -> dict[str, bytes]:
    """Return the tracked files and the summaries that are missing locally.

    Existing summaries stay; claims about sessions that are private, here or on the remote, are not
    restored.

    Raises:
        Conflict: some tracked files exist locally, with other content.
    """
    absent = _absent_files(workspace, files)
    names = [name for name in sorted(files) if is_path(name)]
    if not names:
        return absent
    private = private_digests(manifest) | private_digests(read_manifest(workspace))
    summaries: dict[str, bytes] = {}
    for name in names:
        data = public_summary(files[name], private)
        is_here = workspace.is_linked(name) or os.path.lexists(workspace.path(name))
        if data is not None and not is_here:
            summaries[name] = data
    return {**summaries, **absent}


def _absent_files(workspace: Workspace, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the tracked files that are missing locally.

    Raises:
        Conflict: some exist, with other content.
    """
    absent: dict[str, bytes] = {}
    differing = []
    for name in FILES:
        if name not in files:
            continue
        if not workspace.holds(name):
            differing.append(name)
        elif not os.path.exists(workspace.path(name)):
            absent[name] = files[name]
        elif not _has_all(name, read_bytes(workspace.path(name)), files[name]):
            differing.append(name)
    if differing:
        raise Conflict(
            f"{', '.join(differing)}: different content exists; nothing was written",
            hint="--only diffs restores what git does not have; or restore into another folder",
        )
    return absent


def _has_all(name: str, here: bytes, there: bytes) -> bool:
    """Return True if the local file equals the remote one, or extends it by lines."""
    if name not in MERGED_FILES:
        return here == there
    return set(there.split(b"\n")) <= set(here.split(b"\n"))


def _check_archive(workspace: Workspace, fact: Archive) -> None:
    path = os.path.join(archive_folder(workspace), fact.name)
    if patch_in(path, {fact.size}) != PatchRef(fact.sha256, fact.size):
        raise Conflict(
            f"{shown(fact.name)} differs from the recorded file; nothing was written",
            hint="Run 'session-codec archive repair', or move it away, and repeat the command",
        )


#: The diffs that are missing locally, by time and content: the keys of their sessions.
_Missing = dict[tuple[str, PatchRef], list[Key]]


def _missing_diffs(
    workspace: Workspace, manifest: Manifest, needed: Mapping[Key, PatchRef]
) -> _Missing:
    """Return the needed diffs that are missing locally.

    A diff is found by its time and its hash, because the sessions of two machines may have had the
    same key before they were merged.
    """
    mine = read_manifest(workspace).every_session()  # their diffs may have the names of others
    store = Store(workspace, manifest=manifest, others=mine)
    missing: _Missing = {}
    for key, patch in needed.items():
        try:
            store.read(key, patch)
        except NotFound:
            missing.setdefault((key_time(key), patch), []).append(key)
        except IntegrityError as e:
            raise Conflict(f"{e}; nothing was written") from None
    return missing


def _chosen(missing: _Missing, packs: Iterable[Pack]) -> Iterator[tuple[Pack, Chosen]]:
    """Yield the diffs to write from each object, and remove them from the missing ones."""
    for pack in packs:
        chosen: Chosen = {}
        for name, patch in pack.diffs.items():
            chosen.update(dict.fromkeys(missing.pop((key_time(name), patch), ()), name))
        if chosen:
            yield pack, chosen


def _may_hold(fact: Archive, missing: _Missing) -> bool:
    """Return True if an archive can have missing diffs, by their times."""
    times = {time for time, _ in missing}
    return not times.isdisjoint(map(key_time, fact.keys))


def _missing(name: str, why: str) -> Finding:
    return Finding(
        code="missing",
        message=f"is not on the remote: {why}",
        file=name,
        hint="Run 'session-codec sync' on the machine that has it, then this command again",
    )
