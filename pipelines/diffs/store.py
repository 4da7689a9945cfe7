"""Read a session's diff, wherever it is stored.

Verbs do not know where a diff is stored. It is searched for in this order: loose in `.diffs`, in a
local archive, in the pending store, recomputed by git from the recorded commits, in an archive on
the remote.

Loose diffs are identified by hash, not by file name: a merge can give a session another key
(`codec/merge/key_conflicts.py`); its diff is then found under its former name. A file with the name
of one session and the diff of another is not damage: the first diff is
missing locally.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import (
    Collection,
    Container,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import suppress
from typing import TYPE_CHECKING

from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from codec.names import key_time
from codec.records import PatchRef, Session
from pipelines.diffs.local_archives import Archives
from pipelines.outcomes.errors import Erased, NotFound, StorageError
from pipelines.system.fs.files import (
    read_file,
    regular_size,
)
from pipelines.system.git.worktree import opened
from pipelines.workspace import pending
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.purged_diffs import purged_times
from pipelines.workspace.reading import read_manifest

if TYPE_CHECKING:
    from pipelines.diffs.remote_archives import OpenRemote, RemoteArchives


class Store:
    """The diffs of one workspace."""

    def __init__(
        self,
        workspace: Workspace,
        open_remote: OpenRemote | None = None,
        manifest: Manifest | None = None,
        others: Iterable[Session] = (),
    ) -> None:
        """Open the diffs of a workspace.

        Args:
            workspace: the workspace of the diffs.
            open_remote: returns the remote to search last; None to search none.
            manifest: the facts to use, if they are not those of the workspace.
            others: further sessions whose diffs may be stored here.
        """
        self._workspace = workspace
        self._open_remote = open_remote
        self._remote: RemoteArchives | None = None
        self._archives = Archives(workspace)
        self._manifest = manifest
        self._others = others
        self._purged: Mapping[str, str] | None = manifest.purged if manifest is not None else None
        self._by_time: dict[str, list[str]] | None = None
        self._recorded: dict[str, set[PatchRef]] | None = None
        self._sizes: set[int] = set()

    def loose_names(self) -> set[str]:
        """Return the names of all loose diffs."""
        try:
            with os.scandir(self._workspace.diffs) as entries:
                return {e.name for e in entries if e.name.endswith(".diff")}
        except FileNotFoundError:
            return set()

    def archived_keys(self) -> set[Key]:
        """Return the keys of all diffs in local archives."""
        return self._archives.keys()

    def holder(self, key: Key, patch: PatchRef, among: Container[str]) -> str | None:
        """Return the given archive that has a diff of a key's time; None if no archive has it."""
        return self._archives.holder(key, patch, among)

    def read(self, key: Key, patch: PatchRef, commits: Sequence[str] = ()) -> bytes:
        """Return the bytes of a diff.

        Args:
            key: the key of its session.
            patch: the size and hash that it must have.
            commits: the commits from which git recomputes the diff, see `commits_of`.

        Raises:
            Erased: it was erased on purpose.
            NotFound: it is not stored on this machine.
            IntegrityError: the stored bytes differ from the record.
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
        data = pending.read_patch(self._workspace, patch.sha256, patch.size)
        if data is not None:
            return data
        if commits and self._workspace.repository:
            from pipelines.workspace.git_patches import remade

            data = remade(self._workspace, commits, patch)
            if data is not None:
                return data
        data = self._on_remote(key, patch)
        if data is not None:
            return data
        raise NotFound(
            f"the diff of {key} is not stored on this machine", hint=self._advice(commits)
        )

    def _advice(self, commits: Sequence[str]) -> str:
        """Return advice on how to get a diff that neither this machine nor the remote has."""
        if commits and self._workspace.repository:
            from pipelines.system.git.missing import UNSHALLOW, is_shallow
            from pipelines.workspace.git_queries import repository_of

            if is_shallow(repository_of(self._workspace).common):
                return UNSHALLOW
        return (
            "Diffs are local to a clone: look where the log was migrated, or bring them from "
            "a copy with 'session-codec restore --only diffs'"
        )

    def has(self, key: Key, patch: PatchRef) -> bool:
        """Return True if a diff is stored on this machine and intact."""
        try:
            self.read(key, patch)
        except (StorageError, IntegrityError):
            return False
        return True

    def _on_remote(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff from an archive of the remote; None if no archive has it."""
        if self._open_remote is None:
            return None
        if self._remote is None:
            from pipelines.diffs.remote_archives import RemoteArchives

            self._remote = RemoteArchives(self._workspace, self._open_remote)
        return self._remote.read(key, patch)

    def _archived(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff from a local archive; None if no archive has it."""
        try:
            return self._archives.read(key, patch)
        except IntegrityError:
            recorded = self._patches_of(key)
            for other in recorded - {patch} if patch in recorded else ():
                with suppress(IntegrityError):
                    self._archives.read(key, other)
                    return None  # the diff of another session was packed under this key
            raise

    def loose_path(self, key: Key, patch: PatchRef) -> str | None:
        """Return the path of a loose diff; None if it is not loose.

        Raises:
            IntegrityError: the stored bytes differ from the record.
        """
        for names in (names_of(key), self.names_near(key)):
            for name in names:
                if self._loose((name,), patch) is not None:
                    return os.path.join(self._workspace.diffs, name)
        self._check_own(key, patch)
        return None

    def further_copies(self, found: Mapping[str, tuple[Key, PatchRef]]) -> dict[str, list[str]]:
        """Return the paths of other loose files with the same bytes, by the path that was found.

        A merge can give a session another key; its diff is then stored under both names.

        Args:
            found: the key and the diff in a loose file, by path; see `loose_path`.
        """
        paths = {(_time_of(key), patch): path for path, (key, patch) in found.items()}
        sizes = {patch.size for _, patch in found.values()}
        copies: dict[str, list[str]] = {}
        for name in sorted(self.loose_names() - {os.path.basename(path) for path in found}):
            copy = os.path.join(self._workspace.diffs, name)
            patch = patch_in(copy, sizes)
            path = paths.get((_time_of(name), patch)) if patch else None
            if path:
                copies.setdefault(path, []).append(copy)
        return copies

    def is_pending(self, patch: PatchRef) -> bool:
        """Return True if a diff is intact in the pending store."""
        return pending.read_patch(self._workspace, patch.sha256, patch.size) is not None

    def _check_own(self, key: Key, patch: PatchRef) -> None:
        """Raise IntegrityError if the file of a key is neither its diff nor another session's."""
        for name in names_of(key):
            path = os.path.join(self._workspace.diffs, name)
            if os.path.exists(path) and not self._is_of_another(path, key, patch):
                raise IntegrityError(
                    f"does not match the diff recorded for {key}: SHA-256 or size differ",
                    file=f".diffs/{name}",
                    hint="Run 'session-codec doctor --repair', or restore the file from a backup",
                )

    def _loose(self, names: Iterable[str], patch: PatchRef) -> bytes | None:
        """Return the bytes of a patch from a file with one of the names; None if not found."""
        for name in names:
            path = os.path.join(self._workspace.diffs, name)
            if regular_size(path) != patch.size:
                continue
            try:
                data = read_file(path, patch.size)
            except FileNotFoundError:
                continue
            if len(data) == patch.size and hashlib.sha256(data).hexdigest() == patch.sha256:
                return data
        return None

    def names_near(self, key: Key) -> Sequence[str]:
        """Return the names of the loose diffs whose keys have the same time as a given key."""
        if self._by_time is None:
            self._by_time = {}
            for name in sorted(self.loose_names()):
                self._by_time.setdefault(_time_of(name), []).append(name)
        return self._by_time.get(_time_of(key), ())

    def _is_of_another(self, path: str, key: Key, patch: PatchRef) -> bool:
        """Return True if a file is, or may be, the diff of another session with a key's time.

        An interrupted verb may have written the diff of a session that the manifest gets only when
        the verb is completed.
        """
        from pipelines.workspace.journal import is_pending

        recorded = self._patches_of(key)
        found = patch_in(path, self._sizes)
        is_other = found is not None and recorded >= {found, patch}
        return is_other or is_pending(self._workspace)

    def _patches_of(self, key: Key) -> set[PatchRef]:
        """Return the diffs of all sessions with the time of a key."""
        if self._recorded is None:
            manifest = self._manifest or read_manifest(self._workspace)
            self._recorded = {}
            for session in (*manifest.every_session(), *self._others):
                if session.patch is not None:
                    self._recorded.setdefault(session.time, set()).add(session.patch)
                    self._sizes.add(session.patch.size)
        return self._recorded.get(key_time(key), set())


def patch_in(path: str, sizes: Collection[int] | None) -> PatchRef | None:
    """Return the patch in a file; None if the file does not have an expected size.

    A file of another size is not read; any other is read in pieces.

    Args:
        path: the path of the file.
        sizes: the sizes that the patch may have; None for any.
    """
    size = regular_size(path)
    if size is None or (sizes is not None and size not in sizes):
        return None
    with open(path, "rb", opener=opened) as f:
        return PatchRef(sha256=Sha256(hashlib.file_digest(f, "sha256").hexdigest()), size=size)


def _time_of(name: str) -> str:
    """Return the time in a key or a diff's name, with `-` for `:`."""
    return key_time(name).replace(":", "-")


def commits_of(session: Session) -> tuple[str, ...]:
    """Return the commits or ranges that make up a session's patch, in order."""
    return (session.range,) if session.range else session.commits_of
