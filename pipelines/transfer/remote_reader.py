"""Read a workspace on a remote without restoring it: diffs by key, layouts of v1 logs.

Archives are read by ranges, as the manifest names them. The last snapshots of all writers list the
packs of loose diffs and the layouts; they are read once, if they are needed.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from codec.archive.snapshot import Pack, decode_layout_object, heads
from codec.kinds import Key, ObjectName
from codec.manifest.facts import V1Version
from codec.names import key_time
from codec.records import PatchRef
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, Layout, decode_layout
from pipelines.diffs.remote_archives import OpenRemote, RemoteArchives
from pipelines.remotes.base import Remote
from pipelines.transfer.downloads import layout_files, pack_diffs
from pipelines.transfer.snapshots import read_snapshot
from pipelines.workspace.location import Workspace

#: The number of objects with loose diffs that are kept in memory.
_HELD: Final = 2


class RemoteCopy:
    """The copy of a workspace on a remote."""

    def __init__(self, workspace: Workspace, open_remote: OpenRemote) -> None:
        """Store the arguments; the remote is opened later.

        Args:
            workspace: the workspace that was copied.
            open_remote: returns the remote; None if no remote was named.
        """
        self._archives = RemoteArchives(workspace, self._remote)
        self._open_remote = open_remote
        self._opened: Remote | None = None
        self._packs: dict[tuple[str, PatchRef], tuple[Pack, Key]] | None = None
        self._layouts: dict[str, ObjectName] = {}
        self._held: OrderedDict[str, dict[Key, bytes]] = OrderedDict()

    def read(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff; None if there is no remote or it does not have the diff.

        Raises:
            IntegrityError: the object that should have it is damaged, or has another diff.
            StorageError: a request to the remote failed.
        """
        remote = self._remote()
        if remote is None:
            return None
        data = self._archives.read(key, patch)
        if data is not None:
            return data
        named = self._named(remote).get((key_time(key), patch))
        if named is None:
            return None
        pack, name = named
        if pack.name not in self._held:
            self._held[pack.name] = pack_diffs(remote, pack, pack.diffs)
            while len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[pack.name][name]

    def read_layout(self, version: V1Version) -> tuple[Layout, bytes] | None:
        """Return the layout of a version of a log, and its literal bytes; None if it is missing.

        Raises:
            IntegrityError: it is damaged, or differs from the hash in its name.
            StorageError: a request to the remote failed.
        """
        remote = self._remote()
        if remote is None:
            return None
        self._named(remote)
        name = self._layouts.get(version.sha256)
        if name is None:
            return None
        files = layout_files(remote, name)
        return decode_layout(files[LAYOUT_NAME]), files[LITERAL_NAME]

    def _remote(self) -> Remote | None:
        self._opened = self._opened or self._open_remote()
        return self._opened

    def _named(self, remote: Remote) -> dict[tuple[str, PatchRef], tuple[Pack, Key]]:
        """Return the object of each diff and the key that the diff has there, by time and hash."""
        if self._packs is None:
            self._packs = {}
            names = {stored.name: stored.size for stored in remote.list_all()}
            for head in heads(names):
                snapshot = read_snapshot(remote, head).snapshot
                for pack in snapshot.packs:
                    if names.get(pack.name) == pack.size:
                        for key, patch in pack.diffs.items():
                            self._packs[key_time(key), patch] = pack, key
                for layout in names.keys() & set(snapshot.layouts):
                    self._layouts[decode_layout_object(layout)[0]] = layout
        return self._packs
