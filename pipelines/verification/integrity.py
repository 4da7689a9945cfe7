"""Compare the manifest with the stored files and their hashes, and with each line of the files.

*intact*: stored locally, with the recorded bytes. *missing locally*: not stored on this machine,
which is not an error (a fresh clone has no diffs). *damaged*: stored with other bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from typing import Final

from codec.errors import IntegrityError
from codec.kinds import Key
from codec.manifest.facts import V1Version
from codec.names import key_time
from codec.records import PatchRef, Session
from codec.v1.layout import Layout, StoredPatch
from pipelines.diffs.store import Store, commits_of
from pipelines.erasing.local import Kind, places
from pipelines.erasing.targets import targets_of
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.v1.layouts import read_layout, rebuilt
from pipelines.verification.line_repairs import is_sound, left_findings, repairs_of
from pipelines.workspace.git_patches import remakable
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.tracked_files import Tracked

_MEND = "Restore it from a backup, or remove it and run 'session-codec migrate' with the v1 log"
_PURGE = "Run 'session-codec purge --merged', which lists the remaining copies and asks"
#: The finding on a file with a purged diff, by its kind.
_REMAINING: Final[dict[Kind, tuple[str, str]]] = {
    "file": ("holds a diff that was purged", _PURGE),
    "archive": ("holds a diff that was purged", _PURGE),
    "layout": ("holds a diff that was purged, as text", _PURGE),
    "text": ("holds a diff that was purged, as text", "Take it out by hand, or remove the file"),
    "unreadable": ("may hold a diff that was purged, and is damaged", "Repair it, or move it away"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Integrity:
    """The state of the files that the manifest names.

    Attributes:
        diffs, layouts: the numbers of intact, missing and damaged ones, in this order.
        findings: damaged files, and lines that do not agree with the manifest.
        absent: the keys of diffs that are missing locally, and that git cannot recompute.
        in_git: the number of missing diffs that git recomputes with the recorded hash.
    """

    diffs: tuple[int, int, int]
    layouts: tuple[int, int, int]
    findings: tuple[Finding, ...]
    absent: tuple[Key, ...]
    in_git: int

    @property
    def damaged(self) -> bool:
        """Return True if any stored file is damaged."""
        return bool(self.diffs[2] or self.layouts[2])


def check_integrity(
    workspace: Workspace,
    tracked: Tracked,
    manifest: Manifest,
    advance: Callable[[int], None],
    committed: bytes = b"",
) -> Integrity:
    """Return the result of comparing stored files, and each line, with the manifest.

    Args:
        workspace, tracked: the workspace and its tracked files.
        manifest: the manifest, as `tracked` has it.
        advance: called with the number of diffs that were read.
        committed: the lines that the manifest must have.
    """
    if is_sound(tracked, manifest, committed):
        return check_stored(workspace, manifest, advance)
    repairs = repairs_of(tracked, committed)
    facts = decode_manifest(repairs.after.manifest)
    found = check_stored(workspace, facts, advance)
    lines = (*repairs.findings, *left_findings(repairs, facts))
    return replace(found, findings=(*lines, *found.findings))


def check_stored(
    workspace: Workspace, manifest: Manifest, advance: Callable[[int], None]
) -> Integrity:
    """Return the result of comparing stored files with the manifest.

    Args:
        workspace: the workspace.
        manifest: the manifest.
        advance: called with the number of diffs that were read.
    """
    findings: list[Finding] = []
    absent: list[Session] = []
    diffs = [0, 0, 0]
    store = Store(workspace)
    intact: set[tuple[str, PatchRef]] = set()

    def read(key: Key, patch: PatchRef) -> bytes:
        data = store.read(key, patch)
        intact.add((key, patch))
        advance(len(intact))
        return data

    layouts, problems = _check_layouts(workspace, manifest, read)
    purged = manifest.purged
    for session in manifest.sessions.values():
        if session.patch is None or session.patch.sha256 in purged:
            continue
        try:
            if (session.key, session.patch) not in intact:  # not in a log that could be rebuilt
                read(session.key, session.patch)
            diffs[0] += 1
        except NotFound:
            diffs[1] += 1
            absent.append(session)
        except IntegrityError as e:
            diffs[2] += 1
            findings.append(_damaged(e, session.key))
    named = {f.file for f in findings}
    findings += [f for f in problems if f.file not in named]
    of_ranges = {s.key: (c, s.patch) for s in absent if s.patch and (c := commits_of(s))}
    made = remakable(workspace, of_ranges.values())
    in_git = {key for key, pair in of_ranges.items() if pair in made}
    findings += _remaining(workspace, manifest)
    return Integrity(
        diffs=(diffs[0], diffs[1], diffs[2]),
        layouts=layouts,
        findings=tuple(findings),
        absent=tuple(s.key for s in absent if s.key not in in_git),
        in_git=len(in_git),
    )


def _remaining(workspace: Workspace, manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding for every local file with the bytes of a purged diff."""
    targets = targets_of(manifest, manifest.purged.keys())
    for place in places(workspace, manifest, targets):
        message, hint = _REMAINING[place.kind]
        yield Finding(
            code="purged-archive" if place.kind == "archive" else "purged-diff",
            message=message,
            file=place.file,
            hint=hint,
        )


def _check_layouts(
    workspace: Workspace, manifest: Manifest, read: Callable[[Key, PatchRef], bytes]
) -> tuple[tuple[int, int, int], list[Finding]]:
    """Rebuild every version of every log; return the counts, and findings on the others."""
    counts = [0, 0, 0]
    findings: list[Finding] = []
    recorded = {(s.time, s.patch) for s in (*manifest.every_session(), *manifest.key_conflicts)}
    for version in {v.sha256: v for v in manifest.versions}.values():
        try:
            layout, literal = read_layout(workspace, version)
            gaps: list[StoredPatch] = []
            for _ in rebuilt(layout, literal, read, gaps):
                pass
            _check_recorded(layout, recorded)
            counts[1 if gaps else 0] += 1
            findings += [_gap(version, part.key) for part in gaps]
        except NotFound:
            counts[1] += 1
        except IntegrityError as e:
            counts[2] += 1
            findings.append(_damaged(e.at(file=f".diffs/v1/{version.sha256}"), None))
    return (counts[0], counts[1], counts[2]), findings


def _gap(version: V1Version, key: Key) -> Finding:
    return Finding(
        code="gap",
        message=f"the version {version.sha256[:12]} lacks the diff of {key}, which was purged",
        level="note",
        file=version.source,
    )


def _check_recorded(layout: Layout, recorded: Container[tuple[str, PatchRef | None]]) -> None:
    """Raise an error unless each patch of a layout has a session; keys may have changed."""
    for part in layout.parts:
        if isinstance(part, StoredPatch) and (key_time(part.key), part.patch) not in recorded:
            raise IntegrityError(f"the layout needs a diff of {part.key} that was not recorded")


def _damaged(error: IntegrityError, key: Key | None) -> Finding:
    return Finding(
        code="damaged",
        message=error.problem,
        file=error.file,
        key=key,
        hint=error.hint or _MEND,
    )
