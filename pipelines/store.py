"""From a key to the bytes of its diff, wherever they are.

No verb knows where a diff is stored. Looked at in this order: loose in `.diffs`, in an archive
there, made again by git from the commits that it was recorded from, in an archive of the remote.

A loose diff is what its hash says, not what its name says: a merge can give a session another key
(`codec/clashes.py`), and its diff is then found under the name that it was stored under. What
stands under the name of one session and is the diff of another is no damage: the first one is
absent here.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from codec.errors import IntegrityError
from codec.records import PatchRef, Session, key_time
from codec.v2_progress import diff_name
from pipelines.archives import Archives
from pipelines.errors import Erased, NotFound
from pipelines.files import read_bytes, read_file
from pipelines.workspace import MANIFEST, Workspace, read_manifest

if TYPE_CHECKING:
    from pipelines.remote_archives import OpenRemote, RemoteArchives

#: Whether this machine's file systems take `:` in a name.
COLONS = os.name != "nt"
_PURGED = b'"fact":"purged"'


class Store:
    """The diffs of one workspace."""

    def __init__(self, workspace: Workspace, open_remote: OpenRemote | None = None) -> None:
        """The diffs of a workspace.

        Args:
            workspace: whose.
            open_remote: gives the remote to look at last; None to look at none.
        """
        self._workspace = workspace
        self._open_remote = open_remote
        self._remote: RemoteArchives | None = None
        self._archives = Archives(workspace)
        self._purged: dict[str, str] | None = None
        self._by_time: dict[str, list[str]] | None = None
        self._recorded: dict[str, set[PatchRef]] | None = None

    def loose_names(self) -> set[str]:
        """The names of all loose diffs."""
        try:
            with os.scandir(self._workspace.diffs) as entries:
                return {e.name for e in entries if e.name.endswith(".diff")}
        except FileNotFoundError:
            return set()

    def loose_files(self, patch: PatchRef) -> list[str]:
        """All files of loose diffs that hold a patch, whatever they are called."""
        paths = [os.path.join(self._workspace.diffs, name) for name in sorted(self.loose_names())]
        return [
            path
            for path in paths
            if os.path.getsize(path) == patch.size
            and hashlib.sha256(read_bytes(path)).hexdigest() == patch.sha256
        ]

    def archived_keys(self) -> set[str]:
        """The keys of all diffs that an archive here has."""
        return self._archives.keys()

    def read(self, key: str, patch: PatchRef, commits: Sequence[str] = ()) -> bytes:
        """The bytes of a diff.

        Args:
            key: of its session.
            patch: what it must hold.
            commits: from which git remakes the diff, see `commits_of`.

        Raises:
            Erased: it was erased on purpose.
            NotFound: it is not stored on this machine.
            IntegrityError: what is stored is not what was recorded.
        """
        if self._purged is None:
            self._purged = purged_times(self._workspace)
        if patch.sha256 in self._purged:
            when = self._purged[patch.sha256][:10]
            raise Erased(f"the diff of {key} was purged on {when}")
        data = self._loose(names_of(key), patch)
        if data is None:
            data = self._archived(key, patch)
        if data is None:
            data = self._loose(self.names_near(key), patch)
        if data is not None:
            return data
        self._check_own(key, patch)
        if commits and self._workspace.repository:
            from pipelines.git_patches import remade

            data = remade(self._workspace, commits, patch)
            if data is not None:
                return data
        data = self._on_remote(key, patch)
        if data is not None:
            return data
        raise NotFound(
            f"the diff of {key} is not stored on this machine",
            hint="Diffs are local to a clone: look where the log was migrated, or bring them from "
            "a copy with 'session-codec restore --only diffs'",
        )

    def _on_remote(self, key: str, patch: PatchRef) -> bytes | None:
        """The bytes of a diff that is in an archive of the remote."""
        if self._open_remote is None:
            return None
        if self._remote is None:
            from pipelines.remote_archives import RemoteArchives

            self._remote = RemoteArchives(self._workspace, self._open_remote)
        return self._remote.read(key, patch)

    def _archived(self, key: str, patch: PatchRef) -> bytes | None:
        """The bytes of a diff that is in an archive here."""
        try:
            return self._archives.read(key, patch)
        except IntegrityError:
            recorded = self._patches_of(key)
            for other in recorded - {patch} if patch in recorded else ():
                with suppress(IntegrityError):
                    self._archives.read(key, other)
                    return None  # what was packed under this key is the diff of another session
            raise

    def loose_path(self, key: str, patch: PatchRef) -> str | None:
        """The file in which a diff is loose, None where it is not.

        Raises:
            IntegrityError: what is stored is not what was recorded.
        """
        for names in (names_of(key), self.names_near(key)):
            for name in names:
                if self._loose((name,), patch) is not None:
                    return os.path.join(self._workspace.diffs, name)
        self._check_own(key, patch)
        return None

    def _check_own(self, key: str, patch: PatchRef) -> None:
        """Refuse a file of a key's name that is neither its diff nor that of another session."""
        for name in names_of(key):
            path = os.path.join(self._workspace.diffs, name)
            if os.path.exists(path) and not self._is_of_another(path, key, patch):
                raise IntegrityError(
                    f"is not the diff that was recorded for {key}: SHA-256 or size differ",
                    file=f".diffs/{name}",
                    hint="Restore it from a backup, or remove it and run migrate with the v1 log",
                )

    def _loose(self, names: Iterable[str], patch: PatchRef) -> bytes | None:
        """The bytes of a patch, if they stand under one of these names."""
        for name in names:
            try:
                data = read_file(os.path.join(self._workspace.diffs, name), patch.size)
            except FileNotFoundError:
                continue
            if len(data) == patch.size and hashlib.sha256(data).hexdigest() == patch.sha256:
                return data
        return None

    def names_near(self, key: str) -> Sequence[str]:
        """The names of loose diffs of sessions that have the time of a key."""
        if self._by_time is None:
            self._by_time = {}
            for name in sorted(self.loose_names()):
                self._by_time.setdefault(_time_of(name), []).append(name)
        return self._by_time.get(_time_of(key), ())

    def _is_of_another(self, path: str, key: str, patch: PatchRef) -> bool:
        """Whether a file is the diff of another session of a key's time than the one looked for."""
        return self._patches_of(key) >= {patch_in(path), patch}

    def _patches_of(self, key: str) -> set[PatchRef]:
        """The diffs of all sessions that have the time of a key."""
        if self._recorded is None:
            manifest = read_manifest(self._workspace)
            self._recorded = {}
            for session in (*manifest.sessions.values(), *manifest.clashes):
                if session.patch is not None:
                    self._recorded.setdefault(session.time, set()).add(session.patch)
        return self._recorded.get(key_time(key), set())


def patch_in(path: str) -> PatchRef:
    """The patch that a file holds."""
    data = read_bytes(path)
    return PatchRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def purged_times(workspace: Workspace) -> dict[str, str]:
    """When diffs were erased, by SHA-256; found without reading all of the manifest as JSON."""
    path = workspace.path(MANIFEST)
    if not os.path.exists(path) or not os.path.getsize(path):
        return {}
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(_PURGED) < 0:
            return {}
    return dict(read_manifest(workspace).purged)


def _time_of(name: str) -> str:
    """The time that a key or a name of a diff begins with, as file systems without `:` have it."""
    return key_time(name).replace(":", "-")


def names_of(key: str) -> tuple[str, ...]:
    """The file names under which a key's diff may be found; the first is how it is written."""
    plain, safe = diff_name(key), diff_name(key, colons=False)
    if plain == safe:
        return (plain,)
    return (plain, safe) if COLONS else (safe, plain)


def commits_of(session: Session) -> tuple[str, ...]:
    """Return the commits or ranges that a session's patch is made from, in order."""
    return (session.range,) if session.range else session.commits_of
