"""Copy a workspace to a remote: archives, layouts, loose diffs, and last a snapshot.

1. An object is uploaded once, under a name that depends on its content; nothing is deleted there.
   So one LIST shows what to upload, and an interrupted run is completed by the next.
2. Each object is compared with its recorded hash before the upload. A snapshot is uploaded when
   everything that it names exists.
3. If one text to upload has a possible secret, nothing is uploaded.
4. A local archive is deleted only on request, and after its whole remote copy was read and had the
   recorded hash.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from codec.archive.snapshot import Pack, archive_object
from codec.kinds import Key, ObjectName
from codec.records import PatchRef
from pipelines.diffs.local_archives import archive_folder, archive_names, shown
from pipelines.diffs.store import Store
from pipelines.erasing.survey import survey
from pipelines.outcomes.errors import Conflict, Refused
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote, check_same, content_of
from pipelines.system.fs.files import remove, sync_directory
from pipelines.transfer.last_snapshot import Last, read_last
from pipelines.transfer.outgoing import Outgoing, search
from pipelines.transfer.packs import packed
from pipelines.transfer.shared_remotes import foreign_snapshots
from pipelines.transfer.snapshots import (
    files_of,
    purged_elsewhere,
    put_snapshot,
    snapshot_of,
    tracked_files,
)
from pipelines.transfer.uploads import Upload, archive_upload
from pipelines.workspace.location import MANIFEST, Workspace, writing
from pipelines.workspace.manifest_view import decode_manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of a sync.

    Attributes:
        workspace: the workspace that was copied.
        names: the names of all objects that the remote has, with their sizes.
        files: the tracked files, by path.
        uploads: the archives and layouts to upload.
        diffs: the loose diffs that are in no archive and no object, by key.
        packs: the objects with loose diffs that are still needed.
        layouts: the names of the objects of all layouts.
        archives: the archives on the remote after the upload, by name with sizes; None if the
            manifest names something that is stored nowhere.
        is_current: the remote has everything.
        findings: the findings.
    """

    workspace: Workspace
    names: Mapping[ObjectName, int]
    files: Mapping[str, bytes]
    uploads: list[Upload]
    diffs: dict[Key, PatchRef]
    packs: list[Pack]
    layouts: list[ObjectName]
    archives: Mapping[str, int] | None
    is_current: bool
    findings: list[Finding]

    @property
    def is_refused(self) -> bool:
        """Return True if nothing may be uploaded because of a possible secret."""
        return any(f.code == "secret" for f in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result of a sync.

    Attributes:
        plan: the plan that was carried out.
        sent: the sizes of the uploaded objects, by name.
        verified: the names of archives whose whole remote copy was read.
        pruned: the names of archives that were deleted here.
    """

    plan: Plan
    sent: dict[ObjectName, int] = field(default_factory=dict)
    verified: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)


def plan(workspace: Workspace, remote: Remote, allow: Collection[str], progress: Progress) -> Plan:
    """Return the plan of an upload, with one LIST and without changing anything.

    Args:
        workspace: the workspace that was copied.
        remote: the remote to upload to.
        allow: fingerprints of secrets that may be uploaded.
        progress: receives the stages.

    Raises:
        Conflict: a tracked file is a link to somewhere else.
        Unavailable: the content cannot be searched for secrets.
        WorkspaceLocked: another process was writing for too long.
    """
    files = tracked_files(workspace)
    names = {stored.name: stored.size for stored in remote.list_all()}
    last = read_last(workspace, remote)
    last = last if last and str(last.name) in names else None
    foreign = list(foreign_snapshots(remote, last, names)) if last else []
    if last and not foreign and _is_current(last, names, files):
        return _nothing(workspace, names, files, last)
    manifest = decode_manifest(files[MANIFEST])
    found = survey(workspace, manifest, remote, names, last)
    if found.unsent or found.diffs:
        # Another machine may have purged a diff, and its tombstone is not merged here yet.
        theirs = purged_elsewhere(remote, names, last)
        if not theirs.keys() <= manifest.purged.keys():
            found = survey(workspace, manifest.with_purged(theirs), remote, names, last)
    named = [layout.name for layout in found.layouts]
    missing = [layout for layout in found.layouts if layout.name not in names]
    uploads = [archive_upload(workspace, fact) for fact in found.unsent]
    uploads += [layout.upload for layout in missing]
    is_sent = last is not None and snapshot_of(files, named, found.packs) == last.snapshot
    facts = (*found.there, *found.unsent)
    made = Plan(
        workspace=workspace,
        names=names,
        files=files,
        uploads=uploads,
        diffs=found.diffs,
        packs=found.packs,
        layouts=named,
        archives={f.name: f.size for f in facts} if found.is_whole else None,
        is_current=is_sent and not uploads and not found.diffs and not foreign,
        findings=[*found.findings, *foreign],
    )
    if not made.is_current:
        versions = [layout.version for layout in missing]
        unsent = [fact.name for fact in found.unsent]
        sent = Outgoing(workspace, unsent, versions, found.diffs, files)
        made.findings.extend(search(sent, allow, progress))
    return made


def _nothing(
    workspace: Workspace, names: Mapping[ObjectName, int], files: Mapping[str, bytes], last: Last
) -> Plan:
    """Return the plan if everything was uploaded before."""
    return Plan(
        workspace=workspace,
        names=names,
        files=files,
        uploads=[],
        diffs={},
        packs=list(last.snapshot.packs),
        layouts=list(last.snapshot.layouts),
        archives=last.archives,
        is_current=True,
        findings=[],
    )


def _is_current(last: Last, names: Mapping[ObjectName, int], files: Mapping[str, bytes]) -> bool:
    """Return True if nothing has changed, here or on the remote, since the last complete sync."""
    return (
        last.archives is not None
        and files_of(files) == last.snapshot.files
        and all(names.get(archive_object(n)) == size for n, size in last.archives.items())
        and all(name in names for name in last.snapshot.layouts)
        and all(names.get(pack.name) == pack.size for pack in last.snapshot.packs)
    )


def apply(
    made: Plan, remote: Remote, progress: Progress, *, jobs: int = 4, prune: bool = False
) -> Result:
    """Upload as planned, and return the result.

    Args:
        made: the plan.
        remote: the remote to upload to.
        progress: receives the stages.
        jobs: the number of parallel uploads.
        prune: delete local archives whose remote copies are verified.

    Raises:
        Refused: the data to upload contains a possible secret; nothing was uploaded.
        IntegrityError: a local or remote object differs from its record.
        StorageError: a request to the remote failed.
    """
    done = Result(plan=made)
    if made.is_refused:
        raise Refused(
            f"{remote.url}: the data to send contains a possible secret; nothing is sent",
            hint="See the findings of 'session-codec sync --dry-run'",
        )
    if not made.is_current:
        _send(made, remote, progress, jobs, done)
    if prune:
        _prune(made, remote, progress, done)
    return done


def _send(made: Plan, remote: Remote, progress: Progress, jobs: int, done: Result) -> None:
    total = sum(u.size for u in made.uploads)
    lock = threading.Lock()
    sent = 0
    with progress.stage("send", total, in_bytes=True) as advance:

        def send(upload: Upload) -> None:
            nonlocal sent
            content = upload.load()
            is_new = remote.put(upload.name, content)
            with lock:
                sent += upload.size
                advance(sent)
                if is_new:
                    done.sent[upload.name] = content.size

        _side_by_side(send, made.uploads, jobs)
    packs = list(made.packs)
    if made.diffs:
        with progress.stage("pack", len(made.diffs)) as advance:
            count = 0
            for pack, data in packed(made.diffs, Store(made.workspace).read):
                if remote.put(pack.name, content_of(data)):
                    done.sent[pack.name] = pack.size
                packs.append(pack)
                count += len(pack.diffs)
                advance(count)
    with progress.stage("snapshot"):
        snapshot = snapshot_of(made.files, made.layouts, packs)
        done.sent.update(
            put_snapshot(made.workspace, remote, snapshot, made.files, made.names, made.archives)
        )


def _side_by_side(call: Callable[[Upload], None], uploads: Iterable[Upload], jobs: int) -> None:
    """Call a function for each upload, some at a time; the first error ends it."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(call, upload) for upload in uploads]
        try:
            for future in waiting:
                future.result()
        finally:
            for future in waiting:
                future.cancel()


def _prune(made: Plan, remote: Remote, progress: Progress, done: Result) -> None:
    """Delete local archives after reading their remote copies and comparing the hashes."""
    folder = archive_folder(made.workspace)
    archives = decode_manifest(made.files[MANIFEST]).every_archive()
    there = {*made.names, *(upload.name for upload in made.uploads)}
    held = [archives[n] for n in archive_names(folder) if n in archives]
    # An archive that was not uploaded because of a purged diff has no copy.
    here = [fact for fact in held if archive_object(fact.name) in there]
    with progress.stage("prune", sum(fact.size for fact in here), in_bytes=True) as advance:
        read = 0
        for fact in here:
            path = os.path.join(folder, fact.name)
            if remote.is_file(archive_object(fact.name), path):
                raise Conflict(
                    f"{shown(fact.name)} is the same file as the remote's object; it is kept",
                    hint="Use a remote that stores its own copy, outside of the workspace",
                )
            check_same(remote, archive_object(fact.name), fact.size, fact.sha256)
            done.verified.append(fact.name)
            with writing(made.workspace):
                remove(path)
                sync_directory(folder)
            done.pruned.append(fact.name)
            read += fact.size
            advance(read)
