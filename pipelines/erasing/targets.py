"""The diffs whose bytes are searched for: their hashes, and the files that may have them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Final, NamedTuple

from codec.archive.container import ArchiveReader
from codec.kinds import Key
from codec.names import key_time
from codec.records import PatchRef
from pipelines.workspace.diff_files import hashed_names
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.manifest_view import Manifest

#: The text around the name of a file in doctor's backups and in temporary files.
_AROUND: Final = re.compile(r"\.?(?P<name>.+?)(?:\.\d+\.tmp|(?:\.\d+\.tmp)?\.repair-\d+\.bak)?")


class Targets(NamedTuple):
    """The diffs whose bytes are searched for.

    Attributes:
        hashes: their SHA-256.
        patches: the diffs of known size; sessions state the sizes.
        names: the names of files that may have them, or changed versions of them.
        times: the times of their sessions.
        live: all diffs that are recorded and not purged, which are never targets.
        sizes: their sizes in bytes; None if one of them is unknown.
    """

    hashes: frozenset[str]
    patches: frozenset[PatchRef]
    names: frozenset[str]
    times: frozenset[str]
    live: frozenset[PatchRef]
    sizes: frozenset[int] | None

    def may_have(self, size: int) -> bool:
        """Return True if a target may have this size."""
        return self.sizes is None or size in self.sizes

    def has(self, data: bytes) -> bool:
        """Return True if some bytes are those of a target."""
        return self.may_have(len(data)) and hashlib.sha256(data).hexdigest() in self.hashes

    def is_named(self, name: str) -> bool:
        """Return True if a file has the name of one of the targets, or of its backup."""
        m = _AROUND.fullmatch(name)
        return m is not None and m["name"] in self.names


def targets_of(manifest: Manifest, hashes: Collection[str], keys: Collection[Key] = ()) -> Targets:
    """Return the targets for some hashes.

    Args:
        manifest: the sessions with the sizes, keys and times.
        hashes: the SHA-256 of the diffs.
        keys: former keys of their sessions.
    """
    sessions = [s for s in manifest.every_session() if s.patch is not None]
    mine = [s for s in sessions if s.patch is not None and s.patch.sha256 in hashes]
    names = {name for key in (*(s.key for s in mine), *keys) for name in names_of(key)}
    for session in mine:
        assert session.patch is not None
        for name in names_of(session.key):
            names.update(hashed_names(name, session.patch.sha256))
    gone = {*hashes, *manifest.purged}
    patches = frozenset(s.patch for s in mine if s.patch is not None)
    is_known = {patch.sha256 for patch in patches}.issuperset(hashes)
    return Targets(
        hashes=frozenset(hashes),
        patches=patches,
        names=frozenset(names),
        times=frozenset((*(s.time for s in mine), *map(key_time, keys))),
        live=frozenset(s.patch for s in sessions if s.patch and s.patch.sha256 not in gone),
        sizes=frozenset(patch.size for patch in patches) if is_known else None,
    )


def held_in(reader: ArchiveReader, targets: Targets) -> bool:
    """Return True if an archive has one of the diffs; only members of a target's size are read.

    Raises:
        IntegrityError: a member that may be one of them is damaged.
    """
    members = (entry for entry in reader.index.entries() if targets.may_have(entry.size))
    return any(targets.has(reader.content(entry)) for entry in members)
