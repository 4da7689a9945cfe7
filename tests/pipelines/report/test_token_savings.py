"""Every reduction beside its baseline, and the gate judged only where there is enough to judge."""

from __future__ import annotations

import shutil

import pytest

from codec.tokens.tokenizers import counter
from pipelines.outcomes.errors import NotFound
from pipelines.report.percentages import in_percent
from pipelines.report.token_savings import Baseline, TokenReport, token_report
from pipelines.workspace import pending
from pipelines.workspace.location import PROGRESS
from pipelines.workspace.thresholds import Limits
from tests.pipelines.conftest import THREE, Bench, Cli, corpus, day, entry, log_of

BIG = b"".join(b"+line %d of a patch that is long enough to be judged\n" % n for n in range(400))


def report(bench: Bench, **limits: float) -> TokenReport:
    return token_report(
        bench.workspace,
        bench.manifest,
        tokenizer="o200k_base",
        count=bench.worker.count_text,
        limits=Limits(**limits),  # type: ignore[arg-type]
    )


def before(found: TokenReport) -> dict[str, int]:
    return {b.name: b.before for b in found.baselines}


def test_each_baseline_compares_its_named_parts(bench: Bench) -> None:
    entries = [entry(day(n), task=f"task-{n}") for n in range(1, 8)]
    bench.log.write_bytes(log_of(*entries))
    bench.migrate()
    costs = counter("o200k_base").count([e.decode() for e in entries])
    whole = counter("o200k_base").count([bench.log.read_text()])[0]
    found = before(report(bench))
    assert list(found) == ["window", "same", "log", "files", "words"]
    assert found["window"] == sum(costs[-5:])
    assert found["same"] == sum(costs)
    # counted span by span, which never under-counts and over-counts by little
    assert whole <= found["log"] == found["files"] <= whole * 1.01 + 5
    assert found["words"] == len(bench.log.read_bytes().split())


def test_a_small_log_is_not_judged_and_a_large_one_is(bench: Bench) -> None:
    bench.migrate()
    assert not report(bench).judged
    assert report(bench).gate_met
    bench.log.write_bytes(log_of(*(entry(day(n), patch=BIG) for n in range(1, 6))))
    bench.migrate()
    found = report(bench)
    assert found.judged
    assert found.gate_met
    assert found.baselines[0].reduction > 90
    assert not report(bench, threshold=100.0).gate_met


def test_the_gate_is_judged_from_ten_times_the_context_budget(bench: Bench) -> None:
    bench.migrate()
    window = before(report(bench))["window"]
    assert report(bench, context=window // 10).judged
    assert not report(bench, context=window // 10 + 1).judged


def test_an_explicit_threshold_is_judged_however_small_the_window_is(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    assert not report(bench).judged
    said = cli("verify", bench.root, "--threshold", "99.9", "--json")
    assert said.code == 3
    assert "gate" in [f["code"] for f in said.json["findings"]]
    config = bench.root / ".session-codec" / "config.toml"
    config.write_text("[verify]\nthreshold = 99.9\n")
    assert cli("verify", bench.root).code == 3
    config.unlink()
    said = cli("verify", bench.root)
    assert said.code == 0
    assert "not judged: the last 5 sessions are small" in said.out


def test_parts_over_their_budget_are_named(bench: Bench) -> None:
    bench.migrate()
    (bench.root / "PROJECT_REFERENCES.yaml").write_text("mandates: [" + "a long rule, " * 200 + "]")
    found = report(bench)
    assert [o.partition(":")[0] for o in found.over_budget] == ["references"]
    assert found.references > 250


def test_v1_counts_outlive_the_v1_log(bench: Bench) -> None:
    bench.migrate()
    was = report(bench)
    bench.log.unlink()
    assert report(bench) == was


def test_a_recorded_session_costs_its_patch_and_its_entry_and_is_called_estimated(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    was = before(report(bench))
    patch = bench.root / "a.diff"
    patch.write_bytes(b"--- a/a\n+++ b/a\n@@ -0,0 +1,400 @@\n" + BIG)
    cli("record", bench.root, "--agent", "a", "--task", "t", "--status", "PASS", "--diff", patch)
    entry = (bench.root / PROGRESS).read_text().rpartition("###")[2]
    cost = sum(counter("o200k_base").count([f"###{entry}", patch.read_text()]))
    found = report(bench)
    assert found.estimated == 1
    assert before(found)["window"] == was["window"] + cost
    assert before(found)["log"] == was["log"]
    assert found.baselines[0].what == "the last 4 sessions, 1 of them estimated -> context"

    for stored in (bench.root / ".diffs").glob("*.diff"):
        stored.unlink()
    for folder in pending.folders(bench.workspace):
        shutil.rmtree(folder, ignore_errors=True)
    by_size = before(report(bench))["window"]
    assert by_size != before(found)["window"]
    (version,) = bench.manifest.versions
    rate = version.tokens["o200k_base"] / version.size
    entry_alone = counter("o200k_base").count([f"###{entry}"])[0]
    assert by_size - was["window"] - entry_alone == round(patch.stat().st_size * rate)


def test_where_there_never_was_a_v1_log_all_sessions_are_estimated(plain: Bench, cli: Cli) -> None:
    cli("install", plain.root)
    patch = plain.root / "a.diff"
    patch.write_bytes(b"--- a/a\n+++ b/a\n@@ -0,0 +1,400 @@\n" + BIG)
    cli("record", plain.root, "--agent", "a", "--task", "t", "--status", "PASS", "--diff", patch)
    found = report(plain)
    assert [b.name for b in found.baselines] == ["window", "same"]
    assert (found.estimated, found.judged, found.gate_met) == (1, True, True)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (100_000, 1, "99.9 %"),
        (1000, 0, "100.0 %"),
        (10_000, 1004, "89.9 %"),
        (1000, 1001, "-0.1 %"),
    ],
)
def test_a_reduction_is_never_shown_larger_than_it_is(before: int, after: int, shown: str) -> None:
    assert in_percent(Baseline("log", before, after, "").reduction) == shown


def test_a_tokenizer_that_v1_was_not_counted_with_is_not_found(bench: Bench) -> None:
    bench.migrate()
    with pytest.raises(NotFound, match="o200k_base"):
        token_report(
            bench.workspace,
            bench.manifest,
            tokenizer="cl100k_base",
            count=len,
            limits=Limits(),
        )


def test_migrate_never_fails_for_its_token_report(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.log.write_bytes(THREE + entry(day(9)))
    said = cli("migrate", bench.root, "--tokenizer", "cl100k_base", "--json")
    assert said.code == 0
    assert said.json["added"] == [day(9)]
    assert said.json["tokens"] is None
    assert "no token report" in said.err


def test_the_everyday_log_costs_a_hundredth_and_its_window_is_too_small_to_judge(
    bench: Bench,
) -> None:
    bench.log.write_bytes(corpus("medium.md"))
    bench.migrate()
    found = report(bench)
    saved = {b.name: b.reduction for b in found.baselines}
    assert min(saved["log"], saved["files"], saved["words"]) > 90
    assert found.baselines[0].before < 10 * found.limits.context
    assert not found.judged
    assert found.over_budget == ()


def test_a_tiny_context_budget_does_not_flatter_the_gate(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    usual = cli("verify", bench.root, "--json").json["tokens"]
    tiny = cli("verify", bench.root, "--context-budget", 1, "--json")
    assert tiny.json["tokens"]["baselines"] == usual["baselines"]
    assert tiny.code == 3
    assert tiny.json["tokens"]["gate"]["over_budget"]
