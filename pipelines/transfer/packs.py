"""Loose diffs as objects of a remote: find those that it has, and pack the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from codec.archive.container import encode_archive
from codec.archive.recovery import Damage, check
from codec.archive.snapshot import Pack, pack_object
from codec.archive.tar import Member
from codec.errors import IntegrityError
from codec.kinds import Key, ObjectName, sha256_of
from codec.patches.diff_stat import touched_path
from codec.records import PatchRef
from pipelines.outcomes.errors import Denied
from pipelines.remotes.base import Remote
from pipelines.transfer.shared_remotes import read_heads

#: The bytes of loose diffs in one object.
_SIZE: Final = 64 << 20


def packs_of_all(remote: Remote, names: Collection[ObjectName]) -> list[Pack]:
    """Return the objects with loose diffs that the last snapshot of any writer names."""
    try:
        return [p for found in read_heads(remote, names).found for p in found.snapshot.packs]
    except Denied:
        return []  # without the key to the objects of others, their diffs are uploaded again


def needed_packs(
    needed: Mapping[Key, PatchRef], names: Mapping[ObjectName, int], known: Iterable[Pack]
) -> tuple[list[Pack], dict[Key, PatchRef]]:
    """Return the objects with loose diffs that are still needed, and the diffs that no object has.

    Args:
        needed: the diffs that are in no archive, by key.
        names: the names of all objects that the remote has, with their sizes.
        known: the known objects with loose diffs.
    """
    packs = [
        pack
        for pack in {pack.name: pack for pack in known}.values()
        if names.get(pack.name) == pack.size and not needed.items().isdisjoint(pack.diffs.items())
    ]
    packed = {item for pack in packs for item in pack.diffs.items()}
    return packs, {key: patch for key, patch in needed.items() if (key, patch) not in packed}


def packed(
    diffs: Mapping[Key, PatchRef], read: Callable[[Key, PatchRef], bytes]
) -> Iterator[tuple[Pack, bytes]]:
    """Yield diffs as objects, each read back and verified; only one is in memory at a time.

    Args:
        diffs: the diffs to pack, by key.
        read: returns the bytes of a diff.
    """
    for chunk in _chunks(diffs):
        yield _packed(chunk, read)


def _chunks(diffs: Mapping[Key, PatchRef]) -> Iterator[dict[Key, PatchRef]]:
    """Yield groups of diffs that fit into memory."""
    chunk: dict[Key, PatchRef] = {}
    size = 0
    for key, patch in diffs.items():
        chunk[key] = patch
        size += patch.size
        if size > _SIZE:
            yield chunk
            chunk, size = {}, 0
    if chunk:
        yield chunk


def _packed(
    diffs: Mapping[Key, PatchRef], read: Callable[[Key, PatchRef], bytes]
) -> tuple[Pack, bytes]:
    members = [
        Member(key, patch.size, touched_path(read(key, patch))) for key, patch in diffs.items()
    ]
    pieces = encode_archive(members, lambda m: [read(m.key, diffs[m.key])], profile="fast")
    data = b"".join(pieces)
    found = {}
    for event in check(lambda offset, size: data[offset : offset + size], len(data)):
        if isinstance(event, Damage):
            raise IntegrityError(f"the packed archive cannot be read back: {event.problem}")
        found[event.entry.key] = PatchRef(event.sha256, event.entry.size)
    if found != diffs:
        raise IntegrityError("the packed archive does not hold the expected diffs")
    sha256 = sha256_of(data)
    return Pack(pack_object(sha256), sha256, len(data), diffs), data
