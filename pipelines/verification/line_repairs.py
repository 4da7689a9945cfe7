"""Find problems of the tracked files line by line, and build the repaired files.

1. Nothing is read or written: bytes in, findings and bytes out.
2. If each line is exactly that of the manifest, and occurs once, nothing else is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.manifest.erased import without_erased
from codec.manifest.fact_lines import kept_in
from codec.merge.lost_facts import with_committed
from codec.merge.repair import Repair, repair_manifest, repair_rows
from codec.merge.tracked_formats import DELTAS as DELTA_LINES
from codec.merge.tracked_formats import METRICS as METRICS_ROWS
from codec.merge.tracked_formats import REFERENCES as ENTRIES
from codec.merge.tracked_formats import Format, row_digest
from codec.records import Session
from pipelines.outcomes.findings import Finding, Level, torn_finding
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.tracked_files import Tracked
from pipelines.workspace.transaction import Replace

#: The meaning of each code, and its repair.
_MEANING: Final[dict[str, tuple[Level, str, str]]] = {
    "byte-order-mark": ("note", "begins with a byte order mark", "removes it"),
    "line-ends": ("finding", "has lines that end in CR LF", "ends them in LF"),
    "missing-header": ("finding", "does not begin with its header", "adds it"),
    "conflict-mark": ("finding", "a mark of a merge conflict", "removes it and keeps both sides"),
    "torn-line": ("note", "ends in a piece of a line", "ends it"),
    "run-together": ("finding", "several lines ran together", "separates them"),
    "fragment": ("finding", "a fragment of a line that is complete elsewhere", "removes it"),
    "repeated-line": ("note", "is a repeated line", "removes it"),
    "key-clash": ("finding", "another session has the same key", "changes this one to {key}"),
    "row-differs": ("finding", "contradicts the manifest about {key}", "corrects it"),
    "second-row": ("finding", "a second row of {key}, which says something else", "removes it"),
    "missing-row": ("finding", "has nothing about {key}", "adds its row at the end"),
    "broken-fact": (
        "finding",
        "cannot be read: {problem}",
        "removes it and keeps it in the backup",
    ),
    "broken-line": (
        "finding",
        "cannot be read: {problem}",
        "removes it and keeps it in the backup",
    ),
    "erased-text": ("finding", "has a fact whose text was erased on purpose", "removes it"),
    "out-of-order": ("note", "has rows that are not in the order of their sessions", "sorts them"),
    "lost-fact": ("finding", "lacks a fact that was committed{key}", "restores it"),
    "edited-fact": ("finding", "contradicts the committed fact about {key}", "restores it"),
}
NO_ROWS: Final[frozenset[str]] = frozenset()


class Repairs(NamedTuple):
    """The repairs of the tracked files.

    Attributes:
        after: the repaired files.
        findings: a finding for each repair, with the line in the current file.
        edits: the edits of files, in writing order.
    """

    after: Tracked
    findings: tuple[Finding, ...] = ()
    edits: tuple[Replace, ...] = ()

    def with_current_lines(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings on repaired files with the line numbers of the current files."""
        after: dict[str, list[bytes]] = {e.path: e.after.split(b"\n") for e in self.edits}
        before: dict[str, dict[bytes, int]] = {e.path: {} for e in self.edits}
        for edit in self.edits:
            for number, line in enumerate(edit.before.split(b"\n"), 1):
                before[edit.path].setdefault(line.rstrip(b"\r"), number)
        for f in findings:
            if f.file in after and f.line is not None:
                yield f._replace(line=before[f.file].get(after[f.file][f.line - 1]))
            else:
                yield f


def repairs_of(before: Tracked, committed: bytes = b"") -> Repairs:
    """Return the repairs of the tracked files.

    Args:
        before: the current files.
        committed: lines that the manifest had when it was committed.
    """
    whole, lost = with_committed(before.manifest, committed)
    manifest, settled = repair_manifest(whole)
    kept = kept_in(manifest.data)
    keys = [session.key for session in decode_manifest(manifest.data).in_order()]
    metrics, progress, deltas = (
        repair_rows(form, data, settled, kept.get(name, NO_ROWS), keys)
        for name, form, data in (
            (METRICS, METRICS_ROWS, before.metrics),
            (PROGRESS, ENTRIES, before.progress),
            (DELTAS, DELTA_LINES, before.deltas),
        )
    )
    # The manifest is written first and the deltas last: a session exists once it has both lines.
    files = (
        (MANIFEST, before.manifest, manifest),
        (METRICS, before.metrics, metrics),
        (PROGRESS, before.progress, progress),
        (DELTAS, before.deltas, deltas),
    )
    sessions = {becomes.key: becomes for _, becomes in settled}
    return Repairs(
        after=Tracked(
            manifest=manifest.data,
            deltas=deltas.data,
            metrics=metrics.data,
            progress=progress.data,
        ),
        findings=(
            *(_finding(MANIFEST, loss.code, loss.line, loss.key) for loss in lost),
            *(
                _row_finding(name, repair, data, sessions)
                for name, data, found in files
                for repair in found.repairs
            ),
        ),
        edits=tuple(
            Replace(name, data, found.data)
            for name, data, found in files
            if found.repairs or (lost and name == MANIFEST)
        ),
    )


