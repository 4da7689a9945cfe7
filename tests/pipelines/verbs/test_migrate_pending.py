"""`migrate` while sessions of hooks are pending: each session once, none lost."""

from __future__ import annotations

import pytest

from pipelines.recording.session import Recording, new_session
from pipelines.workspace import pending
from pipelines.workspace.location import MANIFEST, V1_LOG
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of

PATCH = b"diff --git a/p b/p\n--- a/p\n+++ b/p\n@@ -1 +1 @@\n-a\n+b\n"


def wait(bench: Bench, name: str, time: str) -> None:
    """Put a session into the pending store, as the hook of an agent does."""
    recording = Recording(agent="a", task=f"pending {name}", id=name, time=time, patch=PATCH)
    made = new_session(bench.workspace, recording)
    pending.put(bench.workspace, [made.session], [PATCH])


def tasks(bench: Bench) -> list[str]:
    return sorted(s.task for s in bench.manifest.sessions.values())


@pytest.mark.parametrize("time", [day(4), day(5)])
def test_new_entries_and_a_pending_session_are_each_there_once(
    bench: Bench, cli: Cli, time: str
) -> None:
    bench.migrate()
    wait(bench, "s-1", time)
    numbers = (4, 3, 2, 1)  # day 4 is a new entry, and of the second of a pending session
    log = log_of(*(entry(day(n), task=f"task-{n}") for n in numbers))
    (bench.root / V1_LOG).write_bytes(log)
    assert cli("migrate", bench.root).code == 0
    wanted = ["pending-s-1", "task-1", "task-2", "task-3", "task-4"]
    assert tasks(bench) == wanted
    assert bench.restore() == log
    for _ in range(2):
        assert cli("verify", bench.root).code == 0
        assert cli("migrate", bench.root).code == 0
    assert cli("flush", bench.root, "--commit").code == 0
    assert tasks(bench) == wanted
    assert cli("verify", bench.root).code == 0


def test_a_migration_without_news_leaves_pending_sessions_where_they_are(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    wait(bench, "s-1", day(5))
    before = (bench.root / MANIFEST).read_bytes()
    assert cli("migrate", bench.root).code == 0
    assert (bench.root / MANIFEST).read_bytes() == before
    assert pending.read_lines(bench.workspace)


def test_a_first_migration_takes_pending_sessions_in(bench: Bench, cli: Cli) -> None:
    assert cli("install", bench.root).code == 0
    wait(bench, "s-1", day(2))
    assert cli("migrate", bench.root).code == 0
    assert tasks(bench) == ["pending-s-1", "task-1", "task-2", "task-3"]
    assert cli("verify", bench.root).code == 0
    assert cli("flush", bench.root, "--commit").code == 0
    assert tasks(bench) == ["pending-s-1", "task-1", "task-2", "task-3"]
