"""Write and read parts: Parquet with zstd, CSV, JSON lines. Only this module imports pyarrow.

The same rows give the same bytes: options are fixed, and files do not state when they were written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from codec.tables.catalog import Format
from codec.tables.schema import BY_NAME, SCHEMA_NAME, Cell

#: The least rows of a group in a Parquet file, which readers skip as a whole.
GROUP: Final = 1 << 15
#: Columns of texts and hashes, of which nobody asks for a range.
_UNORDERED: Final = frozenset(("remark", "title", "notes", "diff_sha256", "blob", "digest"))
#: The level of zstd; higher ones take three times as long for 3 % fewer bytes.
_LEVEL: Final = 3
_TYPES: Final = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("s"),
}
#: The integers that a column can hold.
_INT64: Final = range(-(1 << 63), 1 << 63)
#: The largest row of a CSV file that can be read, in bytes.
_BLOCK: Final = 1 << 30
_CSV_WRITE: Final = pa_csv.WriteOptions(quoting_style="needed")


class Writer(Protocol):
    """Writes the rows of one part."""

    def write(self, rows: pa.Table) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Complete the part."""
        ...


def schema_of(table: str) -> pa.Schema:
    """Return the columns of a table as an Arrow schema."""
    fields = [
        pa.field(c.name, _TYPES[c.type], metadata={"unit": c.unit} if c.unit else None)
        for c in BY_NAME[table].columns
    ]
    return pa.schema(fields, metadata={"session-codec.schema": SCHEMA_NAME})


def arrow_rows(table: str, rows: Sequence[Sequence[Cell]]) -> pa.Table:
    """Return rows of a table as Arrow columns."""
    schema = schema_of(table)
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [
        pa.array([_value(v, c.type) for v in column], type=_TYPES[c.type])
        for column, c in zip(columns, BY_NAME[table].columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def writer(form: Format, table: str, sink: Any) -> Writer:
    """Return a writer of a part to an open file."""
    if form == "parquet":
        return _Parquet(table, sink)
    return _Csv(table, sink) if form == "csv" else _JsonLines(sink)


def read_part(form: Format, table: str, path: str) -> Iterator[pa.Table]:
    """Yield the rows of a part, some at a time."""
    schema = schema_of(table)
    if form == "parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(GROUP):
                yield pa.Table.from_batches([batch]).cast(schema)
    elif form == "csv":
        options = pa_csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        parse = pa_csv.ParseOptions(newlines_in_values=True)
        block = min(max(os.path.getsize(path), 1), _BLOCK)
        yield pa_csv.read_csv(path, pa_csv.ReadOptions(block_size=block), parse, options).cast(
            schema
        )
    else:
        with open(path, "rb") as f:
            while lines := f.readlines(1 << 26):
                yield arrow_rows(table, [tuple(json.loads(line).values()) for line in lines])


class _Parquet:
    def __init__(self, table: str, sink: Any) -> None:
        self._writer = pq.ParquetWriter(
            sink, schema_of(table), compression="zstd", compression_level=_LEVEL,
            write_statistics=_narrow(table), version="2.6",
        )  # fmt: skip

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows, row_group_size=rows.num_rows)

    def close(self) -> None:
        self._writer.close()


def _narrow(table: str) -> list[str]:
    """Return the columns whose least and greatest values let a reader skip a group."""
    return [name for name in BY_NAME[table].names if name not in _UNORDERED]


class _Csv:
    def __init__(self, table: str, sink: Any) -> None:
        self._writer = pa_csv.CSVWriter(sink, schema_of(table), write_options=_CSV_WRITE)

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def close(self) -> None:
        self._writer.close()


class _JsonLines:
    def __init__(self, sink: Any) -> None:
        self._sink = sink

    def write(self, rows: pa.Table) -> None:
        self._sink.write("".join(_json_lines(rows.to_pylist())).encode())

    def close(self) -> None:
        pass


def _json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_text) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def _value(value: Cell, kind: str) -> Any:
    """Return a value as Arrow takes it; null if its type cannot hold it."""
    if isinstance(value, str) and kind in ("date", "timestamp"):
        try:
            if kind == "date":
                return date.fromisoformat(value)
            return datetime.fromisoformat(value).replace(tzinfo=None)
        except ValueError:  # a day that no calendar has, or the year 0
            return None
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if kind == "int64" and isinstance(value, int) and value not in _INT64:
        return None
    return value
