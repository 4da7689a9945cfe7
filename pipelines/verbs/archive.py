"""Pack the diffs of past months into archives.

1. A diff is deleted only after its archive was written, synced and opened again, every member was
   compared with its recorded hash, and the manifest has the fact of the archive. So a run that is
   stopped at any point leaves every diff in at least one place, and the next one continues.
2. Sessions that come late, or from another clone, get a further archive of their month: archives
   never change.
3. A diff with a possible secret stays loose, and the rest of its month is packed, because archives
   are hard to erase from. Once the secret is allowed or erased, nothing more is reported.
4. Months are packed in parallel, and so are frames of a month; the bytes do not depend on it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from codec.archive.tar import Load, Member
from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.facts import Archive
from codec.patches.diff_stat import touched_path
from codec.records import PatchRef, Session
from codec.shown_text import counted
from pipelines.diffs.archive_writer import Packing, contents_of, pack, publish, remove_unfinished
from pipelines.diffs.local_archives import archive_folder, archive_names
from pipelines.diffs.secret_scan import Text, scan
from pipelines.diffs.store import Store
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Advance, Progress
from pipelines.recording.flushing import begin_writing
from pipelines.system.fs.files import (
    make_folder,
    read_bytes,
    read_file,
    remove,
    sync_directory,
)
from pipelines.system.fs.writable import check_diffs
from pipelines.workspace.git_queries import blob_at
from pipelines.workspace.location import Workspace, writing
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import record_facts

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The diffs to pack.

    Attributes:
        workspace: the workspace of the diffs.
        before: only sessions before this time, in v2 form or a prefix of it.
        months: pack only these months, such as `2025-11`; empty for all.
        profile: the compression profile, one of `archive.frames.PROFILES`.
        keep_loose: keep the loose diffs as well.
        allow: fingerprints of secrets that may be packed; None to skip the scan.
    """

    workspace: Workspace
    before: str
    months: tuple[str, ...] = ()
    profile: str = "small"
    keep_loose: bool = False
    allow: frozenset[str] | None = frozenset()


class Source(NamedTuple):
    """A loose diff: its session, its recorded hash, and its file."""

    session: Session
    sha256: Sha256
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that will be packed and deleted.

    Attributes:
        request: the request.
        months: the diffs to pack, by month, the oldest first.
        leftovers: diffs that are both loose and in a local archive, by the archive's name.
        copies: further files with the bytes of these diffs, by the path of the diff.
        absent: the keys of diffs that are not stored on this machine.
        held: the keys of diffs that are not packed because of a possible secret.
        findings: the findings.
    """

    request: Request
    months: dict[str, list[Source]]
    leftovers: dict[str, list[Source]]
    copies: dict[str, list[str]]
    absent: list[str]
    held: list[str]
    findings: list[Finding]

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to write or delete."""
        return not self.months and (self.request.keep_loose or not self.leftovers)


