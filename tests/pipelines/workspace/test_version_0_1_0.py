"""What version 0.1.0 wrote is read, upgraded and merged; `fixtures/workspaces/0.1.0` is frozen."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from codec.kinds import Key
from codec.manifest.facts import Format
from codec.manifest.jsonl import decode_fact
from pipelines.system.worker.client import Worker
from pipelines.verbs.amend import Amendment, amend
from pipelines.workspace.location import DELTAS, MANIFEST
from tests.pipelines.conftest import Bench, Cli, git
from tests.support.clones import Clone, clone_of, pull

FROZEN: Final = Path(__file__).parents[3] / "fixtures" / "workspaces" / "0.1.0"
SUFFIXED: Final = Key("2025-12-02T09:00:00Z.516353")
PURGED: Final = "2025-12-02T09:00:00Z"


@pytest.fixture
def old(tmp_path: Path, this_tree: None) -> Clone:
    """Commit the frozen workspace to a repository; `dot-` means a dot in its file names."""
    root = tmp_path / "repo"
    for folder, _, names in os.walk(FROZEN):
        for name in names:
            path = Path(folder, name).relative_to(FROZEN)
            parts = [f".{p[4:]}" if p.startswith("dot-") else p for p in path.parts]
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder, name), target)
    driver = (root / "merge-driver").read_text().strip()
    (root / "merge-driver").unlink()
    git(root, "init", "-q", "-b", "main")
    clone = Clone(root)
    clone.commit("0.1.0")
    set_driver(clone, driver)
    return clone


def set_driver(clone: Clone, command: str) -> None:
    """Have git merge as 0.1.0 set it up, with this Python."""
    command = command.replace("PYTHON", shlex.quote(sys.executable))
    git(clone.root, "config", "merge.session-codec.driver", command)
    names = (MANIFEST, "AGENT_PROGRESS_LOG_v2.md", "PROJECT_METRICS.tsv", DELTAS)
    attributes = clone.root / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("".join(f"/{name} merge=session-codec\n" for name in names))


def faults(clone: Clone) -> list[str]:
    return [f.code for f in clone.check().findings if f.level == "finding"]


def test_it_is_read(old: Clone, cli: Cli, worker: Worker) -> None:
    assert cli("verify", old.root).code == 0
    context = cli("context", old.root)
    assert (context.code, "Task number 4" in context.out) == (0, True)
    assert "Task-number-2" in cli("show", SUFFIXED, old.root).out
    assert cli("show", SUFFIXED, old.root, "--diff").out.startswith("diff --git a/notes.txt")
    assert cli("show", "2025-12-04", old.root, "--diff").out.startswith("diff --git a/notes.txt")
    assert cli("show", PURGED, old.root, "--diff").code != 0
    assert cli("query", old.root, "--count").out.split()[-1] == "16"
    log = (old.root / "AGENT_PROGRESS_LOG.md").read_bytes()
    assert Bench(old.root, worker).restore() == log
    assert faults(old) == []


def test_reading_and_repairing_it_changes_nothing(old: Clone, cli: Cli, worker: Worker) -> None:
    for verb in (("verify",), ("context",), ("doctor", "--repair")):
        assert cli(verb[0], old.root, *verb[1:]).code in {0, 3}
    assert Bench(old.root, worker).migrate().plan.added == []
    assert git(old.root, "status", "--short", MANIFEST, DELTAS) == ""


def test_it_is_upgraded_by_the_first_write_that_needs_it(old: Clone, cli: Cli) -> None:
    before = (old.root / MANIFEST).read_bytes()
    recorded = cli("record", old.root, "--agent", "human", "--task", "since", "--no-diff")
    assert recorded.code == 0
    assert (old.root / MANIFEST).read_bytes().startswith(before)
    assert cli("amend", SUFFIXED, old.root, "--status", "FAIL").code == 0
    first, _, rest = (old.root / MANIFEST).read_bytes().partition(b"\n")
    assert isinstance(decode_fact(first.decode()), Format)
    assert rest.startswith(before)
    assert old.manifest.sessions[SUFFIXED].status == "FAIL"
    assert faults(old) == []
    assert cli("verify", old.root).code == 0


def test_its_merge_driver_merges_files_of_this_version(old: Clone) -> None:
    command = git(old.root, "config", "merge.session-codec.driver").strip()
    ann, bob = (clone_of(old, name, driver=False) for name in ("ann", "bob"))
    for clone in (ann, bob):
        set_driver(clone, command)
        clone.record(clone.root.name, ["2026-03-01T10:00:00Z"])
    amend(ann.workspace, SUFFIXED, Amendment(status="FAIL"))
    amend(bob.workspace, SUFFIXED, Amendment(notes="Bob knows"))
    ann.commit("ann")
    bob.commit("bob")
    pull(ann, bob)
    pull(bob, ann)
    for clone in (ann, bob):
        assert faults(clone) == []
        session = clone.manifest.sessions[SUFFIXED]
        assert (session.status, session.notes) == ("FAIL", "Bob knows")
        assert len(clone.keys(DELTAS)) == 18
    assert ann.manifest.sessions == bob.manifest.sessions


def test_reread_gives_each_session_of_0_1_0_a_better_fact_and_doubles_nothing(
    old: Clone, worker: Worker
) -> None:
    before = old.manifest
    bench = Bench(old.root, worker)
    bench.migrate()
    keys = {s.key for s in bench.manifest.sessions.values()}
    assert keys >= before.sessions.keys()
    bench.migrate(reread=True)
    after = bench.manifest
    assert after.sessions.keys() == keys
    assert [k for k in old.keys(DELTAS) if k in before.sessions] == sorted(before.sessions)
    present = {line for line in bench.log.read_bytes().splitlines() if line.startswith(b"#")}
    assert present
    assert faults(old) == []
    assert bench.restore() == bench.log.read_bytes()
    assert bench.migrate(reread=True).plan.is_empty
