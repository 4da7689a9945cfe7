"""Report what an import could not read completely."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from codec.shown_text import counted
from pipelines.importing.agents import Source
from pipelines.importing.drafts import Draft
from pipelines.importing.lines import unreadable
from pipelines.outcomes.findings import Finding

_NAMED: Final = 5


def unrecognised(
    places: Sequence[str], sources: Iterable[Source], findings: Iterable[Finding]
) -> list[Finding]:
    """Return a finding for each file that the user named but no agent wrote."""
    known = {path for s in sources for path in (*s.paths, *(p for p, _ in s.helpers))}
    known |= {finding.file for finding in findings if finding.file}
    error = OSError("it is not a transcript of a known agent")
    return [unreadable(p, error) for p in places if p not in known and os.path.isfile(p)]


def findings_of(records: Mapping[str, int], drafts: Iterable[Draft]) -> list[Finding]:
    """Return findings on facts that are missing in transcripts.

    Args:
        records: records of unknown types, counted by name.
        drafts: the drafts of all sessions.
    """
    found = []
    if records:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(records.items()))
        found.append(Finding(
            code="transcript-unknown",
            message=f"records of unknown types were left out: {names}",
            level="note",
            hint="A newer session-codec may know them",
        ))  # fmt: skip
    unknown = [d for d in drafts if d.unknown and not d.range]  # commits contain all edits
    if unknown:
        files = sum(d.unknown for d in unknown)
        ids = ", ".join(d.source.session_id for d in unknown[:_NAMED])
        found.append(Finding(
            code="edits-unknown",
            message=f"edits of {counted(files, 'file')} in {counted(len(unknown), 'session')} begin"
            f" from states that neither transcripts nor git have; the diffs lack them: {ids}"
            + (", ..." if len(unknown) > _NAMED else ""),
            level="note",
        ))  # fmt: skip
    return found
