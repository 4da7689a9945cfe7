"""Read and check the fields of an untrusted JSON object.

All functions raise KeyError if the field is missing, and FormatError with its name if its value
is invalid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from codec.errors import EncodeError, FormatError
from codec.kinds import Key, Sha256
from codec.names import check_name, is_key, one_line
from codec.records import NUMBER_LIMIT


def read_key(value: object) -> Key:
    """Return a key of a session, which is safe as a file name."""
    if not isinstance(value, str) or not is_key(value):
        raise FormatError(f"not a key: {value!r}", field="key")
    return Key(value)


def require(ok: bool, name: str, value: object) -> None:
    """Raise FormatError unless a value meets a condition."""
    if not ok:
        raise FormatError(f"unexpected value {value!r}", field=name)


def read_text(fields: Mapping[str, Any], name: str) -> str:
    """Return the text in a field."""
    value = fields[name]
    require(isinstance(value, str), name, value)
    return cast(str, value)


def read_texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the list of texts in a field."""
    value = fields[name]
    require(isinstance(value, list) and all(isinstance(v, str) for v in value), name, value)
    return tuple(value)


def read_name(fields: Mapping[str, Any], name: str) -> str:
    """Return the name in a field; the v2 files must be able to hold it."""
    try:
        return check_name(read_text(fields, name), name)
    except EncodeError as e:
        raise FormatError(e.problem, field=name) from None


def read_line(fields: Mapping[str, Any], name: str) -> str:
    """Return the text in a field, which must be one line."""
    value = read_text(fields, name)
    require(value == one_line(value), name, value)
    return value


def read_count(fields: Mapping[str, Any], name: str) -> int:
    """Return the number in a field: not negative, and not larger than the v2 files can hold."""
    value = fields[name]
    require(type(value) is int and 0 <= value < NUMBER_LIMIT, name, value)
    return cast(int, value)


def read_counts(fields: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return the counts in a field, by counter name."""
    value = fields[name]
    require(isinstance(value, dict), name, value)
    return {counter: read_count(value, counter) for counter in value}


def read_sha256(fields: Mapping[str, Any], name: str) -> Sha256:
    """Return the SHA-256 in a field, in lower-case hex."""
    value = read_text(fields, name)
    require(_is_sha256(value), name, value)
    return Sha256(value)


def read_sha256s(fields: Mapping[str, Any], name: str) -> tuple[Sha256, ...]:
    """Return the list of SHA-256s in a field, which must be sorted and without repetitions."""
    values = read_texts(fields, name)
    ordered = list(values) == sorted(set(values))
    require(ordered and all(map(_is_sha256, values)), name, fields[name])
    return tuple(map(Sha256, values))


def _is_sha256(value: str) -> bool:
    return len(value) == 64 and not value.strip("0123456789abcdef")
