"""What is wrong with the tracked files line by line, and the files as a repair would leave them.

1. Reads nothing and writes nothing: bytes in, findings and bytes out.
2. Where each line is the one that the manifest makes, and stands once, nothing else is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from codec.pieces import DELTAS as DELTA_LINES
from codec.pieces import METRICS as METRICS_ROWS
from codec.pieces import REFERENCES as ENTRIES
from codec.pieces import Format
from codec.records import Session
from codec.repair import Code, Repair, repair_manifest, repair_rows
from pipelines.findings import Finding, Level
from pipelines.journal import Replace
from pipelines.tracked import Tracked
from pipelines.workspace import DELTAS, MANIFEST, METRICS, PROGRESS, Manifest

#: What each code means, and what is done about it.
_MEANING: Final[dict[Code, tuple[Level, str, str]]] = {
    "byte-order-mark": ("note", "begins with a byte order mark", "it is taken out"),
    "line-ends": ("finding", "has lines that end in CR LF", "they end in LF"),
    "missing-header": ("finding", "does not begin with its header", "it is put there"),
    "conflict-mark": ("finding", "a mark of a merge conflict", "it goes, both sides stay"),
    "torn-line": ("note", "ends in a piece of a line", "it is ended"),
    "run-together": ("finding", "several lines ran together", "they are lines again"),
    "fragment": ("finding", "a piece of what stands whole elsewhere", "it goes"),
    "repeated-line": ("note", "stands above already", "it goes"),
    "key-clash": ("finding", "another session has the same key", "this one's is {key} now"),
    "row-differs": ("finding", "does not say of {key} what the manifest says", "it does"),
    "second-row": ("finding", "a second row of {key}, which says something else", "it goes"),
    "missing-row": ("finding", "has nothing about {key}", "its row is added at the end"),
}


class Repairs(NamedTuple):
    """What can be put right in the tracked files.

    Attributes:
        after: the files as they would be.
        findings: each thing that is put right, with the line of the file as it stands.
        edits: of files, in the order in which they are to be written.
    """

    after: Tracked
    findings: tuple[Finding, ...] = ()
    edits: tuple[Replace, ...] = ()

    def as_they_stand(self, finding: Finding) -> Finding:
        """A finding about a file as it would be, with the line of the file as it is."""
        edit = next((e for e in self.edits if e.path == finding.file), None)
        if edit is None or finding.line is None:
            return finding
        line = edit.after.split(b"\n")[finding.line - 1]
        before = [text.rstrip(b"\r") for text in edit.before.split(b"\n")]
        return finding._replace(line=before.index(line) + 1 if line in before else None)


def repairs_of(before: Tracked) -> Repairs:
    """What can be put right in the tracked files."""
    manifest, settled = repair_manifest(before.manifest)
    metrics = repair_rows(METRICS_ROWS, before.metrics, settled)
    progress = repair_rows(ENTRIES, before.progress, settled)
    deltas = repair_rows(DELTA_LINES, before.deltas, settled)
    # The manifest is written first and the deltas last: a session exists once both lines stand.
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
        findings=tuple(
            _finding(name, repair, data, sessions)
            for name, data, found in files
            for repair in found.repairs
        ),
        edits=tuple(
            Replace(name, data, found.data) for name, data, found in files if found.repairs
        ),
    )


def is_sound(tracked: Tracked, manifest: Manifest) -> bool:
    """Whether each line of the files is the one that the manifest makes, and stands once."""
    if manifest.errors or manifest.clashes or b"\r" in tracked.manifest:
        return False
    lines = tracked.manifest.split(b"\n")
    return (
        not lines.pop()
        and len(set(lines)) == len(lines)
        and all(
            _is_made_of(data, form, manifest.sessions)
            for form, data in (
                (DELTA_LINES, tracked.deltas),
                (METRICS_ROWS, tracked.metrics),
                (ENTRIES, tracked.progress),
            )
        )
    )


def _is_made_of(data: bytes, form: Format, sessions: Mapping[str, Session]) -> bool:
    """Whether a file is its head and, in any order, one piece a session."""
    if not data.startswith(form.head) or not data.endswith(b"\n"):
        return not data and not sessions
    wanted = Counter(map(form.encode, sessions.values()))
    return Counter(form.split(data[len(form.head) :])) == wanted


def _finding(name: str, repair: Repair, data: bytes, sessions: Mapping[str, Session]) -> Finding:
    level, message, done = _MEANING[repair.code]
    finding = Finding(
        code=repair.code,
        message=message.format(key=repair.key),
        level=level,
        file=name,
        line=repair.line or None,
        key=repair.key or None,
        hint=f"With 'session-codec doctor --repair' {done.format(key=repair.key)}",
    )
    session = sessions.get(repair.key)
    if repair.code == "missing-row" and session is not None and session.key != session.time:
        twin = _FORMS[name].encode(session._replace(key=session.time))
        if twin in data:
            message = f"says of {session.key} what it says of {session.time}, in one row: two "
            message += "clones recorded the same in one second"
            return finding._replace(code="shared-row", level="note", message=message)
    return finding


_FORMS: Final[dict[str, Format]] = {
    DELTAS: DELTA_LINES,
    METRICS: METRICS_ROWS,
    PROGRESS: ENTRIES,
}
