"""SQL over the sessions, with DuckDB: the table `sessions`, one row per session.

1. Unknown numbers are NULL. `tokens_used` comes from the metrics table, where 0 is unknown.
2. DuckDB loads the file of deltas if it holds nothing else, else a copy of the deltas in it.
3. A query reads and writes nothing but the table. Once the files are loaded, DuckDB's access to
   files, extensions and the network is switched off, and so is changing that. It runs in a process
   of its own with limited time and memory: agents may be allowed to ask, and to do nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, Final

from codec.errors import FormatError
from codec.v2.metrics import COLUMNS
from pipelines.answers import Answer, Cell
from pipelines.errors import NotFound
from pipelines.fs.files import regular_size
from pipelines.worker.programs import python_program
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import DELTAS, METRICS, Workspace
from pipelines.workspace.reading import mapped_file

_CONFIG: Final[dict[str, Any]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "memory_limit": "256MiB",
    "python_enable_replacements": False,
    "temp_directory": "",
}
_LOCK: Final = "SET enable_external_access = false; SET lock_configuration = true"
#: Seconds until DuckDB is asked to stop, and until the process is killed.
_SECONDS: Final = 6
_KILLED: Final = 8
_TOO_LONG: Final = f"took longer than {_SECONDS} seconds"
_TOO_MUCH: Final = "needs more memory than a query may use. Ask for less, with LIMIT for example"
#: Bytes of the process, without what it shares and does not write.
_MEMORY: Final = 1 << 29
#: Bytes of an answer, of a number in it, and rows that are fetched at a time.
_ANSWER: Final = 64 << 20
_NUMBER: Final = 16
_BATCH: Final = 1024
_TABLE: Final = """
CREATE TABLE sessions AS
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
    """Return the answer to a SQL query over the table `sessions`.

    Raises:
        FormatError: DuckDB does not understand the query, it takes too long or too much memory, or
            it asks for something else than the table.
        NotFound: DuckDB is not installed.
        OSError: a file is too large.
    """
    if find_spec("duckdb") is None:
        raise NotFound(
            "--sql needs DuckDB, which is not installed",
            hint="Install it: pip install duckdb",
        )
    deltas = read_deltas(workspace)
    with TemporaryDirectory() as folder, mapped_file(workspace, METRICS) as metrics:
        files = {"deltas": workspace.path(DELTAS), "metrics": workspace.path(METRICS)}
        if not deltas.as_they_stand:
            lines = (line.decode(errors="replace").encode() for line in deltas.lines)
            files["deltas"] = _written(folder, DELTAS, lines)
        if len(metrics) != (regular_size(files["metrics"]) or 0):
            files["metrics"] = _written(folder, METRICS, [metrics[:]])
        reply = _ask({**files, "sql": sql})
    if "error" in reply:
        raise FormatError(reply["error"], field="--sql")
    rows = [tuple(row) for row in reply["rows"]]
    return Answer(columns=tuple(reply["columns"]), rows=rows, findings=deltas.findings)


def _written(folder: str, name: str, chunks: Iterable[bytes]) -> str:
    """Write a changed copy of a workspace's file to a temporary file and return its path."""
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.writelines(chunks)
    return path


def _ask(request: dict[str, str]) -> dict[str, Any]:
    """Let a process of its own answer a query; it is killed where it does not end by itself."""
    try:
        done = subprocess.run(
            python_program("pipelines.verbs.query_sql", "main"), input=json.dumps(request).encode(),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=_KILLED,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": _TOO_LONG}
    return dict(json.loads(done.stdout)) if done.stdout else {"error": _TOO_MUCH}


def _answer(deltas: str, metrics: str, sql: str) -> dict[str, Any]:
    """Answer a query in the process of its own."""
    import duckdb

    with duckdb.connect(config=_CONFIG) as connection:
        limit = Timer(_SECONDS, connection.interrupt)
        limit.start()
        try:
            connection.execute(_load(deltas, metrics))
            connection.execute(_LOCK)
            result = connection.execute(sql)
            columns = [str(d[0]) for d in result.description or ()]
            return {"columns": columns, "rows": list(_rows(result))}
        except duckdb.InterruptException:
            return {"error": _TOO_LONG}
        except MemoryError:
            return {"error": _TOO_MUCH}
        except duckdb.Error as e:
            return {"error": str(e).partition("\n")[0]}
        finally:
            limit.cancel()


def _rows(result: Any) -> Iterator[list[Cell]]:
    """Yield the rows of a result.

    Raises:
        MemoryError: there are more than anybody can use.
    """
    size = 0
    while batch := result.fetchmany(_BATCH):
        for row in batch:
            cells = [_cell(value) for value in row]
            size += sum(len(c) if isinstance(c, str) else _NUMBER for c in cells)
            if size > _ANSWER:
                raise MemoryError
            yield cells


def _limit_memory() -> None:
    """Limit the memory of this process, where the system can; DuckDB counts only its own."""
    with suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


def _load(deltas: str, metrics: str) -> str:
    """Return the statement that loads files of deltas and metrics rows into the table."""
    return _TABLE.format(
        deltas=deltas.replace("'", "''"),
        metrics=metrics.replace("'", "''"),
        columns=", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS),
    )


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) or value is None else str(value)


def main() -> None:
    """Answer the query on stdin, on stdout."""
    _limit_memory()
    json.dump(_answer(**json.load(sys.stdin)), sys.stdout)
