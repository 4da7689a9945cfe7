"""Spark SQL reads exported tables as DuckDB does: types, counts, sums and every value."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from codec.tables.rows import Row
from codec.tables.schema import BY_NAME, TABLES, Cell
from pipelines.outcomes.progress import Silent
from pipelines.remotes.directory import DirectoryRemote

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

_INSTALLED: Final = Path(__file__).parents[2] / "build" / "spark" / "bin" / "python"
#: Texts that readers of text formats confuse; a lone surrogate becomes `?`.
_TEXTS: Final = (
    "",
    "NULL",
    'a"b',
    "line\nbreak",
    "tab\t,",
    "ünï☃\U0001f600",
    "\ud800",
    "x" * 100_000,
)
_NUMBERS: Final = (None, 0, 1, -1, 2**63 - 1, -(2**63))
_TYPES: Final = {
    "string": "string",
    "int64": "bigint",
    "date": "date",
    "timestamp": "timestamp_ntz",
}
#: Prints the types and rows of tables, in a time zone in which a shifted time is another day.
_SPARK: Final = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.sql.session.timeZone", "Pacific/Auckland")
builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
folder, *tables = sys.argv[1:]
found = {}
for table in tables:
    frame = spark.read.parquet(f"{folder}/{table}")
    frame.createOrReplaceTempView(table)
    names = ", ".join(f"CAST({n} AS STRING)" for n in frame.columns)
    rows = [list(r) for r in spark.sql(f"SELECT {names} FROM {table}").collect()]
    found[table] = {"types": dict(frame.dtypes), "rows": rows}
sums = "SELECT month, count(*), sum(lines_added / 2), max(began) FROM sessions GROUP BY month"
found["sums"] = [[str(v) for v in r] for r in spark.sql(sums).collect()]
codes = "SELECT explode(split(codes, ' ')) FROM runs WHERE codes IS NOT NULL"
found["codes"] = [r[0] for r in spark.sql(codes).collect()]
print("FOUND" + json.dumps(found))
"""


def value(kind: str, number: int) -> Cell:
    if kind == "int64":
        return _NUMBERS[number % len(_NUMBERS)]
    if kind == "date":
        return (None, "0001-01-01", "1582-10-04", "9999-12-31")[number % 4]
    if kind == "timestamp":
        return (None, "2025-11-30T23:59:59Z", "2025-03-30T02:30:00Z")[number % 3]
    return (None, *_TEXTS)[number % (1 + len(_TEXTS))]


def rows_of(name: str, first: int) -> Iterator[Row]:
    for table in TABLES:
        for number in range(first, first + 12):
            month = f"2025-{1 + number % 12:02d}" if table.by_month else ""
            cells = [value(column.type, number + n) for n, column in enumerate(table.columns[1:])]
            if table.name == "runs":
                cells[BY_NAME["runs"].names.index("codes") - 1] = "damaged lost-diff"
            yield Row(table.name, month, (name, *cells))


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    from pipelines.tables.fold import Given, Target, fold

    names = tuple(table.name for table in TABLES)
    target = Target(DirectoryRemote(str(tmp_path / "tables")), "parquet", False, names)
    given = [Given(f"app{n}", "", lambda n=n: rows_of(f"app{n}", 5 * n)) for n in range(3)]  # type: ignore[misc]
    fold(target, given, Silent())
    return tmp_path / "tables"


@pytest.fixture
def found(tables: Path) -> dict[str, Any]:
    """Return what Spark reads."""
    python = sys.executable if importlib.util.find_spec("pyspark") else str(_INSTALLED)
    if shutil.which("java") is None or shutil.which(python) is None:
        pytest.skip("java or pyspark is not installed (python -m venv build/spark;"
                    " build/spark/bin/pip install pyspark)")  # fmt: skip
    argv = [python, "-W", "ignore", "-c", _SPARK, str(tables), *BY_NAME]
    environment = {**os.environ, "PYSPARK_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        argv, capture_output=True, text=True, check=True, env=environment, cwd=tables.parent
    )
    document: dict[str, Any] = json.loads(done.stdout.partition("FOUND")[2])
    return document


def asked(tables: Path, sql: str) -> list[list[Any]]:
    with duckdb.connect() as connection:
        for table in TABLES:
            hive = (
                ", hive_partitioning = true, hive_types = {'month': VARCHAR}"
                if table.by_month
                else ""
            )
            source = f"read_parquet('{tables}/{table.name}/**/*.parquet'{hive})"
            connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {source}")  # noqa: S608
        return [list(row) for row in connection.execute(sql).fetchall()]


def ordered(rows: list[list[Any]]) -> list[list[Any]]:
    return sorted(rows, key=lambda row: [(v is not None, v or "") for v in row])


@pytest.mark.slow
def test_spark_reads_every_value_that_duckdb_reads(tables: Path, found: dict[str, Any]) -> None:
    for table in TABLES:
        types = {column.name: _TYPES[column.type] for column in table.columns}
        names = [*types, *(["month"] if table.by_month else [])]
        months = {"month": "string"} if table.by_month else {}
        assert found[table.name]["types"] == types | months
        columns = ", ".join(f"CAST({name} AS STRING)" for name in names)
        rows = asked(tables, f"SELECT {columns} FROM {table.name}")  # noqa: S608
        assert len(rows) == 36
        assert ordered(found[table.name]["rows"]) == ordered(rows)
    sums = "SELECT month, count(*), sum(lines_added / 2), max(began) FROM sessions GROUP BY month"
    wanted = [[str(v) for v in row] for row in asked(tables, sums)]
    assert ordered(found["sums"]) == ordered(wanted)
    assert found["codes"] == ["damaged", "lost-diff"] * 36
