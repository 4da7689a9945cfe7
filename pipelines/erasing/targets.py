"""The bytes to look for: diffs by SHA-256, and the places where they may be."""

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

#: What doctor's backups, and temporary files, have around the name of the file.
_AROUND: Final = re.compile(r"\.?(?P<name>.+?)(?:\.\d+\.tmp|(?:\.\d+\.tmp)?\.repair-\d+\.bak)?")


class Targets(NamedTuple):
    """The diffs whose bytes are looked for.

    Attributes:
        hashes: their SHA-256.
        patches: those whose sizes are known, which sessions tell.
        names: of files in which they, or changed versions of them, may be.
        times: of their sessions.
        live: all diffs that are recorded and not purged: they are never looked for.
        sizes: in bytes, that they have; None where that of one is not known.
    """

    hashes: frozenset[str]
    patches: frozenset[PatchRef]
    names: frozenset[str]
    times: frozenset[str]
    live: frozenset[PatchRef]
    sizes: frozenset[int] | None

    def may_have(self, size: int) -> bool:
        """Return whether one of them may have this size."""
        return self.sizes is None or size in self.sizes

    def has(self, data: bytes) -> bool:
        """Return whether bytes are one of them."""
        return self.may_have(len(data)) and hashlib.sha256(data).hexdigest() in self.hashes

    def is_named(self, name: str) -> bool:
        """Return whether a file is called as a file of one of them, or as a backup of such."""
        m = _AROUND.fullmatch(name)
        return m is not None and m["name"] in self.names


def targets_of(manifest: Manifest, hashes: Collection[str], keys: Collection[Key] = ()) -> Targets:
    """Return the hashes and names to look for.

    Args:
        manifest: whose sessions tell sizes, keys and times.
        hashes: SHA-256 of the diffs.
        keys: keys that their sessions had before.
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
    """Return whether an archive holds one of them; only members of their sizes are read.

    Raises:
        IntegrityError: a member that may be one of them is damaged.
    """
    members = (entry for entry in reader.index.entries() if targets.may_have(entry.size))
    return any(targets.has(reader.content(entry)) for entry in members)
