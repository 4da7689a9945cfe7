"""SQL over exported tables, with DuckDB: one view for each table, of all repositories."""

from __future__ import annotations

from typing import Final

from pipelines.outcomes.answers import Answer
from pipelines.remotes.base import Remote
from pipelines.system.worker.duckdb_process import Limits, ask
from pipelines.tables.views import views_of

#: The time limit in seconds, in which a month of 100 million sessions can be read.
_LIMITS: Final = Limits(seconds=60, memory=1024, process=2 << 30)


def query_tables(remote: Remote, local: str | None, sql: str) -> Answer:
    """Return the answer to a SQL query over the tables of a folder or prefix.

    Args:
        remote: the folder or prefix.
        local: its path; None for a bucket.
        sql: the query.

    Raises:
        FormatError: there are no tables, or the query cannot be run: see `ask`.
        NotFound: DuckDB is not installed.
        StorageError: the tables cannot be read.
    """
    with views_of(remote, local) as views:
        return ask(views.statements, sql, views.files, _LIMITS)
