"""`.session-codec/manifest.jsonl`: the facts, one JSON object a line.

1. A line is one whole fact; its meaning does not depend on the order of lines, and equal lines
   are one fact. So two branches merge by taking the lines of both.
2. Facts only: what is stored on this machine is found by looking.
3. What this version does not know is kept: unknown fields of a session in `Session.extra`,
   unknown kinds of fact as `UnknownFact`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from codec.errors import FormatError
from codec.facts import (
    Archive,
    Fact,
    Purged,
    ReferencesBuilt,
    UnknownFact,
    V1Retired,
    V1Version,
    archive_name,
)
from codec.json_fields import (
    read_count,
    read_counts,
    read_key,
    read_line,
    read_name,
    read_sha256,
    read_text,
    read_texts,
    require,
)
from codec.records import (
    STATUSES,
    Metrics,
    PatchRef,
    Session,
    Status,
    V1Entry,
    is_range,
    key_time,
)
from codec.timestamps import is_canonical

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_METRICS = ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")
_SESSION_FIELDS = frozenset(
    ("fact", "key", "time", "agent", "task", "status", "remark", "title", "notes", *_METRICS,
     "deployment", "diff", "id", "range", "v1")
)  # fmt: skip


def encode_fact(fact: Fact) -> str:
    """A fact's line, without its line end; `decode_fact` gives the same fact back."""
    match fact:
        case Session():
            return _dump(session_fields(fact))
        case V1Version():
            return _dump(_version_fields(fact))
        case V1Retired():
            return _dump(
                {
                    "fact": "v1-retired",
                    "source": fact.source,
                    "sha256": fact.sha256,
                    "time": fact.time,
                }
            )
        case Archive():
            return _dump(
                {
                    "fact": "archive",
                    "name": fact.name,
                    "sha256": fact.sha256,
                    "bytes": fact.size,
                    "keys": fact.keys,
                    "zstd": fact.zstd,
                }
            )
        case Purged():
            fields = {"key": fact.key, "sha256": fact.sha256, "time": fact.time}
            return _dump({"fact": "purged", **fields})
        case ReferencesBuilt():
            return _dump(_build_fields(fact))
        case UnknownFact():
            return fact.line


def fact_id(fact: Fact) -> str:
    """What another fact names this one by: 16 hex digits of the SHA-256 of its line."""
    return hashlib.sha256(encode_fact(fact).encode()).hexdigest()[:16]


def decode_fact(line: str) -> Fact:
    """A fact from its line, without its line end.

    Raises:
        FormatError: the line is no JSON object with a `fact`, or a field is missing or of the
            wrong kind.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not JSON: {e}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("fact"), str):
        raise FormatError('not a fact: no object with "fact"')
    if "\\u" in line:
        try:
            _dump(fields).encode()
        except (UnicodeEncodeError, RecursionError) as e:
            raise FormatError(f"half a character that no file can hold: {e}") from None
    try:
        decode = _DECODERS.get(fields["fact"])
        return decode(fields) if decode else UnknownFact(line=line)
    except KeyError as e:
        raise FormatError("is missing", field=str(e.args[0])) from None


def content_line(session: Session) -> str:
    """What a session is apart from its key: its line in the manifest with the time for a key."""
    return encode_fact(session._replace(key=session.time))


def content_digest(session: Session) -> str:
    """SHA-256 of a session's content, in hex: its entry hash, or that of its `content_line`."""
    if session.v1 is not None:
        return session.v1.sha256
    return hashlib.sha256(content_line(session).encode()).hexdigest()


def decode_facts(lines: Iterable[tuple[int, str]]) -> tuple[list[Fact], list[FormatError]]:
    """The facts of numbered lines, equal lines once, and an error for each that is none."""
    seen: set[str] = set()
    facts: list[Fact] = []
    errors: list[FormatError] = []
    for number, line in lines:
        if line in seen or not line:
            continue
        seen.add(line)
        try:
            facts.append(decode_fact(line))
        except FormatError as e:
            errors.append(e.at(line=number))
    return facts, errors


def _dump(fields: Mapping[str, Any]) -> str:
    return _ENCODER.encode(fields)


