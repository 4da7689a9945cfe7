"""Read values of untrusted JSON: a value of another type counts as missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

#: Later times, in milliseconds, are beyond the calendar (year 9999).
TIME_LIMIT: Final = 253402300800000


def object_of(value: object) -> dict[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a text without lone surrogates, which no file can hold; empty for other values."""
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() else value.encode(errors="replace").decode()).strip()


def count_of(value: object) -> int | None:
    """Return a number that is not negative; None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None  # type: ignore[return-value]


def time_of(value: object) -> int:
    """Return the milliseconds from 1970 to an ISO time; 0 for anything else."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def milliseconds_of(value: object) -> int:
    """Return milliseconds since 1970; 0 for anything else, and for times beyond the calendar."""
    time = count_of(value) or 0
    return time if time < TIME_LIMIT else 0


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text, as a file held them.

    Bytes that are not UTF-8 and were decoded by `surrogateescape` are restored. Any other lone
    surrogate becomes U+FFFD, as JavaScript writes it.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
