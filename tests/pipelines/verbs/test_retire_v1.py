"""A log goes only when it is certain to come back."""

from __future__ import annotations

import re

import pytest

from codec.errors import IntegrityError
from codec.v1.stub import is_bare_stub
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.verbs.retire_v1 import apply, plan
from tests.pipelines.conftest import THREE, Bench, Cli, day, entry, tree


@pytest.fixture
def committed(bench: Bench) -> Bench:
    bench.migrate()
    bench.commit()
    return bench


def refusal(bench: Bench, cli: Cli) -> str:
    """Why a log is not retired; nothing is touched."""
    before = tree(bench.root, times=True)
    said = cli("retire-v1", bench.root)
    assert (said.code, said.out) == (22, "")
    assert tree(bench.root, times=True) == before
    return said.err


def test_a_log_that_changed_since_is_not_retired(committed: Bench, cli: Cli) -> None:
    committed.log.write_bytes(THREE + b"\nmore\n")
    assert "not as it was migrated" in refusal(committed, cli)


def test_a_log_that_head_does_not_hold_is_not_retired(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    assert "neither HEAD nor a named remote" in refusal(bench, cli)
    bench.commit()
    bench.log.write_bytes(THREE + entry(day(9)))
    bench.migrate()
    assert "neither HEAD nor a named remote" in refusal(bench, cli)


def test_a_log_that_head_holds_with_other_line_ends_is_not_retired(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.commit()
    bench.log.write_bytes(THREE.replace(b"\n", b"\r\n"))
    bench.migrate()
    assert "neither HEAD nor a named remote" in refusal(bench, cli)


def test_a_log_outside_of_git_is_not_retired(plain: Bench, cli: Cli) -> None:
    plain.migrate()
    assert "neither HEAD nor a named remote" in refusal(plain, cli)


def test_a_log_that_was_never_migrated_is_not_retired(committed: Bench, cli: Cli) -> None:
    other = committed.root / "other.md"
    other.write_bytes(THREE)
    committed.commit()
    before = tree(committed.root)
    assert cli("retire-v1", committed.root, "--source", "other.md").code == 22
    assert cli("retire-v1", committed.root, "--source", "none.md").code == 30
    assert tree(committed.root) == before


def test_a_log_that_cannot_be_rebuilt_is_not_retired(committed: Bench) -> None:
    path = committed.root / ".diffs" / f"{day(2)}.diff"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(IntegrityError):
        plan(committed.workspace)
    path.unlink()
    with pytest.raises(NotFound):
        plan(committed.workspace)
    assert committed.log.read_bytes() == THREE


def test_a_log_that_changed_at_the_last_moment_is_not_retired(committed: Bench) -> None:
    made = plan(committed.workspace)
    committed.log.write_bytes(THREE + b"late\n")
    with pytest.raises(Conflict, match="changed just now"):
        apply(made)
    assert committed.log.read_bytes() == THREE + b"late\n"


def test_a_dry_run_changes_nothing(committed: Bench, cli: Cli) -> None:
    before = tree(committed.root, times=True)
    assert cli("retire-v1", committed.root, "--dry-run", "--json").json["state"] == "could-retire"
    assert tree(committed.root, times=True) == before


def test_a_retired_log_is_a_stub_and_comes_back(committed: Bench, cli: Cli) -> None:
    assert cli("retire-v1", committed.root).code == 0
    assert is_bare_stub(committed.log.read_bytes())
    assert committed.restore() == THREE
    before = tree(committed.root, times=True)
    assert cli("retire-v1", committed.root, "--json").json["state"] == "retired-before"
    said = cli("migrate", committed.root)
    assert said.code == 0
    assert "stub" in said.out
    assert tree(committed.root, times=True) == before


def test_a_session_that_was_added_to_the_stub_is_picked_up_and_the_retired_log_stays(
    committed: Bench, cli: Cli
) -> None:
    apply(plan(committed.workspace))
    committed.log.write_bytes(committed.log.read_bytes() + b"\n" + entry(day(9), task="task-9"))
    committed.migrate()
    assert [line.split(" | ")[2] for line in committed.deltas()][-1] == "task-9"
    assert len(committed.deltas()) == 4
    assert committed.restore() == THREE
    committed.commit()
    assert cli("retire-v1", committed.root).code == 0
    assert is_bare_stub(committed.log.read_bytes())
    assert committed.restore() == THREE
    stub = next(v.sha256 for v in committed.manifest.versions if v.size < len(THREE))
    assert b"task-9" in committed.restore(stub)


def test_a_retirement_that_stopped_before_the_swap_is_completed(committed: Bench) -> None:
    apply(plan(committed.workspace))
    committed.log.write_bytes(THREE)
    apply(plan(committed.workspace))
    assert is_bare_stub(committed.log.read_bytes())
    facts = (committed.root / ".session-codec" / "manifest.jsonl").read_text()
    assert len(re.findall('"v1-retired"', facts)) == 1
