"""The page of a fleet, from exported tables: one file that makes no requests.

Text is data and never markup: see `report.page`.
"""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from typing import Any, Final

from pipelines.outcomes.answers import Cell
from pipelines.report.page import POLICY, data_block, filled
from pipelines.report.page_files import asset, source_hash, style_of
from pipelines.system.worker.duckdb_process import Limits, ask
from pipelines.tables.views import Views

#: The text in the first bytes of every page.
MARK: Final = '<meta name="generator" content="session-codec fleet report">'
_LIMITS: Final = Limits(seconds=300, memory=2048, process=4 << 30)
_SCRIPTS: Final = ("figures.js", "paged_table.js", "fleet.js")
#: The number of rows in lists; the table of repositories has all of them.
_FINDINGS: Final = 15
_AGENTS: Final = 20
_TASKS: Final = 20
_MONTHS: Final = 36
_REPOSITORIES: Final = """
WITH worked AS (
    SELECT repository, count(*) FILTER (status = 'FAIL') AS failed, sum(tokens_used) AS tokens_used
    FROM sessions GROUP BY 1
), ran AS (
    SELECT repository, sum(findings) AS findings,
        max_by(outcome, CASE outcome WHEN 'done' THEN 0 WHEN 'absent' THEN 1 WHEN 'findings' THEN 2
            ELSE 3 END) AS outcome,
        string_agg(DISTINCT codes, ' ' ORDER BY codes) AS codes
    FROM runs GROUP BY 1
), every AS (SELECT repository FROM repos UNION SELECT repository FROM runs)
SELECT every.repository, coalesce(r.sessions, 0) AS sessions,
    coalesce(r.private_sessions, 0) AS private_sessions, coalesce(w.failed, 0) AS failed,
    CAST(r.last_date AS VARCHAR) AS last_date, CAST(w.tokens_used AS BIGINT) AS tokens_used,
    r.window_before, r.window_after, r.file_bytes, r.archive_bytes, n.outcome,
    CAST(n.findings AS BIGINT) AS findings, n.codes
FROM every LEFT JOIN repos r USING (repository) LEFT JOIN worked w USING (repository)
    LEFT JOIN ran n USING (repository)
ORDER BY 1
"""
_BAD: Final = "outcome NOT IN ('done', 'absent')"
_QUERIES: Final = {
    "findings": f"""
        SELECT repository, verb, outcome, findings, codes FROM runs WHERE {_BAD}
        ORDER BY outcome = 'findings', findings DESC, repository, verb LIMIT {_FINDINGS}""",  # noqa: S608
    "agents": f"""
        SELECT agent, count(*) AS sessions, count(*) FILTER (status = 'FAIL') AS failed,
            count(*) FILTER (status = 'PASS') AS passed,
            count(*) FILTER (status <> 'UNKNOWN') AS known,
            CAST(sum(tokens_used) AS BIGINT) AS tokens
        FROM sessions GROUP BY 1 ORDER BY failed DESC, sessions DESC, agent LIMIT {_AGENTS}""",  # noqa: S608
    "tasks": f"""
        SELECT task, repository, count(*) AS failed, CAST(max(date) AS VARCHAR) AS last_date
        FROM sessions WHERE status = 'FAIL' GROUP BY 1, 2
        ORDER BY failed DESC, last_date DESC, task, repository LIMIT {_TASKS}""",  # noqa: S608
    "months": f"""
        SELECT * FROM (SELECT month, count(*) AS sessions FROM sessions GROUP BY 1
        ORDER BY 1 DESC LIMIT {_MONTHS}) ORDER BY 1""",  # noqa: S608
}


def page(views: Views, name: str, made: str, usd_per_million: float | None) -> bytes:
    """Return the page of a fleet.

    Args:
        views: the views of the tables.
        name: the name of the fleet on the page.
        made: when the page was made, in UTC.
        usd_per_million: the price of a million tokens; None if unknown.
    """
    repositories = ask(views.statements, _REPOSITORIES, views.files, _LIMITS)
    lists = {key: _records(views, sql) for key, sql in _QUERIES.items()}
    (total,) = _records(views, f"SELECT count(*) AS n FROM runs WHERE {_BAD}")  # noqa: S608
    data = {
        "name": name,
        "made": made,
        "usd_per_million": usd_per_million,
        "fields": repositories.columns,
        "repositories": repositories.rows,
        **lists,
        "findings_total": total["n"],
    }
    return _html(name, data)


def _records(views: Views, sql: str) -> Sequence[dict[str, Cell]]:
    answer = ask(views.statements, sql, views.files, _LIMITS)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _html(name: str, data: dict[str, Any]) -> bytes:
    script = "\n".join(map(asset, _SCRIPTS))
    style = style_of("page.css")
    slots = {
        "mark": MARK,
        "policy": POLICY.format(scripts=source_hash(script), style=source_hash(style)),
        "name": markup.escape(name.encode(errors="replace").decode()),
        "style": style,
        "script": script,
    }
    before, after = asset("fleet.html").split("{{data}}")
    return (filled(before, slots) + data_block("data", data) + filled(after, slots)).encode()
