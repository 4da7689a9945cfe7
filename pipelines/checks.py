"""Is what the manifest says still so: hashes against what is stored, rows against facts.

*intact*: stored here, and the bytes are those that were recorded. *absent here*: not stored on
this machine, which is no fault (a fresh clone has no diffs). *damaged*: stored, and wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from codec import pieces
from codec.errors import FormatError, IntegrityError
from codec.facts import V1Version
from codec.pieces import Format, Row
from codec.records import PatchRef, Session, key_time
from codec.v1_layout import Layout, StoredPatch
from pipelines.archives import archive_folder, archive_names, shown
from pipelines.errors import Erased, NotFound
from pipelines.findings import Finding, torn_finding
from pipelines.git import with_known_ends
from pipelines.store import Store
from pipelines.tracked import Tracked
from pipelines.v1_store import read_layout, rebuilt
from pipelines.workspace import DELTAS, MANIFEST, METRICS, PROGRESS, Manifest, Workspace

_MEND = "Restore it from a backup, or remove it and run 'session-codec migrate' with the v1 log"


@dataclass(frozen=True, kw_only=True, slots=True)
class Integrity:
    """What is stored of what the manifest names.

    Attributes:
        diffs, layouts: how many are intact, absent here and damaged, in this order.
        findings: each damaged one, and what does not agree with the manifest.
        absent: keys of the diffs that are absent here, and that git cannot make again.
        in_git: how many are absent, and git has the commits that they were made from.
    """

    diffs: tuple[int, int, int]
    layouts: tuple[int, int, int]
    findings: tuple[Finding, ...]
    absent: tuple[str, ...]
    in_git: int

    @property
    def damaged(self) -> bool:
        """Whether anything stored is wrong."""
        return bool(self.diffs[2] or self.layouts[2])


def check_integrity(
    workspace: Workspace,
    tracked: Tracked,
    manifest: Manifest,
    advance: Callable[[int], None],
    *,
    rows: bool = True,
) -> Integrity:
    """Hold everything stored against the manifest, and the v2 files against its facts.

    Args:
        workspace, tracked: what is checked.
        manifest: as `tracked` has it.
        advance: told how many diffs were read.
        rows: look at the v2 files; no need where they are known to be what it makes.
    """
    findings: list[Finding] = []
    absent: list[Session] = []
    diffs = [0, 0, 0]
    store = Store(workspace)
    intact: set[tuple[str, PatchRef]] = set()

    def read(key: str, patch: PatchRef) -> bytes:
        data = store.read(key, patch)
        intact.add((key, patch))
        advance(len(intact))
        return data

    layouts, amiss = _check_layouts(workspace, manifest, read)
    purged = manifest.purged
    for session in manifest.sessions.values():
        if session.patch is None or session.patch.sha256 in purged:
            continue
        try:
            if (session.key, session.patch) not in intact:  # of no log that could be rebuilt
                read(session.key, session.patch)
            diffs[0] += 1
        except NotFound:
            diffs[1] += 1
            absent.append(session)
        except IntegrityError as e:
            diffs[2] += 1
            findings.append(_damaged(e, session.key))
    told = {f.file for f in findings}
    findings += [f for f in amiss if f.file not in told]
    ranges = with_known_ends(workspace, (s.range for s in absent if s.range))
    findings += fact_findings(manifest)
    findings += _void_archives(workspace, manifest)
    findings += _unknown_facts(tracked, manifest)
    if not manifest.sessions and b" | " in tracked.deltas:
        findings.append(_lost_manifest())
    if rows:
        findings += check_rows(tracked, manifest)
    return Integrity(
        diffs=(diffs[0], diffs[1], diffs[2]),
        layouts=layouts,
        findings=tuple(findings),
        absent=tuple(s.key for s in absent if s.range not in ranges),
        in_git=sum(s.range in ranges for s in absent),
    )


def _void_archives(workspace: Workspace, manifest: Manifest) -> Iterator[Finding]:
    """Archives here that hold what was erased elsewhere."""
    for name in archive_names(archive_folder(workspace)):
        if name in manifest.void:
            yield Finding(
                code="purged-archive",
                message="holds a diff that was purged",
                file=shown(name),
                hint="Run 'session-codec purge KEY' here, too, with the key that was purged",
            )


def _unknown_facts(tracked: Tracked, manifest: Manifest) -> Iterator[Finding]:
    """Facts of a later version, which are kept as they are."""
    lines = tracked.manifest.splitlines() if manifest.unknown else []
    for fact in manifest.unknown:
        line = fact.line.encode(errors="replace")
        yield Finding(
            code="unknown-fact",
            message="is of a kind that this version does not know, and is kept",
            level="note",
            file=MANIFEST,
            line=lines.index(line) + 1 if line in lines else None,
            hint="A later version of session-codec wrote it: update",
        )


def _lost_manifest() -> Finding:
    return Finding(
        code="lost-manifest",
        message="has no session, and the files have: readers ignore all of them",
        file=MANIFEST,
        hint="Bring it back from git history, or with 'session-codec restore' from a copy",
    )


def fact_findings(manifest: Manifest) -> list[Finding]:
    """What is wrong with the manifest itself."""
    findings = [
        Finding(
            code="broken-fact",
            message=e.problem,
            file=MANIFEST,
            line=e.line,
            hint="Restore the line from git history",
        )
        for e in manifest.errors
    ]
    findings += [
        Finding(
            code="key-clash",
            message=f"two sessions have the key {session.key}",
            file=MANIFEST,
            key=session.key,
            hint="'session-codec doctor --repair' gives one of them a key of its own",
        )
        for session in manifest.clashes
    ]
    if manifest.torn:
        findings.append(torn_finding(MANIFEST))
    return findings


def check_rows(tracked: Tracked, manifest: Manifest) -> Iterator[Finding]:
    """Each piece of the three v2 files against the session that it is a view of."""
    yield from _check_pieces(DELTAS, tracked.deltas, pieces.DELTAS, manifest.sessions)
    yield from _check_pieces(METRICS, tracked.metrics, pieces.METRICS, manifest.sessions)
    yield from _check_pieces(PROGRESS, tracked.progress, pieces.REFERENCES, manifest.sessions)


def _check_pieces(
    name: str, data: bytes, form: Format, sessions: Mapping[str, Session]
) -> Iterator[Finding]:
    """The pieces of one file; one that is what a session's would be is not taken apart."""
    wanted = {key: form.encode(session) for key, session in sessions.items()}
    of_session = {piece: key for key, piece in wanted.items()}
    rows: dict[str, tuple[int, bytes]] = {}
    seen = {*form.split(form.head), b"\n"}
    following = 1
    for piece in form.split(data[: data.rfind(b"\n") + 1]):
        number, following = following, following + piece.count(b"\n")
        if piece in seen or form.is_text(piece):
            continue
        seen.add(piece)
        key = of_session.get(piece)
        if key is None:
            try:
                key = cast(Row, form.decode(piece)).key
            except FormatError as e:
                yield _broken(name, e, number + (e.line or 1) - 1)
                continue
        if rows.setdefault(key, (number, piece)) != (number, piece):
            yield Finding(
                code="second-row",
                message=f"says something else about the session {key} above",
                file=name,
                line=number,
                key=key,
                hint="'session-codec doctor --repair' keeps the one that agrees with the manifest",
            )
    if data and not data.endswith(b"\n"):
        yield torn_finding(name)
    for key, session in sessions.items():
        if key not in rows:
            yield _missing(name, session, form, rows)
        elif not _same(form, rows[key][1], wanted[key]):
            yield Finding(
                code="row-differs",
                message=f"does not say of {key} what the manifest says",
                file=name,
                line=rows[key][0],
                key=key,
                hint="The manifest is the truth: 'session-codec doctor --repair' makes it agree",
            )
    yield from (_unknown(name, key, at) for key, (at, _) in rows.items() if key not in sessions)


