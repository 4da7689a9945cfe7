"""A period report: figures as by `query` and by SQL, and private sessions stay private."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.sessions import make_workspace
from codec.periods import read_period
from pipelines.report.period.content import STATUS_ORDER
from tests.pipelines.conftest import Bench, Cli, day, entry, git, log_of, tree
from tests.support.made_secrets import Maker

MIXED = log_of(
    entry("2025-10-30T09:00:00Z", task="old", status="FAIL (no)"),
    entry(day(1), agent="human", task="alpha", notes="Decisions: keep one writer."),
    entry(
        day(2),
        agent="claude-opus-4-1",
        task="beta",
        status="FAIL (no)",
        notes="Retry <b>twice</b>.",
    ),
    entry(day(3), agent="human", task="alpha", status="PARTIAL", patch=None),
    entry("2025-12-01", agent="human", task="revert-alpha", patch=None).replace(
        b"- Duration: 5 min\n", b""
    ),
)
SUMS = ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    bench.log.write_bytes(MIXED)
    bench.migrate()
    return bench


@pytest.fixture
def repository(tmp_path: Path, cli: Cli) -> Path:
    root = tmp_path / "r"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


def report(cli: Cli, root: Path, period: str) -> dict[str, Any]:
    said = cli("summarize", root, "--period", period, "--json")
    assert said.code == 0, said.err
    return said.json


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "w"
    make_workspace(root, 2000)
    return root


@pytest.mark.parametrize("period", ["2016-01", "2016-W02", "2016-01-03..2016-01-05", "2015"])
def test_figures_are_those_of_query_and_of_sql(many: Path, cli: Cli, period: str) -> None:
    pytest.importorskip("duckdb")
    found = report(cli, many, period)
    before = read_period(found["before"].pop("period"))
    since, until = found["period"]["since"], found["period"]["until"]
    for figures, days in (
        (found["figures"], (since, until)),
        (found["before"], (before.since, before.until)),
    ):
        assert figures == by_query(cli, many, *days) == by_sql(cli, many, *days)
    where = f"FROM sessions WHERE key[1:10] BETWEEN '{since}' AND '{until}'"
    (row,) = sql(
        cli,
        many,
        f"""
        SELECT max(duration_min) AS longest,
          count(*) FILTER (status IN ('FAIL', 'PARTIAL')) AS failing,
          count(*) FILTER (duration_min > 0) AS timed
        {where}""",
    )
    longest = found["longest"]["rows"]
    assert row["longest"] == (longest[0]["minutes"] if longest else None)
    assert (row["failing"], row["timed"]) == (found["failing"]["total"], found["longest"]["total"])
    repeated = sql(
        cli,
        many,
        f"""
        SELECT task, count(*) AS n {where}
        GROUP BY 1 HAVING n > 1 ORDER BY n DESC, task""",
    )
    rows = found["repeated"]["rows"]
    assert [(r["task"], len(r["keys"])) for r in rows] == [
        (r["task"], r["n"]) for r in repeated[: len(rows)]
    ]
    assert found["repeated"]["total"] == len(repeated)


def by_query(cli: Cli, root: Path, since: str, until: str) -> dict[str, Any]:
    """Return the figures of a period as `query` has them."""
    asked = ["query", root, "--since", since, "--until", until]
    sums = [option for name in SUMS for option in ("--sum", name)]
    (row,) = cli(*asked, "--count", *sums, "--json").json["rows"]
    groups = {by: cli(*asked, "--by", by, "--json").json["rows"] for by in ("agent", "status")}
    counts = {by: {r[by]: r["sessions"] for r in rows} for by, rows in groups.items()}
    statuses = {word: counts["status"].get(word, 0) for word in STATUS_ORDER}
    known = row["sessions"] - statuses["UNKNOWN"]
    return {
        "sessions": row["sessions"],
        **{name: row[f"sum_{name}"] for name in SUMS},
        "agents": counts["agent"],
        "statuses": statuses,
        "pass_rate": round(100 * statuses["PASS"] / known, 1) if known else None,
    }


def by_sql(cli: Cli, root: Path, since: str, until: str) -> dict[str, Any]:
    """Return the figures of a period as SQL has them."""
    where = f"FROM sessions WHERE key[1:10] BETWEEN '{since}' AND '{until}'"
    (row,) = sql(
        cli,
        root,
        f"""
        SELECT count(*) AS sessions, {", ".join(f"sum({n})::BIGINT AS {n}" for n in SUMS)},
          round(100.0 * count(*) FILTER (status = 'PASS')
            / nullif(count(*) FILTER (status <> 'UNKNOWN'), 0), 1)::DOUBLE AS pass_rate
        {where}""",
    )
    agents = sql(cli, root, f"SELECT agent, count(*) AS n {where} GROUP BY 1")
    statuses = {
        r["status"]: r["n"]
        for r in sql(cli, root, f"SELECT status, count(*) AS n {where} GROUP BY 1")
    }
    return {
        **row,
        "agents": {r["agent"]: r["n"] for r in agents},
        "statuses": {word: statuses.get(word, 0) for word in STATUS_ORDER},
    }


def sql(cli: Cli, root: Path, text: str) -> list[dict[str, Any]]:
    said = cli("query", root, "--sql", text, "--json")
    assert said.code == 0, said.err
    rows: list[dict[str, Any]] = said.json["rows"]
    return rows


def test_the_output_states_what_was_done(mixed: Bench, cli: Cli) -> None:
    found = report(cli, mixed.root, "2025-Q4")
    assert found["figures"]["sessions"] == 5
    assert found["figures"]["pass_rate"] == 40.0
    assert [r["task"] for r in found["failing"]["rows"]] == ["beta", "old", "alpha"]
    assert [(r["task"], r["statuses"]) for r in found["repeated"]["rows"]] == [
        ("alpha", ["PASS", "PARTIAL"])
    ]
    assert [r["task"] for r in found["reverted"]["rows"]] == ["revert-alpha"]
    assert [r["text"] for r in found["decisions"]["rows"]] == ["keep one writer."]
    assert found["files"]["rows"] == [{"path": "a.py", "lines": 9, "sessions": 3}]
    assert found["saved"]["sessions"] == 5
    assert found["saved"]["before"] > found["saved"]["after"] > 0
    november = report(cli, mixed.root, "2025-11")
    assert (november["figures"]["sessions"], november["before"]["sessions"]) == (3, 1)
    assert november["before"]["pass_rate"] == 0.0


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_page_has_the_figures_and_no_markup_of_a_log(
    mixed: Bench, cli: Cli, form: str, tmp_path: Path
) -> None:
    file = tmp_path / "page"
    said = cli("summarize", mixed.root, "--period", "2025-11", "--format", form, "-o", file)
    assert said.code == 0
    assert "2025-11: 3 sessions, 33.3 % passed" in said.err
    text = file.read_text(encoding="utf-8")
    assert "33.3 %" in text
    assert day(2) in text
    assert "<b>" not in text
    assert "twice" in text


def test_a_period_without_sessions_says_so(mixed: Bench, cli: Cli) -> None:
    said = cli("summarize", mixed.root, "--period", "2020-Q1")
    assert said.code == 0
    assert "No session is recorded in this period." in said.out


def test_it_writes_only_its_cache_and_reads_a_patch_once(mixed: Bench, cli: Cli) -> None:
    before = tree(mixed.root)
    first = report(cli, mixed.root, "2025-Q4")
    changed = {k for k, v in tree(mixed.root).items() if before.get(k) != v}
    assert changed == {".session-codec/cache/changed-files.json"}
    for path in (mixed.root / ".diffs").glob("*.diff"):
        path.unlink()
    assert report(cli, mixed.root, "2025-Q4") == first


def test_files_of_diffs_that_are_not_here_are_unknown(mixed: Bench, cli: Cli) -> None:
    for path in (mixed.root / ".diffs").glob("*.diff"):
        path.unlink()
    found = report(cli, mixed.root, "2025-Q4")
    assert (found["files"]["total"], found["unread"]) == (0, 3)


def test_private_sessions_count_and_are_not_described(mixed: Bench, cli: Cli) -> None:
    assert cli("amend", day(2), mixed.root, "--private").code in (0, 3)
    for form in ("markdown", "html", "json"):
        said = cli("summarize", mixed.root, "--period", "2025-11", "--format", form)
        assert day(2) not in said.out
    found = report(cli, mixed.root, "2025-11")
    assert (found["figures"]["sessions"], found["private"]) == (3, 1)


def test_sessions_that_touch_a_private_path_are_not_described(mixed: Bench, cli: Cli) -> None:
    (mixed.root / ".session-codec" / "config.toml").write_text('[private]\npaths = ["*.py"]\n')
    found = report(cli, mixed.root, "2025-11")
    assert found["private"] == 2
    assert found["files"]["total"] == 0
    assert "keep one writer" not in json.dumps(found)
    for path in (mixed.root / ".diffs").glob("*.diff"):
        path.unlink()
    (mixed.root / ".session-codec" / "cache" / "changed-files.json").unlink()
    assert report(cli, mixed.root, "2025-11")["private"] == 2, "unknown files may be private"


def test_a_secret_in_a_note_is_replaced(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    secret = "ghp_" + Maker(1).of(36)
    manifest = bench.root / ".session-codec" / "manifest.jsonl"
    text = manifest.read_text().replace('"task":"task-2"', f'"task":"task-2","notes":"{secret}"')
    assert secret in text
    manifest.write_text(text)
    said = cli("summarize", bench.root, "--period", "2025-11")
    assert secret not in said.out
    assert said.code == 3


@pytest.mark.parametrize("period", ["2025-13", "2025-12..2025-11", "soon"])
def test_a_period_that_cannot_be_read_is_misuse(mixed: Bench, cli: Cli, period: str) -> None:
    said = cli("summarize", mixed.root, "--period", period)
    assert said.code == 2
    assert cli("summarize", mixed.root).code == 2


def recorded(cli: Cli, root: Path, *arguments: str) -> str:
    """Record the last commit, and return the year of its session."""
    made = cli("record", root, "--task", "t", "--status", "PASS", "--agent", "a", *arguments,
               "--git", "HEAD~1..HEAD", "--json")  # fmt: skip
    assert made.code == 0, made.err
    year: str = made.json["session"]["key"][:4]
    return year


def test_files_of_diffs_that_git_recomputes_are_known(repository: Path, cli: Cli) -> None:
    (repository / "a.py").write_text("a\n" * 3)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "work")
    year = recorded(cli, repository)
    loose = list((repository / ".diffs").glob("*.diff"))
    assert loose
    for path in loose:
        path.unlink()
    found = report(cli, repository, year)
    assert [(r["path"], r["lines"]) for r in found["files"]["rows"]] == [("a.py", 3)]
    assert found["unread"] == 0


def test_a_renamed_file_counts_under_its_new_name(repository: Path, cli: Cli) -> None:
    (repository / "old.py").write_text("".join(f"line {n}\n" for n in range(20)))
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "before")
    git(repository, "mv", "old.py", "new.py")
    (repository / "new.py").write_text("".join(f"line {n}\n" for n in range(21)))
    git(repository, "commit", "-qam", "rename")
    patch = git(repository, "diff", "-M", "HEAD~1..HEAD")
    assert "rename from old.py" in patch
    diff = repository / "rename.patch"
    diff.write_text(patch)
    made = cli("record", repository, "--task", "t", "--status", "PASS", "--agent", "a",
               "--diff", diff, "--json")  # fmt: skip
    found = report(cli, repository, made.json["session"]["key"][:4])
    assert [(r["path"], r["lines"]) for r in found["files"]["rows"]] == [("new.py", 1)]
