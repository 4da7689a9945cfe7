"""The specification's shell one-liners give what their text computes, on a thousand sessions."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.outcomes.progress import Silent
from pipelines.system.worker.client import Worker
from pipelines.v1.logs import Request
from pipelines.verbs.migrate import migrate
from pipelines.workspace.location import locate
from tests.pipelines.conftest import corpus


@dataclass(frozen=True)
class Migrated:
    root: Path
    truth: list[dict[str, Any]]  # oldest first, as the v2 files have them
    log: bytes

    def sh(self, line: str) -> list[str]:
        found = subprocess.run(
            ["sh", "-c", line], cwd=self.root, check=True, capture_output=True, text=True
        )
        return found.stdout.splitlines()


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Migrated:
    changed = bytearray(corpus("medium.md"))
    truth = [json.loads(line) for line in corpus("medium.truth.jsonl").splitlines()]
    # No session of this log failed: every seventh that passed shall have, in as many bytes.
    for t in [t for t in truth if t["status_raw"].startswith("PASS")][::7]:
        at = changed.index(b"Status: PASS", t["byte_start"], t["byte_end"])
        changed[at : at + 12] = b"Status: FAIL"
        t["status_word"] = "FAIL"
    log = bytes(changed)
    root = tmp_path_factory.mktemp("medium")
    (root / "AGENT_PROGRESS_LOG.md").write_bytes(log)
    migrate(Request(workspace=locate(str(root))), worker, Silent())
    return Migrated(root, sorted(truth, key=lambda t: str(t["timestamp"])), log)


def test_grep_finds_the_sessions_of_an_agent(medium: Migrated) -> None:
    found = medium.sh('grep "sonnet-4.5" SESSION_DELTAS.log')
    wanted = [t["timestamp"] for t in medium.truth if t["agent_norm"] == "sonnet-4.5"]
    by_agent = [line.split(" | ")[0] for line in found if line.split(" | ")[1] == "sonnet-4.5"]
    assert by_agent == wanted
    assert len(wanted) > 10
    assert len(found) == len(wanted) + sum(
        "sonnet-4.5" in t["slug"] and t["agent_norm"] != "sonnet-4.5" for t in medium.truth
    )


def test_awk_finds_the_failed_sessions(medium: Migrated) -> None:
    found = medium.sh("awk -F'|' '$4 ~ /FAIL/' SESSION_DELTAS.log")
    wanted = [t["timestamp"] for t in medium.truth if t["status_word"] == "FAIL"]
    assert [line.split(" | ")[0] for line in found] == wanted
    assert len(wanted) > 50


def test_awk_sums_the_lines_added(medium: Migrated) -> None:
    found = medium.sh("awk -F'\\t' 'NR>1 {sum+=$5} END {print sum}' PROJECT_METRICS.tsv")
    wanted = sum(
        t["patch_added"] or 0 if t["declared_added"] is None else t["declared_added"]
        for t in medium.truth
    )
    assert found == [str(wanted)]


def test_awk_averages_the_duration_of_an_agent(medium: Migrated) -> None:
    (found,) = medium.sh(
        "awk -F'\\t' '$2==\"sonnet-4.5\" {sum+=$8; count++} END {print sum/count}' "
        "PROJECT_METRICS.tsv"
    )
    minutes = [t["duration_min"] or 0 for t in medium.truth if t["agent_norm"] == "sonnet-4.5"]
    assert float(found) == pytest.approx(sum(minutes) / len(minutes), rel=1e-5)


def test_awk_counts_the_sessions_of_each_agent(medium: Migrated) -> None:
    found = medium.sh(
        "awk -F'\\t' 'NR>1 {count[$2]++} END {for (a in count) print a, count[a]}' "
        "PROJECT_METRICS.tsv"
    )
    counted = {agent: int(n) for agent, n in (line.split(" ") for line in found)}
    wanted = Counter(t["agent_norm"] for t in medium.truth if t["agent_norm"])
    assert {a: n for a, n in counted.items() if a in wanted} == wanted
    assert sum(counted.values()) == len(medium.truth)


def test_the_tail_is_the_newest_thirty(medium: Migrated) -> None:
    found = medium.sh("tail -30 SESSION_DELTAS.log")
    assert [line.split(" | ")[0] for line in found] == [t["timestamp"] for t in medium.truth[-30:]]


def test_the_weekly_review_finds_recently_failed_sessions(medium: Migrated) -> None:
    found = medium.sh("tail -50 SESSION_DELTAS.log | grep FAIL")
    wanted = [t["timestamp"] for t in medium.truth[-50:] if t["status_word"] == "FAIL"]
    assert [line.split(" | ")[0] for line in found] == wanted
    assert wanted


def test_cat_gives_the_patch_of_a_session(medium: Migrated) -> None:
    with_diff = [t for t in medium.truth if t["has_diff"]]
    for t in with_diff[:: len(with_diff) // 5]:
        found = subprocess.run(
            ["sh", "-c", f"cat .diffs/{t['timestamp']}.diff"],
            cwd=medium.root,
            check=True,
            capture_output=True,
        ).stdout
        assert found == medium.log[t["diff_start"] : t["diff_start"] + t["diff_bytes"]]


def test_wc_confirms_the_reduction_that_the_guide_asks_for(medium: Migrated) -> None:
    (before,) = medium.sh("wc -w < AGENT_PROGRESS_LOG.md")
    (after,) = medium.sh("cat PROJECT_REFERENCES.yaml SESSION_DELTAS.log | wc -w")
    assert int(after) <= int(before) * 0.1
