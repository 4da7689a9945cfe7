"""Verify: 0 where all is whole or only absent, 3 for findings, 12 for damage."""

from __future__ import annotations

import pytest

from tests.pipelines.conftest import Bench, Cli, corpus, day, entry, git, log_of, tree
from tests.pipelines.test_baselines import BIG


def test_an_intact_workspace_is_verified_and_nothing_is_written(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = tree(bench.root, times=True)
    said = cli("verify", bench.root, "--require", "local", "--json")
    assert said.code == said.json["exit"] == 0
    assert said.json["diffs"] == {"intact": 3, "absent": 0, "damaged": 0}
    assert tree(bench.root, times=True) == before


def test_a_fresh_clone_is_no_fault_unless_diffs_are_required_here(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.commit()
    clone = bench.root.parent / "clone"
    git(bench.root, "clone", "-q", str(bench.root), str(clone))
    said = cli("verify", clone, "--json")
    assert said.code == 0
    assert said.json["diffs"] == {"intact": 0, "absent": 3, "damaged": 0}
    assert said.json["layouts"] == {"intact": 0, "absent": 1, "damaged": 0}
    said = cli("verify", clone, "--require", "local")
    assert said.code == 3
    assert day(1) in said.out


@pytest.mark.parametrize("name", [f"{day(2)}.diff", "layout.jsonl", "literal.zst"])
def test_one_flipped_byte_is_exit_12_whatever_else_was_found(
    bench: Bench, cli: Cli, name: str
) -> None:
    bench.migrate()
    path = next((bench.root / ".diffs").rglob(name))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    (bench.root / "SESSION_DELTAS.log").unlink()
    said = cli("verify", bench.root, "--json")
    assert said.code == said.json["exit"] == 12
    assert "damaged" in [f["code"] for f in said.json["findings"]]


def test_a_gate_that_is_not_met_is_a_finding(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(log_of(*(entry(day(n), patch=BIG) for n in range(1, 6))))
    bench.migrate()
    assert cli("verify", bench.root).code == 0
    said = cli("verify", bench.root, "--threshold", "99.99")
    assert said.code == 3
    assert "gate: NOT met" in said.out


def test_the_window_of_a_large_log_is_nine_tenths_smaller_at_the_default_budget(
    bench: Bench, cli: Cli
) -> None:
    bench.log.write_bytes(corpus("medium.md"))
    bench.migrate()
    found = cli("verify", bench.root, "--json").json["tokens"]
    assert found["baselines"][0]["name"] == "window"
    assert found["baselines"][0]["reduction_percent"] >= 90
    assert found["context"] == found["baselines"][0]["after"] <= 450


def test_a_budget_that_is_not_kept_is_a_finding(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / "PROJECT_REFERENCES.yaml").write_text("mandates: [one, two, three]\n")
    assert cli("verify", bench.root).code == 0
    said = cli("verify", bench.root, "--references-budget", "5")
    assert said.code == 3
    assert "over budget: references" in said.out


def test_rows_that_do_not_agree_are_a_finding(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / "PROJECT_METRICS.tsv").unlink()
    assert cli("verify", bench.root).code == 3


def test_a_manifest_of_nothing_but_junk_is_not_the_format(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / ".session-codec" / "manifest.jsonl").write_bytes(b"\xff\n[]\n")
    assert cli("verify", bench.root).code == 10
