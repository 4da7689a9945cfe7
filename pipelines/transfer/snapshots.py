"""Build, upload and read snapshots of a workspace.

The last snapshot is recorded in the cache and counts only if the remote has it: if the cache is
gone, or was copied elsewhere with the workspace, a new writer starts. A cache that git tracks does
not count: a committer could claim that everything was uploaded.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Final, NamedTuple

from codec.archive.bundle import Bundle, decode_bundle, encode_bundle
from codec.archive.snapshot import (
    DIGITS,
    DOCUMENT,
    File,
    Pack,
    Snapshot,
    SnapshotName,
    decode_snapshot,
    decode_snapshot_name,
    encode_snapshot,
    heads,
)
from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, ObjectName, sha256_of
from codec.manifest.erased import drop_erased
from codec.manifest.fact_lines import kept_in
from codec.manifest.facts import Archive
from codec.merge.key_conflicts import settle_merge
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS as DELTA_LINES
from codec.merge.tracked_formats import METRICS as METRICS_ROWS
from codec.merge.tracked_formats import REFERENCES as ENTRIES
from codec.records import PatchRef
from codec.summaries.paths import is_path
from pipelines.outcomes.errors import Conflict, Denied
from pipelines.outcomes.findings import Finding
from pipelines.remotes.base import Remote, content_of, read_whole
from pipelines.system.fs.files import read_bytes
from pipelines.system.fs.locks import locked
from pipelines.transfer.last_snapshot import Last, lock_of, read_last_under_lock, write_last
from pipelines.workspace.location import (
    CONFIG,
    DELTAS,
    GITATTRIBUTES,
    GITIGNORE,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.purged_diffs import purged_in
from pipelines.workspace.summaries import private_digests, public_summary, stored_summaries
from pipelines.workspace.tracked_files import read_tracked

#: The tracked files of a workspace, in the order in which they are restored.
FILES: Final = (
    GITATTRIBUTES, GITIGNORE, CONFIG, REFERENCES, METRICS, PROGRESS, MANIFEST, DELTAS,
)  # fmt: skip
#: The largest total size of tracked files in bytes: a stranger's snapshot must not fill the memory.
LIMIT: Final = 256 << 20
_ROWS: Final = {METRICS: METRICS_ROWS, PROGRESS: ENTRIES, DELTAS: DELTA_LINES}
MERGED_FILES: Final = (MANIFEST, *_ROWS)


class Found(NamedTuple):
    """A snapshot: its name, its document, and the tracked files by path."""

    name: SnapshotName
    snapshot: Snapshot
    files: Mapping[str, bytes]


def unarchived(manifest: Manifest, archives: Iterable[Archive]) -> dict[Key, PatchRef]:
    """Return the diffs, by key, that are certainly in none of the given archives.

    Archives name keys: a merge may have exchanged the keys of sessions with the same time, and a
    session may have had another diff before.
    """
    archived = {key for fact in archives for key in fact.keys}
    shared = manifest.shared_times()
    return {
        key: session.patch
        for key, session in manifest.sessions.items()
        if session.patch is not None
        and session.patch.sha256 not in manifest.purged
        and (key not in archived or session.time in shared)
    }


def tracked_files(workspace: Workspace) -> dict[str, bytes]:
    """Return the existing tracked files, all read at one moment, by path.

    Raises:
        Conflict: one is a link, whose target may be anything.
        WorkspaceLocked: another process was writing for too long.
    """
    for name in FILES:
        if workspace.is_linked(name):
            raise Conflict(
                f"{name} is a link; refusing to send its target",
                hint="Replace the link with the file itself",
            )
    tracked = read_tracked(workspace)
    found: dict[str, bytes] = {
        MANIFEST: drop_erased(tracked.manifest),
        DELTAS: tracked.deltas,
        METRICS: tracked.metrics,
        PROGRESS: tracked.progress,
    }
    for name in (GITATTRIBUTES, GITIGNORE, CONFIG, REFERENCES):
        if os.path.isfile(workspace.path(name)):
            found[name] = read_bytes(workspace.path(name))
    if summaries := list(stored_summaries(workspace)):
        private = private_digests(decode_manifest(found[MANIFEST]))
        public = {s.path: public_summary(s.data, private) for s in summaries}
        found |= {path: data for path, data in public.items() if data is not None}
    return found


def snapshot_of(
    files: Mapping[str, bytes], layouts: Collection[ObjectName], packs: Collection[Pack]
) -> Snapshot:
    """Return a snapshot of tracked files and the objects that they need."""
    return Snapshot(
        files=files_of(files),
        layouts=tuple(sorted(layouts)),
        packs=tuple(sorted(packs, key=lambda pack: pack.name)),
    )


def files_of(files: Mapping[str, bytes]) -> dict[str, File]:
    """Return tracked files in the form of a snapshot."""
    return {n: File(sha256_of(d), len(d)) for n, d in files.items()}


def bundle_of(snapshot: Snapshot, files: Mapping[str, bytes]) -> Bundle:
    """Return a snapshot as an object."""
    return encode_bundle({**files, DOCUMENT: encode_snapshot(snapshot)})


def read_snapshot(remote: Remote, name: SnapshotName) -> Found:
    """Return a snapshot, verified by its name.

    Raises:
        IntegrityError: it is damaged, or does not match its name.
        FormatError: it has unexpected content, or an unknown version.
    """
    try:
        files = decode_bundle(
            read_whole(remote, name.object, LIMIT),
            name.digest,
            lambda n: n in FILES or n == DOCUMENT or is_path(n),
            LIMIT,
        )
        snapshot = decode_snapshot(files.pop(DOCUMENT, b""))
        for path, file in snapshot.files.items():
            if sha256_of(files.get(path, b"")) != file.sha256:
                raise IntegrityError(f"does not contain {path} with the stated hash")
    except CodecError as e:
        raise e.at(file=f"{remote.url}/{name}") from None
    return Found(name, snapshot, files)


def put_snapshot(
    workspace: Workspace,
    remote: Remote,
    snapshot: Snapshot,
    files: Mapping[str, bytes],
    names: Collection[ObjectName],
    archives: Mapping[str, int] | None,
) -> dict[ObjectName, int]:
    """Upload a snapshot unless nothing changed since the last one; return the size of new objects.

    Processes of one workspace take turns, so that a number is not used twice.

    Args:
        workspace: the workspace of the snapshot.
        remote: the remote to upload to.
        snapshot: the snapshot; all objects that it names exist.
        files: the tracked files.
        names: the names of all objects of the remote.
        archives: the sizes of archives, as in `Last`.

    Raises:
        WorkspaceLocked: another process was putting a snapshot for too long.
    """
    bundle = bundle_of(snapshot, files)
    sent = {}
    with locked(lock_of(workspace, remote)):
        last = read_last_under_lock(workspace, remote)
        if last and str(last.name) not in names:  # another process may have uploaded it since
            names = [stored.name for stored in remote.list_all()]
            last = last if str(last.name) in names else None
        name = next((n for n in heads(names) if n.digest == bundle.sha256[:DIGITS]), None)
        if name is None:
            name = next_name(remote, last, files[MANIFEST], names, bundle.sha256)
            data = bundle.packed()
            if remote.put(name.object, content_of(data, exact=False)):
                sent[name.object] = len(data)
        write_last(workspace, remote, Last(name, snapshot, archives))
    return sent


def purged_elsewhere(
    remote: Remote, names: Collection[ObjectName], last: Last | None
) -> dict[str, str]:
    """Return the tombstones in the last snapshots of other writers, with one GET each.

    A snapshot that cannot be read is skipped.

    Args:
        remote: the remote.
        names: the names of all its objects.
        last: the snapshot that this workspace wrote last.
    """
    purged: dict[str, str] = {}
    for name in heads(names):
        if last is None or name != last.name:
            with suppress(Denied, CodecError):
                manifest = read_snapshot(remote, name).files.get(MANIFEST, b"")
                purged |= purged_in(manifest)
    return purged


def next_name(
    remote: Remote, last: Last | None, manifest: bytes, names: Collection[ObjectName], digest: str
) -> SnapshotName:
    """Return the name of the next snapshot; the writer is kept if no uploaded fact is missing.

    Args:
        remote: the remote that it is for.
        last: the snapshot that was written last and is on the remote.
        manifest: the manifest, as it is now.
        names: the names of all objects of the remote.
        digest: the SHA-256 of the snapshot's tar.
    """
    found = [decode_snapshot_name(name) for name in names]
    if last is not None:
        later = {n for n in found if n and n.writer == last.name.writer} - {last.name}
        copied = any(n.sequence >= last.name.sequence for n in later)
        if not copied and _has_all(remote, last, manifest):
            return SnapshotName(last.name.writer, last.name.sequence + 1, digest[:DIGITS])
    return SnapshotName(os.urandom(4).hex(), 1, digest[:DIGITS])


def _has_all(remote: Remote, last: Last, manifest: bytes) -> bool:
    """Return True if a manifest has every fact of the last snapshot."""
    before = last.snapshot.files.get(MANIFEST)
    if before is None:
        return True
    if sha256_of(manifest[: before.size]) == before.sha256:
        return True
    try:
        lines = set(read_snapshot(remote, last.name).files[MANIFEST].split(b"\n"))
    except Denied:
        return False  # a writer that cannot read its last snapshot starts again
    return lines <= set(manifest.split(b"\n"))


def united(found: Sequence[Found]) -> tuple[dict[str, bytes], list[Finding]]:
    """Return the merged tracked files of several snapshots, and findings.

    Args:
        found: the snapshots, the newest last.
    """
    summaries = sorted({name for f in found for name in f.files if is_path(name)})
    names = (*summaries, *FILES)
    files: dict[str, bytes] = {
        name: f.files[name] for f in found for name in names if name in f.files
    }
    findings = [
        Finding(
            code="differs",
            message="differs between copies; the newest is used",
            level="note",
            file=name,
        )
        for name in names
        if name not in MERGED_FILES and len({f.files[name] for f in found if name in f.files}) > 1
    ]
    lines = [set(f.files.get(MANIFEST, b"").split(b"\n")) for f in found]
    for f, mine in zip(reversed(found), reversed(lines), strict=True):
        if all(mine >= others for others in lines):
            return {**files, **{n: f.files[n] for n in MERGED_FILES if n in f.files}}, findings
    manifest, *rows = (found[0].files.get(name, b"") for name in MERGED_FILES)
    for other in found[1:]:
        theirs, *their_rows = (other.files.get(name, b"") for name in MERGED_FILES)
        settle = cache(partial(settle_merge, manifest, theirs))
        kept = defaultdict(frozenset, kept_in(manifest, theirs))
        rows = [
            merge_rows(form, b"", a, b, settle, partial(kept.__getitem__, name))
            for (name, form), a, b in zip(_ROWS.items(), rows, their_rows, strict=True)
        ]
        manifest = merge_manifests(b"", manifest, theirs)
    return {**files, **dict(zip(MERGED_FILES, (manifest, *rows), strict=True))}, findings
