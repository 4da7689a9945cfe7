"""Erase the diff of one session, wherever this machine has it.

1. The fact that it was erased, and the archives that stand for those that held it, are recorded
   before anything is deleted. A run that stopped in between is completed by the next one.
2. What is known of the session stays: only the bytes of its diff go. The gap is named from then on.
3. What it cannot change it names: a log, a commit, a layout that holds the bytes as text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from codec.archive import ArchiveReader
from codec.archive_tar import Member
from codec.diffs import touched_path
from codec.facts import Archive, Purged
from codec.records import PatchRef, Session
from codec.v1_layout import LITERAL_NAME
from pipelines.archives import Archives, archive_folder, ranges_of, shown
from pipelines.errors import NotFound
from pipelines.files import read_bytes, remove, sync_directory
from pipelines.findings import Finding
from pipelines.journal import Transaction, recover
from pipelines.lookup import find_session
from pipelines.packing import Packing, contents_of, pack, publish, remove_unfinished
from pipelines.store import Store
from pipelines.tracked import record_facts
from pipelines.v1_store import has_layout, literal_of
from pipelines.workspace import (
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    V1_LOG,
    Manifest,
    Workspace,
    moment,
    read_manifest,
    writing,
)

_HISTORY = "git filter-repo rewrites history; a host keeps what was pushed until it is asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What will be erased.

    Attributes:
        workspace, manifest: as they are.
        session: whose diff.
        patch: the diff.
        loose: files that hold it.
        archives: names of the archives here that hold it.
        elsewhere: names of archives that hold it and are not here.
    """

    workspace: Workspace
    manifest: Manifest
    session: Session
    patch: PatchRef
    loose: list[str]
    archives: list[str]
    elsewhere: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was erased: the archives written instead, and where the bytes stand still."""

    plan: Plan
    written: list[Archive]
    findings: list[Finding]


def plan(workspace: Workspace, name: str) -> Plan:
    """Where the diff of a session stands; reads only.

    Args:
        workspace: whose session.
        name: a key, the beginning of one, `latest`, or `latest~N`.

    Raises:
        NotFound: there is no such session, or it has no diff.
    """
    session = find_session(workspace, name)
    if session.patch is None:
        raise NotFound(f"{session.key}: the session has no diff")
    manifest = read_manifest(workspace)
    keys = {key for key, s in manifest.sessions.items() if s.patch == session.patch}
    stored = Archives(workspace)
    archives = sorted({name for key in keys for name in stored.holders(key)})
    named = {a.name for a in manifest.archives.values() if not keys.isdisjoint(a.keys)}
    return Plan(
        workspace=workspace,
        manifest=manifest,
        session=session,
        patch=session.patch,
        loose=Store(workspace).loose_files(session.patch),
        archives=archives,
        elsewhere=sorted(named - set(archives)),
    )


def purge(workspace: Workspace, name: str) -> Result:
    """Plan and apply, under the lock.

    Raises:
        NotFound: there is no such session, or it has no diff.
        IntegrityError: an archive that holds it is damaged, so that the rest cannot be kept.
    """
    with writing(workspace):
        recover(workspace)
        return apply(plan(workspace, name))


def apply(made: Plan) -> Result:
    """Record that the diff is erased, then erase it. Use it under the lock."""
    workspace, key = made.workspace, made.session.key
    folder = archive_folder(workspace)
    Transaction(workspace, "purge").abandon()  # what a run that was stopped had staged
    if os.path.isdir(folder):
        remove_unfinished(folder)
    data = _bytes_of(made)
    written = [fact for name in made.archives if (fact := _without(made, name)) is not None]
    facts: list[Archive | Purged] = [a for a in written if a.name not in made.manifest.archives]
    if made.patch.sha256 not in made.manifest.purged:
        facts.append(Purged(key=key, sha256=made.patch.sha256, time=moment()))
    if facts:
        record_facts(workspace, "purge", facts)
    for name in made.archives:
        remove(os.path.join(folder, name))
    for path in made.loose:
        remove(path)
    for directory in (folder, workspace.diffs):
        if os.path.isdir(directory):
            sync_directory(directory)
    return Result(plan=made, written=written, findings=list(_left(made, data)))


def _bytes_of(made: Plan) -> bytes | None:
    """The diff, as long as it is here."""
    for path in made.loose:
        return read_bytes(path)
    return Archives(made.workspace).read(made.session.key, made.patch)


def _without(made: Plan, name: str) -> Archive | None:
    """Write what an archive holds beside what was erased; None where that is nothing."""
    path = os.path.join(archive_folder(made.workspace), name)
    erased = {made.patch.sha256, *made.manifest.purged}
    patches = {k: patch for k, patch in contents_of(path).items() if patch.sha256 not in erased}
    if not patches:
        return None
    reader = ArchiveReader(ranges_of(path), os.path.getsize(path))

    def load(member: Member) -> Iterator[bytes]:
        yield reader.read(member.key, patches[member.key])

    packing = Packing(
        month=name[:7],
        members=tuple(
            Member(key, patch.size, touched_path(reader.read(key, patch)))
            for key, patch in patches.items()
        ),
        sha256={key: patch.sha256 for key, patch in patches.items()},
        load=load,
    )
    written = pack(os.path.dirname(path), packing, "small", None)
    publish(written)
    return written.fact


def _left(made: Plan, data: bytes | None) -> Iterator[Finding]:
    """Where the bytes of the diff stand still."""
    key = made.session.key
    for name in made.elsewhere:
        yield Finding(
            code="elsewhere",
            message="holds the diff, and is not stored on this machine",
            file=shown(name),
            key=key,
            level="note",
            hint="Run the same command where it is stored",
        )
    if data is not None:
        for name in _holding(made, data):
            yield Finding(
                code="still-there",
                message="holds the bytes of the diff as text, and is not changed",
                file=name,
                key=key,
                hint="Take them out by hand, or remove the file",
            )
    if made.workspace.repository and (made.session.range or made.session.v1):
        what = "commits of its range" if made.session.range else "commits that have the v1 log"
        yield Finding(
            code="in-git",
            message=f"the {what} are in git's history, and hold what the diff holds",
            level="note",
            key=key,
            hint=_HISTORY,
        )


def _holding(made: Plan, data: bytes) -> Iterator[str]:
    """The files of a workspace, archives apart, that hold the bytes of a diff."""
    workspace = made.workspace
    names = dict.fromkeys((V1_LOG, *filter(workspace.holds, made.manifest.sources())))
    for name in (*names, MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES):
        if data in read_bytes(workspace.path(*name.split("/"))):
            yield name
    for version in {v.sha256: v for v in made.manifest.versions}.values():
        if has_layout(workspace, version.sha256) and data in literal_of(workspace, version):
            yield f".diffs/v1/{version.sha256}/{LITERAL_NAME}"
