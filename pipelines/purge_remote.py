"""Erase the diff of one session from a remote, and lose nothing else.

1. Which objects hold it is told by their own indexes, whoever sent them, and whether or not a
   snapshot names them still.
2. Before an object goes, all else that it holds is here: an archive is fetched and written anew
   without the diff, the other loose diffs are fetched. `sync` then sends what stands for it.
3. What a lock retains stays, is named, and keeps nothing else from being erased.
4. An object with loose diffs of sessions that are not known here stays, and is named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from codec.archive import ArchiveReader
from codec.errors import CodecError, IntegrityError
from codec.facts import archive_name
from codec.records import PatchRef, Session, key_time
from codec.snapshot import archive_object, decode_archive_object, is_pack
from pipelines.archives import UNFINISHED, archive_folder
from pipelines.errors import Denied, NotFound
from pipelines.files import remove, replace_file, sync_directory
from pipelines.findings import Finding
from pipelines.remote import Remote
from pipelines.store import Store, names_of
from pipelines.workspace import Manifest, Workspace, read_manifest, writing

_RETAINED = (
    "It is erased here. If a lock retains the object there, run the same command again when that"
    " has ended; else check that the credentials may list and delete versions"
)


class Held(NamedTuple):
    """What a remote has that holds a diff: names of archives, and of objects with loose diffs."""

    archives: list[str]
    packs: list[str]

    @property
    def objects(self) -> list[str]:
        """The names of all these objects."""
        return [*map(archive_object, self.archives), *self.packs]


def find_held(remote: Remote, key: str, patch: PatchRef) -> Held:
    """What a remote has that holds a diff; reads only.

    Args:
        remote: where to look.
        key: of the session.
        patch: its diff.

    Raises:
        IntegrityError: an object that may hold it is damaged.
    """
    held = Held([], [])
    for name, size, _ in remote.list_all():
        archive = decode_archive_object(name)
        if archive is not None and archive.startswith(key[:7]):
            if _reader(remote, name, size).index.find(key) is not None:
                held.archives.append(archive)
        elif is_pack(name) and _has(_reader(remote, name, size), key, patch):
            held.packs.append(name)
    return held


def fetch(workspace: Workspace, remote: Remote, held: Held) -> tuple[Held, list[Finding]]:
    """Bring here what else those objects hold; gives those that may go, and names the others.

    Raises:
        IntegrityError: an object is not what its name says.
    """
    packs: list[str] = []
    findings: list[Finding] = []
    with writing(workspace):
        for name in held.archives:
            path = os.path.join(archive_folder(workspace), name)
            if not os.path.exists(path):
                _fetch_archive(remote, name, path)
        manifest = read_manifest(workspace)
        for name in held.packs:
            if _fetch_diffs(workspace, manifest, remote, name):
                packs.append(name)
            else:
                findings.append(_unknown(f"{remote.url}/{name}"))
    return Held(held.archives, packs), findings


def delete(remote: Remote, names: Iterable[str]) -> Denied | None:
    """Delete objects for good; gives why one of them stays, where it does."""
    stays = None
    for name in names:
        try:
            remote.delete(name)
        except Denied as e:
            stays = Denied(e.problem, hint=_RETAINED)
    return stays


def _reader(remote: Remote, name: str, size: int) -> ArchiveReader:
    def read(offset: int, count: int) -> bytes:
        return remote.read(name, offset, count).data

    try:
        return ArchiveReader(read, size)
    except CodecError as e:
        raise IntegrityError(
            f"nobody can tell what it holds: {e.problem}",
            file=f"{remote.url}/{name}",
            hint="Move it away, or bring it back from a copy, and run the same command again",
        ) from None


def _has(reader: ArchiveReader, key: str, patch: PatchRef) -> bool:
    """Whether loose diffs hold one; a session may have had another key when they were sent."""
    for entry in reader.index.entries():
        if key_time(entry.key) == key_time(key) and entry.size == patch.size:
            try:
                reader.read(entry.key, patch)
            except IntegrityError:
                continue  # of another session of that time
            return True
    return False


def _fetch_archive(remote: Remote, name: str, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = os.path.join(os.path.dirname(path), f"{UNFINISHED}{name}")
    remove(unfinished)  # what a stopped run left; a clone may have brought a link
    with open(unfinished, "xb") as f:
        remote.copy(archive_object(name), f.write)
        f.flush()
        os.fsync(f.fileno())
    with open(unfinished, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    if archive_name(name[:7], digest) != name:
        raise IntegrityError(
            "is not the archive that its name says; nothing was erased",
            file=f"{remote.url}/{archive_object(name)}",
        )
    os.replace(unfinished, path)
    sync_directory(os.path.dirname(path))


def _fetch_diffs(workspace: Workspace, manifest: Manifest, remote: Remote, name: str) -> bool:
    """Bring the loose diffs of an object here; False where some are of sessions not known here."""
    pieces: list[bytes] = []
    remote.copy(name, pieces.append)
    data = b"".join(pieces)
    reader = ArchiveReader(lambda offset, size: data[offset : offset + size], len(data))
    by_time: dict[str, list[Session]] = {}
    for session in (*manifest.sessions.values(), *manifest.clashes):
        by_time.setdefault(session.time, []).append(session)
    store = Store(workspace)
    for entry in reader.index.entries():
        sessions = [s for s in by_time.get(key_time(entry.key), ()) if s.patch is not None]
        found = next(_of(reader, entry.key, sessions), None)
        if found is None:
            return False
        session, content = found
        assert session.patch is not None
        try:
            store.read(session.key, session.patch)
        except NotFound:
            if session.key not in manifest.purged:
                os.makedirs(workspace.diffs, exist_ok=True)
                path = os.path.join(workspace.diffs, names_of(session.key)[0])
                replace_file(path, [content])
    return True


def _of(
    reader: ArchiveReader, key: str, sessions: Iterable[Session]
) -> Iterator[tuple[Session, bytes]]:
    """The session that a diff is of, with its bytes."""
    for session in sessions:
        assert session.patch is not None
        try:
            yield session, reader.read(key, session.patch)
        except IntegrityError:
            continue  # of another session of that time


def _unknown(name: str) -> Finding:
    return Finding(
        code="elsewhere",
        message="holds the diff, and diffs of sessions that are not known here; it was left",
        file=name,
        hint="Merge the manifest of the machine that sent it, and run the same command again",
    )