def is_sound(tracked: Tracked, manifest: Manifest, committed: bytes = b"") -> bool:
    """Return True if each line is known, matches the manifest, and occurs once.

    Args:
        tracked: the files.
        manifest: the manifest of the files.
        committed: the lines that the manifest must have.
    """
    if manifest.errors or manifest.key_conflicts or manifest.unknown or b"\r" in tracked.manifest:
        return False
    lines = tracked.manifest.split(b"\n")
    once = set(lines)
    return (
        not lines.pop()
        and len(once) == len(lines) + (b"" not in lines)
        and once.issuperset(committed.split(b"\n"))
        and len(without_erased(lines, manifest.erased)) == len(lines)
        and all(
            _is_made_of(data, form, manifest.sessions, manifest.kept.get(name, NO_ROWS))
            for name, form, data in (
                (DELTAS, DELTA_LINES, tracked.deltas),
                (METRICS, METRICS_ROWS, tracked.metrics),
                (PROGRESS, ENTRIES, tracked.progress),
            )
        )
    )


def _is_made_of(
    data: bytes, form: Format, sessions: Mapping[Key, Session], kept: frozenset[str]
) -> bool:
    """Return True if a file is its head, one piece for each session in any order, and kept rows."""
    if not data.endswith(b"\n"):
        return not data and not sessions
    wanted = Counter(map(form.encode, sessions.values()))
    pieces = form.split(data.removeprefix(form.head))
    if not kept:
        return data.startswith(form.head) and Counter(pieces) == wanted
    if not data.startswith(form.head) and row_digest(pieces[0]) not in kept:
        return False
    others = (p for p in pieces if p in wanted or (p != b"\n" and row_digest(p) not in kept))
    return Counter(others) == wanted


def _finding(name: str, code: str, line: int, key: Key | None, problem: str = "") -> Finding:
    level, message, done = _MEANING[code]
    of = "" if key is None else f": {key}" if code == "lost-fact" else key
    return Finding(
        code=code,
        message=message.format(key=of, problem=problem),
        level=level,
        file=name,
        line=line or None,
        key=key,
        hint=f"'session-codec doctor --repair' {done.format(key=key)}",
    )


def _row_finding(
    name: str, repair: Repair, data: bytes, sessions: Mapping[Key, Session]
) -> Finding:
    """Return a finding on a repair; a missing row is a note if its session shares another row."""
    finding = _finding(name, *repair)
    session = None if repair.key is None else sessions.get(repair.key)
    if repair.code == "missing-row" and session is not None and session.key != session.time:
        twin = _FORMS[name].encode(session._replace(key=Key(session.time)))
        if twin in data:
            message = f"has one row for both {session.key} and {session.time}: two "
            message += "clones recorded equal sessions in the same second"
            return finding._replace(code="shared-row", level="note", message=message)
    return finding


def left_findings(repairs: Repairs, manifest: Manifest) -> Iterator[Finding]:
    """Yield the problems in the lines of the files that remain after the repairs.

    Args:
        repairs: the repairs of the files; line numbers are those of the current files.
        manifest: the manifest after the repairs.
    """
    after = repairs.after
    files = ((DELTAS, after.deltas), (METRICS, after.metrics), (PROGRESS, after.progress))
    found = fact_findings(manifest)
    found += _unknown_facts(after, manifest)
    if not manifest.sessions and any(
        DELTA_LINES.named_key(line) and row_digest(line) not in manifest.kept.get(DELTAS, NO_ROWS)
        for line in DELTA_LINES.split(after.deltas)
    ):
        found.append(_lost_manifest())
    for name, data in files:
        found += _unknown_rows(name, data, manifest)
    return repairs.with_current_lines(found)


def fact_findings(manifest: Manifest) -> list[Finding]:
    """Return the problems of the manifest itself."""
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
        for session in manifest.key_conflicts
    ]
    if manifest.torn:
        findings.append(torn_finding(MANIFEST))
    return findings


def _unknown_facts(tracked: Tracked, manifest: Manifest) -> Iterator[Finding]:
    """Yield a note for each fact of a later version, which is kept."""
    lines: dict[bytes, int] = {}
    for number, line in enumerate(tracked.manifest.split(b"\n") if manifest.unknown else (), 1):
        lines.setdefault(line.rstrip(b"\r"), number)
    for fact in manifest.unknown:
        yield Finding(
            code="unknown-fact",
            message="is of a kind that this version does not know, and is kept",
            level="note",
            file=MANIFEST,
            line=lines.get(fact.line.encode(errors="replace")),
            hint="A later version of session-codec wrote it: update",
        )


def _lost_manifest() -> Finding:
    return Finding(
        code="lost-manifest",
        message="has no session, but other files have its rows; readers ignore them",
        file=MANIFEST,
        hint="Restore it from git history, or with 'session-codec restore' from a copy",
    )


def _unknown_rows(name: str, data: bytes, manifest: Manifest) -> Iterator[Finding]:
    """Yield a note for each row without a session in the manifest, except kept rows."""
    number = 1
    kept = manifest.kept.get(name, NO_ROWS)
    for piece in _FORMS[name].split(data):
        key = _FORMS[name].named_key(piece)
        if key is not None and key not in manifest.sessions and row_digest(piece) not in kept:
            yield Finding(
                code="unknown-row",
                message=f"names the session {key}, which the manifest does not have; readers "
                "ignore it",
                file=name,
                line=number,
                key=key,
                level="note",
            )
        number += piece.count(b"\n")


_FORMS: Final[dict[str, Format]] = {
    DELTAS: DELTA_LINES,
    METRICS: METRICS_ROWS,
    PROGRESS: ENTRIES,
}
