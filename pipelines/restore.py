"""Bring a workspace back from a remote.

1. What a remote holds is the union of the last snapshots of all writers: no session of any is lost.
2. Nothing that is here is overwritten. What is here already and right is left, so that a run that
   was stopped is completed by the next.
3. All that is written was held against a recorded hash first, and has its name only when it is
   whole. The tracked files come last.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from codec.errors import IntegrityError
from codec.facts import Archive
from codec.records import PatchRef, key_time
from codec.snapshot import Pack, SnapshotName, archive_object, decode_layout_object, heads
from pipelines.archives import archive_folder, archive_names, shown
from pipelines.errors import Conflict, NotFound
from pipelines.fetching import Chosen, fetch_archives, write_diffs, write_layout
from pipelines.files import read_bytes, replace_file
from pipelines.findings import Finding
from pipelines.progress import Progress
from pipelines.remote import Remote
from pipelines.snapshots import FILES, LIMIT, MERGED_FILES, Found, read_snapshot, unarchived, united
from pipelines.store import Store, names_of
from pipelines.v1_store import has_layout
from pipelines.workspace import MANIFEST, Workspace, decode_manifest, writing

#: What to bring back: everything, the tracked files alone, what git ignores alone, or of that
#: only the diffs that are in no archive yet.
Only = Literal["all", "v2", "diffs", "loose"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that will be written.

    Attributes:
        workspace: where to.
        snapshots: names of those that were read.
        sessions: how many they have together.
        files: tracked files to write, by path, in that order.
        archives: to bring back.
        packs: objects with loose diffs, and which of them are to be written.
        layouts: names of objects with layouts that are not here.
        findings: what was noticed.
    """

    workspace: Workspace
    snapshots: list[str]
    sessions: int
    files: dict[str, bytes]
    archives: list[Archive]
    packs: list[tuple[Pack, Chosen]]
    layouts: list[str]
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was done: the plan, and the paths that were written, relative to the workspace."""

    plan: Plan
    written: list[str] = field(default_factory=list)


def restore(
    workspace: Workspace, remote: Remote, progress: Progress, *, only: Only, jobs: int
) -> Result:
    """Plan and apply, under the lock.

    Raises:
        NotFound: the remote has no snapshot.
        Conflict: something that is here is not what the remote has, or leads elsewhere.
        IntegrityError: an object is damaged, or not what it should be.
    """
    os.makedirs(workspace.root, exist_ok=True)
    with writing(workspace):
        return apply(plan(workspace, remote, only), remote, progress, jobs)


def plan(workspace: Workspace, remote: Remote, only: Only) -> Plan:
    """What would be written: one LIST, a GET for each writer; reads only."""
    stored = {s.name: s for s in remote.list_all()}
    found = list(_snapshots(remote, heads(stored)))
    if not found:
        raise NotFound(
            f"{remote.url}: holds no snapshot of a workspace",
            hint="Check the remote's name; 'session-codec sync' sends one",
        )
    found.sort(key=lambda f: (stored[str(f.name)].modified, f.name))
    files, findings = united(found)
    manifest = decode_manifest(files.get(MANIFEST, b""))
    archives: list[Archive] = []
    packs: list[tuple[Pack, Chosen]] = []
    layouts: set[str] = set()
    if only != "v2":
        here = set(archive_names(archive_folder(workspace)))
        for fact in sorted(manifest.archives.values()):
            if fact.name in here:
                _check_archive(workspace, fact)
            elif archive_object(fact.name) in stored:
                archives.append(fact)
            else:
                findings.append(_missing(shown(fact.name), "its diffs are not restored"))
        known = {pack.name: pack for f in found for pack in f.snapshot.packs}
        there_first = sorted(known.values(), key=lambda pack: pack.name not in stored)
        packs = list(_wanted(workspace, unarchived(manifest, archives), there_first))
        if only == "loose":
            archives = []
        else:
            layouts = {name for f in found for name in f.snapshot.layouts}
        for name in sorted({*(pack.name for pack, _ in packs), *layouts} - stored.keys()):
            findings.append(_missing(f"{remote.url}/{name}", "a snapshot needs it"))
    return Plan(
        workspace=workspace,
        snapshots=[str(f.name) for f in found],
        sessions=len(manifest.sessions),
        files=_absent_files(workspace, files) if only in {"all", "v2"} else {},
        archives=archives,
        packs=[(pack, chosen) for pack, chosen in packs if pack.name in stored],
        layouts=[
            name
            for name in sorted(layouts & stored.keys())
            if not has_layout(workspace, decode_layout_object(name)[0])
        ],
        findings=findings,
    )


def _snapshots(remote: Remote, names: Iterable[SnapshotName]) -> Iterator[Found]:
    """The last snapshots of all writers, as far as they fit into memory together."""
    size = 0
    for name in names:
        found = read_snapshot(remote, name)
        size += sum(map(len, found.files.values()))
        if size > LIMIT:
            raise IntegrityError(
                f"the last snapshots of all writers have more than {LIMIT:,} bytes together",
                file=f"{remote.url}/{name}",
                hint="Look at who else writes there, and move their snapshots away",
            )
        yield found


def apply(made: Plan, remote: Remote, progress: Progress, jobs: int = 4) -> Result:
    """Write what is planned. Use it under the lock."""
    done = Result(plan=made)
    workspace = made.workspace
    done.written.extend(fetch_archives(workspace, remote, made.archives, progress, jobs))
    with progress.stage("diffs", sum(len(chosen) for _, chosen in made.packs)) as advance:
        count = 0
        for pack, chosen in made.packs:
            write_diffs(workspace, remote, pack, chosen)
            done.written.extend(f".diffs/{names_of(key)[0]}" for key in chosen)
            count += len(chosen)
            advance(count)
    with progress.stage("layouts", len(made.layouts)) as advance:
        for number, name in enumerate(made.layouts, 1):
            done.written.append(write_layout(workspace, remote, name))
            advance(number)
    with progress.stage("write", len(made.files)):
        for name, data in made.files.items():
            os.makedirs(os.path.dirname(workspace.path(name)), exist_ok=True)
            replace_file(workspace.path(name), [data])
            done.written.append(name)
    return done


def _absent_files(workspace: Workspace, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The tracked files that are not here.

    Raises:
        Conflict: some are here, and say something else.
    """
    absent: dict[str, bytes] = {}
    differing = []
    for name in FILES:
        if name not in files:
            continue
        if not workspace.holds(name):
            differing.append(name)
        elif not os.path.exists(workspace.path(name)):
            absent[name] = files[name]
        elif not _has_all(name, read_bytes(workspace.path(name)), files[name]):
            differing.append(name)
    if differing:
        raise Conflict(
            f"{', '.join(differing)}: is here and says something else; nothing was written",
            hint="--only diffs restores what git does not have; or restore into another folder",
        )
    return absent


