"""Copy a workspace to a remote: archives, layouts, loose diffs, and last their snapshot.

1. An object is put once, under a name that depends on its content; nothing is ever deleted there.
   So one list says what is to be sent, and a run that is stopped anywhere is completed by the next.
2. What is sent was compared with its recorded hash just before. A snapshot is sent when all that it
   names is there.
3. If one text to send has a possible secret, nothing is sent at all.
4. An archive is deleted here only if that is asked for, and after all of its remote copy was read
   again and had the recorded hash.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from codec.archive.snapshot import Pack, archive_object
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
    """All that will be sent and deleted.

    Attributes:
        workspace: whose copy it is.
        names: of all objects that the remote has, with their sizes.
        files: the tracked files, by path.
        uploads: archives and layouts to send.
        diffs: loose diffs that no archive and no object has, by key.
        packs: objects with loose diffs that are still needed.
        layouts: names of the objects of all layouts.
        archives: what is there or sent of archives, by name with sizes; None if anything that the
            manifest names is neither here nor there.
        is_current: the remote has all of it.
        findings: what was noticed.
    """

    workspace: Workspace
    names: Mapping[str, int]
    files: Mapping[str, bytes]
    uploads: list[Upload]
    diffs: dict[str, PatchRef]
    packs: list[Pack]
    layouts: list[str]
    archives: Mapping[str, int] | None
    is_current: bool
    findings: list[Finding]

    @property
    def is_refused(self) -> bool:
        """Return True if nothing may be sent because of a suspected secret."""
        return any(f.code == "secret" for f in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result of a sync.

    Attributes:
        plan: as it was made.
        sent: sizes of the objects that were put, by name.
        verified: names of archives whose remote copy was read as a whole.
        pruned: names of archives that were deleted here.
    """

    plan: Plan
    sent: dict[str, int] = field(default_factory=dict)
    verified: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)


def plan(workspace: Workspace, remote: Remote, allow: Collection[str], progress: Progress) -> Plan:
    """Plan an upload; one LIST, and reads only.

    Args:
        workspace: whose copy it is.
        remote: where to.
        allow: fingerprints of secrets that may be sent.
        progress: hears of the stages.

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
        # Another machine may have purged what would be sent, and nobody merged it here.
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
    workspace: Workspace, names: Mapping[str, int], files: Mapping[str, bytes], last: Last
) -> Plan:
    """Return the plan if everything was sent before."""
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


def _is_current(last: Last, names: Mapping[str, int], files: Mapping[str, bytes]) -> bool:
    """Return True if neither side has changed since the last complete sync."""
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
    """Send the plan.

    Args:
        made: the plan.
        remote: where to.
        progress: hears of the stages.
        jobs: objects at a time.
        prune: delete the archives here whose remote copy is proved.

    Raises:
        Refused: the data to send contains a possible secret; nothing was sent.
        IntegrityError: something here, or there, is not what was recorded.
        StorageError: the remote did not do what it was asked.
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
    """Do something for each, some at a time; the first that fails ends it."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(call, upload) for upload in uploads]
        try:
            for future in waiting:
                future.result()
        finally:
            for future in waiting:
                future.cancel()


def _prune(made: Plan, remote: Remote, progress: Progress, done: Result) -> None:
    """Delete local archives whose remote copies were read as a whole and have the recorded hash."""
    folder = archive_folder(made.workspace)
    archives = decode_manifest(made.files[MANIFEST]).every_archive()
    there = {*made.names, *(upload.name for upload in made.uploads)}
    held = [archives[n] for n in archive_names(folder) if n in archives]
    # One that was not sent, for a purged diff in it, has no copy.
    here = [fact for fact in held if archive_object(fact.name) in there]
    with progress.stage("prune", sum(fact.size for fact in here), in_bytes=True) as advance:
        read = 0
        for fact in here:
            path = os.path.join(folder, fact.name)
            if remote.is_file(archive_object(fact.name), path):
                raise Conflict(
                    f"{shown(fact.name)} is the same file as the remote's object; it is kept",
                    hint="Use a remote with a copy of its own",
                )
            check_same(remote, archive_object(fact.name), fact.size, fact.sha256)
            done.verified.append(fact.name)
            with writing(made.workspace):
                remove(path)
                sync_directory(folder)
            done.pruned.append(fact.name)
            read += fact.size
            advance(read)
