"""Fleets: many small repositories through a run, and many sessions in tables.

`--runs N` sets the repositories of `fleet` (usually 2,000) and the millions of sessions of
`fleet-tables` (usually 20; 100 take 6 GB).
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.process import Failed
from bench.verbs import Setting

_STEPS: Final = "migrate,verify,export"
_WORKERS: Final = 2
_SESSIONS: Final = 5
_LEAST: Final = 90.0
_GROWTH: Final = 1.1
_HEADING: Final = re.compile(rb"(?m)^(?=### \d{4}-\d\d-\d\dT)")
_TOP: Final = b"# AGENT_PROGRESS_LOG.md\nVersion: 1.0 | Format: Canonical\n\n## Active Sessions\n\n"
#: A commit with a file, as `git fast-import` reads it.
_COMMIT: Final = (
    b"commit refs/heads/main\nmark :%d\ncommitter Ada <ada@example.org> %d +0000\n"
    b"data 4\nWork\nM 100644 inline src/%d.diff\ndata %d\n%s\n"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A line of the table: what was measured, the figure, and the target."""

    name: str
    what: str
    figure: str
    target: str = "-"
    met: bool | None = None

    def line(self) -> str:
        """Return the line as it is printed."""
        verdict = {None: "", True: "  met", False: "  MISSED"}[self.met]
        return f"{self.name:<13} {self.what:<62} {self.figure:<28} {self.target}{verdict}"


