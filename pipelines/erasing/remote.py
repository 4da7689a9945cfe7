"""Find purged bytes on a remote, and build replacements for the objects that hold them.

1. Every object is searched, whoever uploaded it, whatever snapshot names it, and in every version.
   A diff in it is found by the object's index, and by its hash.
2. The other content of an object goes into a replacement, which is built from the object itself;
   only an archive is written into the workspace.
3. An object with loose diffs of unknown sessions is kept, and reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from codec.archive.bundle import Bundle, encode_bundle
from codec.archive.container import ArchiveReader
from codec.archive.snapshot import (
    Pack,
    archive_object,
    decode_archive_object,
    decode_layout_object,
    is_layout,
    is_pack,
    layout_object,
)
from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, ObjectName
from codec.names import key_time
from codec.records import PatchRef
from codec.shown_text import counted
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, decode_layout, literal_bytes
from codec.v1.purged_layout import without
from codec.v1.purged_text import find_purged
from pipelines.erasing.targets import Targets, held_in
from pipelines.outcomes.errors import Denied
from pipelines.outcomes.findings import Finding
from pipelines.remotes.base import LIMIT, Remote, Stored, check_same, content_of, read_whole
from pipelines.transfer.downloads import layout_files, open_object, reader_of
from pipelines.transfer.packs import packed
from pipelines.workspace.manifest_view import Manifest

#: Seconds after which an unfinished upload is considered abandoned.
_ABANDONED: Final = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The objects of a remote that have purged diffs.

    Attributes:
        archives: the names of archives.
        packs: the sizes of objects with loose diffs, by name.
        layouts: the names of objects with layouts.
        hidden: versions that listings omit, each with the view that has it.
        findings: findings on objects that cannot be read here, or that are kept.
    """

    archives: list[str] = field(default_factory=list)
    packs: dict[ObjectName, int] = field(default_factory=dict)
    layouts: list[ObjectName] = field(default_factory=list)
    hidden: list[tuple[Remote, ObjectName]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def objects(self) -> list[str]:
        """Return the names of all the objects, except hidden versions."""
        return [*map(archive_object, self.archives), *self.packs, *self.layouts]


def find_held(remote: Remote, targets: Targets) -> Held:
    """Return the objects of a remote that have purged diffs, without changing it.

    Raises:
        IntegrityError: an object that may have one is damaged.
    """
    held = Held()
    for stored in remote.list_all():
        if not _holds(remote, stored, targets):
            continue
        archive = decode_archive_object(stored.name)
        if archive is not None:
            held.archives.append(archive)
        elif is_pack(stored.name):
            held.packs[stored.name] = stored.size
        else:
            held.layouts.append(stored.name)
    unreadable = {name for name in remote.unreadable() if not name.startswith("snapshot/")}
    for view in remote.hidden():
        try:
            hidden = view.list_all()
        except Denied:
            hidden = []
        held.hidden.extend((view, s.name) for s in hidden if _holds(view, s, targets))
        unreadable.update(n for n in view.unreadable() if not n.startswith("snapshot/"))
    if unreadable:
        held.findings.append(_unreadable(remote, len(unreadable)))
    return held


def _holds(remote: Remote, stored: Stored, targets: Targets) -> bool:
    """Return True if an object has one of the diffs."""
    try:
        if is_layout(stored.name):
            files = layout_files(remote, stored.name)
            layout = decode_layout(files[LAYOUT_NAME])
            text = b"".join(literal_bytes(layout, files[LITERAL_NAME]))
            return any(find_purged(text, targets.patches))
        if is_pack(stored.name) or decode_archive_object(stored.name) is not None:
            return held_in(open_object(remote, stored.name, stored.size), targets)
    except CodecError as e:
        raise IntegrityError(
            f"its content cannot be read: {e.problem}",
            file=f"{remote.url}/{stored.name}",
            hint="Move it away, or restore it from a copy, and run the same command again",
        ) from None
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Replacement:
    """Replacements for objects with loose diffs, and for layouts.

    Attributes:
        packs, layouts: the objects to upload.
        deleted: the names of the objects to delete afterwards.
        findings: findings on objects that are kept.
    """

    packs: list[tuple[Pack, bytes]] = field(default_factory=list)
    layouts: list[tuple[ObjectName, Bundle]] = field(default_factory=list)
    deleted: list[ObjectName] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def replacement_of(remote: Remote, held: Held, manifest: Manifest, targets: Targets) -> Replacement:
    """Return replacements for objects of a remote, without the purged diffs.

    Args:
        remote: the remote that has the objects.
        held: the objects.
        manifest: the diffs to keep, and the purged diffs.
        targets: the diffs to leave out.
    """
    made = Replacement()
    known: dict[tuple[str, str], tuple[Key, PatchRef]] = {}
    for session in manifest.every_session():
        if session.patch is not None:
            known[session.time, session.patch.sha256] = session.key, session.patch
    kept: dict[Key, PatchRef] = {}
    content: dict[PatchRef, bytes] = {}
    for name, size in held.packs.items():
        members = _members(remote, name, size, known)
        if members is None:
            made.findings.append(_unknown(f"{remote.url}/{name}"))
            continue
        made.deleted.append(name)
        for key, (patch, data) in members.items():
            if patch.sha256 not in targets.hashes and patch.sha256 not in manifest.purged:
                kept[key] = patch
                content[patch] = data
    made.packs.extend(packed(kept, lambda _, patch: content[patch]))
    purged = {patch: manifest.session_of(patch).key for patch in targets.patches}
    for name in held.layouts:
        log, _ = decode_layout_object(name)
        files = layout_files(remote, name)
        layout = without(decode_layout(files[LAYOUT_NAME]), files[LITERAL_NAME], purged)
        bundle = encode_bundle({LAYOUT_NAME: layout.layout, LITERAL_NAME: layout.literal})
        made.layouts.append((layout_object(log, bundle.sha256), bundle))
        made.deleted.append(name)
    return made


def _members(
    remote: Remote,
    name: ObjectName,
    size: int,
    known: Mapping[tuple[str, str], tuple[Key, PatchRef]],
) -> dict[Key, tuple[PatchRef, bytes]] | None:
    """Return the diffs of an object by their current keys; None if some are not known here."""
    found: dict[Key, tuple[PatchRef, bytes]] = {}
    for member, data in _contents(reader_of(read_whole(remote, name, min(size, LIMIT)))):
        digest = hashlib.sha256(data).hexdigest()
        session = known.get((key_time(member), digest))
        if session is None:
            return None
        found[session[0]] = session[1], data
    return found


def _contents(reader: ArchiveReader) -> Iterator[tuple[str, bytes]]:
    for entry in reader.index.entries():
        yield entry.key, reader.content(entry)


def send(remote: Remote, made: Replacement) -> dict[ObjectName, int]:
    """Upload replacements and read them back; return the sizes of the new objects by name.

    Raises:
        IntegrityError: an object arrived with other content.
    """
    sent = {}
    for pack, data in made.packs:
        remote.put(pack.name, content_of(data))
        check_same(remote, pack.name, pack.size, pack.sha256)
        sent[pack.name] = pack.size
    for name, bundle in made.layouts:
        data = bundle.packed()
        remote.put(name, content_of(data, exact=False))
        layout_files(remote, name)
        sent[name] = len(data)
    return sent


def remove_unfinished(remote: Remote) -> list[str]:
    """Remove abandoned uploads; return the names of uploads that may still be running."""
    return [f"{remote.url}/{name}" for name in remote.remove_unfinished(_ABANDONED)]


def unfinished_finding(name: str) -> Finding:
    """Return a finding on an upload that may still be running."""
    return Finding(
        code="not-inspected",
        message="is an unfinished upload that may hold the diff",
        file=name,
        hint="If no other machine is uploading, run the same command again in an hour",
    )


def _unreadable(remote: Remote, count: int) -> Finding:
    found, them = counted(count, "encrypted object"), "it" if count == 1 else "them"
    return Finding(
        code="not-inspected",
        message=f"{found} cannot be inspected: no identity can decrypt {them}",
        file=remote.url,
        hint="Run the same command with an identity that can decrypt them",
    )


def _unknown(name: str) -> Finding:
    return Finding(
        code="elsewhere",
        message="holds the diff, and diffs of sessions that are unknown here; it was kept",
        file=name,
        hint="Merge the manifest of the machine that uploaded it, and run the same command again",
    )
