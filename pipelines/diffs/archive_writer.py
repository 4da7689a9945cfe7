"""Write an archive: first under a temporary name, then verify it, name it and record it.

Before an archive is used, it is read from the disk again: every byte of the file is verified, and
every member is compared with the hash that is recorded for its session.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import NamedTuple

import zstandard

from codec.archive.container import encode_archive
from codec.archive.recovery import Damage, check
from codec.archive.tar import Load, Member
from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.facts import Archive, archive_name
from codec.records import PatchRef
from pipelines.diffs.local_archives import UNFINISHED, ranges_of
from pipelines.system.fs.files import create, move, remove, sync_directory


class Packing(NamedTuple):
    """An archive to be written.

    Attributes:
        month: the month of its sessions, `2025-11`.
        members: its members, in any order.
        sha256: the SHA-256 of each member, by key.
        load: returns the content of a member in pieces.
    """

    month: str
    members: tuple[Member, ...]
    sha256: Mapping[Key, Sha256]
    load: Load


class Written(NamedTuple):
    """A written and verified archive without its final name: its path and its fact."""

    path: str
    fact: Archive


def pack(folder: str, packing: Packing, profile: str, pool: Executor | None) -> Written:
    """Write an archive, sync it, verify it, and return it.

    Args:
        folder: the folder of archives.
        packing: the content of the archive.
        profile: one of `archive.frames.PROFILES`.
        pool: threads for compression.

    Raises:
        IntegrityError: it does not read back, or a source differs from its record.
    """
    path = os.path.join(folder, f"{UNFINISHED}{packing.month}-{os.urandom(4).hex()}")
    digest = hashlib.sha256()
    try:
        with create(path) as f:
            for piece in encode_archive(packing.members, packing.load, profile=profile, pool=pool):
                digest.update(piece)
                f.write(piece)
            f.flush()
            os.fsync(f.fileno())
        prove(path, packing.sha256)
    except BaseException:
        remove(path)
        raise
    sha256 = Sha256(digest.hexdigest())
    fact = Archive(
        name=archive_name(packing.month, sha256),
        sha256=sha256,
        size=os.path.getsize(path),
        keys=tuple(sorted(packing.sha256)),
        zstd=".".join(map(str, zstandard.ZSTD_VERSION)),
    )
    return Written(path, fact)


def prove(path: str, expected: Mapping[Key, Sha256]) -> None:
    """Raise IntegrityError unless every member of an archive has its recorded hash.

    Args:
        path: the path of the archive.
        expected: the SHA-256 of each member, by key.

    Raises:
        IntegrityError: a byte of it is wrong, or a member is missing or unexpected.
    """
    found = {key: patch.sha256 for key, patch in contents_of(path).items()}
    wrong = sorted(k for k in found.keys() | expected if found.get(k) != expected.get(k))
    if wrong:
        raise IntegrityError(
            f"does not hold the expected content: {', '.join(wrong[:5])}", file=path
        )


def contents_of(path: str) -> dict[Key, PatchRef]:
    """Return the diffs in an archive, by key, after reading all of it.

    Raises:
        IntegrityError: a byte of it is wrong.
    """
    found: dict[Key, PatchRef] = {}
    for event in check(ranges_of(path), os.path.getsize(path)):
        if isinstance(event, Damage):
            where = f"at byte {event.offset}"
            raise IntegrityError(f"cannot be read back {where}: {event.problem}", file=path)
        found[event.entry.key] = PatchRef(sha256=event.sha256, size=event.entry.size)
    return found


def publish(written: Written) -> None:
    """Give an archive its final name; an existing file of that name has the same bytes."""
    folder = os.path.dirname(written.path)
    move(written.path, os.path.join(folder, written.fact.name))
    sync_directory(folder)


def remove_unfinished(folder: str) -> None:
    """Remove the unfinished files of a stopped run. The caller must hold the lock."""
    for name in os.listdir(folder):
        if name.startswith(UNFINISHED):
            remove(os.path.join(folder, name))
