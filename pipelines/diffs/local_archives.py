"""Read diffs by key from the archives that are stored on this machine.

They are `.diffs/archive/2025-11-7c8a10e34dcc.tar.zst`; a month can have several. The manifest lists
the archives, and the index of each lists its diffs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.facts import Archive
from codec.records import PatchRef
from pipelines.system.git.local_state import refuse_committed_diffs
from pipelines.workspace.location import ARCHIVES, Workspace

if TYPE_CHECKING:
    from pipelines.workspace.manifest_view import Manifest

if TYPE_CHECKING:
    from codec.archive.container import ArchiveReader
    from codec.archive.frames import Read

#: The prefix of the name of an archive that is being written.
UNFINISHED: Final = ".new-"

#: The number of archives that are open at a time; each keeps some frames in memory.
_OPEN: Final = 4
_NAME = re.compile(r"\d{4}-\d{2}-[0-9a-f]{12}\.tar\.zst", re.ASCII)
_REPAIR: Final = "Run 'session-codec archive repair', or restore the file from a copy"


class Listed(NamedTuple):
    """An archive in the manifest: whether it is stored here, and the bytes of its diffs."""

    fact: Archive
    here: bool
    loose: int


class Archives:
    """Reads diffs from archives, and keeps the last few open."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = archive_folder(workspace)
        self._names: list[str] | None = None
        self._readers: dict[str, ArchiveReader] = {}

    def names(self) -> list[str]:
        """Return the names of the local archives."""
        if self._names is None:
            self._names = archive_names(self._folder)
        return self._names

    def keys(self) -> set[Key]:
        """Return the keys of all diffs in local archives whose index can be read."""
        found: set[Key] = set()
        for name in self.names():
            with suppress(CodecError):
                found.update(entry.key for entry in self._reader(name).index.entries())
        return found

    def holder(self, key: Key, patch: PatchRef, among: Container[str]) -> str | None:
        """Return the archive that has a diff, by hash and the time of its key; None if not found.

        Args:
            key, patch: the diff.
            among: the names of the archives to search; those that are not stored here are skipped.
        """
        for name in self.names():
            if name not in among or not name.startswith(key[:7]):
                continue
            if self._packed_otherwise(name, key, patch) is not None:
                return name
        return None

    def read(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff; None if no local archive has it.

        Raises:
            IntegrityError: the archives that should have it are damaged, or have another diff.
        """
        data = self._read(key, patch)
        if data is None and archive_names(self._folder) != self._names:
            self._names = None  # archives were written since the folder was listed
            data = self._read(key, patch)
        return data

    def _read(self, key: Key, patch: PatchRef) -> bytes | None:
        problem: IntegrityError | None = None
        month = [name for name in self.names() if name.startswith(key[:7])]
        for name in month:
            try:
                reader = self._reader(name)
                if reader.index.find(key) is not None:
                    return reader.read(key, patch)
            except FileNotFoundError:
                continue
            except CodecError as e:
                problem = IntegrityError(e.problem, file=shown(name), hint=_REPAIR)
        for name in month:
            data = self._packed_otherwise(name, key, patch)
            if data is not None:
                return data
        if problem is not None:
            raise problem
        return None

    def _packed_otherwise(self, name: str, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff that was packed before a merge changed its key; else None."""
        with suppress(FileNotFoundError, CodecError):  # the first pass reported the damage
            reader = self._reader(name)
            for entry in reader.index.near(key):
                with suppress(IntegrityError):  # another diff with the same time
                    return reader.read(entry.key, patch)
        return None

    def _reader(self, name: str) -> ArchiveReader:
        if name not in self._readers:
            from codec.archive.container import ArchiveReader

            path = os.path.join(self._folder, name)
            if len(self._readers) >= _OPEN:
                del self._readers[next(iter(self._readers))]
            self._readers[name] = ArchiveReader(ranges_of(path), os.path.getsize(path))
        return self._readers[name]


def archive_folder(workspace: Workspace) -> str:
    """Return the folder of archives.

    Raises:
        Conflict: diffs, archives or layouts are committed to the repository.
    """
    refuse_committed_diffs(workspace.home)
    return os.path.join(workspace.diffs, ARCHIVES)


def archive_names(folder: str) -> list[str]:
    """Return the names of the archives in a folder."""
    try:
        return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return []


def list_archives(workspace: Workspace, manifest: Manifest) -> list[Listed]:
    """Return the archives that a manifest names, oldest month first."""
    here = set(archive_names(archive_folder(workspace)))
    sessions = manifest.sessions
    return [
        Listed(
            fact,
            fact.name in here,
            sum(p.size for key in fact.keys if key in sessions and (p := sessions[key].patch)),
        )
        for fact in sorted(manifest.every_archive().values())
        if fact.name in here or fact.name in manifest.archives
    ]


def recorded_in(manifest: Manifest, name: str) -> dict[Key, Sha256]:
    """Return the SHA-256 of an archive's members, by key, as the manifest records them."""
    patches = {
        key: manifest.sessions[key].patch
        for key in manifest.every_archive()[name].keys
        if key in manifest.sessions
    }
    return {key: patch.sha256 for key, patch in patches.items() if patch is not None}


def shown(name: str) -> str:
    """Return the name of an archive as a user would write it."""
    return f".diffs/{ARCHIVES}/{name}"


def ranges_of(path: str) -> Read:
    """Return a function that reads ranges of a file, and opens the file for each range."""

    def read(offset: int, size: int) -> bytes:
        with open(path, "rb", buffering=0) as f:
            f.seek(offset)
            data = f.read(size)
            while len(data) < size and (more := f.read(size - len(data))):
                data += more
            return data

    return read
