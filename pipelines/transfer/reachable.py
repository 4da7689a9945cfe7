"""Find out which diffs a remote has from its listing and its snapshots, without reading a diff."""

from __future__ import annotations

from collections.abc import Collection

from codec.archive.snapshot import archive_object
from codec.kinds import Key
from codec.names import key_time
from pipelines.remotes.base import Remote
from pipelines.transfer.packs import packs_of_all
from pipelines.transfer.snapshots import unarchived
from pipelines.workspace.manifest_view import Manifest


def not_there(manifest: Manifest, keys: Collection[Key], remote: Remote) -> list[Key]:
    """Return the sessions whose diffs the remote does not have.

    It takes one LIST; the last snapshots are read only if archives do not have all of them.

    Args:
        manifest: the manifest, which lists the diffs of archives.
        keys: the keys of sessions.
        remote: the remote to search.
    """
    names = {stored.name: stored.size for stored in remote.list_all()}
    facts = manifest.every_archive().values()
    there = [a for a in facts if names.get(archive_object(a.name)) == a.size]
    left = {key: patch for key, patch in unarchived(manifest, there).items() if key in keys}
    if not left:
        return []
    packs = [pack for pack in packs_of_all(remote, names) if names.get(pack.name) == pack.size]
    packed = {(key_time(key), patch) for pack in packs for key, patch in pack.diffs.items()}
    return [key for key, patch in left.items() if (key_time(key), patch) not in packed]
