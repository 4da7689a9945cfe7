"""Test that a lock is waited for, and is taken as soon as it is free."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.outcomes.errors import WorkspaceLocked
from pipelines.system.fs.locks import locked, unchanging

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


def test_a_reader_keeps_a_writer_out_and_no_other_reader(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locked(path):
        pass
    busy = pytest.raises(WorkspaceLocked, match="another process is writing")
    with unchanging(path), unchanging(path, wait=0), busy, locked(path, wait=0):
        pass
    with locked(path, wait=0), pytest.raises(WorkspaceLocked), unchanging(path, wait=0):
        pass


def test_a_lock_that_a_link_or_a_pipe_replaces_is_neither_followed_nor_waited_for(
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises(OSError, match="link"), locked(str(tmp_path / "link"), wait=0):
        pass
    assert not outside.exists()
    os.mkfifo(tmp_path / "pipe")
    with unchanging(str(tmp_path / "pipe"), wait=0):
        pass  # without O_NONBLOCK, opening it would wait for a writer


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "folder" / "lock")
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked(path, wait=0):
        pass
