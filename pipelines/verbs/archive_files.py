"""Work with archives as files: list, verify, extract, repair.

1. Verifying reads every frame and every member, and reports unreadable parts.
2. Extracting reads the frames one after the other and needs no index, so intact members of a
   damaged archive are extracted. It writes into one folder, under names made from keys, and
   overwrites nothing.
3. Repairing rebuilds the index and the seek table from the frames. The result must have the
   recorded hash, or nothing is changed.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import IO

from codec.archive.recovery import Damage, Scan, check
from codec.archive.tar import Entry
from codec.errors import IntegrityError
from codec.kinds import Key
from codec.manifest.facts import Archive
from codec.names import key_time
from codec.records import PatchRef
from codec.shown_text import counted
from pipelines.diffs.local_archives import (
    archive_folder,
    archive_names,
    ranges_of,
    recorded_in,
    shown,
)
from pipelines.diffs.store import patch_in
from pipelines.erasing.targets import Targets, targets_of
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.system.fs.files import remove, replace_file
from pipelines.verification.housekeeping import repaired_end, with_end
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace, writing
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest

_EXTRACT = "'session-codec archive extract' extracts the intact diffs"
_MEND = (
    "'session-codec archive repair' repairs an index; 'archive extract' extracts the intact diffs"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """The result of a check of archives.

    Attributes:
        intact, absent: the names of intact archives, and of those not stored here.
        damaged: the names of damaged archives; `findings` has the details.
        findings: the problems.
    """

    intact: list[str]
    absent: list[str]
    damaged: list[str]
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """The result of an extraction: the written files, and the members that failed.

    Attributes:
        paths: the paths of the files that were written.
        damage: the unreadable parts.
        missing: the requested keys that are not in the archive.
        purged: the keys whose diffs were purged, and are not written.
    """

    paths: list[str]
    damage: list[Damage]
    missing: list[str]
    purged: list[str]


def verify_archives(workspace: Workspace, names: Collection[str], progress: Progress) -> Verified:
    """Verify whole archives, and return the result.

    Args:
        workspace: the workspace of the archives.
        names: the archives; empty for all in the manifest.
        progress: receives the stage.

    Raises:
        NotFound: the manifest has no archive of that name.
    """
    manifest = read_manifest(workspace)
    facts = manifest.every_archive()
    unknown = sorted(set(names) - facts.keys())
    if unknown:
        known = ", ".join(sorted(facts)) or "none"
        raise NotFound(f"{unknown[0]}: the manifest has no such archive", hint=f"Known: {known}")
    folder = archive_folder(workspace)
    void = manifest.void.keys() & set(archive_names(folder))
    chosen = sorted(set(names) or manifest.archives.keys() | void)
    done = Verified(intact=[], absent=[], damaged=[], findings=[])
    with progress.stage("verify", len(chosen)) as advance:
        for number, name in enumerate(chosen, 1):
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                done.absent.append(name)
            else:
                findings = list(_faults(path, manifest, name))
                (done.damaged if findings else done.intact).append(name)
                done.findings.extend(findings)
            advance(number)
    return done


def _faults(path: str, manifest: Manifest, name: str) -> list[Finding]:
    """Return the problems of an archive."""
    expected = recorded_in(manifest, name)
    found: dict[Key, str] = {}
    problems: list[str] = []
    fact = manifest.archives[name]
    # If a file is longer than recorded, only the recorded size is read.
    for event in check(ranges_of(path), min(os.path.getsize(path), fact.size)):
        if isinstance(event, Damage):
            problems.append(
                f"{counted(event.size, 'byte')} from byte {event.offset}: {event.problem}"
            )
        else:
            found[event.entry.key] = event.sha256
    # A merge may have changed the key of a packed session.
    diffs = {(s.time, s.patch.sha256) for s in manifest.sessions.values() if s.patch}
    lost = sorted(key for key in expected if (key_time(key), found.get(key)) not in diffs)
    if not problems and not lost and not _is_recorded(path, manifest.every_archive()[name]):
        problems.append("is another file than the one that was recorded")
    findings = [
        Finding(code="damaged", message=problem, file=shown(name), hint=_MEND)
        for problem in problems
    ]
    return findings + [
        Finding(
            code="damaged",
            message=f"the diff of {key} cannot be recovered from it",
            file=shown(name),
            key=key,
        )
        for key in lost
    ]


def _is_recorded(path: str, fact: Archive) -> bool:
    """Return True if a file is the recorded archive; a file of another size is not read."""
    return patch_in(path, {fact.size}) == PatchRef(fact.sha256, fact.size)


def extract(
    path: str, target: str, keys: Collection[Key] = (), manifest: Manifest | None = None
) -> Extracted:
    """Extract members of an archive, damaged or not, and return the result.

    Args:
        path: the path of the archive.
        target: the folder to write into; it is created.
        keys: the members; empty for all.
        manifest: the manifest, which lists purged diffs; these are not written.

    Raises:
        NotFound: there is no such file.
        Conflict: a file with the name of a member exists and has other content.
    """
    if not os.path.isfile(path):
        raise NotFound(f"{path}: no such archive", hint="See 'session-codec archive ls'")
    os.makedirs(target, exist_ok=True)
    scan = Scan(ranges_of(path), os.path.getsize(path))
    done = Extracted(paths=[], damage=[], missing=[], purged=[])
    targets = targets_of(manifest, manifest.purged.keys()) if manifest is not None else None
    out: _Output | None = None
    try:
        for event in scan.events():
            if isinstance(event, Damage):
                done.damage.append(event)
                continue
            if keys and event.entry.key not in keys:
                continue
            if event.start == 0:
                if out is not None:
                    out.abandon()  # its last piece was in a damaged part
                out = _Output(target, event.entry, targets)
            assert out is not None
            out.write(event.data)
            if event.last:
                if out.is_purged():
                    done.purged.append(event.entry.key)
                else:
                    done.paths.append(out.finish())
                out = None
    finally:
        if out is not None:
            out.abandon()
    done.missing.extend(sorted(set(keys) - {e.key for e in scan.entries}))
    return done


def repair(workspace: Workspace, name: str) -> bool:
    """Rebuild the index and seek table of an archive; return False if it is intact.

    Raises:
        NotFound: the manifest has no such archive, or it is not stored here.
        IntegrityError: more than the end is damaged; nothing was changed.
    """
    manifest = read_manifest(workspace)
    facts = manifest.every_archive()
    fact = facts.get(name)
    path = os.path.join(archive_folder(workspace), name)
    if fact is None or not os.path.exists(path):
        known = ", ".join(sorted(facts)) or "none"
        raise NotFound(f"{name}: no such local archive", hint=f"The manifest names: {known}")
    if _is_recorded(path, fact):
        return False
    try:
        start, tail = repaired_end(path, fact)
    except IntegrityError as e:
        hint = f"{_EXTRACT}; the version of zstd was {fact.zstd}"
        raise IntegrityError(e.problem, file=shown(name), hint=hint) from None
    with writing(workspace):
        replace_file(path, with_end(path, start, tail))
    return True


class _Output:
    """A member that is being written; its file gets its name when it is complete."""

    def __init__(self, target: str, entry: Entry, targets: Targets | None) -> None:
        self._path = os.path.join(target, names_of(entry.key)[0])
        self._unfinished = f"{self._path}.new-{os.urandom(4).hex()}"
        self._targets = targets
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        # A diff that may be purged stays in memory until its hash is known.
        if targets is not None and targets.hashes and targets.may_have(entry.size):
            self.write: Callable[[bytes], object] = self._held.append
        else:
            self.write = self._opened().write

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = open(self._unfinished, "xb")  # noqa: SIM115 - closed by finish or abandon
        return self._file

    def is_purged(self) -> bool:
        """Return True if the written file is a purged diff, which must be deleted."""
        return self._targets is not None and self._targets.has(b"".join(self._held))

    def finish(self) -> str:
        """Give the file its final name, and return its path."""
        with self._opened() as f:
            f.writelines(self._held)
        try:
            if os.path.lexists(self._path) and not filecmp.cmp(
                self._path, self._unfinished, shallow=False
            ):
                raise Conflict(
                    f"{self._path} exists with different content; refusing to overwrite it",
                    hint="Pass another folder with --to",
                )
            os.replace(self._unfinished, self._path)
        finally:
            remove(self._unfinished)
        return self._path

    def abandon(self) -> None:
        """Delete the unfinished file."""
        if self._file is not None:
            self._file.close()
        remove(self._unfinished)