def fleet(setting: Setting) -> Iterator[Measured]:
    """Measure runs of both runners, and how their time grows with the repositories."""
    count = setting.wanted or 2000
    began = time.perf_counter()
    small = make_repositories(setting.log, setting.fresh(), max(2, count // 10))
    folders = {runner: make_repositories(setting.log, setting.fresh(), count)
               for runner in ("dask", "local")}  # fmt: skip
    seconds = time.perf_counter() - began
    total = 2 * count + max(2, count // 10)
    yield Measured("fleet", f"generate {total:,} repositories", f"{seconds:.1f} s")
    few = _run(small, setting.fresh() / "run", "local")
    for runner, folder in folders.items():
        many = _run(folder, setting.fresh() / "run", runner)
        efficiency = 100 * many.verbs / _WORKERS / many.wall
        yield Measured(
            "fleet", f"{runner}: {_STEPS} of {count:,} repositories, {_WORKERS} workers",
            f"{many.wall:.0f} s, efficiency {efficiency:.1f} %", f">= {_LEAST:.0f} %",
            efficiency >= _LEAST,
        )  # fmt: skip
        if runner == "local":
            for what, now, before in (
                ("time", many.wall, few.wall), ("processor time", many.cpu, few.cpu),
            ):  # fmt: skip
                growth = (now / count) / (before / max(2, count // 10))
                yield Measured(
                    "fleet", f"{what} per repository, {count // 10:,} -> {count:,}",
                    f"{now / count * 1000:.0f} ms, x {growth:.2f}", f"<= {_GROWTH}",
                    growth <= _GROWTH,
                )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Took:
    wall: float
    verbs: float
    cpu: float


def _run(repositories: Path, folder: Path, runner: str) -> _Took:
    command = [
        sys.executable, "-m", "pipelines.cli.main", "fleet", "run", _STEPS, "--find",
        str(repositories), "--run", str(folder), "--runner", runner, "--workers", str(_WORKERS),
        "--json",
    ]  # fmt: skip
    began, used = time.perf_counter(), _cpu()
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], check=False, capture_output=True, text=True
    )
    wall = time.perf_counter() - began
    if done.returncode != 0:
        raise Failed(f"fleet run ended with {done.returncode}: {done.stderr[-300:]}")
    document = json.loads(done.stdout)
    return _Took(wall, document["verb_seconds"], _cpu() - used)


def _cpu() -> float:
    """Return the processor seconds of all programs that ended, with their own programs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def make_repositories(log: Path, folder: Path, count: int) -> Path:
    """Make git repositories, each with a few sessions of a log and their patches as commits."""
    entries = _HEADING.split(log.read_bytes())[1:]
    if not entries:
        raise Failed("the log has no sessions")
    template = folder.parent / f"{folder.name}-template"
    subprocess.run(["git", "init", "-q", "-b", "main", str(template)], check=True)
    stream = b"".join(
        _COMMIT % (n, 1_700_000_000 + n, n, len(entry), entry)
        for n, entry in enumerate(entries[:_SESSIONS], 1)
    )
    subprocess.run(["git", "-C", str(template), "fast-import", "--quiet"], input=stream, check=True)
    for number in range(count):
        root = folder / f"team{number % 40:02d}" / f"app{number:05d}"
        shutil.copytree(template, root)
        start = number * _SESSIONS % len(entries)
        chosen = (entries * 2)[start : start + _SESSIONS] if start + _SESSIONS > len(entries) else (
            entries[start : start + _SESSIONS])  # fmt: skip
        body = b"".join(chosen).partition(b"\n## ")[0]
        (root / "AGENT_PROGRESS_LOG.md").write_bytes(_TOP + body + b"\n")
    shutil.rmtree(template)
    return folder


_MONTHS: Final = tuple(f"2025-{month:02d}" for month in range(1, 13))
#: Sessions of a repository in a month.
_EACH: Final = 20
_MILLION: Final = 1_000_000
_WANTED: Final = 100 * _MILLION
_CHUNK: Final = 2_000_000
_QUERIES: Final = 7
#: Repositories whose rows are folded.
_FOLDED: Final = 2000
_SESSION_ROWS: Final = """
SELECT 'example.com/team/app' || lpad((n // {each})::VARCHAR, 8, '0') AS repository,
    '{month}-' || lpad((1 + n % {each})::VARCHAR, 2, '0') || 'T10:00:00Z' AS key,
    ('{month}-' || lpad((1 + n % {each})::VARCHAR, 2, '0'))::DATE AS date,
    (('{month}-' || lpad((1 + n % {each})::VARCHAR, 2, '0'))::DATE + INTERVAL 10 HOUR)::TIMESTAMP
        AS began,
    ['human', 'sonnet-4.5', 'haiku-4.5', 'codex'][1 + (hash(n) % 4)::INT] AS agent,
    'task-' || (hash(n) % 5000) AS task,
    ['PASS', 'PASS', 'PASS', 'FAIL', 'PARTIAL'][1 + (hash(n + 1) % 5)::INT] AS status,
    NULL::VARCHAR AS remark, 'Change number ' || (hash(n) % 100000) AS title,
    'Keep the part ' || (hash(n + 2) % 1000) || ' of it together.' AS notes,
    (hash(n + 3) % 400)::BIGINT AS lines_added, (hash(n + 4) % 200)::BIGINT AS lines_removed,
    1::BIGINT AS commits, (hash(n + 5) % 90)::BIGINT AS duration_min,
    (hash(n + 6) % 100000)::BIGINT AS tokens_used, 'recorded' AS source, NULL::BIGINT AS v1_tokens,
    sha256(n::VARCHAR || '{month}') AS diff_sha256, (hash(n + 7) % 9000)::BIGINT AS diff_bytes
FROM range({start}, {end}) t(n)
"""


def fleet_tables(setting: Setting) -> Iterator[Measured]:
    """Measure sizes of rows, and queries for one repository and one month."""

    count = (setting.wanted or 20) * _MILLION
    folder = setting.fresh()
    began = time.perf_counter()
    parts = _write_parquet(folder, count)
    seconds = time.perf_counter() - began
    size = sum(p.stat().st_size for p in parts)
    yield Measured(
        "fleet-tables", f"write {count:,} sessions as {len(parts)} parts",
        f"{seconds:.0f} s, {size / count:.1f} bytes a row",
    )  # fmt: skip
    sizes = {"Parquet": size / count, **_other_formats(setting, parts[0])}
    for form, per_row in list(sizes.items())[1:]:
        yield Measured("fleet-tables", f"the same rows as {form}", f"{per_row:.1f} bytes a row")
    glob = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    one = _value(f"SELECT min(repository) FROM '{parts[0]}'")  # noqa: S608
    count_one = _seconds(f"SELECT count(*) FROM '{parts[0]}' WHERE tokens_used > 50000")  # noqa: S608
    sums = "count(*), sum(tokens_used)"
    repository = _seconds(f"SELECT {sums} FROM {glob} WHERE repository = '{one}'")  # noqa: S608
    month = _seconds(f"SELECT {sums} FROM {glob} WHERE month = '{_MONTHS[5]}'")  # noqa: S608
    rows = _value(f"SELECT count(*) FROM '{parts[0]}'")  # noqa: S608
    yield Measured(
        "fleet-tables", f"yardstick: a count over one part of {rows:,} rows",
        f"{count_one * 1000:.0f} ms",
    )  # fmt: skip
    for what, took, most in (("one repository", repository, 3), ("one month", month, 20)):
        yield Measured(
            "fleet-tables", f"{what} of {count:,} sessions",
            f"{took * 1000:.0f} ms, x {took / count_one:.1f}", f"<= {most}",
            took <= most * count_one,
        )  # fmt: skip
    rows, seconds = _folded(setting.fresh())
    yield Measured(
        "fleet-tables", f"fold {rows:,} rows of {_FOLDED:,} repositories",
        f"{rows / seconds:,.0f} rows a second of processor",
    )  # fmt: skip
    if count < _WANTED:
        gigabytes = ", ".join(f"{form} {n * _WANTED / 1e9:.1f} GB" for form, n in sizes.items())
        yield Measured("fleet-tables", f"extrapolated by rows: {_WANTED:,} sessions", gigabytes)


def _write_parquet(folder: Path, count: int) -> list[Path]:
    """Write sessions as `export` does: by month, sorted, in parts of at least 128 MiB."""
    import duckdb

    from pipelines.tables.formats import schema_of
    from pipelines.tables.splitting import Splitter

    found: list[Path] = []
    for month in _MONTHS:
        target = folder / f"month={month}"
        target.mkdir()
        splitter = Splitter("parquet", "sessions", month, str(target))

        def keep(written: Any, target: Path = target) -> None:
            path = target / Path(written.part.name).name
            Path(written.path).rename(path)
            found.append(path)

        each = count // len(_MONTHS)
        for start in range(0, each, _CHUNK):
            sql = _SESSION_ROWS.format(
                each=_EACH, month=month, start=start, end=min(start + _CHUNK, each)
            )
            made: Any = duckdb.sql(sql)
            rows = made.to_arrow_table().cast(schema_of("sessions"))
            for written in splitter.add(rows):
                keep(written)
        if splitter.open:
            keep(splitter.close())
    return found


def _folded(folder: Path) -> tuple[int, float]:
    """Fold rows of many repositories into new tables; return their number and processor seconds."""
    from codec.tables.rows import Row
    from pipelines.outcomes.progress import Silent
    from pipelines.remotes.directory import DirectoryRemote
    from pipelines.tables.fold import Given, Target, fold

    def rows_of(name: str) -> list[Row]:
        return [
            Row("usage", month, (name, f"{month}-{day:02d}", f"{month}-{day:02d}", "human",
                                 day * 1000, day, *(None,) * 5))
            for month in _MONTHS for day in range(1, _EACH + 1)
        ]  # fmt: skip

    names = [f"example.com/team/app{number:06d}" for number in range(_FOLDED)]
    given = [Given(name, "", partial(rows_of, name)) for name in names]
    target = Target(DirectoryRemote(str(folder / "tables")), "parquet", False, ("usage",))
    began = time.process_time()
    fold(target, given, Silent())
    return _FOLDED * len(_MONTHS) * _EACH, time.process_time() - began


def _other_formats(setting: Setting, part: Path) -> dict[str, float]:
    """Return the bytes of a row of a part in other formats."""
    import duckdb

    folder = setting.fresh()
    rows = min(_MILLION, _value(f"SELECT count(*) FROM '{part}'"))  # noqa: S608
    found = {}
    for form, options in (("CSV", "FORMAT csv, HEADER"), ("JSON", "FORMAT json")):
        path = folder / f"rows.{form.lower()}"
        duckdb.execute(f"COPY (SELECT * FROM '{part}' LIMIT {rows}) TO '{path}' ({options})")  # noqa: S608
        found[form] = path.stat().st_size / rows
    return found


def _value(sql: str) -> Any:
    import duckdb

    return duckdb.execute(sql).fetchall()[0][0]


def _seconds(sql: str) -> float:
    """Return the least time of some runs of a query, each on a fresh connection."""
    import duckdb

    best = float("inf")
    for _ in range(_QUERIES):
        with duckdb.connect() as connection:
            began = time.perf_counter()
            connection.execute(sql).fetchall()
            best = min(best, time.perf_counter() - began)
    return best
