"""The fields of all facts except sessions and revisions: encode and decode side by side.

`manifest` turns fields into lines. Encoders trust their argument; decoders raise FormatError with
the name of an invalid field, and KeyError for a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from codec.manifest.facts import (
    Archive,
    Disowned,
    Fact,
    Follows,
    Format,
    Kept,
    Purged,
    PurgedText,
    ReferencesBuilt,
    V1Retired,
    V1Version,
    archive_name,
)
from codec.manifest.fields import (
    read_count,
    read_counts,
    read_key,
    read_line,
    read_sha256,
    read_sha256s,
    read_text,
    read_texts,
    require,
)

_MONTH: Final = r"(?a)\d{4}-(?:0[1-9]|1[0-2])"

Fields = dict[str, Any]


def _encode_format(fact: Format) -> Fields:
    return {"fact": "format", "version": fact.version, "needs": fact.needs}


def _decode_format(fields: Fields) -> Format:
    return Format(version=read_count(fields, "version"), needs=read_line(fields, "needs"))


def _encode_version(fact: V1Version) -> Fields:
    fields: Fields = {
        "fact": "v1",
        "source": fact.source,
        "sha256": fact.sha256,
        "bytes": fact.size,
        "words": fact.words,
        "tokens": dict(fact.tokens),
        "seen": fact.seen,
    }
    marking = (("dialect", fact.dialect), ("pattern", fact.pattern))
    fields.update((name, text) for name, text in marking if text)
    if fact.reader:
        fields["reader"] = fact.reader
    return fields


def _decode_version(fields: Fields) -> V1Version:
    return V1Version(
        source=read_text(fields, "source"),
        sha256=read_sha256(fields, "sha256"),
        size=read_count(fields, "bytes"),
        words=read_count(fields, "words"),
        tokens=read_counts(fields, "tokens"),
        seen=read_text(fields, "seen"),
        dialect=read_text(fields, "dialect") if "dialect" in fields else "",
        pattern=read_text(fields, "pattern") if "pattern" in fields else "",
        reader=read_count(fields, "reader") if "reader" in fields else 0,
    )


def _encode_retired(fact: V1Retired) -> Fields:
    return {
        "fact": "v1-retired",
        "source": fact.source,
        "sha256": fact.sha256,
        "time": fact.time,
    }


def _decode_retired(fields: Fields) -> V1Retired:
    return V1Retired(
        source=read_text(fields, "source"),
        sha256=read_sha256(fields, "sha256"),
        time=read_text(fields, "time"),
    )


def _encode_follows(fact: Follows) -> Fields:
    fields: Fields = {"fact": "follows", "entry": fact.entry, "after": fact.after}
    return {**fields, "assumed": True} if fact.assumed else fields


def _decode_follows(fields: Fields) -> Follows:
    assumed = fields.get("assumed", False)
    require(isinstance(assumed, bool), "assumed", assumed)
    return Follows(
        entry=read_sha256(fields, "entry"), after=read_sha256(fields, "after"), assumed=assumed
    )


def _encode_archive(fact: Archive) -> Fields:
    return {
        "fact": "archive",
        "name": fact.name,
        "sha256": fact.sha256,
        "bytes": fact.size,
        "keys": fact.keys,
        "zstd": fact.zstd,
    }


def _decode_archive(fields: Fields) -> Archive:
    """Return an archive; its name becomes a path, so it must agree with its content."""
    name, sha256 = read_text(fields, "name"), read_sha256(fields, "sha256")
    require(
        bool(re.fullmatch(_MONTH, name[:7])) and name == archive_name(name[:7], sha256),
        "name",
        name,
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


def _encode_purged(fact: Purged) -> Fields:
    return {"fact": "purged", "key": fact.key, "sha256": fact.sha256, "time": fact.time}


def _decode_purged(fields: Fields) -> Purged:
    return Purged(
        key=read_key(fields["key"]),
        sha256=read_sha256(fields, "sha256"),
        time=read_text(fields, "time"),
    )


def _encode_disowned(fact: Disowned) -> Fields:
    return {"fact": "disowned", "tombstones": fact.tombstones, "time": fact.time}


def _decode_disowned(fields: Fields) -> Disowned:
    return Disowned(tombstones=read_sha256s(fields, "tombstones"), time=read_text(fields, "time"))


def _encode_purged_text(fact: PurgedText) -> Fields:
    return {"fact": "purged-text", "lines": fact.lines, "time": fact.time}


def _decode_purged_text(fields: Fields) -> PurgedText:
    return PurgedText(lines=read_sha256s(fields, "lines"), time=read_text(fields, "time"))


def _encode_kept(fact: Kept) -> Fields:
    return {"fact": "kept", "file": fact.file, "rows": fact.rows}


def _decode_kept(fields: Fields) -> Kept:
    return Kept(file=read_text(fields, "file"), rows=read_sha256s(fields, "rows"))


def _encode_build(fact: ReferencesBuilt) -> Fields:
    fields: Fields = {
        "fact": "references",
        "after": sorted(fact.after),
        "values": {
            name: {"is": list(value), "from": list(fact.sources.get(name, ()))}
            for name, value in fact.values.items()
        },
    }
    if fact.declined:
        fields["declined"] = sorted(fact.declined)
    return fields


def _decode_build(fields: Fields) -> ReferencesBuilt:
    values = fields["values"]
    require(isinstance(values, dict), "values", values)
    require(all(isinstance(value, dict) for value in values.values()), "values", values)
    return ReferencesBuilt(
        after=read_texts(fields, "after"),
        values={name: read_texts(value, "is") for name, value in values.items()},
        sources={name: read_texts(value, "from") for name, value in values.items()},
        declined=frozenset(read_texts(fields, "declined")) if "declined" in fields else frozenset(),
    )


#: Encoders, by the type of a fact.
ENCODERS: Final[Mapping[type, Callable[[Any], Fields]]] = {
    Format: _encode_format,
    V1Version: _encode_version,
    V1Retired: _encode_retired,
    Follows: _encode_follows,
    Archive: _encode_archive,
    Purged: _encode_purged,
    Disowned: _encode_disowned,
    PurgedText: _encode_purged_text,
    Kept: _encode_kept,
    ReferencesBuilt: _encode_build,
}
#: Decoders, by the value of the field `fact`.
DECODERS: Final[Mapping[str, Callable[[Fields], Fact]]] = {
    "format": _decode_format,
    "v1": _decode_version,
    "v1-retired": _decode_retired,
    "follows": _decode_follows,
    "archive": _decode_archive,
    "purged": _decode_purged,
    "disowned": _decode_disowned,
    "purged-text": _decode_purged_text,
    "kept": _decode_kept,
    "references": _decode_build,
}
