"""Rewrite archives without purged diffs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator

from codec.archive.container import ArchiveReader
from codec.archive.recovery import Damage, check
from codec.archive.snapshot import archive_object
from codec.archive.tar import Member
from codec.errors import IntegrityError
from codec.kinds import Sha256
from codec.manifest.facts import archive_name
from codec.patches.diff_stat import touched_path
from codec.records import PatchRef
from pipelines.diffs.archive_writer import Packing, Written, contents_of, pack
from pipelines.diffs.local_archives import UNFINISHED, archive_folder, ranges_of
from pipelines.diffs.store import Store
from pipelines.remotes.base import Remote, bounded
from pipelines.system.fs.files import create, make_folder, remove
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest


def rewrite(path: str, month: str, erased: Collection[str]) -> Written | None:
    """Write an archive without some diffs, verify it and return it; None if no diff is left.

    Args:
        path: the path of the old archive; the new one is written beside it under a temporary name.
        month: the month of its sessions.
        erased: the SHA-256 of the diffs to leave out; the archive has at least one of them.

    Raises:
        IntegrityError: the archive is damaged.
    """
    every = contents_of(path)
    patches = {k: patch for k, patch in every.items() if patch.sha256 not in erased}
    assert len(patches) < len(every), "an archive from which nothing is taken is not rewritten"
    if not patches:
        return None
    reader = ArchiveReader(ranges_of(path), os.path.getsize(path))

    def load(member: Member) -> Iterator[bytes]:
        yield reader.read(member.key, patches[member.key])

    packing = Packing(
        month=month,
        members=tuple(
            Member(key, patch.size, touched_path(reader.read(key, patch)))
            for key, patch in patches.items()
        ),
        sha256={key: patch.sha256 for key, patch in patches.items()},
        load=load,
    )
    return pack(os.path.dirname(path), packing, "small", None)


def check_copied(workspace: Workspace, manifest: Manifest, path: str, file: str) -> None:
    """Raise IntegrityError if a copy of an archive has the only copy of a diff.

    Args:
        workspace: the workspace, whose archives and loose diffs are the other copies.
        manifest: the recorded and the purged diffs.
        path, file: the copy, and its name for a user.

    Raises:
        IntegrityError: one of its diffs is not stored elsewhere here.
    """
    store = Store(workspace, manifest=manifest)
    known = {s.patch: s.key for s in manifest.every_session() if s.patch is not None}
    for event in check(ranges_of(path), os.path.getsize(path)):
        if isinstance(event, Damage) or event.sha256 in manifest.purged:
            continue
        patch = PatchRef(event.sha256, event.entry.size)
        if patch in known and not store.has(known[patch], patch):
            raise IntegrityError(
                f"holds the diff, and the only copy of the diff of {known[patch]}",
                file=file,
                hint="Extract them with 'session-codec archive extract', and remove the file",
            )


def fetch_unnamed(workspace: Workspace, remote: Remote, name: str, size: int) -> str:
    """Download an archive under a name that readers ignore; return its path.

    Raises:
        IntegrityError: its content does not match its name.
    """
    path = os.path.join(archive_folder(workspace), f"{UNFINISHED}{name}")
    shown = f"{remote.url}/{archive_object(name)}"
    make_folder(os.path.dirname(path))
    remove(path)
    digest = hashlib.sha256()
    with create(path) as f:

        def write(block: bytes) -> None:
            f.write(block)
            digest.update(block)

        remote.copy(archive_object(name), bounded(write, size, shown))
    if archive_name(name[:7], Sha256(digest.hexdigest())) != name:
        remove(path)
        raise IntegrityError("its content does not match its name; nothing was erased", file=shown)
    return path
