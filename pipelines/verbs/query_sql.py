"""SQL over the sessions, with DuckDB: the table `sessions`, one row per session.

1. Unknown numbers are NULL. `tokens_used` comes from the metrics table, where 0 is unknown.
2. DuckDB loads the file of deltas if it has nothing else, else a copy with only its deltas.
3. A query can read only the table: see `worker.duckdb_process`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from tempfile import TemporaryDirectory
from typing import Final

from codec.v2.metrics import COLUMNS
from pipelines.outcomes.answers import Answer
from pipelines.system.fs.files import regular_size
from pipelines.system.worker.duckdb_process import ask, quoted
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import DELTAS, METRICS, Workspace
from pipelines.workspace.reading import mapped_file

_TABLE: Final = """
CREATE TABLE sessions AS
WITH deltas AS (
    SELECT * FROM read_csv(
        {deltas}, delim = ' | ', header = false, quote = '', escape = '', auto_detect = false,
        columns = {{'key': 'VARCHAR', 'agent': 'VARCHAR', 'task': 'VARCHAR', 'status': 'VARCHAR',
                    'metrics': 'VARCHAR'}})
), table_rows AS (
    SELECT timestamp AS key, max(TRY_CAST(tokens_used AS BIGINT)) AS tokens_used FROM read_csv(
        {metrics}, delim = '\\t', header = true, quote = '', escape = '', auto_detect = false,
        ignore_errors = true, columns = {{{columns}}})
    GROUP BY 1
)
SELECT
    deltas.key,
    split_part(deltas.key, '.', 1) AS time,
    deltas.key[1:7] AS month,
    agent, task, status,
    TRY_CAST(nullif(regexp_extract(metrics, '^L\\+(\\d+)', 1), '') AS BIGINT) AS lines_added,
    CASE WHEN metrics LIKE 'L+%' THEN
        coalesce(TRY_CAST(nullif(regexp_extract(metrics, '^L\\+\\d+,-(\\d+)', 1), '') AS BIGINT), 0)
    END AS lines_removed,
    TRY_CAST(nullif(regexp_extract(metrics, 'C:(\\d+)', 1), '') AS BIGINT) AS commits,
    TRY_CAST(nullif(regexp_extract(metrics, 'T:(\\d+)min', 1), '') AS BIGINT) AS duration_min,
    nullif(table_rows.tokens_used, 0) AS tokens_used
FROM deltas LEFT JOIN table_rows ON table_rows.key = deltas.key
"""


def query_sql(workspace: Workspace, sql: str) -> Answer:
    """Return the answer to a SQL query over the table `sessions`.

    Raises:
        FormatError: DuckDB cannot run the query, it takes too much time or memory, or it reads
            anything but the table.
        NotFound: DuckDB is not installed.
        OSError: a file is too large.
    """
    deltas = read_deltas(workspace)
    with TemporaryDirectory() as folder, mapped_file(workspace, METRICS) as metrics:
        files = {"deltas": workspace.path(DELTAS), "metrics": workspace.path(METRICS)}
        if not deltas.is_exact:
            lines = (line.decode(errors="replace").encode() for line in deltas.lines)
            files["deltas"] = _written(folder, DELTAS, lines)
        if len(metrics) != (regular_size(files["metrics"]) or 0):
            files["metrics"] = _written(folder, METRICS, [metrics[:]])
        return ask([_load(**files)], sql)._replace(findings=deltas.findings)


def _written(folder: str, name: str, chunks: Iterable[bytes]) -> str:
    """Write content that differs from a workspace's file to a temporary one; return its path."""
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.writelines(chunks)
    return path


def _load(deltas: str, metrics: str) -> str:
    """Return the statement that loads files of deltas and metrics rows into the table."""
    return _TABLE.format(
        deltas=quoted(deltas),
        metrics=quoted(metrics),
        columns=", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS),
    )
