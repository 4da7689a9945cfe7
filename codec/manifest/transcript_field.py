"""The field `transcript` of a session that `import` read: encode and decode side by side."""

from __future__ import annotations

from typing import Any

from codec.manifest.fields import (
    read_count,
    read_counts,
    read_line,
    read_text,
    read_texts,
    require,
)
from codec.records import FromTranscript
from codec.timestamps import is_canonical


def encode_transcript(t: FromTranscript) -> dict[str, Any]:
    """Return the fields of the object; empty values are left out."""
    fields: dict[str, Any] = {"agent": t.agent, "session": t.session, "until": t.until}
    if t.wall_min is not None:
        fields["wall_min"] = t.wall_min
    if t.tokens:
        fields["tokens"] = dict(t.tokens)
    numbers = (("files", t.files), ("unknown", t.unknown), ("reader", t.reader))
    fields |= {name: number for name, number in numbers if number}
    if t.commits:
        fields["commits"] = list(t.commits)
    return fields


def decode_transcript(fields: Any) -> FromTranscript:
    """Return the record that an object describes.

    Raises:
        FormatError, KeyError: a field is invalid or missing.
    """
    require(isinstance(fields, dict), "transcript", fields)
    until = read_text(fields, "until")
    require(is_canonical(until), "until", until)
    return FromTranscript(
        agent=read_line(fields, "agent"),
        session=read_line(fields, "session"),
        until=until,
        reader=read_count(fields, "reader") if "reader" in fields else 0,
        wall_min=read_count(fields, "wall_min") if "wall_min" in fields else None,
        tokens=read_counts(fields, "tokens") if "tokens" in fields else {},
        files=read_count(fields, "files") if "files" in fields else 0,
        unknown=read_count(fields, "unknown") if "unknown" in fields else 0,
        commits=read_texts(fields, "commits") if "commits" in fields else (),
    )
