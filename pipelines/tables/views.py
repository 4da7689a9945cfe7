"""Exported tables as views of DuckDB: only the parts that the newest catalog names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from codec.tables.catalog import Format
from codec.tables.schema import TABLES, Table
from pipelines.remotes.base import Remote
from pipelines.system.worker.duckdb_process import quoted
from pipelines.tables.catalogs import newest_catalog

_TYPES: Final = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


class Views(NamedTuple):
    """Statements that create the views, and the files that the views read."""

    statements: tuple[str, ...]
    files: tuple[str, ...]


@contextmanager
def views_of(remote: Remote, local: str | None) -> Iterator[Views]:
    """Yield the views of the tables on a remote; parts of a bucket are copied temporarily.

    Args:
        remote: the folder or prefix.
        local: its path; None for a bucket.

    Raises:
        FormatError: it has no tables.
        StorageError: it cannot be read.
    """
    catalog = newest_catalog(remote)
    with TemporaryDirectory(prefix="session-codec-") as copies:
        folder = local or copies
        if local is None:
            for part in catalog.parts:
                path = os.path.join(folder, *part.name.split("/"))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    remote.copy(part.name, f.write)
        files: list[str] = []
        statements = []
        for table in TABLES:
            paths = [os.path.join(folder, *p.name.split("/")) for p in catalog.of(table.name)]
            statements.append(_view(table, catalog.format, paths))
            files += paths
        yield Views(tuple(statements), tuple(files))


def _view(table: Table, form: Format, paths: Sequence[str]) -> str:
    names = [*table.names, *(["month"] if table.by_month else [])]
    if not paths:
        kinds = [*(_TYPES[c.type] for c in table.columns), "VARCHAR"]
        columns = ", ".join(f"NULL::{k} AS {n}" for n, k in zip(names, kinds, strict=False))
        return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"
    files = f"[{', '.join(map(quoted, paths))}]"
    hive = ", hive_partitioning = true, hive_types = {'month': VARCHAR}" if table.by_month else ""
    source = f"{_READERS[form].format(files=files, columns=_columns(table))[:-1]}{hive})"
    return f"CREATE VIEW {table.name} AS SELECT {', '.join(names)} FROM {source}"  # noqa: S608


def _columns(table: Table) -> str:
    return ", ".join(f"'{c.name}': '{_TYPES[c.type]}'" for c in table.columns)


_READERS: Final = {
    "parquet": "read_parquet({files})",
    "csv": "read_csv({files}, header = true, auto_detect = false, delim = ',', quote = '\"',"
    " escape = '\"', allow_quoted_nulls = false, max_line_size = 16777216,"
    " columns = {{{columns}}})",
    "jsonl": "read_json({files}, format = 'newline_delimited', columns = {{{columns}}})",
}
