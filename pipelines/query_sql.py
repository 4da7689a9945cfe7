"""SQL over the sessions, with DuckDB: the view `sessions`, one row a session.

Numbers that are not known are NULL. `tokens_used` comes from the metrics table, where 0 is unknown.
"""

from __future__ import annotations

from typing import Any, Final

from codec.errors import FormatError
from pipelines.answers import Answer, Cell
from pipelines.errors import NotFound
from pipelines.workspace import DELTAS, METRICS, Workspace

_VIEW: Final = """
CREATE VIEW sessions AS
WITH deltas AS (
    SELECT DISTINCT * FROM read_csv(
        '{deltas}', delim = ' | ', header = false, quote = '', escape = '', auto_detect = false,
        ignore_errors = true, null_padding = false,
        columns = {{'key': 'VARCHAR', 'agent': 'VARCHAR', 'task': 'VARCHAR', 'status': 'VARCHAR',
                    'metrics': 'VARCHAR'}})
), table_rows AS (
    SELECT DISTINCT timestamp AS key, tokens_used FROM read_csv(
        '{metrics}', delim = '\\t', header = true, quote = '', escape = '', ignore_errors = true)
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
    nullif(TRY_CAST(table_rows.tokens_used AS BIGINT), 0) AS tokens_used
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
    paths = {
        name: workspace.path(path).replace("'", "''")
        for name, path in (("deltas", DELTAS), ("metrics", METRICS))
    }
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        try:
            connection.execute(_VIEW.format(**paths))
            result = connection.execute(sql)
            columns = tuple(str(d[0]) for d in result.description or ())
            rows = [tuple(_cell(v) for v in row) for row in result.fetchall()]
        except duckdb.Error as e:
            raise FormatError(str(e).partition("\n")[0], field="--sql") from None
    return Answer(columns=columns, rows=rows)


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) or value is None else str(value)
