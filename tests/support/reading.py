"""A log read in memory, as `migrate` reads it: what a session of it says, by field."""

from __future__ import annotations

from typing import Any

from codec.patches.diff_stat import diff_stat
from codec.records import PatchRef
from codec.v1.clues import find_clues
from codec.v1.dates import NO_CLUES
from codec.v1.detect import detect
from codec.v1.entry import entry_hash, read_entry
from codec.v1.mapping import Options, session_of
from codec.v1.split import Span, join, split


def read_spans(log: str, day: str = "") -> list[Span]:
    """Return the spans of a log, which together are the log."""
    data = log.encode()
    spans = list(split(data, detect(data, day=day, whole=bool(day))))
    assert join(data, spans) == data
    return spans


def read_sessions(log: str, day: str = "") -> list[dict[str, Any]]:
    """Return what each session of a log says; fields that say nothing are left out.

    Raises:
        FormatError: the log is refused, or a time in it cannot be read.
    """
    data = log.encode()
    options = Options(clues=find_clues(data, NO_CLUES))
    found = []
    for span in read_spans(log, day):
        if span.heading is None:
            continue
        whole = data[span.start : span.end]
        patch = data[slice(*span.patch)] if span.patch else None
        mapped = session_of(
            read_entry(whole, span, entry_hash(whole)),
            source="log.md",
            patch=PatchRef.of(patch) if patch else None,
            stat=diff_stat(patch) if patch else None,
            tokens={},
            options=options,
        )
        session = mapped.session
        fields = {
            name: getattr(session, name)
            for name in ("time", "agent", "task", "status", "remark", "title", "notes")
        }
        fields |= session.metrics._asdict()
        fields["unread_zone"] = mapped.unread_zone
        found.append({name: value for name, value in fields.items() if value not in ("", None)})
    return found
