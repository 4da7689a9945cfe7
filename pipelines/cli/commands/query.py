"""`session-codec query`."""

from __future__ import annotations

import csv
import sys

import click

from codec.records import STATUSES
from codec.shown_text import shown
from pipelines.answers import Answer, Cell
from pipelines.cli import options
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import text_of
from pipelines.cli.output import findings_json, say, say_json, table, tell_findings
from pipelines.errors import FINDINGS
from pipelines.verbs.query import BYS, MEASURES, By, Measure, Question, query

_MEASURE = click.Choice(MEASURES)


@click.command()
@options.repo
@click.option("--agent", metavar="NAME", help="Of this agent; * and ? stand for others.")
@click.option("--task", metavar="NAME", help="Of this task; * and ? stand for others.")
@click.option(
    "--status",
    type=click.Choice(sorted(STATUSES), case_sensitive=False),
    help="With this status, in any case.",
)
@click.option("--since", type=options.TIME, help="From this time on.")
@click.option("--until", type=options.TIME, help="Up to this time, a day or month included.")
@click.option("--last", type=click.IntRange(min=0), help="The newest N of those that fit.")
@click.option("--by", type=click.Choice(BYS), help="One row for each.")
@click.option("--sum", "sums", type=_MEASURE, multiple=True, help="Add up; repeatable.")
@click.option("--avg", "averages", type=_MEASURE, multiple=True, help="Average; repeatable.")
@click.option("--count", is_flag=True, help="How many sessions.")
@click.option("--sql", metavar="QUERY", help="SQL over the table 'sessions' (needs DuckDB).")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@options.as_json
def command(
    repo: str,
    agent: str | None,
    task: str | None,
    status: str | None,
    since: str | None,
    until: str | None,
    last: int | None,
    by: By | None,
    sums: tuple[Measure, ...],
    averages: tuple[Measure, ...],
    count: bool,
    sql: str | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Ask about the sessions: filter, group, sum, average.

    Unknown numbers are left out of sums and averages. Agents and tasks are looked for by the names
    that 'record' gives them. A filter that no session passes is named on stderr.

    \b
    Examples:
      session-codec query --agent sonnet-4.5                        by one agent
      session-codec query --status FAIL                             failed ones
      session-codec query --last 30 --sum lines_added               total lines of the last 30
      session-codec query --by agent --avg duration_min --count     average duration per agent
      session-codec query --sql "SELECT month, count(*) FROM sessions GROUP BY 1"
    """
    asked = (agent, task, status, since, until, last, by, sums or None, averages or None)
    if sql is not None and (count or any(a is not None for a in asked)):
        raise click.UsageError("--sql asks everything itself: it takes no filter and no aggregate")
    workspace = workspace_of(repo)
    if sql is not None:
        from pipelines.verbs.query_sql import query_sql

        answer = query_sql(workspace, text_of(sql))
    else:
        question = Question(
            agent=text_of(agent) if agent else agent,
            task=text_of(task) if task else task,
            status=status,
            since=since,
            until=until,
            last=last,
            by=by,
            sums=sums,
            averages=averages,
            count=count,
        )
        answer = query(workspace, question)
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
    return FINDINGS if any(f.level == "finding" for f in answer.findings) else 0


def _say(answer: Answer) -> None:
    rows = [answer.columns, *(tuple(_shown(c) for c in row) for row in answer.rows)]
    numbers = {i for row in answer.rows for i, c in enumerate(row) if isinstance(c, int | float)}
    for line in table(rows, frozenset(numbers)):
        say(line)


def _cell(cell: Cell) -> Cell:
    return shown(cell) if isinstance(cell, str) else cell


def _shown(cell: Cell) -> str:
    return "-" if cell is None else str(cell)
