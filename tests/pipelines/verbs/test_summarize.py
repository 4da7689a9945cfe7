"""A period report: figures as by `query` and by SQL, and private sessions stay private."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.sessions import make_workspace
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


def report(cli: Cli, root: Path, period: str) -> dict[str, Any]:
    said = cli("summarize", root, "--period", period, "--json")
    assert said.code == 0, said.err
    return said.json


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "w"
    make_workspace(root, 2000)
    return root


@pytest.mark.parametrize(
    "period", ["2016-Q1", "2016-01", "2016-W02", "2016-01-03..2016-01-05", "2015"]
)
def test_figures_are_those_of_query_and_of_sql(many: Path, cli: Cli, period: str) -> None:
    pytest.importorskip("duckdb")
    found = report(cli, many, period)
    since, until = found["period"]["since"], found["period"]["until"]
    asked = ["query", many, "--since", since, "--until", until]
    sums = [option for name in SUMS for option in ("--sum", name)]
    rows = cli(*asked, "--count", *sums, "--json").json["rows"]
    figures = found["figures"]
    assert figures["sessions"] == rows[0]["sessions"]
    assert {name: figures[name] for name in SUMS} == {name: rows[0][f"sum_{name}"] for name in SUMS}
    for by, counts in (("agent", "agents"), ("status", "statuses")):
        groups = cli(*asked, "--by", by, "--json").json["rows"]
        counted = {k: v for k, v in figures[counts].items() if v}
        assert counted == {r[by]: r["sessions"] for r in groups}
    sql = f"""
        SELECT count(*) AS sessions, {", ".join(f"sum({name})::BIGINT AS {name}" for name in SUMS)},
          round(100.0 * count(*) FILTER (status = 'PASS')
            / nullif(count(*) FILTER (status <> 'UNKNOWN'), 0), 1)::DOUBLE AS pass_rate,
          max(duration_min) AS longest
        FROM sessions WHERE key[1:10] BETWEEN '{since}' AND '{until}'"""  # noqa: S608
    (row,) = cli("query", many, "--sql", sql, "--json").json["rows"]
    longest = found["longest"]["rows"]
    assert row.pop("longest") == (longest[0]["minutes"] if longest else None)
    assert row == {name: figures[name] for name in row}


def test_it_says_what_was_done(mixed: Bench, cli: Cli) -> None:
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


def test_it_writes_nothing_but_its_cache_and_reads_a_patch_once(mixed: Bench, cli: Cli) -> None:
    before = tree(mixed.root)
    first = report(cli, mixed.root, "2025-Q4")
    changed = {k for k, v in tree(mixed.root).items() if before.get(k) != v}
    assert changed == {".session-codec/cache/changed-files.json"}
    for path in (mixed.root / ".diffs").glob("*.diff"):
        path.unlink()
    assert report(cli, mixed.root, "2025-Q4") == first


def test_files_that_are_not_here_are_unknown_and_those_git_remakes_are_known(
    mixed: Bench, cli: Cli
) -> None:
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


def test_renamed_files_of_git_ranges_are_known(plain: Bench, tmp_path: Path, cli: Cli) -> None:
    root = tmp_path / "r"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("a\n" * 3)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "work")
    recorded = cli(
        "record",
        root,
        "--task",
        "t",
        "--status",
        "PASS",
        "--agent",
        "a",
        "--git",
        "HEAD~1..HEAD",
        "--json",
    )
    assert recorded.code == 0, recorded.err
    year = recorded.json["key"][:4] if "key" in recorded.json else "2026"
    found = report(cli, root, year)
    assert [(r["path"], r["lines"]) for r in found["files"]["rows"]] == [("src/a.py", 3)]
