"""SQL over the sessions, with DuckDB: the view `sessions`, one row a session.

1. Numbers that are not known are NULL. `tokens_used` comes from the metrics table, where 0 is
   unknown.
2. DuckDB reads the file of deltas where it holds nothing else, and else a copy of the deltas in it.
3. A key has one row of the metrics table, so DuckDB leaves that alone where nothing asks for it.
"""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import Any, Final

from codec.errors import FormatError
from codec.v2_metrics import COLUMNS
from pipelines.answers import Answer, Cell
from pipelines.deltas import read_deltas
from pipelines.errors import NotFound
from pipelines.workspace import DELTAS, METRICS, Workspace

_VIEW: Final = """
CREATE VIEW sessions AS
WITH deltas AS (
    SELECT * FROM read_csv(
        '{deltas}', delim = ' | ', header = false, quote = '', escape = '', auto_detect = false,
        columns = {{'key': 'VARCHAR', 'agent': 'VARCHAR', 'task': 'VARCHAR', 'status': 'VARCHAR',
                    'metrics': 'VARCHAR'}})
), table_rows AS (
    SELECT timestamp AS key, max(TRY_CAST(tokens_used AS BIGINT)) AS tokens_used FROM read_csv(
        '{metrics}', delim = '\\t', header = true, quote = '', escape = '', auto_detect = false,
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
    """The answer to a SQL query over the view `sessions`.

    Raises:
        FormatError: DuckDB does not understand the query.
        NotFound: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise NotFound(
            "--sql needs DuckDB, which is not installed",
            hint="Install it: pip install duckdb",
        ) from None
    deltas = read_deltas(workspace)
    with (
        TemporaryDirectory() as folder,
        duckdb.connect(config={"autoinstall_known_extensions": False}) as connection,
    ):
        path = workspace.path(DELTAS)
        if not deltas.as_they_stand:
            path = os.path.join(folder, DELTAS)
            with open(path, "wb") as f:
                f.writelines(line.decode(errors="replace").encode() for line in deltas.lines)
        try:
            connection.execute(_view(path, workspace.path(METRICS)))
            result = connection.execute(sql)
            columns = tuple(str(d[0]) for d in result.description or ())
            rows = [tuple(_cell(v) for v in row) for row in result.fetchall()]
        except duckdb.Error as e:
            raise FormatError(str(e).partition("\n")[0], field="--sql") from None
    return Answer(columns=columns, rows=rows, findings=deltas.findings)


def _view(deltas: str, metrics: str) -> str:
    """The statement that makes the view, of files that hold deltas and metrics rows."""
    return _VIEW.format(
        deltas=deltas.replace("'", "''"),
        metrics=metrics.replace("'", "''"),
        columns=", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS),
    )


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) or value is None else str(value)
