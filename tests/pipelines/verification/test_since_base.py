"""Only problems that a pull request adds are reported, by the settings of its merge base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.workspace.location import CONFIG, DELTAS, MANIFEST, METRICS, PROGRESS
from tests.pipelines.conftest import Bench, Cli, day, git

TSV_HAND = "2026-01-01\ta\tb\tPASS\n"


@pytest.fixture
def branch(bench: Bench) -> Bench:
    """Make a branch of a repository whose main branch already has several problems."""
    bench.migrate()
    deltas = bench.root / DELTAS
    deltas.write_text("wrong before\n" + deltas.read_text().replace("PASS", "FAIL", 1))
    progress = bench.root / PROGRESS
    progress.write_text(progress.read_text().replace(f"### [REF:{day(2)}", "### [REF:2", 1))
    bench.commit()
    git(bench.root, "checkout", "-qb", "topic")
    return bench


def judged(cli: Cli, root: Path, *arguments: str) -> list[tuple[str, str | None, int | None]]:
    said = cli("verify", root, "--since", "main", "--json", *arguments)
    assert said.code == said.json["exit"]
    return [(f["code"], f.get("file"), f.get("line")) for f in said.json["findings"]]


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_an_old_problem_is_reported_only_without_since(branch: Bench, cli: Cli) -> None:
    said = cli("verify", branch.root, "--json")
    assert said.code == 3
    assert {f["code"] for f in said.json["findings"]} >= {"broken-line", "row-differs"}
    assert judged(cli, branch.root) == []
    said = cli("verify", branch.root, "--since", "main")
    assert said.code == 0
    assert "reported: problems introduced since " in said.out


def test_lines_that_moved_are_not_new(branch: Bench, cli: Cli) -> None:
    path = branch.root / DELTAS
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*rest, first]))
    assert judged(cli, branch.root) == []


@pytest.mark.parametrize("committed", [True, False])
def test_a_problem_in_lines_of_a_branch_is_reported_with_its_line(
    branch: Bench, cli: Cli, committed: bool
) -> None:
    path = branch.root / METRICS
    path.write_text(path.read_text().replace("\tPASS\t", "\tFAIL\t", 1) + TSV_HAND)
    if committed:
        branch.commit()
    assert judged(cli, branch.root) == [
        ("row-differs", METRICS, 2),
        ("broken-line", METRICS, line_of(path, TSV_HAND.strip())),
    ]


def test_a_second_occurrence_of_an_old_problem_is_new(branch: Bench, cli: Cli) -> None:
    path = branch.root / METRICS
    row = path.read_text().splitlines(keepends=True)[1]
    git(branch.root, "checkout", "-q", "main")
    path.write_text(path.read_text() + row)
    branch.commit()
    git(branch.root, "checkout", "-qB", "topic")
    assert judged(cli, branch.root) == []
    path.write_text(path.read_text() + row)
    assert judged(cli, branch.root) == [("repeated-line", METRICS, 6)]


def _drop_row(root: Path) -> None:
    lines = (root / METRICS).read_text().splitlines(keepends=True)
    (root / METRICS).write_text("".join(line for line in lines if day(3) not in line))


def _drop_file(root: Path) -> None:
    (root / METRICS).unlink()


@pytest.mark.parametrize("change", [_drop_row, _drop_file])
def test_a_fact_that_a_branch_removes_is_reported(
    branch: Bench, cli: Cli, change: Callable[[Path], None]
) -> None:
    change(branch.root)
    branch.commit()
    found = judged(cli, branch.root)
    assert ("missing-row", METRICS, None) in found
    assert {file for _, file, _ in found} == {METRICS}


def test_main_going_on_meanwhile_is_not_the_branchs(branch: Bench, cli: Cli) -> None:
    git(branch.root, "checkout", "-q", "main")
    path = branch.root / DELTAS
    path.write_text(path.read_text().removeprefix("wrong before\n"))
    branch.commit()
    git(branch.root, "checkout", "-q", "topic")
    assert judged(cli, branch.root) == []


def test_stale_references_count_only_if_the_branch_changed_their_sources(
    branch: Bench, cli: Cli
) -> None:
    stated = branch.root / ".nvmrc"
    git(branch.root, "checkout", "-q", "main")
    (branch.root / "package.json").write_text('{"engines": {"node": "22"}}')
    branch.commit()
    git(branch.root, "checkout", "-qB", "topic")
    assert "stale" in {f["code"] for f in cli("verify", branch.root, "--json").json["findings"]}
    assert judged(cli, branch.root) == []
    stated.write_text("24\n")
    (branch.root / "package.json").write_text('{"engines": {"node": "24"}}')
    branch.commit()
    assert [f[0] for f in judged(cli, branch.root)] == ["stale"]


def test_a_fact_that_a_branch_removes_is_reported_even_if_all_files_agree(
    branch: Bench, cli: Cli
) -> None:
    for name in (MANIFEST, DELTAS, METRICS):
        path = branch.root / name
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if day(3) not in line))
    branch.commit()
    assert ("lost-fact", MANIFEST, None) in judged(cli, branch.root)


def test_only_damage_that_the_branch_caused_is_reported(branch: Bench, cli: Cli) -> None:
    old = branch.root / ".diffs" / f"{day(1)}.diff"
    old.write_bytes(b"damaged")
    assert cli("verify", branch.root).code == 12
    assert judged(cli, branch.root) == []
    patch = branch.root / "p.diff"
    patch.write_bytes(b"diff --git a/x b/x\n+1\n")
    arguments = ("--agent", "a", "--task", "t", "--status", "PASS", "--diff", patch)
    assert cli("record", branch.root, *arguments).code == 0
    key = max(branch.manifest.sessions)
    (branch.root / ".diffs" / f"{key}.diff").write_bytes(b"damaged")
    said = cli("verify", branch.root, "--since", "main", "--json")
    assert said.code == 12
    assert [(f["code"], f["key"]) for f in said.json["findings"]] == [("damaged", key)]


def test_a_branch_cannot_change_its_own_thresholds(branch: Bench, cli: Cli) -> None:
    git(branch.root, "checkout", "-q", "main")
    (branch.root / CONFIG).write_text("[verify]\ncontext_budget = 60\n")
    branch.commit()
    git(branch.root, "checkout", "-qB", "topic")
    (branch.root / CONFIG).write_text("[verify]\ncontext_budget = 9000\n")
    branch.commit()
    assert [f[0] for f in judged(cli, branch.root)] == ["over-context-budget"]
    assert judged(cli, branch.root, "--context-budget", "9000") == []


def test_a_branch_that_migrates_is_judged_whole(bench: Bench, cli: Cli) -> None:
    git(bench.root, "add", "-A")
    git(bench.root, "commit", "-qm", "only the log")
    git(bench.root, "checkout", "-qb", "topic")
    bench.migrate()
    (bench.root / DELTAS).write_text("by hand\n")
    bench.commit()
    found = judged(cli, bench.root)
    assert [f[0] for f in found if f[1] == DELTAS] == ["broken-line"] + ["missing-row"] * 3


def test_a_clone_of_a_branch_without_v1_log_is_judged(branch: Bench, cli: Cli) -> None:
    branch.log.unlink()
    path = branch.root / MANIFEST
    path.write_text(path.read_text() + "no fact\n")
    branch.commit()
    clone = branch.root.parent / "clone"
    git(branch.root, "clone", "-q", "--branch", "topic", str(branch.root), str(clone))
    said = cli("verify", clone, "--since", "origin/main", "--json")
    found = [f for f in said.json["findings"] if f["level"] == "finding"]
    assert [(f["code"], f["file"]) for f in found] == [("broken-fact", MANIFEST)]
    assert said.json["tokens"]["baselines"][2]["before"] > 0


def test_no_such_revision_no_history_and_no_git_are_one_clear_error(
    bench: Bench, plain: Bench, cli: Cli
) -> None:
    for one in (bench, plain):
        one.migrate()
    bench.commit()
    assert cli("verify", bench.root, "--since", "nowhere").code == 30
    assert cli("verify", bench.root, "--since=--output=x").code == 30
    said = cli("verify", plain.root, "--since", "main")
    assert said.code == 30
    assert "not in a git repository" in said.err
    git(bench.root, "checkout", "-q", "--orphan", "other")
    git(bench.root, "commit", "-qm", "apart")
    assert cli("verify", bench.root, "--since", "main").code == 30


def test_a_too_shallow_clone_gets_an_error_that_names_the_missing_history(
    branch: Bench, cli: Cli, tmp_path: Path
) -> None:
    branch.log.unlink()
    branch.commit()
    clone = tmp_path / "shallow"
    source = f"file://{branch.root}"
    git(branch.root, "clone", "-q", "--depth=1", "--no-single-branch", source, str(clone))
    git(clone, "checkout", "-q", "topic")
    said = cli("verify", clone, "--since", "origin/main")
    assert said.code == 30
    assert "fetch-depth: 0" in said.err
    git(clone, "fetch", "-q", "--unshallow")
    assert cli("verify", clone, "--since", "origin/main").code == 0


def test_a_workspace_in_a_folder_is_compared_with_its_own_files(
    bench: Bench, cli: Cli, tmp_path: Path
) -> None:
    inner = bench.root / "pkg"
    inner.mkdir()
    bench.log.rename(inner / bench.log.name)
    Bench(inner, bench.worker).migrate()
    bench.commit()
    git(bench.root, "checkout", "-qb", "topic")
    (inner / DELTAS).write_text("by hand\n" + (inner / DELTAS).read_text())
    bench.commit()
    assert judged(cli, inner) == [("broken-line", DELTAS, 1)]
