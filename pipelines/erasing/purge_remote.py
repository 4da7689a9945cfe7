"""Erase diffs from a remote: upload replacements, read them back, then delete the objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from codec.archive.snapshot import (
    Pack,
    archive_object,
    decode_archive_object,
    decode_layout_object,
)
from codec.kinds import ObjectName
from codec.manifest.facts import Archive
from pipelines.erasing.remote import (
    Held,
    Replacement,
    find_held,
    remove_unfinished,
    send,
    unfinished_finding,
)
from pipelines.erasing.targets import Targets
from pipelines.outcomes.errors import Denied, Refused
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote, check_same
from pipelines.transfer.last_snapshot import read_last
from pipelines.transfer.outgoing import Outgoing, search
from pipelines.transfer.packs import needed_packs
from pipelines.transfer.snapshots import (
    purged_elsewhere,
    put_snapshot,
    snapshot_of,
    tracked_files,
    unarchived,
)
from pipelines.transfer.uploads import archive_upload
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import Manifest, decode_manifest

_RETAINED = (
    "It is erased here. If a lock retains the object there, run the same command again when that"
    " has ended; else check that the credentials may list and delete versions"
)


@dataclass(kw_only=True, slots=True)
class There:
    """A remote to erase from, and its objects.

    Attributes:
        workspace: the workspace that was copied.
        reads, writes: the remote, opened for reading and for writing.
        allow: fingerprints of secrets that may be uploaded.
        progress: receives the stages.
        held: the objects with the diffs, after the search.
        archives: the sizes of all its archives, by name.
    """

    workspace: Workspace
    reads: Remote
    writes: Remote
    allow: Collection[str]
    progress: Progress
    held: Held = field(default_factory=Held)
    archives: dict[str, int] = field(default_factory=dict)

    @property
    def objects(self) -> list[str]:
        """Return the names of the objects to delete, as a user would write them."""
        hidden = (name for _, name in self.held.hidden)
        return [f"{self.reads.url}/{name}" for name in (*self.held.objects, *hidden)]

    def look(self, manifest: Manifest, targets: Targets) -> dict[str, str]:
        """Find the objects that hold the diffs, and return the tombstones that others uploaded.

        Raises:
            IntegrityError: an object that may have one is damaged.
            Denied: it has encrypted objects that cannot be read or written here.
            Refused: a tracked file, which is uploaded as well, seems to contain a secret.
        """
        names = {s.name: s.size for s in self.reads.list_all()}
        self.writes.list_all()
        self._check_secrets()
        found = ((decode_archive_object(name), size) for name, size in names.items())
        self.archives = {name: size for name, size in found if name is not None}
        self.held = find_held(self.reads, targets)
        last = read_last(self.workspace, self.writes)
        return purged_elsewhere(self.reads, names, last)

    def _check_secrets(self) -> None:
        sent = Outgoing(self.workspace, (), (), {}, tracked_files(self.workspace))
        findings = search(sent, self.allow, self.progress)
        secret = next((f for f in findings if f.code == "secret"), None)
        if secret is not None:
            raise Refused(
                f"{secret.file}: {secret.message}; it would be uploaded with the"
                " tombstone, so nothing is erased",
                hint=secret.hint,
            )


def erase(
    workspace: Workspace, there: There, instead: Replacement, written: Iterable[Archive]
) -> list[Finding]:
    """Upload replacements, name them in a snapshot, then delete the objects with the diffs.

    Args:
        workspace: the workspace, in which the diffs are already purged.
        there: the remote.
        instead: the replacements of objects with loose diffs, and of layouts.
        written: the local archives that replace others.

    Raises:
        IntegrityError: a replacement arrived with other content.
        Denied: an object cannot be deleted.
    """
    remote = there.writes
    sent = send(remote, instead)
    for fact in written if there.held.archives else ():
        upload = archive_upload(workspace, fact)
        remote.put(upload.name, upload.load())
        check_same(remote, upload.name, fact.size, fact.sha256)
        sent[upload.name] = fact.size
    archives = map(archive_object, there.held.archives)
    gone = [name for name in (*instead.deleted, *archives) if name not in sent]
    _name_all(workspace, remote, instead, gone)
    denied = _delete(there, gone)
    running = [unfinished_finding(name) for name in remove_unfinished(there.reads)]
    if denied is not None:
        raise denied
    return [*there.held.findings, *instead.findings, *running]


def _name_all(
    workspace: Workspace, remote: Remote, instead: Replacement, gone: Collection[ObjectName]
) -> None:
    """Upload a snapshot that names the remaining objects and the replacements."""
    listed = {stored.name: stored.size for stored in remote.list_all()}
    names = {name: size for name, size in listed.items() if name not in gone}
    files = tracked_files(workspace)
    manifest = decode_manifest(files[MANIFEST])
    last = read_last(workspace, remote)
    before = last.snapshot if last is not None else None
    facts = [a for a in manifest.every_archive().values() if _has(names, a)]
    known = [*(before.packs if before else ()), *(pack for pack, _ in instead.packs)]
    packs, others = needed_packs(unarchived(manifest, facts), names, known)
    layouts = {*(before.layouts if before else ()), *(name for name, _ in instead.layouts)}
    layouts &= names.keys()
    logs = {decode_layout_object(name)[0] for name in layouts}
    is_whole = (
        not others
        and logs.issuperset(v.sha256 for v in manifest.versions)
        and all(_has(names, a) for a in manifest.archives.values())
    )
    archives = {a.name: a.size for a in facts} if is_whole else None
    put_snapshot(
        workspace, remote, snapshot_of(files, layouts, _once(packs)), files, listed, archives
    )


def _has(names: Mapping[ObjectName, int], fact: Archive) -> bool:
    return names.get(archive_object(fact.name)) == fact.size


def _once(packs: Iterable[Pack]) -> list[Pack]:
    return list({pack.name: pack for pack in packs}.values())


def _delete(there: There, names: Iterable[ObjectName]) -> Denied | None:
    """Delete objects in all versions; return the reason if one of them cannot be deleted."""
    stays = None
    every = [*((there.reads, name) for name in names), *there.held.hidden]
    for remote, name in every:
        try:
            remote.delete(name)
        except Denied as e:
            stays = Denied(e.problem, hint=_RETAINED)
    return stays
