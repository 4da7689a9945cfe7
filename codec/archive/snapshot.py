"""Name the objects of a workspace on a remote, and encode and decode `snapshot.json`.

    archive/2025-11-7c8a10e34dcc.tar.zst            an archive, under its own name
    v1/<SHA-256 of the log>-<16 hex>.tar.zst        the layout of a version of a v1 log
    loose/<16 hex>.tar.zst                          diffs outside all archives, packed like one
    snapshot/<writer>-<sequence>-<16 hex>.tar.zst   the tracked files, and `snapshot.json`

1. A name is never used for other content: layouts and snapshots are named by their tar, archives
   and packs by their bytes.
2. A writer is one copy of a workspace on one machine. Its last snapshot replaces all before it;
   a remote holds the union of the last snapshots of all writers. They are found by their names
   alone, without a clock.
3. `snapshot.json` names all objects that the snapshot needs, except the archives, which the
   manifest names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import Key, ObjectName, Sha256
from codec.names import is_key
from codec.records import PatchRef

FORMAT: Final = "session-codec-snapshot"
VERSION: Final = 1
#: The name of the document in a snapshot.
DOCUMENT: Final = "snapshot.json"
#: The number of hex digits of a hash in a name.
DIGITS: Final = 16

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ARCHIVE = re.compile(r"archive/(?P<name>\d{4}-\d{2}-[0-9a-f]{12}\.tar\.zst)", re.ASCII)
_LAYOUT = re.compile(r"v1/(?P<log>[0-9a-f]{64})-(?P<digest>[0-9a-f]{16})\.tar\.zst", re.ASCII)
_PACK = re.compile(r"loose/(?P<digest>[0-9a-f]{16})\.tar\.zst", re.ASCII)
_SNAPSHOT = re.compile(
    r"snapshot/(?P<writer>[0-9a-f]{8})-(?P<sequence>\d{6,12})-(?P<digest>[0-9a-f]{16})\.tar\.zst",
    re.ASCII,
)


class File(NamedTuple):
    """A tracked file of a snapshot: SHA-256 and size in bytes."""

    sha256: Sha256
    size: int


class Pack(NamedTuple):
    """Diffs that are in no archive, in one object.

    Attributes:
        name: the name of the object.
        sha256, size: the hash and the size of the object.
        diffs: the diffs in it, by key.
    """

    name: ObjectName
    sha256: Sha256
    size: int
    diffs: Mapping[Key, PatchRef]


class Snapshot(NamedTuple):
    """The state of a workspace at one moment.

    Attributes:
        files: its tracked files, by path.
        layouts: names of the objects that have the layouts of its v1 logs.
        packs: the diffs that are in no archive.
    """

    files: Mapping[str, File]
    layouts: tuple[ObjectName, ...]
    packs: tuple[Pack, ...]


class SnapshotName(NamedTuple):
    """The parts of a snapshot's name: writer, number, and the first digits of the tar's hash."""

    writer: str
    sequence: int
    digest: str

    @property
    def object(self) -> ObjectName:
        """The name of the object that holds the snapshot."""
        return ObjectName(str(self))

    def __str__(self) -> str:
        return f"snapshot/{self.writer}-{self.sequence:06}-{self.digest}.tar.zst"


def archive_object(name: str) -> ObjectName:
    """Return the name of the object that holds an archive."""
    return ObjectName(f"archive/{name}")


def layout_object(log: Sha256, digest: str) -> ObjectName:
    """Return the name of the object that holds the layout of a log with this SHA-256."""
    return ObjectName(f"v1/{log}-{digest[:DIGITS]}.tar.zst")


def pack_object(sha256: Sha256) -> ObjectName:
    """Return the name of the object that holds a pack with this SHA-256."""
    return ObjectName(f"loose/{sha256[:DIGITS]}.tar.zst")


def decode_layout_object(name: str) -> tuple[Sha256, str]:
    """Return the SHA-256 of the log and the SHA-256 prefix of the tar in a layout's name."""
    m = _LAYOUT.fullmatch(name)
    if m is None:
        raise FormatError(f"not the name of a layout: {name!r}")
    return Sha256(m["log"]), m["digest"]


def decode_snapshot_name(name: str) -> SnapshotName | None:
    """Return the parts of a snapshot's name; None for any other name."""
    m = _SNAPSHOT.fullmatch(name)
    return SnapshotName(m["writer"], int(m["sequence"]), m["digest"]) if m else None


def is_pack(name: str) -> bool:
    """Return True if an object of this name holds loose diffs."""
    return _PACK.fullmatch(name) is not None


def is_layout(name: str) -> bool:
    """Return True if an object of this name holds the layout of a log."""
    return _LAYOUT.fullmatch(name) is not None


def decode_archive_object(name: str) -> str | None:
    """Return the name of the archive in an object; None for any other object."""
    m = _ARCHIVE.fullmatch(name)
    return m["name"] if m else None


def is_object(name: str) -> bool:
    """Return True if an object of this name belongs to a workspace."""
    return any(p.fullmatch(name) for p in (_ARCHIVE, _LAYOUT, _PACK, _SNAPSHOT))


def heads(names: Iterable[str]) -> list[SnapshotName]:
    """Return the last snapshot of each writer; several if they have the same number."""
    found = [name for name in map(decode_snapshot_name, names) if name is not None]
    last: dict[str, int] = {}
    for name in found:
        last[name.writer] = max(name.sequence, last.get(name.writer, 0))
    return sorted(name for name in found if name.sequence == last[name.writer])


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return the document of a snapshot."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "files": {name: list(file) for name, file in sorted(snapshot.files.items())},
        "layouts": list(snapshot.layouts),
        "packs": [
            {
                "name": pack.name,
                "sha256": pack.sha256,
                "bytes": pack.size,
                "diffs": {key: list(patch) for key, patch in sorted(pack.diffs.items())},
            }
            for pack in snapshot.packs
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def decode_snapshot(data: bytes) -> Snapshot:
    """Return the snapshot in a document.

    Raises:
        FormatError: it is not a snapshot, or has an unknown version.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not JSON: {e}", file=DOCUMENT) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError("not a snapshot", file=DOCUMENT)
    if document.get("version") != VERSION:
        raise FormatError(
            f"snapshot has version {document.get('version')!r}; expected {VERSION}",
            file=DOCUMENT,
            hint="Use the version of session-codec that wrote it, or a newer one",
        )
    try:
        return Snapshot(
            files={name: File(*_reference(file)) for name, file in document["files"].items()},
            layouts=tuple(_name(name, _LAYOUT) for name in document["layouts"]),
            packs=tuple(map(_pack, document["packs"])),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise FormatError(f"unexpected content: {e}", file=DOCUMENT) from None


def _pack(fields: dict[str, Any]) -> Pack:
    sha256, size = _reference([fields["sha256"], fields["bytes"]])
    diffs = {key: PatchRef(*_reference(patch)) for key, patch in fields["diffs"].items()}
    if not all(map(is_key, diffs)):
        raise ValueError("a diff has no key")
    return Pack(_name(fields["name"], _PACK), sha256, size, diffs)


def _reference(value: Any) -> tuple[Sha256, int]:
    sha256, size = value
    if not _SHA256.fullmatch(sha256) or type(size) is not int or size < 0:
        raise ValueError(f"no hash and size: {value!r}")
    return Sha256(sha256), size


def _name(value: Any, form: re.Pattern[str]) -> ObjectName:
    if not form.fullmatch(value):
        raise ValueError(f"not an object name: {value!r}")
    return ObjectName(value)
