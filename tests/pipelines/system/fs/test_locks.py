"""Test that a lock is waited for, and is taken as soon as it is free."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.outcomes.errors import WorkspaceLocked
from pipelines.system.fs.locks import locked

if sys.platform == "win32":
    pytest.skip("locks of another kind", allow_module_level=True)

import fcntl


def test_a_lock_that_is_freed_while_it_is_waited_for_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "lock")
    held, asked = Event(), Event()
    flock = fcntl.flock

    def observed(fd: int, kind: int) -> None:
        try:
            flock(fd, kind)
        except BlockingIOError:
            asked.set()
            raise

    def hold() -> None:
        with locked(path):
            held.set()
            asked.wait()

    monkeypatch.setattr("pipelines.system.fs.locks.fcntl.flock", observed)
    other = Thread(target=hold)
    other.start()
    held.wait()
    with locked(path, wait=60):
        assert asked.is_set()
    other.join()


def test_without_a_wait_a_held_lock_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locked(path), pytest.raises(WorkspaceLocked), locked(path, wait=0):
        pass
