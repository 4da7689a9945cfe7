"""Download objects of a remote to their places: archives, loose diffs, layouts.

A file gets its name when it is complete, on the disk, and equal to the record.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

from codec.archive.bundle import decode_bundle
from codec.archive.container import ArchiveReader
from codec.archive.snapshot import Pack, archive_object, decode_archive_object, decode_layout_object
from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, ObjectName
from codec.manifest.facts import Archive
from codec.names import key_time
from codec.records import PatchRef
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, decode_layout
from codec.v1.purged_layout import without
from pipelines.diffs.archive_writer import remove_unfinished
from pipelines.diffs.local_archives import UNFINISHED, archive_folder, shown
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import LIMIT, Remote, bounded, read_whole
from pipelines.system.fs.files import (
    create,
    make_folder,
    move,
    remove,
    remove_folder,
    sync_directory,
    sync_written,
    write_new,
)
from pipelines.workspace.diff_files import put_diff
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.staging import make_staging, new_token

_LAYOUT: Final = frozenset((LAYOUT_NAME, LITERAL_NAME))
#: Diffs of an object to write: by key, the key that they have in the object.
Chosen = dict[Key, Key]


def fetch_archives(
    workspace: Workspace,
    remote: Remote,
    archives: Sequence[Archive],
    progress: Progress,
    jobs: int,
) -> Iterator[str]:
    """Download archives; yield each path when it is complete."""
    folder = archive_folder(workspace)
    if archives:
        make_folder(folder)
    if os.path.isdir(folder):
        remove_unfinished(folder)
    lock = threading.Lock()
    received = 0
    with (
        progress.stage("archives", sum(a.size for a in archives), in_bytes=True) as advance,
        ThreadPoolExecutor(jobs) as pool,
    ):

        def count(size: int) -> None:
            nonlocal received
            with lock:
                received += size
                advance(received)

        waiting = [pool.submit(_fetch, remote, folder, fact, count) for fact in archives]
        try:
            for fact, future in zip(archives, waiting, strict=True):
                future.result()
                yield shown(fact.name)
        finally:
            for future in waiting:
                future.cancel()
        if archives:
            sync_directory(folder)


def _fetch(remote: Remote, folder: str, fact: Archive, count: Callable[[int], None]) -> None:
    """Download an archive; it gets its name after its hash was compared."""
    path = os.path.join(folder, f"{UNFINISHED}{fact.name}")
    name = f"{remote.url}/{archive_object(fact.name)}"
    digest = hashlib.sha256()
    try:
        remove(path)  # left by an interrupted run, or a link from a clone
        with create(path) as f:

            def write(block: bytes) -> None:
                f.write(block)
                digest.update(block)
                count(len(block))

            size = remote.copy(archive_object(fact.name), bounded(write, fact.size, name))
            f.flush()
            os.fsync(f.fileno())
        if (size, digest.hexdigest()) != (fact.size, fact.sha256):
            raise IntegrityError(
                "does not match the recorded archive; it is not restored",
                file=name,
                hint="Restore the object from another copy, and run the same command again",
            )
        move(path, os.path.join(folder, fact.name))
    except BaseException:
        remove(path)  # it may have filled the disk
        raise


def pack_diffs(remote: Remote, pack: Pack, names: Iterable[Key]) -> dict[Key, bytes]:
    """Return diffs of an object, by the keys that they have in it.

    An object with loose diffs is fetched and verified as a whole; from an archive only the needed
    frames are fetched, and each diff is verified.
    """
    with _object(remote, pack.name):
        if decode_archive_object(pack.name) is not None:
            reader = open_object(remote, pack.name, pack.size)
        else:
            data = read_whole(remote, pack.name, min(pack.size, LIMIT))
            if hashlib.sha256(data).hexdigest() != pack.sha256:
                raise IntegrityError("differs from the object that the snapshot names")
            reader = reader_of(data)
        return {name: reader.read(name, pack.diffs[name]) for name in names}


def reader_of(data: bytes) -> ArchiveReader:
    """Return a reader of an archive that is in memory."""
    return ArchiveReader(lambda offset, size: data[offset : offset + size], len(data))


def open_object(remote: Remote, name: ObjectName, size: int) -> ArchiveReader:
    """Return a reader of an archive or pack of a remote, which is read by ranges."""
    return ArchiveReader(lambda offset, count: remote.read(name, offset, count).data, size)


def held_of(
    remote: Remote, facts: Iterable[Archive], wanted: Collection[tuple[str, PatchRef]]
) -> Iterator[Pack]:
    """Find diffs in archives of a remote by hash, and yield each archive that has some.

    Args:
        remote: the remote with the archives.
        facts: the facts of the archives.
        wanted: the time and the content of each diff.
    """
    for fact in facts:
        name = archive_object(fact.name)
        sizes: dict[tuple[str, int], list[PatchRef]] = {}
        for time, patch in wanted:
            sizes.setdefault((time, patch.size), []).append(patch)
        found: dict[Key, PatchRef] = {}
        with _object(remote, name):
            reader = open_object(remote, name, fact.size)
            for entry in reader.index.entries():
                for patch in sizes.get((key_time(entry.key), entry.size), ()):
                    with suppress(IntegrityError):  # another diff with the same time and size
                        reader.read(entry.key, patch)
                        found[entry.key] = patch
        if found:
            yield Pack(name, fact.sha256, fact.size, found)


def write_diffs(workspace: Workspace, remote: Remote, pack: Pack, chosen: Chosen) -> list[str]:
    """Write chosen diffs of an object, and return the names of their files."""
    diffs = pack_diffs(remote, pack, chosen.values())
    files = {names_of(key)[0]: diffs[name] for key, name in chosen.items()}
    with _staged(workspace, files) as staged:
        make_folder(workspace.diffs)
        names = [put_diff(path, workspace.diffs, os.path.basename(path)) for path in staged]
        sync_directory(workspace.diffs)
    return names


def layout_files(remote: Remote, name: ObjectName) -> dict[str, bytes]:
    """Return the files of a layout, verified by the name of its object."""
    log, digest = decode_layout_object(name)
    with _object(remote, name):
        files = decode_bundle(read_whole(remote, name), digest, _LAYOUT.__contains__)
        if files.keys() != _LAYOUT or decode_layout(files[LAYOUT_NAME]).sha256 != log:
            raise IntegrityError("its content does not match its name")
    return files


def write_layout(
    workspace: Workspace, remote: Remote, name: ObjectName, purged: Mapping[PatchRef, Key]
) -> str:
    """Write a layout, and return its path.

    Args:
        workspace: the workspace.
        remote, name: the remote, and the object with the layout.
        purged: the diffs that it must not contain, and the key of a session for each.
    """
    log, _ = decode_layout_object(name)
    files = layout_files(remote, name)
    if purged:
        encoded = without(decode_layout(files[LAYOUT_NAME]), files[LITERAL_NAME], purged)
        files = {LAYOUT_NAME: encoded.layout, LITERAL_NAME: encoded.literal}
    folder = os.path.join(workspace.diffs, "v1", log)
    with _staged(workspace, files) as staged:
        make_folder(folder)
        for path in staged:
            move(path, os.path.join(folder, os.path.basename(path)))
        sync_directory(folder)
    return f".diffs/v1/{log}/"


@contextmanager
def _staged(workspace: Workspace, files: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Write files under temporary names and return their paths."""
    staging = make_staging(workspace, new_token())
    paths = []
    try:
        for name, data in files.items():
            paths.append(os.path.join(staging, name))
            if not write_new(paths[-1], data):
                raise IntegrityError("does not read back as it was written", file=paths[-1])
        sync_written(paths)
        yield paths
    finally:
        remove_folder(staging)


@contextmanager
def _object(remote: Remote, name: ObjectName) -> Iterator[None]:
    """Add the name of an object to the errors about it."""
    try:
        yield
    except CodecError as e:
        raise e.at(file=f"{remote.url}/{name}") from None
