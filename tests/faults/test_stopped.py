"""Stopped at any moment, a verb leaves all that there was, and the next run completes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.diffs.archive_writer import contents_of
from pipelines.diffs.store import Store
from tests.faults.stopped import Stopping
from tests.pipelines.conftest import PATCH, Bench
from tests.pipelines.verbs.test_archive import archives, diffs, log_of_months, loose


def copied(bench: Bench) -> Path:
    start = bench.root.parent / "start"
    shutil.copytree(bench.root, start, symlinks=True)
    return start


def archiving(bench: Bench) -> Stopping:
    """Two past months are packed: every diff is there at any moment, and then in two archives."""
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    bench.log.unlink()
    before = diffs(bench.workspace)

    def stopped() -> None:
        assert diffs(bench.workspace) == before
        for path in archives(bench):  # what has its name is whole
            assert contents_of(str(path))

    def completed() -> None:
        assert diffs(bench.workspace) == before
        assert loose(bench) == []
        assert {p.name for p in archives(bench)} == set(bench.manifest.archives)
        assert len(list((bench.root / ".diffs" / "archive").iterdir())) == 2

    return Stopping(bench, copied(bench), ("archive", str(bench.root)), stopped, completed)


def recording(bench: Bench) -> Stopping:
    """Record a session; check that the next record with its id keeps it whole and single."""
    bench.migrate()
    patch = bench.root.parent / "x.patch"
    patch.write_bytes(PATCH)
    asked = ("--agent", "a", "--task", "t", "--diff", str(patch), "--id", "7")

    def completed() -> None:
        (session,) = (s for s in bench.manifest.sessions.values() if s.id == "7")
        assert session.patch is not None
        assert Store(bench.workspace).read(session.key, session.patch) == PATCH
        assert len(bench.deltas()) == 4
        assert len(list((bench.root / ".diffs").glob("*.diff"))) == 4

    arguments = ("record", str(bench.root), *asked)
    return Stopping(bench, copied(bench), arguments, lambda: None, completed)


Verb = Callable[[Bench], Stopping]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "full"])
@pytest.mark.parametrize("verb", [archiving, recording])
def test_a_verb_that_is_stopped_at_any_moment_is_completed_by_the_next(
    bench: Bench, verb: Verb, how: str
) -> None:
    stopping = verb(bench)
    moments = stopping.moments(how)
    assert len(moments) > 8
    for at in moments:
        stopping.check(at, how)


@pytest.mark.parametrize(
    ("verb", "how", "at"),
    [
        (archiving, "kill", 14),
        (archiving, "full", 5),
        (recording, "kill", 12),
        (recording, "full", 7),
    ],
)
def test_a_verb_that_is_stopped_half_way_is_completed_by_the_next(
    bench: Bench, verb: Verb, how: str, at: int
) -> None:
    stopping = verb(bench)
    stopping.check(at, how)
    assert bench.manifest.sessions
