"""Copy a workspace to a remote: archives, layouts, loose diffs, and last what names them.

1. An object is put once, under a name that stands for its content; nothing is ever deleted there.
   So one list says what is to be sent, and a run that is stopped anywhere is completed by the next.
2. What is sent was held against its recorded hash just before. A snapshot goes when all that it
   names is there.
3. Where one text of what would be sent has what looks like a secret, nothing is sent at all.
4. An archive is deleted here only if that is asked for, and after all of its remote copy was read
   again and had the recorded hash.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from codec.archive import encode_archive
from codec.archive_scan import Damage, check
from codec.archive_tar import Member
from codec.bundle import Bundle, encode_bundle
from codec.diffs import touched_path
from codec.errors import IntegrityError
from codec.facts import Archive
from codec.records import PatchRef
from codec.snapshot import (
    DIGITS,
    Pack,
    Snapshot,
    archive_object,
    heads,
    layout_object,
    pack_object,
)
from codec.v1_layout import LAYOUT_NAME, LITERAL_NAME
from pipelines.archives import archive_folder, archive_names, shown
from pipelines.errors import Conflict, Denied
from pipelines.files import locked, read_bytes, remove, sync_directory
from pipelines.findings import Finding
from pipelines.outgoing import Outgoing, search
from pipelines.progress import Progress
from pipelines.remote import BLOCK, Content, Remote, check_same, content_of
from pipelines.snapshots import (
    Last,
    next_name,
    read_last,
    read_snapshot,
    snapshot_of,
    tracked_files,
    unarchived,
    write_last,
)
from pipelines.store import Store
from pipelines.v1_store import has_layout, read_layout
from pipelines.workspace import MANIFEST, Manifest, Workspace, decode_manifest

#: Bytes of loose diffs that go into one object.
_PACK_SIZE: Final = 64 << 20


class Upload(NamedTuple):
    """An object to be put: its name, its size in bytes, and what gives its content."""

    name: str
    size: int
    load: Callable[[], Content]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that will be sent and deleted.

    Attributes:
        workspace: whose copy it is.
        manifest: as it is.
        names: of all objects that the remote has, with their sizes.
        files: the tracked files, by path.
        uploads: archives and layouts to send.
        diffs: loose diffs that no archive and no object has, by key.
        packs: objects with loose diffs that are still needed.
        layouts: names of the objects of all layouts.
        last: the last snapshot that this workspace wrote, if the remote has it.
        findings: what was noticed.
    """

    workspace: Workspace
    manifest: Manifest
    names: Mapping[str, int]
    files: Mapping[str, bytes]
    uploads: list[Upload]
    diffs: dict[str, PatchRef]
    packs: list[Pack]
    layouts: list[str]
    last: Last | None
    findings: list[Finding]

    @property
    def is_current(self) -> bool:
        """Whether the remote has all of it."""
        if self.uploads or self.diffs or self.last is None:
            return False
        return snapshot_of(self.files, self.layouts, self.packs)[0] == self.last.snapshot

    @property
    def is_refused(self) -> bool:
        """Whether nothing may be sent, for what looks like a secret in it."""
        return any(f.code == "secret" for f in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was done.

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
    """What would be sent; one LIST, and reads only.

    Args:
        workspace: whose copy it is.
        remote: where to.
        allow: fingerprints of secrets that may be sent.
        progress: hears of the stages.

    Raises:
        Conflict: a tracked file is a link to somewhere else.
        Unavailable: nobody can tell whether there are secrets in it.
        WorkspaceLocked: another process was writing for too long.
    """
    files = tracked_files(workspace)
    manifest = decode_manifest(files[MANIFEST])
    names = {stored.name: stored.size for stored in remote.list_all()}
    here = set(archive_names(archive_folder(workspace)))
    uploads: list[Upload] = []
    findings: list[Finding] = []
    archived: list[Archive] = []
    packed: list[str] = []
    for fact in sorted(manifest.archives.values()):
        name = archive_object(fact.name)
        if names.get(name) == fact.size:
            archived.append(fact)
        elif fact.name in here:
            archived.append(fact)
            uploads.append(Upload(name, fact.size, _archive_loader(workspace, fact)))
            packed.append(fact.name)
        else:
            findings.append(_absent(fact))
    layouts = []
    versions = []
    for sha256, version in sorted({v.sha256: v for v in manifest.versions}.items()):
        if has_layout(workspace, sha256):
            read_layout(workspace, version)
            bundle = _layout_bundle(workspace, sha256)
            layouts.append(layout_object(sha256, bundle.sha256))
            if layouts[-1] not in names:
                uploads.append(Upload(layouts[-1], len(bundle.tar), _bundle_loader(bundle)))
                versions.append(version)
    last = read_last(workspace, remote)
    needed = unarchived(manifest, archived)
    packs, diffs = _loose(workspace, needed, names, last.snapshot.packs if last else ())
    if diffs and last is None:  # another copy of the workspace may have sent them
        packs, diffs = _loose(workspace, needed, names, _packs_of_all(remote, names))
    made = Plan(
        workspace=workspace,
        manifest=manifest,
        names=names,
        files=files,
        uploads=uploads,
        diffs=diffs,
        packs=packs,
        layouts=layouts,
        last=last if last and str(last.name) in names else None,
        findings=findings,
    )
    if not made.is_current:
        sent = Outgoing(workspace, packed, versions, diffs, files)
        findings += search(sent, allow, progress)
    return made


def apply(
    made: Plan, remote: Remote, progress: Progress, *, jobs: int = 4, prune: bool = False
) -> Result:
    """Send what is planned.

    Args:
        made: the plan.
        remote: where to.
        progress: hears of the stages.
        jobs: objects at a time.
        prune: delete the archives here whose remote copy is proved.

    Raises:
        IntegrityError: something here, or there, is not what was recorded.
        StorageError: the remote did not do what it was asked.
    """
    done = Result(plan=made)
    if made.is_refused:
        return done
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
            for chosen in _chunks(made.diffs):
                pack, data = _packed(made.workspace, chosen)
                if remote.put(pack.name, content_of(data)):
                    done.sent[pack.name] = pack.size
                packs.append(pack)
                count += len(chosen)
                advance(count)
    with progress.stage("snapshot"):
        snapshot, bundle = snapshot_of(made.files, made.layouts, packs)
        _send_snapshot(made, remote, snapshot, bundle, done)


def _send_snapshot(
    made: Plan, remote: Remote, snapshot: Snapshot, bundle: Bundle, done: Result
) -> None:
    """Put the snapshot, unless it is the last one of another writer."""
    same = [n for n in heads(made.names) if n.digest == bundle.sha256[:DIGITS]]
    name = (
        same[0]
        if same
        else next_name(remote, made.last, made.files[MANIFEST], made.names, bundle.sha256)
    )
    if not same:
        data = bundle.packed()
        if remote.put(str(name), content_of(data, exact=False)):
            done.sent[str(name)] = len(data)
    write_last(made.workspace, remote, Last(name, snapshot))


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


def _archive_loader(workspace: Workspace, fact: Archive) -> Callable[[], Content]:
    path = os.path.join(archive_folder(workspace), fact.name)

    def load() -> Content:
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as f:
                while block := f.read(BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            raise Conflict(
                f"{shown(fact.name)} is gone: something changed the workspace just now",
                hint="Run the same command again",
            ) from None
        if digest.hexdigest() != fact.sha256:
            raise IntegrityError(
                "is not the archive that was recorded; it is not sent",
                file=shown(fact.name),
                hint="Run 'session-codec archive repair', or bring the file back from a copy",
            )
        return Content(fact.size, fact.sha256, lambda: open(path, "rb"))

    return load


def _layout_bundle(workspace: Workspace, sha256: str) -> Bundle:
    folder = os.path.join(workspace.diffs, "v1", sha256)
    paths = {name: os.path.join(folder, name) for name in (LAYOUT_NAME, LITERAL_NAME)}
    for path in (folder, *paths.values()):
        if os.path.islink(path):
            raise Conflict(f"{path} is a link, and is not copied", hint="Put the file itself there")
    return encode_bundle({name: read_bytes(path) for name, path in paths.items()})


def _bundle_loader(bundle: Bundle) -> Callable[[], Content]:
    return lambda: content_of(bundle.packed(), exact=False)


def _packs_of_all(remote: Remote, names: Collection[str]) -> list[Pack]:
    """The objects with loose diffs that any writer named last."""
    try:
        return [pack for n in heads(names) for pack in read_snapshot(remote, n).snapshot.packs]
    except Denied:
        return []  # who cannot read what others sent sends it again


def _loose(
    workspace: Workspace,
    needed: Mapping[str, PatchRef],
    names: Mapping[str, int],
    known: Iterable[Pack],
) -> tuple[list[Pack], dict[str, PatchRef]]:
    """The objects with loose diffs that are still needed, and the diffs that need another.

    Args:
        workspace: whose diffs.
        needed: diffs that no archive has.
        names: of all objects that the remote has, with their sizes.
        known: objects with loose diffs.
    """
    packs = [
        pack
        for pack in {pack.name: pack for pack in known}.values()
        if names.get(pack.name) == pack.size and not needed.items().isdisjoint(pack.diffs.items())
    ]
    packed = {item for pack in packs for item in pack.diffs.items()}
    store = Store(workspace)
    left = {key: patch for key, patch in needed.items() if (key, patch) not in packed}
    return packs, {key: patch for key, patch in left.items() if store.loose_path(key, patch)}


def _absent(fact: Archive) -> Finding:
    return Finding(
        code="absent",
        message="is neither here nor on the remote",
        level="note",
        file=shown(fact.name),
        hint="Run the same command where it is stored",
    )


def _chunks(diffs: Mapping[str, PatchRef]) -> Iterator[dict[str, PatchRef]]:
    """Diffs that fit into memory together."""
    chunk: dict[str, PatchRef] = {}
    size = 0
    for key, patch in diffs.items():
        chunk[key] = patch
        size += patch.size
        if size > _PACK_SIZE:
            yield chunk
            chunk, size = {}, 0
    if chunk:
        yield chunk


def _packed(workspace: Workspace, diffs: Mapping[str, PatchRef]) -> tuple[Pack, bytes]:
    """Diffs as one object, read back and proved."""
    store = Store(workspace)
    members = [
        Member(key, patch.size, touched_path(store.read(key, patch)))
        for key, patch in diffs.items()
    ]
    pieces = encode_archive(members, lambda m: [store.read(m.key, diffs[m.key])], profile="fast")
    data = b"".join(pieces)
    found = {}
    for event in check(lambda offset, size: data[offset : offset + size], len(data)):
        if isinstance(event, Damage):
            raise IntegrityError(f"what was packed does not read back: {event.problem}")
        found[event.entry.key] = PatchRef(event.sha256, event.entry.size)
    if found != diffs:
        raise IntegrityError("what was packed does not hold what it should")
    sha256 = hashlib.sha256(data).hexdigest()
    return Pack(pack_object(sha256), sha256, len(data), diffs), data


def _prune(made: Plan, remote: Remote, progress: Progress, done: Result) -> None:
    """Delete the archives here whose remote copy, read as a whole, is what was recorded."""
    folder = archive_folder(made.workspace)
    here = [made.manifest.archives[n] for n in archive_names(folder) if n in made.manifest.archives]
    with progress.stage("prune", sum(fact.size for fact in here), in_bytes=True) as advance:
        read = 0
        for fact in here:
            check_same(remote, archive_object(fact.name), fact.size, fact.sha256)
            done.verified.append(fact.name)
            with locked(made.workspace.lock):
                remove(os.path.join(folder, fact.name))
                sync_directory(folder)
            done.pruned.append(fact.name)
            read += fact.size
            advance(read)