class Packed(NamedTuple):
    """A written archive, and the total size of its diffs in bytes."""

    archive: Archive
    loose: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result: the plan, the archives written, and the number of deleted loose diffs."""

    plan: Plan
    packed: list[Packed] = field(default_factory=list)
    deleted: int = 0


def archive(request: Request, progress: Progress) -> Result:
    """Plan and apply, under the lock.

    Raises:
        IntegrityError: a diff differs from its record, or an archive does not read back.
        Unavailable: the diffs cannot be searched for secrets.
        NotFound, Denied: `.diffs` cannot be written.
        WorkspaceLocked: another process was writing for too long.
    """
    check_diffs(request.workspace.diffs)
    with writing(request.workspace):
        begin_writing(request.workspace)
        made = plan(request, progress)
        return Result(plan=made) if made.is_empty else apply(made, progress)


def plan(request: Request, progress: Progress) -> Plan:
    """Return the plan: what to pack and delete.

    Raises:
        IntegrityError: a diff differs from its record.
        Unavailable: the diffs cannot be searched for secrets.
    """
    workspace = request.workspace
    manifest = read_manifest(workspace)
    here = set(archive_names(archive_folder(workspace)))
    store = Store(workspace)
    archived = _archived(manifest, here)
    shared = manifest.shared_times()
    months: dict[str, list[Source]] = {}
    leftovers: dict[str, list[Source]] = {}
    absent: list[str] = []
    found: dict[str, tuple[Key, PatchRef]] = {}
    for session in sorted(manifest.sessions.values(), key=lambda s: s.key):
        if session.patch is None or not _is_chosen(request, manifest, session):
            continue
        path = store.loose_path(session.key, session.patch)
        name = archived.get(session.key)
        if path is not None and session.time in shared:
            # The archive may have another diff under this key: only the hash decides. An archive
            # that a killed run wrote but did not record is never uploaded, so it does not count.
            name = store.holder(session.key, session.patch, manifest.every_archive())
        elif path is not None and name in manifest.void and name not in here:
            name = None  # that archive must be rewritten where it is stored
        if path is None and name is None:
            absent.append(session.key)
        elif path is not None and (name is None or name in here):
            group, of = (months, session.key[:7]) if name is None else (leftovers, name)
            group.setdefault(of, []).append(Source(session, session.patch.sha256, path))
            found[path] = session.key, session.patch
    findings = _absent_findings(absent, bool(months or leftovers))
    if months and request.allow is not None:
        findings += _secrets(workspace, months, request.allow, progress)
    held = {f.key for f in findings if f.code == "secret" and f.key is not None}
    kept = {m: [s for s in months[m] if s.session.key not in held] for m in months}
    return Plan(
        request=request,
        months={month: sources for month, sources in kept.items() if sources},
        leftovers=leftovers,
        copies=store.further_copies(found),
        absent=absent,
        held=sorted(held),
        findings=findings,
    )


def _secrets(
    workspace: Workspace,
    months: dict[str, list[Source]],
    allow: frozenset[str],
    progress: Progress,
) -> list[Finding]:
    """Return the findings of a search for secrets in the diffs to pack."""
    sources = [source for month in sorted(months) for source in months[month]]
    texts = (
        Text(f".diffs/{os.path.basename(s.path)}", s.session.key, partial(read_bytes, s.path))
        for s in sources
    )
    with progress.stage("scan", len(sources)) as advance:
        return scan(texts, allow, advance, partial(blob_at, workspace)).findings


def apply(made: Plan, progress: Progress) -> Result:
    """Write, verify and record each archive, then delete its loose diffs, under the lock."""
    request = made.request
    folder = archive_folder(request.workspace)
    make_folder(folder)
    remove_unfinished(folder)
    with progress.stage("read", sum(map(len, made.months.values()))) as advance:
        packings = list(_packings(made.months, advance))
    packed: list[Packed] = []
    deleted = 0
    cores = os.cpu_count() or 1
    with (
        progress.stage("pack", len(packings)) as advance,
        ThreadPoolExecutor(cores) as frames,
        ThreadPoolExecutor(cores) as months,
    ):
        waiting = [months.submit(pack, folder, p, request.profile, frames) for p in packings]
        try:
            for packing, future in zip(packings, waiting, strict=True):
                written = future.result()
                publish(written)
                record_facts(request.workspace, "archive", [written.fact])
                packed.append(Packed(written.fact, sum(m.size for m in packing.members)))
                if not request.keep_loose:
                    deleted += _delete(made, made.months[packing.month])
                advance(len(packed))
        finally:
            for future in waiting:
                future.cancel()
    if not request.keep_loose:
        deleted += _delete_leftovers(made)
    return Result(plan=made, packed=packed, deleted=deleted)


def _archived(manifest: Manifest, here: Container[str]) -> dict[str, str]:
    """Return the archive of each diff, by key; a locally stored one is preferred."""
    facts = manifest.every_archive().values()
    ordered = sorted(facts, key=lambda a: (a.name in here, a.name not in manifest.void))
    return {key: archive.name for archive in ordered for key in archive.keys}


def _is_chosen(request: Request, manifest: Manifest, session: Session) -> bool:
    assert session.patch is not None
    kept = session.patch.sha256 not in manifest.purged
    in_time = session.key < request.before
    return kept and in_time and (not request.months or session.key[:7] in request.months)


def _packings(months: dict[str, list[Source]], advance: Advance) -> Iterator[Packing]:
    """Yield the archives to write. Reads each diff once, to get its hash and its main path."""
    done = 0
    for month in sorted(months):
        members = []
        for source in months[month]:
            members.append(_member(source))
            done += 1
            advance(done)
        yield Packing(
            month=month,
            members=tuple(members),
            sha256={source.session.key: source.sha256 for source in months[month]},
            load=_loader(months[month]),
        )


def _member(source: Source) -> Member:
    assert source.session.patch is not None
    data = read_file(source.path, source.session.patch.size)
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise IntegrityError(
            f"does not match the diff recorded for {source.session.key}; nothing is packed",
            file=source.path,
            hint="Restore it from a backup, or remove it, and run the same command again",
        )
    return Member(source.session.key, len(data), touched_path(data))


def _loader(sources: Iterable[Source]) -> Load:
    paths = {source.session.key: source.path for source in sources}

    def load(member: Member) -> Iterator[bytes]:
        with open(paths[member.key], "rb") as f:
            while block := f.read(_BLOCK):
                yield block

    return load


def _absent_findings(absent: Sequence[str], others: bool) -> list[Finding]:
    """Return a note on missing diffs, or a finding if nothing else can be packed."""
    if not absent:
        return []
    return [
        Finding(
            code="absent",
            message=f"cannot be packed: {counted(len(absent), 'diff')} not stored on this machine",
            level="note" if others else "finding",
            hint="Diffs are local to a clone: archive where they were recorded",
        )
    ]


def _delete(made: Plan, sources: Iterable[Source]) -> int:
    """Delete loose diffs that are archived, with all copies; return the number of diffs."""
    count = 0
    for source in sources:
        for path in (source.path, *made.copies.get(source.path, ())):
            remove(path)
        count += 1
    sync_directory(made.request.workspace.diffs)
    return count


def _delete_leftovers(made: Plan) -> int:
    """Delete diffs that were archived before, if an intact local archive has them."""
    folder = archive_folder(made.request.workspace)
    deleted = 0
    for name, sources in made.leftovers.items():
        held = {patch.sha256 for patch in contents_of(os.path.join(folder, name)).values()}
        deleted += _delete(made, [source for source in sources if source.sha256 in held])
    return deleted
