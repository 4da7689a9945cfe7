"""Archives as files: list them, check them, take members out, mend their ends.

1. Checking reads every frame and every member, and names what cannot be read.
2. Taking out reads the frames one after the other and needs no index: what is intact in a damaged
   archive comes out. It writes into one folder, under names made from keys, and over nothing.
3. Mending makes the index and the seek table again from the frames. The result must have the
   hash that was recorded, or nothing is changed.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass

from codec.archive_scan import Damage, Scan, check
from codec.errors import IntegrityError
from codec.records import key_time
from pipelines.archives import archive_folder, ranges_of, recorded_in, shown
from pipelines.errors import Conflict, NotFound
from pipelines.files import remove, replace_file
from pipelines.findings import Finding
from pipelines.progress import Progress
from pipelines.store import names_of
from pipelines.upkeep import mended_end, with_end
from pipelines.workspace import Manifest, Workspace, read_manifest, writing

_EXTRACT = "'session-codec archive extract' takes out what is intact"
_MEND = "'session-codec archive repair' mends an index; 'archive extract' takes out what is intact"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What a check of archives found.

    Attributes:
        intact, absent: names of archives.
        damaged: those with damage; `findings` says of each what and where.
        findings: what is wrong.
    """

    intact: list[str]
    absent: list[str]
    damaged: list[str]
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What came out of an archive: the paths written, and what could not be read."""

    paths: list[str]
    damage: list[Damage]
    missing: list[str]


def verify_archives(workspace: Workspace, names: Collection[str], progress: Progress) -> Verified:
    """Check archives as wholes.

    Args:
        workspace: whose archives.
        names: which; none for all that the manifest names.
        progress: hears of the stage.

    Raises:
        NotFound: the manifest has no archive of that name.
    """
    manifest = read_manifest(workspace)
    unknown = sorted(set(names) - manifest.archives.keys())
    if unknown:
        known = ", ".join(sorted(manifest.archives)) or "none"
        raise NotFound(f"{unknown[0]}: the manifest has no such archive", hint=f"Known: {known}")
    chosen = sorted(set(names) or manifest.archives.keys())
    done = Verified(intact=[], absent=[], damaged=[], findings=[])
    with progress.stage("verify", len(chosen)) as advance:
        for number, name in enumerate(chosen, 1):
            path = os.path.join(archive_folder(workspace), name)
            if not os.path.exists(path):
                done.absent.append(name)
            else:
                findings = list(_faults(path, manifest, name))
                (done.damaged if findings else done.intact).append(name)
                done.findings.extend(findings)
            advance(number)
    return done


def _faults(path: str, manifest: Manifest, name: str) -> list[Finding]:
    """What is wrong with an archive."""
    expected = recorded_in(manifest, name)
    found: dict[str, str] = {}
    problems: list[str] = []
    for event in check(ranges_of(path), os.path.getsize(path)):
        if isinstance(event, Damage):
            problems.append(f"{event.size} bytes from byte {event.offset}: {event.problem}")
        else:
            found[event.entry.key] = event.sha256
    # A merge can have given the session that was packed under a key another one.
    diffs = {(s.time, s.patch.sha256) for s in manifest.sessions.values() if s.patch}
    lost = sorted(key for key in expected if (key_time(key), found.get(key)) not in diffs)
    if not problems and not lost and _sha256(path) != manifest.archives[name].sha256:
        problems.append("is another file than the one that was recorded")
    findings = [
        Finding(code="damaged", message=problem, file=shown(name), hint=_MEND)
        for problem in problems
    ]
    return findings + [
        Finding(
            code="damaged", message=f"the diff of {key} is lost in it", file=shown(name), key=key
        )
        for key in lost
    ]


def extract(path: str, target: str, keys: Collection[str] = ()) -> Extracted:
    """Take members out of an archive, damaged or not.

    Args:
        path: of the archive.
        target: the folder to write into, which is made.
        keys: which; none for all.

    Raises:
        NotFound: there is no such file.
        Conflict: a file of the name of a member is there, and holds something else.
    """
    if not os.path.isfile(path):
        raise NotFound(f"{path}: no such archive", hint="See 'session-codec archive ls'")
    os.makedirs(target, exist_ok=True)
    scan = Scan(ranges_of(path), os.path.getsize(path))
    done = Extracted(paths=[], damage=[], missing=[])
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
                    out.abandon()  # its last piece was in what is damaged
                out = _Output(target, event.entry.key)
            assert out is not None
            out.write(event.data)
            if event.last:
                done.paths.append(out.finish())
                out = None
    finally:
        if out is not None:
            out.abandon()
    done.missing.extend(sorted(set(keys) - {e.key for e in scan.entries}))
    return done


def repair(workspace: Workspace, name: str) -> bool:
    """Make the index and seek table of an archive again; False where it is as it should be.

    Raises:
        NotFound: the manifest has no such archive, or it is not here.
        IntegrityError: more than its end is damaged; nothing was changed.
    """
    manifest = read_manifest(workspace)
    fact = manifest.archives.get(name)
    path = os.path.join(archive_folder(workspace), name)
    if fact is None or not os.path.exists(path):
        known = ", ".join(sorted(manifest.archives)) or "none"
        raise NotFound(f"{name}: no such archive here", hint=f"The manifest names: {known}")
    if _sha256(path) == fact.sha256:
        return False
    try:
        start, tail = mended_end(path, fact.sha256)
    except IntegrityError as e:
        hint = f"{_EXTRACT}; the version of zstd was {fact.zstd}"
        raise IntegrityError(e.problem, file=shown(name), hint=hint) from None
    with writing(workspace):
        replace_file(path, with_end(path, start, tail))
    return True


def _sha256(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class _Output:
    """A member on its way to a file, which gets its name when it is whole."""

    def __init__(self, target: str, key: str) -> None:
        self._path = os.path.join(target, names_of(key)[0])
        self._unfinished = f"{self._path}.new-{os.urandom(4).hex()}"
        self._file = open(self._unfinished, "xb")  # noqa: SIM115 - closed by finish or abandon
        self.write = self._file.write

    def finish(self) -> str:
        """Give it its name."""
        self._file.close()
        try:
            if os.path.lexists(self._path) and not filecmp.cmp(
                self._path, self._unfinished, shallow=False
            ):
                raise Conflict(
                    f"{self._path} is there and holds something else; it is not overwritten",
                    hint="Name another folder with --to",
                )
            os.replace(self._unfinished, self._path)
        finally:
            remove(self._unfinished)
        return self._path

    def abandon(self) -> None:
        """Remove what was written of it."""
        self._file.close()
        remove(self._unfinished)
