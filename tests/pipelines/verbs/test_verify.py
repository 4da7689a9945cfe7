"""Verify: 0 where all is whole or only absent, 3 for findings, 12 for damage."""

from __future__ import annotations

import pytest

from pipelines.workspace.location import CONFIG, REFERENCES
from tests.pipelines.conftest import Bench, Cli, corpus, day, entry, git, log_of, tree
from tests.pipelines.report.test_token_savings import BIG


def test_an_intact_workspace_is_verified_and_nothing_is_written(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = tree(bench.root, times=True)
    said = cli("verify", bench.root, "--require", "local", "--json")
    assert said.code == said.json["exit"] == 0
    assert said.json["diffs"] == {"intact": 3, "absent": 0, "damaged": 0}
    assert tree(bench.root, times=True) == before


def test_a_fresh_clone_is_not_a_fault_unless_diffs_are_required_here(
    bench: Bench, cli: Cli
) -> None:
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
    assert f"the diff of {day(1)} is required locally" in said.err


def test_a_remote_that_would_not_be_searched_is_refused(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("verify", bench.root, "--remote", bench.root.parent / "copy")
    assert said.code == 2
    assert "--remote needs --require remote" in said.err


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


def test_a_manifest_of_only_junk_is_not_the_format(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / ".session-codec" / "manifest.jsonl").write_bytes(b"\xff\n[]\n")
    assert cli("verify", bench.root).code == 10


def config(bench: Bench, text: str) -> None:
    (bench.root / CONFIG).write_text(text)


def test_threshold_and_budgets_are_settings_and_the_command_line_takes_precedence(
    bench: Bench, cli: Cli
) -> None:
    bench.log.write_bytes(log_of(*(entry(day(n), patch=BIG) for n in range(1, 6))))
    bench.migrate()
    (bench.root / REFERENCES).write_text("stack: {language: Python}\n")
    config(bench, "[verify]\nthreshold = 99.99\ncontext_budget = 10\nreferences_budget = 0\n")
    said = cli("verify", bench.root, "--json")
    assert said.code == 3
    assert [f["code"] for f in said.json["findings"]] == [
        "gate", "over-context-budget", "over-references-budget",
    ]  # fmt: skip
    arguments = ("--threshold", "50", "--context-budget", "500", "--references-budget", "9")
    assert cli("verify", bench.root, *arguments).code == 0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[verify]\ntreshold = 90\n", "verify.treshold"),
        ("[verify]\nthreshold = '90'\n", "verify.threshold"),
        ("[verify]\nthreshold = 101\n", "verify.threshold"),
        ("[verify]\ncontext_budget = -1\n", "verify.context_budget"),
        ("[verify]\ncontext_budget = true\n", "verify.context_budget"),
        ("verify = 3\n", "verify"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_and_named(
    bench: Bench, cli: Cli, text: str, field: str
) -> None:
    bench.migrate()
    config(bench, text)
    said = cli("verify", bench.root)
    assert said.code == 10
    assert f"{CONFIG}: {field}: is n" in said.err


def test_a_setting_of_the_budget_is_that_of_references_too(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / "package.json").write_text('{"engines": {"node": "22"}}')
    config(bench, "[verify]\nreferences_budget = 3\n")
    said = cli("references", bench.root, "--json")
    assert said.json["budget"] == 3
    assert cli("verify", bench.root).code == cli("references", bench.root, "--check").code


def test_stale_references_are_a_finding(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / "package.json").write_text('{"engines": {"node": "22"}}')
    said = cli("verify", bench.root, "--json")
    assert said.code == 3
    (found,) = said.json["findings"]
    assert (found["code"], found["file"]) == ("stale", REFERENCES)
    assert cli("references", bench.root).code == 0
    assert cli("verify", bench.root).code == 0


def test_references_that_cannot_be_read_are_a_finding_with_a_line(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / REFERENCES).write_text("mandates: [one]\nstack: {a: [}\n")
    said = cli("verify", bench.root, "--json")
    assert said.code == 3
    (found,) = said.json["findings"]
    assert (found["code"], found["file"], found["line"]) == ("broken-references", REFERENCES, 2)


def test_sessions_that_wait_in_the_spool_are_reported(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    broken = bench.root / ".session-codec" / "spool" / "broken"
    broken.mkdir(parents=True)
    (broken / "event").write_text("?")
    said = cli("verify", bench.root, "--json")
    assert said.code == 3
    assert [c["name"] for c in said.json["checks"] if c["result"] == "failed"] == ["spool"]


def test_a_file_that_cannot_be_written_is_an_error_not_a_success(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    assert cli("verify", bench.root, "-o", bench.root / "no" / "folder").code == 30
