"""Exported tables: every reader sees the same rows, and nothing leaves that must not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codec.tables.catalog import Format
from codec.tables.rows import Row
from codec.tables.schema import BY_NAME, Cell
from tests.conformance.conftest import Started, sdk_environment, started
from tests.pipelines.conftest import Bench, Cli, day, entry, git, log_of, tree
from tests.support.made_secrets import Maker

pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")

__all__ = ["sdk_environment", "started"]

MIXED = log_of(
    entry("2025-10-30T09:00:00Z", task="old", status="FAIL (no)"),
    entry(day(1), agent="human", task="alpha", notes='Say "yes", or not;\ttab.'),
    entry(day(3), agent="human", task="alpha", status="PARTIAL", patch=None),
    entry("2025-12-01", task="undated-hour", patch=None).replace(b"- Duration: 5 min\n", b""),
)
KEYS = ["2025-10-30T09:00:00Z", day(1), day(3), "2025-12-01"]
NAME = ("--repository", "app")


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    bench.log.write_bytes(MIXED)
    bench.migrate()
    return bench


@pytest.fixture
def tables(mixed: Bench, cli: Cli, tmp_path: Path) -> Path:
    said = cli("export", "--to", "parquet", tmp_path / "tables", mixed.root, *NAME)
    assert said.code == 0, said.err
    return tmp_path / "tables"


def ask(cli: Cli, tables: object, sql: str) -> list[dict[str, Any]]:
    said = cli("query", "--tables", tables, "--sql", sql, "--json")
    assert said.code == 0, said.err
    rows: list[dict[str, Any]] = said.json["rows"]
    return rows


COLUMNS = "key, month, status, lines_added, tokens_used, notes"


def test_duckdb_polars_and_pyarrow_read_the_same_sessions(tables: Path, cli: Cli) -> None:
    import polars as pl
    import pyarrow.dataset as ds

    sql = f"SELECT {COLUMNS} FROM sessions ORDER BY key"  # noqa: S608
    wanted = [tuple(row.values()) for row in ask(cli, tables, sql)]
    assert [row[0] for row in wanted] == sorted(KEYS)
    glob = f"read_parquet('{tables}/sessions/*/*.parquet', hive_partitioning = true)"
    assert duckdb.sql(sql.replace("sessions", glob)).fetchall() == wanted
    frame = pl.scan_parquet(f"{tables}/sessions/**/*.parquet", hive_partitioning=True).collect()
    assert frame.sort("key").select(COLUMNS.split(", ")).rows() == wanted
    read = ds.dataset(tables / "sessions", partitioning="hive").to_table()
    assert [tuple(r[c] for c in COLUMNS.split(", "))
            for r in read.sort_by("key").to_pylist()] == wanted  # fmt: skip
    assert read.schema.metadata[b"session-codec.schema"] == b"session-codec/tables/1"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_every_format_has_the_same_rows(
    mixed: Bench, tables: Path, cli: Cli, tmp_path: Path, form: str
) -> None:
    assert cli("export", "--to", form, tmp_path / form, mixed.root, *NAME).code == 0
    for table in ("sessions", "edits", "usage", "repos"):
        sql = f"SELECT * FROM {table} ORDER BY ALL"  # noqa: S608
        assert ask(cli, tmp_path / form, sql) == ask(cli, tables, sql) != []


def test_figures_are_those_of_query_and_savings_those_of_verify(
    mixed: Bench, tables: Path, cli: Cli
) -> None:
    sums = ("lines_added", "lines_removed", "commits", "duration_min")
    options = [option for name in sums for option in ("--sum", name)]
    (by_query,) = cli("query", mixed.root, "--count", *options, "--json").json["rows"]
    sql = ", ".join(f"sum({name})::BIGINT AS sum_{name}" for name in sums)
    (row,) = ask(cli, tables, f"SELECT count(*) AS sessions, {sql} FROM sessions")  # noqa: S608
    assert row == by_query
    (repo,) = ask(cli, tables, "SELECT * FROM repos")
    baselines = {
        b["name"]: b for b in cli("verify", mixed.root, "--json").json["tokens"]["baselines"]
    }
    for name in ("window", "log"):
        found = (repo[f"{name}_before"], repo[f"{name}_after"])
        assert found == (baselines[name]["before"], baselines[name]["after"])
    assert (repo["sessions"], repo["first_date"], repo["last_date"]) == (
        4,
        "2025-10-30",
        "2025-12-01",
    )


def test_edits_name_files_lines_and_blobs(tables: Path, cli: Cli) -> None:
    rows = ask(cli, tables, "SELECT key, path, added, removed FROM edits ORDER BY key")
    assert [tuple(r.values()) for r in rows] == [(k, "a.py", 2, 1) for k in KEYS[:2]]


def test_a_second_export_writes_nothing_and_a_new_session_only_its_month(
    mixed: Bench, tables: Path, cli: Cli
) -> None:
    before = tree(tables, times=True)
    said = cli("export", "--to", "parquet", tables, mixed.root, *NAME)
    assert "unchanged; nothing was written" in said.out
    assert tree(tables, times=True) == before
    mixed.log.write_bytes(MIXED + entry("2025-12-24T10:00:00Z", task="late", patch=None))
    mixed.migrate()
    done = cli("export", "--to", "parquet", tables, mixed.root, *NAME, "--json").json
    assert {name.rpartition("/")[0] for name in done["written"]} == {
        "sessions/month=2025-12", "usage/month=2025-12", "repos"
    }  # fmt: skip
    assert ask(cli, tables, "SELECT count(*) AS n FROM sessions") == [{"n": 5}]


def test_two_machines_write_the_same_bytes(
    mixed: Bench, tables: Path, cli: Cli, tmp_path: Path
) -> None:
    clone = tmp_path / "elsewhere"
    shutil.copytree(mixed.root, clone)
    assert cli("export", "--to", "parquet", tmp_path / "again", clone, *NAME).code == 0
    assert tree(tmp_path / "again") == tree(tables)


def test_a_repository_is_named_by_its_origin_without_credentials(
    mixed: Bench, cli: Cli, tmp_path: Path
) -> None:
    git(mixed.root, "remote", "add", "origin", "https://ann:hunter2@example.com/acme/app.git")
    said = cli("export", "--to", "jsonl", tmp_path / "t", mixed.root, "--json")
    assert said.json["repository"] == "example.com/acme/app"
    assert b"hunter2" not in b"".join(data for data, _ in tree(tmp_path / "t").values())


def test_redacted_tables_hold_no_path_no_task_and_no_text(
    mixed: Bench, cli: Cli, tmp_path: Path
) -> None:
    assert cli("export", "--to", "jsonl", tmp_path / "t", mixed.root, "--redact").code == 0
    data = b"".join(data for data, _ in tree(tmp_path / "t").values())
    for text in (b"a.py", b"alpha", b"undated", b"Say", bytes(mixed.root)):
        assert text not in data
    rows = ask(
        cli, tmp_path / "t", "SELECT task, count(*) AS n FROM sessions GROUP BY 1 ORDER BY 2"
    )
    assert [r["n"] for r in rows] == [1, 1, 2], "hashes still group"
    assert cli("export", "--to", "jsonl", tmp_path / "t", mixed.root).code == 22


PERSON = "Ann Example <ann@example.org>"


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "rows"])
def test_redacted_tables_hold_no_name_of_a_person_or_branch(
    bench: Bench, cli: Cli, tmp_path: Path, form: str
) -> None:
    agents = (PERSON, "ann@example.org", "feature/ann", "claude-sonnet-4-5", "human")
    entries = [entry(day(n), agent=agent) for n, agent in enumerate(agents, 1)]
    bench.log.write_bytes(log_of(*entries))
    bench.migrate()
    assert "Ann" in "".join(bench.deltas())
    (tmp_path / "t").mkdir()
    target = tmp_path / "t" / "rows"
    assert cli("export", "--to", form, "--redact", target, bench.root).code == 0
    data = b"".join(data for data, _ in tree(tmp_path / "t").values())
    for text in (b"Ann", b"ann", b"example.org", b"feature"):
        assert text not in data
    for text in (b"human", b"sonnet-4.5"):
        assert text in data


def test_private_sessions_are_only_counted(mixed: Bench, cli: Cli, tmp_path: Path) -> None:
    assert cli("amend", day(3), mixed.root, "--private").code in (0, 3)
    (mixed.root / ".session-codec" / "config.toml").write_text('[private]\npaths = ["*.py"]\n')
    assert cli("export", "--to", "jsonl", tmp_path / "t", mixed.root).code == 0
    keys = [r["key"] for r in ask(cli, tmp_path / "t", "SELECT key FROM sessions")]
    assert keys == ["2025-12-01"]
    (repo,) = ask(cli, tmp_path / "t", "SELECT sessions, private_sessions FROM repos")
    assert repo == {"sessions": 1, "private_sessions": 3}
    data = b"".join(data for data, _ in tree(tmp_path / "t").values())
    assert b"alpha" not in data
    assert day(3).encode() not in data


def test_secrets_in_texts_and_paths_are_replaced(bench: Bench, cli: Cli, tmp_path: Path) -> None:
    secret = "ghp_" + Maker(1).of(36)
    patch = f"--- a/{secret}.py\n+++ b/{secret}.py\n@@ -1 +1 @@\n-a\n+b\n".encode()
    bench.log.write_bytes(log_of(entry(day(1), patch=patch)))
    bench.migrate()
    manifest = bench.root / ".session-codec" / "manifest.jsonl"
    text = manifest.read_text().replace('"task":"some-task"', f'"task":"x","notes":"{secret}"')
    assert secret in text
    manifest.write_text(text)
    said = cli("export", "--to", "jsonl", tmp_path / "t", bench.root, "--json")
    assert said.code == 3
    assert [f["code"] for f in said.json["findings"]] == ["secret-replaced"] * 2
    assert secret.encode() not in b"".join(data for data, _ in tree(tmp_path / "t").values())


def test_a_bucket_takes_one_put_for_each_part(
    mixed: Bench, cli: Cli, started: Started, sdk_environment: None
) -> None:
    server = started("moto")
    to = ("export", "--to", "parquet", server.url(), mixed.root, *NAME)
    more = ("--endpoint-url", server.endpoint)
    first = cli(*to, *more, "--json").json
    assert first["requests"]["PUT"] == len(first["written"]) + 2  # its plan and the catalog
    second = cli(*to, *more, "--json").json
    assert (second["written"], second["requests"]) == ([], {"LIST": 1, "GET": 2})
    said = cli("query", "--tables", to[3], *more, "--sql", "SELECT count(*) FROM edits", "--csv")
    assert said.out.splitlines() == ["count_star()", "2"]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY sessions TO '{folder}/x.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{part}'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "SELECT 1; DROP VIEW sessions",
        "SET enable_external_access = true",
    ],
)
def test_a_query_reads_the_tables_and_nothing_else(tables: Path, cli: Cli, sql: str) -> None:
    before = tree(tables)
    part = next(tables.glob("repos/*"))
    said = cli("query", "--tables", tables, "--sql", sql.format(folder=tables, part=part))
    assert said.code == 10
    assert tree(tables) == before


def test_misuse_and_missing_tables_are_reported(cli: Cli, tmp_path: Path, mixed: Bench) -> None:
    assert cli("query", "--tables", tmp_path).code == 2
    assert cli("query", "--tables", tmp_path, "--sql", "SELECT 1").code == 10
    assert cli("export", tmp_path / "t", mixed.root).code == 2
    inside = cli("export", "--to", "csv", mixed.root / "tables", mixed.root)
    assert inside.code == 22


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_values_that_no_column_can_hold_are_null_and_texts_are_kept(
    bench: Bench, cli: Cli, tmp_path: Path, form: str
) -> None:
    bench.log.write_bytes(log_of(entry(day(1))))
    bench.migrate()
    with (bench.root / "SESSION_DELTAS.log").open("a") as f:
        for key in ("0000-11-05T10:00:00Z", "2025-13-45"):
            f.write(f"{key} | human | x | PASS | L+9,-1\n")
    assert cli("export", "--to", form, tmp_path / "t", bench.root, *NAME).code in (0, 3)
    sql = "SELECT key, date, began FROM sessions ORDER BY key"
    first, *_ = ask(cli, tmp_path / "t", sql)
    assert first == {"key": "0000-11-05T10:00:00Z", "date": None, "began": None}


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize(
    ("column", "given", "wanted"),
    [
        ("lines_added", 2**63, None),
        ("lines_added", -(2**70), None),
        ("lines_added", 2**63 - 1, 2**63 - 1),
        ("lines_added", -(2**63), -(2**63)),
        ("date", "10000-01-01", None),
        ("date", "2025-02-30", None),
        ("began", "2025-11-30T23:59:60Z", None),
        ("title", "a\0b", "a\0b"),
        ("title", "\ud800x", "?x"),
        ("title", "", ""),
        ("title", "NULL", "NULL"),
        ("notes", 'y,"\r\n' * 400_000, 'y,"\r\n' * 400_000),
    ],
    ids=lambda v: repr(v)[:20],
)
def test_every_format_keeps_what_its_types_can_hold(
    cli: Cli, tmp_path: Path, form: Format, column: str, given: Cell, wanted: Cell
) -> None:
    from pipelines.outcomes.progress import Silent
    from pipelines.remotes.directory import DirectoryRemote
    from pipelines.tables.fold import Given, Target, fold

    target = Target(DirectoryRemote(str(tmp_path / "t")), form, False, ("sessions",))
    for name in ("app", "app2"):  # the second one reads the parts of the first
        fields = {"repository": name, "key": "k", "agent": "human", column: given}
        rows = [Row("sessions", "2025-11", tuple(map(fields.get, BY_NAME["sessions"].names)))]
        fold(target, [Given(name, "", lambda rows=rows: rows)], Silent())  # type: ignore[misc]
    found = ask(cli, tmp_path / "t", f"SELECT {column} AS v FROM sessions")  # noqa: S608
    assert found == [{"v": wanted}] * 2


def test_a_dry_run_writes_nothing(mixed: Bench, cli: Cli, tmp_path: Path) -> None:
    said = cli("export", "--to", "parquet", tmp_path / "t", mixed.root, "--dry-run")
    assert (said.code, (tmp_path / "t").exists()) == (0, False)
    assert "would export" in said.out


def test_rows_of_one_repository_are_one_file(mixed: Bench, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "rows" / "app.jsonl"
    assert cli("export", "--to", "rows", path, mixed.root, *NAME).code == 0
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert head == {"schema": "session-codec/tables/1", "repository": "app", "redacted": False}
    assert [row[0] for row in rows].count("sessions") == 4


@pytest.mark.parametrize("verb", ["context", "record", "migrate", "query", "export", "verify"])
def test_no_other_verb_imports_the_libraries_of_tables_and_fleets(verb: str) -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pipelines.cli.parser import load_verb\n"
        f"import pipelines.cli.main; load_verb({verb!r})\n"
        "print(sorted({'pyarrow', 'duckdb', 'distributed', 'dask'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