def session_fields(s: Session) -> dict[str, Any]:
    """The fields of a session's line, as JSON has them: what is unknown or empty is left out."""
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
    if s.v1 is not None:
        v1: dict[str, Any] = {"source": s.v1.source, "sha256": s.v1.sha256}
        if s.v1.tokens:
            v1["tokens"] = dict(s.v1.tokens)
        if s.v1.counted:
            v1["counted"] = list(s.v1.counted)
        fields["v1"] = v1
    fields.update(s.extra)
    return fields


def _version_fields(v: V1Version) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "fact": "v1",
        "source": v.source,
        "sha256": v.sha256,
        "bytes": v.size,
        "words": v.words,
        "tokens": dict(v.tokens),
        "seen": v.seen,
    }
    marking = (("dialect", v.dialect), ("pattern", v.pattern))
    fields.update((name, text) for name, text in marking if text)
    return fields


def _version(fields: dict[str, Any]) -> V1Version:
    return V1Version(
        source=read_text(fields, "source"),
        sha256=read_sha256(fields, "sha256"),
        size=read_count(fields, "bytes"),
        words=read_count(fields, "words"),
        tokens=read_counts(fields, "tokens"),
        seen=read_text(fields, "seen"),
        dialect=read_text(fields, "dialect") if "dialect" in fields else "",
        pattern=read_text(fields, "pattern") if "pattern" in fields else "",
    )


def _retired(fields: dict[str, Any]) -> V1Retired:
    return V1Retired(
        source=read_text(fields, "source"),
        sha256=read_sha256(fields, "sha256"),
        time=read_text(fields, "time"),
    )


def _purged(fields: dict[str, Any]) -> Purged:
    return Purged(
        key=read_key(fields["key"]),
        sha256=read_sha256(fields, "sha256"),
        time=read_text(fields, "time"),
    )


def _archive(fields: dict[str, Any]) -> Archive:
    """An archive; its name becomes a path, so it must be the one that its content gives it."""
    name, sha256 = read_text(fields, "name"), read_sha256(fields, "sha256")
    require(
        bool(_MONTH.fullmatch(name[:7])) and name == archive_name(name[:7], sha256), "name", name
    )
    keys = fields["keys"]
    require(isinstance(keys, list), "keys", keys)
    return Archive(
        name=name,
        sha256=sha256,
        size=read_count(fields, "bytes"),
        keys=tuple(read_key(key) for key in keys),
        zstd=read_text(fields, "zstd"),
    )


def _build_fields(built: ReferencesBuilt) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "fact": "references",
        "after": sorted(built.after),
        "values": {
            name: {"is": list(value), "from": list(built.sources.get(name, ()))}
            for name, value in built.values.items()
        },
    }
    if built.declined:
        fields["declined"] = sorted(built.declined)
    return fields


def _build(fields: dict[str, Any]) -> ReferencesBuilt:
    values = fields["values"]
    require(isinstance(values, dict), "values", values)
    require(all(isinstance(value, dict) for value in values.values()), "values", values)
    return ReferencesBuilt(
        after=read_texts(fields, "after"),
        values={name: read_texts(value, "is") for name, value in values.items()},
        sources={name: read_texts(value, "from") for name, value in values.items()},
        declined=frozenset(read_texts(fields, "declined")) if "declined" in fields else frozenset(),
    )


def _session(fields: dict[str, Any]) -> Session:
    key, time, status = (
        read_key(fields["key"]),
        read_text(fields, "time"),
        read_text(fields, "status"),
    )
    if not is_canonical(time) or key_time(key) != time:
        raise FormatError(f"not the time of the key: {time!r}", field="time")
    if status not in STATUSES:
        raise FormatError(f"{status!r} is none of {', '.join(sorted(STATUSES))}", field="status")
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
        v1=_v1(fields["v1"]) if "v1" in fields else None,
        extra={name: value for name, value in fields.items() if name not in _SESSION_FIELDS},
    )


def _patch(fields: Any) -> PatchRef:
    require(isinstance(fields, dict), "diff", fields)
    return PatchRef(sha256=read_sha256(fields, "sha256"), size=read_count(fields, "bytes"))


def _range(fields: Mapping[str, Any]) -> str:
    """A range is handed to git, so it must be nothing but hashes."""
    value = read_text(fields, "range")
    require(is_range(value), "range", value)
    return value


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


_DECODERS: Final[Mapping[str, Callable[[dict[str, Any]], Fact]]] = {
    "session": _session,
    "v1": _version,
    "v1-retired": _retired,
    "archive": _archive,
    "purged": _purged,
    "references": _build,
}
