"""Questions about the sessions, each answer compared with one computed another way."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any

import pytest

from tests.pipelines.conftest import Bench, Cli, corpus, day, entry, log_of

MIXED = log_of(
    entry(day(1), agent="human", task="alpha", status="PASS"),
    entry(day(2), agent="claude-opus-4-1", task="beta", status="FAIL (no)"),
    entry(day(3), agent="human", task="alpha-two", status="PARTIAL", patch=None),
    entry("2025-12-01", agent="human", task="gamma", status="PASS").replace(
        b"- Duration: 5 min\n", b""
    ),
)


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    bench.log.write_bytes(MIXED)
    bench.migrate()
    return bench


def _rows(cli: Cli, bench: Bench, *arguments: object) -> list[dict[str, Any]]:
    said = cli("query", bench.root, *arguments, "--json")
    assert said.code == 0
    rows: list[dict[str, Any]] = said.json["rows"]
    return rows


@pytest.mark.parametrize(
    ("arguments", "tasks"),
    [
        ([], ["alpha", "beta", "alpha-two", "gamma"]),
        (["--agent", "human"], ["alpha", "alpha-two", "gamma"]),
        (["--agent", "opus*"], ["beta"]),
        (["--agent", "claude-opus-4-1"], ["beta"]),
        (["--task", "alpha two"], ["alpha-two"]),
        (["--status", "fail"], ["beta"]),
        (["--status", "FAIL"], ["beta"]),
        (["--task", "alpha"], ["alpha"]),
        (["--task", "alpha*"], ["alpha", "alpha-two"]),
        (["--since", "2025-11-02"], ["beta", "alpha-two", "gamma"]),
        (["--until", "2025-11-02"], ["alpha", "beta"]),
        (["--until", "2025-11"], ["alpha", "beta", "alpha-two"]),
        (["--since", "2025-11-02T10:00:00Z", "--until", "2025-11-03"], ["beta", "alpha-two"]),
        (["--agent", "human", "--last", "2"], ["alpha-two", "gamma"]),
        (["--last", "0"], []),
    ],
)
def test_a_filter_selects_matching_sessions(
    mixed: Bench, cli: Cli, arguments: list[str], tasks: list[str]
) -> None:
    assert [row["task"] for row in _rows(cli, mixed, *arguments)] == tasks


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--agent", "nobody"], "no session matches --agent 'nobody'. There are: human, opus-4.1"),
        (["--agent", "nobody", "--count"], "no session matches --agent 'nobody'"),
        (["--agent", "human", "--status", "UNKNOWN"], "no session matches --status 'UNKNOWN'"),
        (["--since", "2031"], "no session matches --since '2031'"),
    ],
)
def test_a_filter_that_matches_nothing_is_named(
    mixed: Bench, cli: Cli, arguments: list[str], told: str
) -> None:
    said = cli("query", mixed.root, *arguments)
    assert said.code == 0
    assert told in said.err
    assert "--agent 'human'" not in said.err


@pytest.mark.parametrize("content", [None, b""])
def test_sessions_are_read_from_the_manifest_if_the_deltas_are_missing(
    mixed: Bench, cli: Cli, content: bytes | None
) -> None:
    everything = cli("query", mixed.root, "--json").json["rows"]
    context = cli("context", mixed.root).out
    path = mixed.root / "SESSION_DELTAS.log"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    said = cli("query", mixed.root, "--json")
    assert said.code == 3
    assert [f["code"] for f in said.json["findings"]] == ["missing-deltas"]
    assert said.json["rows"] == everything
    assert cli("context", mixed.root).out == context
    assert "100.0 %" not in cli("verify", mixed.root).out


def test_unknown_numbers_are_left_out_of_averages(mixed: Bench, cli: Cli) -> None:
    rows = _rows(cli, mixed, "--by", "agent", "--avg", "duration_min", "--count")
    assert rows == [
        {"agent": "human", "sessions": 3, "avg_duration_min": 5.0},
        {"agent": "opus-4.1", "sessions": 1, "avg_duration_min": 5.0},
    ]


def test_months_statuses_and_tasks_group(mixed: Bench, cli: Cli) -> None:
    months = _rows(cli, mixed, "--by", "month", "--sum", "lines_added")
    assert months == [
        {"month": "2025-11", "sum_lines_added": 4},
        {"month": "2025-12", "sum_lines_added": 2},
    ]
    statuses = {r["status"]: r["sessions"] for r in _rows(cli, mixed, "--by", "status")}
    assert statuses == {"PASS": 2, "FAIL": 1, "PARTIAL": 1}
    assert len(_rows(cli, mixed, "--by", "task")) == 4


def test_a_sum_without_groups_is_one_row(mixed: Bench, cli: Cli) -> None:
    assert _rows(cli, mixed, "--last", "2", "--sum", "lines_added") == [{"sum_lines_added": 2}]


def test_equal_lines_are_one_session(mixed: Bench, cli: Cli) -> None:
    deltas = mixed.root / "SESSION_DELTAS.log"
    deltas.write_text(deltas.read_text() * 2)
    assert _rows(cli, mixed, "--count") == [{"sessions": 4}]


def test_a_broken_line_is_a_finding_with_its_number_and_the_rest_goes_on(
    mixed: Bench, cli: Cli
) -> None:
    deltas = mixed.root / "SESSION_DELTAS.log"
    first, *rest = deltas.read_text().splitlines()
    deltas.write_text("\n".join([first, "by hand | and wrong", *rest]) + "\n")
    said = cli("query", mixed.root, "--by", "agent", "--json")
    assert said.code == 3
    assert said.json["findings"][0]["line"] == 2
    assert sum(row["sessions"] for row in said.json["rows"]) == 4


def test_a_line_with_bad_metrics_is_a_finding_too(mixed: Bench, cli: Cli) -> None:
    with (mixed.root / "SESSION_DELTAS.log").open("a") as f:
        f.write("2026-01-01 | a | b | PASS | nonsense\n")
    said = cli("query", mixed.root, "--sum", "lines_added", "--json")
    assert (said.code, said.json["rows"]) == (3, [{"sum_lines_added": 6}])


def test_a_torn_last_line_is_not_a_session(mixed: Bench, cli: Cli) -> None:
    with (mixed.root / "SESSION_DELTAS.log").open("a") as f:
        f.write("2026-01-01 | a | b | PASS | -")
    assert _rows(cli, mixed, "--count") == [{"sessions": 4}]


def test_csv_and_the_table_say_the_same(mixed: Bench, cli: Cli) -> None:
    rows = list(csv.reader(io.StringIO(cli("query", mixed.root, "--by", "agent", "--csv").out)))
    assert rows == [["agent", "sessions"], ["human", "3"], ["opus-4.1", "1"]]
    table = cli("query", mixed.root, "--by", "agent").out
    assert [line.split() for line in table.splitlines()] == rows


@pytest.mark.parametrize("time", ["2025-13", "yestreday", "25", "2025-11-06T25:00:00Z"])
def test_a_bad_time_is_a_usage_error(mixed: Bench, cli: Cli, time: str) -> None:
    said = cli("query", mixed.root, "--since", time)
    assert (said.code, said.out) == (2, "")
    assert "2025-11-06" in said.err


def test_sql_sees_unknown_numbers_as_null(mixed: Bench, cli: Cli) -> None:
    pytest.importorskip("duckdb")
    sql = (
        "SELECT agent, count(*) n, avg(duration_min) d, sum(lines_removed) r "
        "FROM sessions GROUP BY 1 ORDER BY 1"
    )
    assert _rows(cli, mixed, "--sql", sql) == [
        {"agent": "human", "n": 3, "d": 5.0, "r": 2},
        {"agent": "opus-4.1", "n": 1, "d": 5.0, "r": 1},
    ]


def test_a_wrong_query_is_reported_in_one_line(mixed: Bench, cli: Cli) -> None:
    pytest.importorskip("duckdb")
    said = cli("query", mixed.root, "--sql", "SELEKT 1")
    assert said.code == 10
    assert "Traceback" not in said.err


def test_sums_and_averages_of_a_thousand_sessions_are_the_truths(bench: Bench, cli: Cli) -> None:
    truth = [json.loads(line) for line in corpus("medium.truth.jsonl").splitlines()]
    bench.log.write_bytes(corpus("medium.md"))
    bench.migrate()
    rows = _rows(
        cli, bench, "--by", "agent", "--sum", "lines_added", "--avg", "duration_min", "--count"
    )
    agents = {row["agent"]: row for row in rows}
    count = Counter(t["agent_norm"] or t["agent_raw"] for t in truth)
    for name, sessions in count.items():
        own = [t for t in truth if (t["agent_norm"] or t["agent_raw"]) == name]
        known = [t["duration_min"] for t in own if t["duration_min"] is not None]
        assert agents[name] == {
            "agent": name,
            "sessions": sessions,
            "sum_lines_added": sum(t["declared_added"] for t in own),
            "avg_duration_min": round(sum(known) / len(known), 2),
        }
    last = sorted(truth, key=lambda t: t["timestamp"])[-30:]
    total = _rows(cli, bench, "--last", "30", "--sum", "lines_added")
    assert total == [{"sum_lines_added": sum(t["declared_added"] for t in last)}]


@pytest.mark.parametrize(
    "line",
    [
        "no-key | x | y | WRONG | zzz",
        "2026-01-01 | a | b | PASS",
        "2026-01-01 | a | b | c | PASS | -",
        "2026-01-01 | a | b | MAYBE | -",
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--count"], ["--by", "status"]])
def test_no_question_takes_a_broken_line_for_a_session(
    mixed: Bench, cli: Cli, line: str, arguments: list[str]
) -> None:
    before = cli("query", mixed.root, *arguments).out
    with (mixed.root / "SESSION_DELTAS.log").open("a") as f:
        f.write(f"{line}\n2026-01-02 | a | b | c | d | e | f | PASS | -\n")
    said = cli("query", mixed.root, *arguments)
    assert (said.code, said.out) == (3, before)


def test_an_unknown_table_leads_to_the_known_ones(mixed: Bench, cli: Cli) -> None:
    pytest.importorskip("duckdb")
    said = cli("query", mixed.root, "--sql", "SELECT * FROM diffs")
    assert said.code == 10
    assert "'SHOW TABLES' lists the tables" in said.err
    assert _rows(cli, mixed, "--sql", "SHOW TABLES") == [{"name": "sessions"}]


def test_sql_takes_no_filter_beside_it(mixed: Bench, cli: Cli) -> None:
    assert cli("query", mixed.root, "--sql", "SELECT 1", "--agent", "human").code == 2


def test_a_sum_without_known_numbers_is_null(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(log_of(entry(day(1), patch=None)))
    bench.migrate()
    said = cli("query", bench.root, "--sum", "tokens_used", "--count", "--json").json
    assert said["rows"] == [{"sessions": 1, "sum_tokens_used": None}]
