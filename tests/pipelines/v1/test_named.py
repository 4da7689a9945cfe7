"""Logs that a user names: folders, patterns, files relative to the workspace, and options."""

from __future__ import annotations

import json

import pytest

from tests.pipelines.conftest import Bench, Cli


def _memory(bench: Bench) -> None:
    folder = bench.root / "memory"
    folder.mkdir()
    (folder / "2026-03-08.md").write_text("## 00:04 - Oil\nOiled.\n\n## 14:30 - Paint\nPainted.\n")
    (folder / "2026-03-09.md").write_text("# Dig the pit\n\n**Status:** done\nDug.\n")


TIMES = ["2026-03-08T00:04:00Z", "2026-03-08T14:30:00Z", "2026-03-09"]


@pytest.mark.parametrize("name", ["memory", "memory/*.md", "memory/**/*.md"])
def test_a_folder_and_a_pattern_are_searched_for_in_the_workspace(
    bench: Bench, cli: Cli, name: str
) -> None:
    _memory(bench)
    said = cli("migrate", bench.root, "--from", name)
    assert said.code == 0, said.err
    assert [line.split(" | ")[0] for line in bench.deltas()] == TIMES
    assert cli("migrate", bench.root, "--from", name).code == 0
    assert len(bench.deltas()) == 3


def test_one_refused_file_does_not_stop_the_others(bench: Bench, cli: Cli) -> None:
    _memory(bench)
    (bench.root / "memory" / "README.md").write_text("# How to\n\nNothing is dated.\n")
    said = cli("migrate", bench.root, "--from", "memory")
    assert said.code == 3
    assert "memory/README.md: refused" in said.err
    assert len(bench.deltas()) == 3


def test_files_that_are_all_refused_are_an_error(bench: Bench, cli: Cli) -> None:
    folder = bench.root / "docs"
    folder.mkdir()
    for name in ("a.md", "b.md"):
        (folder / name).write_text("# Text\n")
    assert cli("migrate", bench.root, "--from", "docs").code == 10
    assert not (bench.root / "SESSION_DELTAS.log").exists()


def test_a_name_that_is_not_there_is_refused(bench: Bench, cli: Cli) -> None:
    assert cli("migrate", bench.root, "--from", "nowhere/*.md").code == 30


def test_an_ambiguous_date_is_named_and_an_option_settles_it(bench: Bench, cli: Cli) -> None:
    bench.log.write_text("## 05/06/2026 - Gate\nx\n\n## 2026-06-07 - Roof\ny\n")
    said = cli("migrate", bench.root, "--dry-run")
    assert said.code == 3
    assert "AGENT_PROGRESS_LOG.md:1: 1 session with an ambiguous date" in said.err
    assert cli("migrate", bench.root, "--dates", "dmy").code == 0
    assert [line.split(" | ")[0] for line in bench.deltas()] == ["2026-06-05", "2026-06-07"]


@pytest.mark.parametrize(
    "options",
    [("--zone", "IST=+05:30"), ("--zone", "IST=Asia/Kolkata"), ("--timezone", "Asia/Kolkata")],
)
def test_an_ambiguous_zone_is_named_and_an_option_settles_it(
    bench: Bench, cli: Cli, options: tuple[str, str]
) -> None:
    bench.log.write_text("## 2026-03-01 14:30 IST - Gate\nx\n")
    said = cli("migrate", bench.root, "--dry-run")
    assert said.code == 3
    assert "IST" in said.err
    assert cli("migrate", bench.root, *options).code == 0
    assert bench.deltas()[0].startswith("2026-03-01T09:00:00Z")


@pytest.mark.parametrize("zone", ["IST", "=+05:30", "IST=Nowhere/City", "IST="])
def test_a_zone_that_cannot_be_read_is_misuse(bench: Bench, cli: Cli, zone: str) -> None:
    assert cli("migrate", bench.root, "--zone", zone).code == 2


def test_a_pattern_may_name_the_parts_of_a_date_a_title_and_notes(bench: Bench, cli: Cli) -> None:
    bench.log.write_text("@ 1 June 2026 [ok] gate: Fix the gate; a new hinge\n")
    pattern = (
        r"@ (?P<day>\d+) (?P<month>\w+) (?P<year>\d+) \[(?P<status>\w+)\] (?P<task>\w+): "
        r"(?P<title>[^;]+); (?P<notes>.*)"
    )
    assert cli("migrate", bench.root, "--heading-pattern", pattern).code == 0
    (key,) = (line.split(" | ")[0] for line in bench.deltas())
    session = json.loads(cli("show", key, bench.root, "--json").out)["session"]
    assert (key, session["task"], session["status"]) == ("2026-06-01", "gate", "PASS")
    assert (session["title"], session["notes"]) == ("Fix the gate", "a new hinge")
