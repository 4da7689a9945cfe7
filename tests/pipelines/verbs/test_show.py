"""One session by name: its reference entry, its diff, its v1 entry."""

from __future__ import annotations

import subprocess

import pytest

from pipelines.workspace.location import DELTAS, MANIFEST
from tests.pipelines.conftest import PATCH, Bench, Cli, corpus, day, entry, git, log_of


@pytest.mark.parametrize(
    ("name", "task"),
    [
        (day(2), "task-2"),
        ("2025-11-02", "task-2"),
        ("latest", "task-3"),
        ("latest~0", "task-3"),
        ("latest~2", "task-1"),
    ],
)
def test_a_session_is_found_by_key_prefix_and_age(
    bench: Bench, cli: Cli, name: str, task: str
) -> None:
    bench.migrate()
    said = cli("show", name, bench.root)
    assert said.code == 0
    assert said.out.startswith("### [REF:")
    assert f":{task}]" in said.out


def test_the_reference_entry_is_the_one_of_the_file(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    text = (bench.root / "AGENT_PROGRESS_LOG_v2.md").read_text()
    assert cli("show", day(1), bench.root).out in text


def test_json_has_the_whole_record(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    session = cli("show", "latest", bench.root, "--json").json["session"]
    assert session["key"] == day(3)
    assert session["diff"]["bytes"] == len(PATCH)


def test_the_diff_is_exact_and_applies(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("show", "latest", bench.root, "--diff")
    assert said.out.encode() == PATCH
    (bench.root / "a.py").write_text("old\n")
    subprocess.run(["git", "apply"], input=PATCH, cwd=bench.root, check=True)
    assert (bench.root / "a.py").read_text() == "new\nmore\n"


def test_the_entry_is_the_logs(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    assert cli("show", day(2), bench.root, "--entry").out.encode() == entry(day(2), task="task-2")


def test_the_entry_survives_the_log_and_a_heading_pattern(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(b"@2025-11-01 by ada\nStatus: PASS\n@2025-11-02 by bob\nStatus: FAIL\n")
    pattern = r"@(?P<time>\S+) by (?P<agent>\w+)"
    cli("migrate", bench.root, "--heading-pattern", pattern)
    again = cli("migrate", bench.root)
    bench.log.unlink()
    assert "nothing to write" in again.out
    said = cli("show", "2025-11-01", bench.root, "--entry")
    assert said.out == "@2025-11-01 by ada\nStatus: PASS\n"


def test_every_entry_of_the_traps_is_restored(bench: Bench, cli: Cli) -> None:
    log = corpus("traps.md")
    bench.log.write_bytes(log)
    bench.migrate()
    for name in ("latest", "latest~7", "latest~100"):
        said = cli("show", name, bench.root, "--entry")
        assert said.code == 0
        assert said.out.encode(errors="surrogateescape")[:40] in log


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("2025-11", 22, day(1)),
        ("2024-01-01", 30, f"Nearest: {day(1)}"),
        ("latest~3", 30, "only 3 sessions"),
        ("../../etc/passwd", 30, "Nearest"),
        ("", 30, "the key is empty"),
    ],
)
def test_an_unknown_or_ambiguous_name_is_refused_with_the_nearest_keys(
    bench: Bench, cli: Cli, name: str, code: int, told: str
) -> None:
    bench.migrate()
    said = cli("show", name, bench.root)
    assert (said.code, said.out) == (code, "")
    assert told in said.err


def test_a_session_without_a_diff_says_so(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(log_of(entry(day(1), patch=None)))
    bench.migrate()
    said = cli("show", "latest", bench.root, "--diff")
    assert (said.code, said.out) == (30, "")
    assert "has no diff" in said.err


def test_a_missing_diff_and_a_damaged_one_are_distinguished(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    diff = bench.root / ".diffs" / f"{day(1)}.diff"
    diff.write_bytes(PATCH + b"x")
    assert cli("show", day(1), bench.root, "--diff").code == 12
    diff.unlink()
    assert cli("show", day(1), bench.root, "--diff").code == 30


def test_a_line_that_was_added_by_hand_is_not_a_session(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    with (bench.root / "SESSION_DELTAS.log").open("a") as f:
        f.write("2026-01-01 | x | y | PASS | -\n")
    said = cli("show", "2026", bench.root)
    assert said.code == 30
    assert "no line in .session-codec/manifest.jsonl" in said.err


def test_the_diff_of_a_linked_worktree_is_the_main_ones(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.commit()
    git(bench.root, "worktree", "add", "-q", "../linked")
    said = cli("show", "latest", bench.root.parent / "linked", "--diff")
    assert said.out.encode() == PATCH


def test_json_and_bytes_together_are_refused(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    assert cli("show", "latest", bench.root, "--diff", "--json").code == 2


def test_both_sessions_of_a_second_are_found_before_the_merged_lines_are_repaired(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    recorded = ("record", bench.root, "--no-diff", "--agent", "a", "--task")
    cli(*recorded, "one", "--id", "id-one")
    names = (MANIFEST, DELTAS)
    ours = {name: (bench.root / name).read_bytes() for name in names}
    (key,) = [k for k, s in bench.manifest.sessions.items() if s.task == "one"]
    for name in names:  # as git's union merge leaves them where two clones recorded in one second
        line = ours[name].splitlines(keepends=True)[-1]
        (bench.root / name).write_bytes(ours[name] + line.replace(b"one", b"two"))
    keys = [k for k in bench.manifest.sessions if k.startswith(key)]
    assert len(keys) == 2
    assert {cli("show", k, bench.root, "--json").json["session"]["key"] for k in keys} == {*keys}
    assert cli("doctor", bench.root, "--repair").code == 0
    assert {cli("show", k, bench.root, "--json").json["session"]["key"] for k in keys} == {*keys}
