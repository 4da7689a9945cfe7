"""`session-codec query`."""

from __future__ import annotations

import csv
import sys
from typing import Any, Final

from codec.shown_text import shown
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, number, text_of
from pipelines.cli.filters import AGENT, SINCE, STATUS, UNTIL
from pipelines.cli.output import code_of, findings_json, say_json, say_table, tell_findings
from pipelines.outcomes.answers import Answer, Cell
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.verbs.query import BYS, MEASURES, Question, query


def run(
    repo: str,
    sql: str | None,
    tables: str | None,
    endpoint_url: str | None,
    as_csv: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Query the sessions: filter, group, sum, average.

    Unknown numbers are left out of sums and averages. Agents and tasks have the names that 'record'
    gives them. If a filter matches no session, a note on stderr names it.

    Examples:
      session-codec query --agent sonnet-4.5                        by one agent
      session-codec query --status FAIL --since 2025-11             failed ones since November
      session-codec query --last 30 --sum lines_added               total lines of the last 30
      session-codec query --by agent --avg duration_min --count     average duration per agent
      session-codec query --sql "SELECT month, count(*) FROM sessions GROUP BY 1"
      session-codec query --tables ../tables --sql "SELECT repository, sessions FROM repos"
    """
    if sql is not None and any(v not in (None, ()) and v is not False for v in asked.values()):
        raise Misuse("--sql cannot be combined with filters and aggregates")
    if tables is not None:
        answer = _of_tables(tables, endpoint_url, sql)
    elif sql is not None:
        from pipelines.verbs.query_sql import query_sql

        answer = query_sql(workspace_of(repo), text_of(sql))
    else:
        names = {n: text_of(asked[n]) for n in ("agent", "task") if asked[n]}
        answer = query(workspace_of(repo), Question(**{**asked, **names}))
    tell_findings(answer.findings)
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        say_json("query", {"rows": rows, "findings": findings_json(answer.findings)})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(tuple(map(_cell, row)) for row in answer.rows)
    else:
        _say(answer)
    return code_of(answer.findings)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        AGENT,
        Option("--task", "Sessions with this task; * and ? are wildcards.", metavar="NAME"),
        STATUS,
        SINCE,
        UNTIL,
        Option("--last", "The newest N of the matching sessions.", read=number, metavar="N"),
        Option("--by", "One row for each value.", choices=BYS),
        Option(
            "--sum",
            "Add up a figure; repeatable.",
            to="sums",
            choices=MEASURES,
            repeat=True,
            metavar="FIGURE",
        ),
        Option(
            "--avg",
            "Average a figure; repeatable.",
            to="averages",
            choices=MEASURES,
            repeat=True,
            metavar="FIGURE",
        ),
        Option("--count", "Count the sessions.", flag=True),
        Option("--sql", "Run SQL on the table 'sessions' (needs DuckDB).", metavar="QUERY"),
        Option(
            "--tables",
            "Run SQL on the tables that 'export' wrote: sessions, edits, usage, repos, runs; "
            "needs --sql.",
            metavar="DIR|URL",
        ),
        Option("--endpoint-url", "The address of an S3-compatible store.", metavar="URL"),
        Option("--csv", "Print comma-separated values.", to="as_csv", flag=True),
        JSON,
    ),
    exits={3: "lines that cannot be read were left out", 20: EXIT_CODES[20]},
)


def _of_tables(tables: str, endpoint_url: str | None, sql: str | None) -> Answer:
    if sql is None:
        raise Misuse("--tables needs --sql")
    from pipelines.cli.remote_options import local_path, open_tables
    from pipelines.verbs.query_tables import query_tables

    remote = open_tables({"remote": tables, "endpoint_url": endpoint_url}, None)
    return query_tables(remote, local_path(tables), text_of(sql))


def _say(answer: Answer) -> None:
    rows = [answer.columns, *(tuple(_shown(c) for c in row) for row in answer.rows)]
    numbers = {i for row in answer.rows for i, c in enumerate(row) if isinstance(c, int | float)}
    say_table(rows, frozenset(numbers))


def _cell(cell: Cell) -> Cell:
    return shown(cell) if isinstance(cell, str) else cell


def _shown(cell: Cell) -> str:
    return "-" if cell is None else str(cell)
