"""The fields of a session and of its revisions as JSON: encode and decode side by side.

A revision states the fields that differ from the session fact. It is encoded, decoded and checked
by the code of sessions: `revised` puts the stated fields into those of the session and decodes
the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from codec.errors import FormatError
from codec.manifest.facts import Author, Revision
from codec.manifest.fields import (
    read_count,
    read_counts,
    read_key,
    read_line,
    read_name,
    read_sha256,
    read_sha256s,
    read_text,
    read_texts,
    require,
)
from codec.manifest.transcript_field import decode_transcript, encode_transcript
from codec.names import is_commits, is_range, key_time
from codec.records import STATUSES, Metrics, PatchRef, Session, Status, V1Entry
from codec.timestamps import is_canonical

_METRICS: Final = ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")
_SESSION_FIELDS: Final = frozenset(
    ("fact", "key", "time", "agent", "task", "status", "remark", "title", "notes", *_METRICS,
     "deployment", "diff", "id", "range", "commits_of", "v1", "reader", "private", "transcript")
)  # fmt: skip
#: Fields that a revision cannot change: the identity of the session, and its time.
_FIXED: Final = frozenset(("fact", "key", "time", "id"))
_REVISION_FIELDS: Final = frozenset(("fact", "of", "after", "by"))
_NOT_REVISED: Final = _FIXED | _REVISION_FIELDS
#: A session that is used to check the fields of a revision.
_BLANK: Final[Mapping[str, Any]] = {
    "key": "2000-01-01",
    "time": "2000-01-01",
    "agent": "-",
    "task": "-",
    "status": "UNKNOWN",
}


def encode_session(s: Session) -> dict[str, Any]:
    """Return the fields of a session's line; unknown and empty values are left out."""
    fields: dict[str, Any] = {
        "fact": "session",
        "key": s.key,
        "time": s.time,
        "agent": s.agent,
        "task": s.task,
        "status": s.status,
    }
    texts = (("remark", s.remark), ("title", s.title), ("notes", s.notes))
    fields |= {name: text for name, text in texts if text}
    m = s.metrics
    numbers = (
        ("lines_added", m.lines_added),
        ("lines_removed", m.lines_removed),
        ("commits", m.commits),
        ("duration_min", m.duration_min),
        ("tokens_used", m.tokens_used),
        ("deployment", m.deployment),
    )
    fields |= {name: number for name, number in numbers if number is not None}
    if s.patch is not None:
        fields["diff"] = {"sha256": s.patch.sha256, "bytes": s.patch.size}
    if s.id:
        fields["id"] = s.id
    if s.range:
        fields["range"] = s.range
    if s.commits_of:
        fields["commits_of"] = list(s.commits_of)
    if s.v1 is not None:
        v1: dict[str, Any] = {"source": s.v1.source, "sha256": s.v1.sha256}
        if s.v1.tokens:
            v1["tokens"] = dict(s.v1.tokens)
        if s.v1.counted:
            v1["counted"] = list(s.v1.counted)
        fields["v1"] = v1
    if s.reader:
        fields["reader"] = s.reader
    if s.private:
        fields["private"] = True
    if s.transcript is not None:
        fields["transcript"] = encode_transcript(s.transcript)
    fields.update(s.extra)
    return fields