def _same(form: Format, piece: bytes, wanted: bytes) -> bool:
    """Whether a piece that can be read says what another says."""
    return piece == wanted or form.decode(piece) == form.decode(wanted)


def _missing(
    name: str, session: Session, form: Format, rows: Mapping[str, tuple[int, bytes]]
) -> Finding:
    """That a session has no row, or one together with that of its time."""
    key, time = session.key, session.time
    # Before a merge gave it a key of its own, its row was this one.
    if key != time and time in rows and rows[time][1] == form.encode(session._replace(key=time)):
        return Finding(
            code="shared-row",
            message=f"says of {key} what it says of {time}, in one row: two clones "
            "recorded the same in one second",
            file=name,
            line=rows[time][0],
            key=key,
            level="note",
            hint="'session-codec doctor --repair' adds the row",
        )
    return Finding(
        code="missing-row",
        message=f"has nothing about the session {key} that the manifest has",
        file=name,
        key=key,
        hint="'session-codec doctor --repair' adds it",
    )


def _check_layouts(
    workspace: Workspace, manifest: Manifest, read: Callable[[str, PatchRef], bytes]
) -> tuple[tuple[int, int, int], list[Finding]]:
    """Rebuild every version of every log: how many could be, and what is amiss with the others."""
    counts = [0, 0, 0]
    findings: list[Finding] = []
    recorded = {(s.time, s.patch) for s in (*manifest.sessions.values(), *manifest.clashes)}
    for version in {v.sha256: v for v in manifest.versions}.values():
        try:
            layout, literal = read_layout(workspace, version)
            for _ in rebuilt(layout, literal, read):
                pass
            _check_recorded(layout, recorded)
            counts[0] += 1
        except Erased as e:
            counts[1] += 1
            findings.append(_gap(version, e))
        except NotFound:
            counts[1] += 1
        except IntegrityError as e:
            counts[2] += 1
            findings.append(_damaged(e.at(file=f".diffs/v1/{version.sha256}"), None))
    return (counts[0], counts[1], counts[2]), findings


def _gap(version: V1Version, error: Erased) -> Finding:
    return Finding(
        code="gap",
        message=f"the version {version.sha256[:12]} cannot be rebuilt whole: {error.problem}",
        level="note",
        file=version.source,
    )


def _check_recorded(layout: Layout, recorded: Container[tuple[str, PatchRef | None]]) -> None:
    """Every patch of a layout is that of a session of its time; a merge may have given it a key."""
    for part in layout.parts:
        if isinstance(part, StoredPatch) and (key_time(part.key), part.patch) not in recorded:
            raise IntegrityError(f"the layout needs a diff of {part.key} that was not recorded")


def _damaged(error: IntegrityError, key: str | None) -> Finding:
    return Finding(
        code="damaged",
        message=error.problem,
        file=error.file,
        key=key,
        hint=error.hint or _MEND,
    )


def _broken(name: str, error: FormatError, line: int) -> Finding:
    return Finding(
        code="broken-line",
        message=str(FormatError(error.problem, field=error.field)),
        file=name,
        line=line,
        hint="Try 'session-codec doctor --repair', or restore the line from git history",
    )


def _unknown(name: str, key: str, line: int | None) -> Finding:
    return Finding(
        code="unknown-row",
        message=f"names the session {key}, which the manifest does not have; readers ignore it",
        file=name,
        line=line,
        key=key,
        level="note",
    )
