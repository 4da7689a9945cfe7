"""Purge diffs: erase their bytes from this machine and from a remote.

1. The bytes are found by their hash (`erasing`); `verify` finds them in the same way.
2. Everything that can be refused is refused before the first byte changes. The tombstone, and the
   archives that replace those with the diff, are recorded before anything is deleted, so that an
   interrupted run is completed by the next one.
3. On a remote, replacements are uploaded and read back, then a snapshot names them, and only then
   the old objects are deleted. Newly uploaded objects are never deleted.
4. The session stays: only the bytes of its diff are erased. The gap is reported from then on.
5. Files that are not ours to change, such as logs and commits, are reported.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.fact_lines import format_first, split_lines
from codec.manifest.facts import Archive, Disowned, Format, Purged
from codec.manifest.jsonl import encode_fact, fact_digest
from codec.names import key_time
from codec.records import Session
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME
from codec.v1.purged_layout import without
from pipelines.diffs.archive_writer import (
    Written,
    publish,
    remove_unfinished,
)
from pipelines.diffs.local_archives import archive_folder, archive_names, shown
from pipelines.erasing.archives import check_copied, fetch_unnamed, rewrite
from pipelines.erasing.local import Place, places
from pipelines.erasing.purge_remote import There, erase
from pipelines.erasing.remote import replacement_of
from pipelines.erasing.targets import Targets, targets_of
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.outcomes.findings import Finding
from pipelines.recording.flushing import begin_writing
from pipelines.system.fs.files import read_bytes, remove, sync_directory
from pipelines.v1.layouts import read_layout
from pipelines.workspace.find_session import find_session
from pipelines.workspace.location import MANIFEST, Workspace, moment, writing
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.staging import remove_staging
from pipelines.workspace.tracked_files import record_facts
from pipelines.workspace.transaction import Replace, Transaction

_HISTORY = (
    "git filter-repo rewrites history; a hosting service keeps pushed commits until you ask for "
    "their removal"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of a purge.

    Attributes:
        workspace, manifest: the workspace, and its manifest with tombstones from the remote.
        sessions: a session for each diff.
        targets: the diffs.
        places: the local files that have them.
        elsewhere: the names of archives that may have them, and were not searched.
        there: their objects on a remote; None if no remote is named.
    """

    workspace: Workspace
    manifest: Manifest
    sessions: list[Session]
    targets: Targets
    places: list[Place]
    elsewhere: list[str]
    there: There | None = None

    @property
    def files(self) -> list[str]:
        """Return the local files whose bytes are erased, as a user would name them."""
        return [place.file for place in self.places if place.kind != "text"]

    @property
    def objects(self) -> list[str]:
        """Return the objects of the remote to delete."""
        return self.there.objects if self.there else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: replacement archives, and the remaining places of the bytes."""

    plan: Plan
    written: list[Archive] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def plan(workspace: Workspace, name: str, there: There | None = None) -> Plan:
    """Return the plan to purge the diffs of a session, without changing anything.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
        there: a remote to erase it from as well; None for none.

    Raises:
        NotFound: there is no such session, or it has no diff.
        IntegrityError: a file or an object that may have it is damaged.
    """
    return _plan(workspace, _versions(workspace, name), there)


def plan_merged(workspace: Workspace, there: There | None = None) -> Plan:
    """Return the plan to erase the remains of diffs that were purged elsewhere.

    Raises:
        IntegrityError: a file or an object that may have one is damaged.
    """
    manifest = read_manifest(workspace)
    sessions = [manifest.session_of(patch) for patch in manifest.purged_patches()]
    return _plan(workspace, sessions, there)


def _versions(workspace: Workspace, name: str) -> list[Session]:
    """Return a session once for each diff that it has or had before a revision."""
    session = find_session(workspace, name)
    patches = read_manifest(workspace).patches_of(session.key)
    if not patches:
        raise NotFound(f"{session.key}: the session has no diff")
    return [session._replace(patch=patch) for patch in patches]


def disown(workspace: Workspace, name: str) -> list[str]:
    """Record that a session's tombstones are ignored; return the files of its diffs.

    It is possible only if the bytes still exist: a completed purge is final.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.

    Raises:
        NotFound: there is no such session, or no tombstone of it that counts.
        Conflict: no bytes of the diff are left here.
    """
    with writing(workspace):
        begin_writing(workspace)
        manifest = read_manifest(workspace)
        versions = _versions(workspace, name)
        hashes = {s.patch.sha256 for s in versions if s.patch is not None}
        hashes &= manifest.purged.keys()
        if not hashes:
            raise NotFound(f"{versions[0].key}: its diff was not purged")
        found = [
            place.file
            for place in places(workspace, manifest, targets_of(manifest, hashes))
            if place.kind in {"file", "archive"}
        ]
        if not found:
            raise Conflict(f"{versions[0].key}: its diff is erased here; a purge is final")
        tombstones = sorted(fact_digest(t) for t in manifest.tombstones if t.sha256 in hashes)
        _record_first(workspace, Disowned(tombstones=tuple(tombstones), time=moment()))
    return found


def _record_first(workspace: Workspace, fact: Disowned) -> None:
    """Add a fact that older programs would misunderstand, after the fact that locks them out."""
    before = read_bytes(workspace.path(MANIFEST))
    new = [f"{encode_fact(f)}\n".encode() for f in (Format(), fact)]
    lines = split_lines(before)
    after = b"".join(format_first([*lines, *(line for line in new if line not in lines)]))
    with Transaction(workspace, "purge") as transaction:
        transaction.prepare([], [Replace(MANIFEST, before, after)])
        transaction.commit()


def _plan(workspace: Workspace, sessions: list[Session], there: There | None) -> Plan:
    manifest = read_manifest(workspace)
    hashes = {s.patch.sha256 for s in sessions if s.patch is not None}
    if there is not None:
        manifest = manifest.with_purged(there.look(manifest, targets_of(manifest, hashes)))
    return _local(workspace, manifest, sessions, there)


def _local(
    workspace: Workspace, manifest: Manifest, sessions: list[Session], there: There | None
) -> Plan:
    targets = targets_of(manifest, {s.patch.sha256 for s in sessions if s.patch is not None})
    found = list(places(workspace, manifest, targets))
    for place in found:
        if place.kind == "unreadable":
            raise IntegrityError(
                f"may hold the diff, and is damaged: {place.problem}",
                file=place.file,
                hint="Run 'session-codec doctor --repair', or move the file away",
            )
        if place.kind == "file" and os.path.dirname(place.path) == archive_folder(workspace):
            purged = dict.fromkeys(targets.hashes, "") | dict(manifest.purged)
            check_copied(workspace, manifest._replace(purged=purged), place.path, place.file)
    seen = {*archive_names(archive_folder(workspace)), *(there.archives if there else ())}
    near = (a for a in manifest.every_archive().values() if _is_near(a, targets))
    return Plan(
        workspace=workspace,
        manifest=manifest,
        sessions=sessions,
        targets=targets,
        places=found,
        elsewhere=sorted({a.name for a in near} - seen),
        there=there,
    )


def _is_near(archive: Archive, targets: Targets) -> bool:
    return not targets.times.isdisjoint(map(key_time, archive.keys))


def purge(made: Plan) -> Result:
    """Erase the planned diffs; their places are searched again under the lock.

    Raises:
        IntegrityError: an archive with it is damaged, so that the other diffs cannot be kept.
        Denied: an object of the remote cannot be deleted.
    """
    workspace, there = made.workspace, made.there
    with writing(workspace):
        begin_writing(workspace)
        manifest = read_manifest(workspace).with_purged(made.manifest.purged)
        made = _local(workspace, manifest, made.sessions, there)
        instead = None
        if there is not None:
            instead = replacement_of(there.reads, there.held, manifest, made.targets)
        result = apply(made)
    if there is not None and instead is not None:
        result.findings.extend(erase(workspace, there, instead, result.written))
    return result


def apply(made: Plan) -> Result:
    """Record that diffs are purged, then erase them from this machine, under the lock."""
    workspace, manifest = made.workspace, made.manifest
    folder = archive_folder(workspace)
    remove_staging(workspace)
    if os.path.isdir(folder):
        remove_unfinished(folder)
    findings = list(_left(made))
    known = read_manifest(workspace)
    written = _rewritten(made, {*made.targets.hashes, *manifest.purged})
    for new in written:
        publish(new)
    facts: list[Archive | Purged] = [
        new.fact for new in written if new.fact.name not in known.every_archive()
    ]
    facts += [
        Purged(key=session.key, sha256=session.patch.sha256, time=moment())
        for session in made.sessions
        if session.patch is not None and session.patch.sha256 not in known.purged
    ]
    layouts = _layouts(made)
    if facts or layouts:
        record_facts(workspace, "purge", facts, layouts)
    published = {os.path.join(folder, new.fact.name) for new in written}
    for place in made.places:
        if place.kind in {"file", "archive"} and place.path not in published:
            remove(place.path)
    for directory in {os.path.dirname(p.path) for p in made.places} | {folder, workspace.diffs}:
        if os.path.isdir(directory):
            sync_directory(directory)
    return Result(plan=made, written=[new.fact for new in written], findings=findings)


def _rewritten(made: Plan, erased: Collection[str]) -> list[Written]:
    """Rewrite the archives, local and remote, each once."""
    workspace, there = made.workspace, made.there
    written: dict[str, Written | None] = {}
    for place in made.places:
        if place.kind == "archive":
            name = os.path.basename(place.path)
            written[name] = rewrite(place.path, name[:7], erased)
    for name in there.held.archives if there is not None else ():
        if there is not None and name not in written:
            path = fetch_unnamed(workspace, there.reads, name, there.archives[name])
            try:
                written[name] = rewrite(path, name[:7], erased)
            finally:
                remove(path)
    return list({new.fact.name: new for new in written.values() if new is not None}.values())


def _layouts(made: Plan) -> dict[str, bytes]:
    """Return the files of layouts without the text of the diffs, by their paths in `.diffs`."""
    versions = {v.sha256: v for v in made.manifest.versions}
    keys = {s.patch: s.key for s in made.sessions if s.patch is not None}
    purged = {patch: keys[patch] for patch in made.targets.patches}
    files: dict[str, bytes] = {}
    for place in made.places:
        if place.kind == "layout":
            sha256 = Sha256(os.path.basename(place.path))
            new = without(*read_layout(made.workspace, versions[sha256]), purged)
            files[f"v1/{sha256}/{LAYOUT_NAME}"] = new.layout
            files[f"v1/{sha256}/{LITERAL_NAME}"] = new.literal
    return files


def _left(made: Plan) -> Iterator[Finding]:
    """Yield findings on places where the bytes of the diffs remain."""
    keys: Mapping[str, Key] = {s.patch.sha256: s.key for s in made.sessions if s.patch}
    key = next(iter(keys.values()), None)
    for name in made.elsewhere:
        yield Finding(
            code="elsewhere",
            message="holds the diff, and is not stored on this machine",
            file=shown(name),
            key=key,
            level="note",
            hint="Run the same command on the machine that has it",
        )
    for place in made.places:
        if place.kind == "text":
            yield Finding(
                code="still-there",
                message="contains the diff as text; purge does not edit it",
                file=place.file,
                key=key,
                hint="Remove the diff by hand, or delete the file",
            )
    for session in {s.key: s for s in made.sessions}.values():
        if made.workspace.repository and (session.range or session.v1):
            what = "commits of its range" if session.range else "commits that have the v1 log"
            yield Finding(
                code="in-git",
                message=f"the {what} are in git's history and contain the diff",
                level="note",
                key=session.key,
                hint=_HISTORY,
            )
