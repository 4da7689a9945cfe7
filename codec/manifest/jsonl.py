"""`.session-codec/manifest.jsonl`: the facts, one JSON object per line.

1. A line is one complete fact; its meaning does not depend on the order of lines, and equal lines
   are one fact. So two branches are merged by taking the lines of both.
2. The manifest has only facts; what is stored on this machine is found by looking for it.
3. What this version does not know is kept: unknown fields of a session in `Session.extra`,
   unknown kinds of fact as `UnknownFact`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from codec.errors import FormatError
from codec.kinds import Key
from codec.manifest.fact_fields import DECODERS, ENCODERS
from codec.manifest.facts import Fact, Revision, UnknownFact
from codec.manifest.session_fields import (
    decode_revision,
    decode_session,
    encode_revision,
    encode_session,
)
from codec.records import Session

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ENCODERS: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = {
    Session: encode_session,
    Revision: encode_revision,
    **ENCODERS,
}
_DECODERS: Final[Mapping[str, Callable[[dict[str, Any]], Fact]]] = {
    "session": decode_session,
    "revision": decode_revision,
    **DECODERS,
}


def encode_fact(fact: Fact) -> str:
    """Return a fact's line, without its line end; `decode_fact` returns the same fact."""
    if isinstance(fact, UnknownFact):
        return fact.line
    return _ENCODER.encode(_ENCODERS[type(fact)](fact))


def fact_digest(fact: Fact) -> str:
    """Return the SHA-256, in hex, by which other facts refer to a fact.

    It is the hash of the fact's line or, for a session, of its `content_line`, which merges keep.
    """
    line = content_line(fact) if isinstance(fact, Session) else encode_fact(fact)
    return hashlib.sha256(line.encode()).hexdigest()


def fact_id(fact: Fact) -> str:
    """Return the first 16 digits of a fact's digest, by which reference builds name it."""
    return fact_digest(fact)[:16]


def decode_fact(line: str) -> Fact:
    """Return the fact on a line, which is given without its line end.

    Raises:
        FormatError: the line is not a JSON object with a `fact`, or a field is missing or invalid.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not JSON: {e}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("fact"), str):
        raise FormatError('not a fact: expected a JSON object with the field "fact"')
    if "\\u" in line:
        try:
            _ENCODER.encode(fields).encode()
        except (UnicodeEncodeError, RecursionError) as e:
            raise FormatError(f"a lone surrogate, which no file can contain: {e}") from None
    try:
        decode = _DECODERS.get(fields["fact"])
        return decode(fields) if decode else UnknownFact(line=line)
    except KeyError as e:
        raise FormatError("is missing", field=str(e.args[0])) from None


def content_line(session: Session) -> str:
    """Return a session's line with its time as its key, because merges may change only the key."""
    return encode_fact(session._replace(key=Key(session.time)))


def identity_of(session: Session) -> str:
    """Return the SHA-256, in hex, that identifies the session of a fact.

    It is the entry hash of a migrated session; else the digest of `id:` and its id; else that of
    its `content_line`. It depends neither on the key nor on the reader.
    """
    if session.v1 is not None:
        return session.v1.sha256
    text = f"id:{session.id}" if session.id else content_line(session)
    return hashlib.sha256(text.encode()).hexdigest()


def decode_facts(lines: Iterable[tuple[int, str]]) -> tuple[list[Fact], list[FormatError]]:
    """Return the facts on numbered lines, equal lines once, and an error for each broken line."""
    from codec.manifest.plain_sessions import decode_plain  # `record` and hooks do not need it

    numbered: dict[str, int] = {}
    for number, line in lines:
        numbered.setdefault(line, number)
    facts: list[Fact] = []
    errors: list[FormatError] = []
    distinct = list(numbered)
    for line, session in zip(distinct, decode_plain(distinct), strict=True):
        try:
            if line:
                facts.append(session or decode_fact(line))
        except FormatError as e:
            errors.append(e.at(line=numbered[line]))
    return facts, errors
