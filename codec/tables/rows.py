"""The rows of one repository as JSON lines, which `export --to rows` writes and `fleet` collects.

The first line states the schema, the repository and whether texts are left out. Each further line
is `["TABLE","MONTH",[VALUE,...]]`, values in the order of the columns; the month is empty for a
table without months. Dates and timestamps are ISO 8601.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from codec.errors import FormatError
from codec.tables.schema import BY_NAME, SCHEMA_NAME, Cell


class Head(NamedTuple):
    """The first line of the rows: the repository, and whether texts are left out."""

    repository: str
    redacted: bool


class Row(NamedTuple):
    """A row: its table, its month (`YYYY-MM` or empty), and its values in column order."""

    table: str
    month: str
    values: tuple[Cell, ...]


def encode_rows(head: Head, rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the lines of a repository."""
    first = {"schema": SCHEMA_NAME, "repository": head.repository, "redacted": head.redacted}
    yield f"{json.dumps(first)}\n".encode()
    for row in rows:
        yield encode_row(row)


def encode_row(row: Row) -> bytes:
    """Return a row as a line."""
    return f"{json.dumps(row, separators=(',', ':'))}\n".encode()


def decode_head(line: bytes) -> Head:
    """Return the content of the first line.

    Raises:
        FormatError: it is not the first line of rows of this schema.
    """
    try:
        found = json.loads(line)
        if found["schema"] == SCHEMA_NAME:
            return Head(str(found["repository"]), bool(found["redacted"]))
        problem = f"has the schema {found['schema']!r}, expected {SCHEMA_NAME!r}"
    except (ValueError, KeyError, TypeError):
        problem = "is not a file of exported rows"
    raise FormatError(problem, hint="Export the repository again")


def decode_row(line: bytes) -> Row:
    """Return the row on a line.

    Raises:
        FormatError: it is not a row of this schema.
    """
    try:
        table, month, values = json.loads(line)
        if len(values) == len(BY_NAME[table].columns):
            return Row(table, month, tuple(values))
    except (ValueError, KeyError, TypeError):
        pass
    raise FormatError("is not a row of an export", hint="Export the repository again")


def digest_of(rows: Sequence[Row]) -> str:
    """Return the SHA-256 of rows, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(encode_row(row))
    return digest.hexdigest()