def decode_session(fields: dict[str, Any]) -> Session:
    """Return the session that some fields describe; fields of later versions go to `extra`."""
    key, time, status = (
        read_key(fields["key"]),
        read_text(fields, "time"),
        read_text(fields, "status"),
    )
    if not is_canonical(time) or key_time(key) != time:
        raise FormatError(f"not the time of the key: {time!r}", field="time")
    if status not in STATUSES:
        choices = ", ".join(sorted(STATUSES))
        raise FormatError(f"unknown status {status!r} (choose from {choices})", field="status")
    return Session(
        key=key,
        time=time,
        agent=read_name(fields, "agent"),
        task=read_name(fields, "task"),
        status=cast(Status, status),
        remark=read_line(fields, "remark") if "remark" in fields else "",
        title=read_line(fields, "title") if "title" in fields else "",
        notes=read_line(fields, "notes") if "notes" in fields else "",
        metrics=Metrics(
            **{name: read_count(fields, name) for name in _METRICS if name in fields},
            deployment=read_text(fields, "deployment") if "deployment" in fields else None,
        ),
        patch=_patch(fields["diff"]) if "diff" in fields else None,
        id=read_line(fields, "id") if "id" in fields else "",
        range=_range(fields) if "range" in fields else "",
        commits_of=_commits_of(fields) if "commits_of" in fields else (),
        v1=_v1(fields["v1"]) if "v1" in fields else None,
        reader=read_count(fields, "reader") if "reader" in fields else 0,
        private=_private(fields) if "private" in fields else False,
        transcript=decode_transcript(fields["transcript"]) if "transcript" in fields else None,
        extra={name: value for name, value in fields.items() if name not in _SESSION_FIELDS},
    )


def encode_revision(r: Revision) -> dict[str, Any]:
    """Return the fields of a revision's line."""
    return {"fact": "revision", "of": r.of, "after": list(r.after), "by": r.by, **r.changes}


def decode_revision(fields: dict[str, Any]) -> Revision:
    """Return the revision that some fields describe, after checking each stated field."""
    by = read_text(fields, "by")
    require(by in get_args(Author), "by", by)
    changes = {name: value for name, value in fields.items() if name not in _REVISION_FIELDS}
    fixed = sorted(_FIXED.intersection(changes))
    if fixed:
        raise FormatError("cannot be revised", field=fixed[0])
    decode_session(_stated_in(_BLANK, changes))
    return Revision(
        of=read_sha256(fields, "of"),
        after=read_sha256s(fields, "after"),
        by=cast(Author, by),
        changes=changes,
    )


def changes_between(before: Session, after: Session) -> dict[str, Any]:
    """Return the fields of `after` that differ from `before`, as a revision states them.

    A field that `after` does not have is null. Key, time and id are not compared.
    """
    old, new = encode_session(before), encode_session(after)
    names = [name for name in (*new, *old) if name not in _NOT_REVISED]
    return {name: new.get(name) for name in names if new.get(name) != old.get(name)}


def revised(session: Session, changes: Mapping[str, Any]) -> Session:
    """Return a session with the fields that a revision states."""
    return decode_session(_stated_in(encode_session(session), changes)) if changes else session


def _stated_in(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    stated = {**fields, **changes}
    return {name: value for name, value in stated.items() if value is not None}


def _patch(fields: Any) -> PatchRef:
    require(isinstance(fields, dict), "diff", fields)
    return PatchRef(sha256=read_sha256(fields, "sha256"), size=read_count(fields, "bytes"))


def _range(fields: Mapping[str, Any]) -> str:
    """Return a range; git gets it as an argument, so it must consist of hashes."""
    value = read_text(fields, "range")
    require(is_range(value), "range", value)
    return value


def _commits_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return commits and ranges; git gets them as arguments, so they must consist of hashes."""
    values = read_texts(fields, "commits_of")
    require(bool(values) and all(map(is_commits, values)), "commits_of", fields["commits_of"])
    return values


def _private(fields: Mapping[str, Any]) -> bool:
    require(fields["private"] is True, "private", fields["private"])
    return True


def _v1(fields: Any) -> V1Entry:
    require(isinstance(fields, dict), "v1", fields)
    counted = fields.get("counted", [])
    require(
        isinstance(counted, list) and all(isinstance(c, str) for c in counted), "counted", counted
    )
    return V1Entry(
        source=read_text(fields, "source"),
        sha256=read_sha256(fields, "sha256"),
        tokens=read_counts(fields, "tokens") if "tokens" in fields else {},
        counted=tuple(counted),
    )