def _has_all(name: str, here: bytes, there: bytes) -> bool:
    """Whether a file that is here is what the remote has, with more lines at the most."""
    if name not in MERGED_FILES:
        return here == there
    return set(there.split(b"\n")) <= set(here.split(b"\n"))


def _check_archive(workspace: Workspace, fact: Archive) -> None:
    path = os.path.join(archive_folder(workspace), fact.name)
    with open(path, "rb") as f:
        if hashlib.file_digest(f, "sha256").hexdigest() != fact.sha256:
            raise Conflict(
                f"{shown(fact.name)} is here and is not what was recorded; nothing was written",
                hint="Run 'session-codec archive repair', or move it away and run this again",
            )


def _wanted(
    workspace: Workspace, needed: Mapping[str, PatchRef], packs: Sequence[Pack]
) -> Iterator[tuple[Pack, Chosen]]:
    """Which diffs of which objects are to be written: those that are not here otherwise.

    A diff is found by its time and its hash: the sessions of two machines may share a key, and
    have keys of their own only now.
    """
    store = Store(workspace)
    missing: dict[tuple[str, PatchRef], list[str]] = {}
    for key, patch in needed.items():
        try:
            store.read(key, patch)
        except NotFound:
            missing.setdefault((key_time(key), patch), []).append(key)
        except IntegrityError as e:
            raise Conflict(f"{e}; nothing was written") from None
    for pack in packs:
        chosen: Chosen = {}
        for name, patch in pack.diffs.items():
            chosen.update(dict.fromkeys(missing.pop((key_time(name), patch), ()), name))
        if chosen:
            yield pack, chosen


def _missing(name: str, why: str) -> Finding:
    return Finding(
        code="missing",
        message=f"is not on the remote: {why}",
        file=name,
        hint="Run 'session-codec sync' where it is stored, then this again",
    )
