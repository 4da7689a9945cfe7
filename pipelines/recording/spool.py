"""The spool: events of sessions that hooks left, and from which the next verb makes sessions.

1. An entry gets its name when it is complete: a hook that is killed leaves a whole entry, or a
   temporary file that `waiting` accepts as one when no process can still be writing it.
2. When `leave` returns, entry and name are on the disk. Both are synced at the same time, which
   takes half as long; if the machine stops before that, the entry shows that it was cut.
3. Names are sorted by time, and state the event, so that no file is read to see that nothing
   waits.

A hook that calls the first two functions must not take longer than the start of an interpreter. So
the module imports nothing that is slow.
"""

from __future__ import annotations

import _thread
import os
import time

from pipelines.system.git.local_state import checked

SPOOL = os.path.join(".session-codec", "spool")
BROKEN = "broken"
EVENTS = ("start", "stop", "end")
_TEMPORARY = ".tmp"
_CLAIM = "said-"
_CLAIM_SECONDS = 60
#: Seconds after which the hook that was writing a temporary file must be gone: agents end hooks
#: sooner.
_GIVEN_UP = 600
#: Nanoseconds without an event after which a session is over, if its process is unknown.
SILENCE = 86_400 * 10**9


def spool_of(home: str) -> str:
    """Return the folder of the spool, in the folder that the worktrees of a workspace share."""
    return os.path.join(home, SPOOL)


def leave(spool: str, event: str, when: int, data: bytes) -> str:
    """Write an entry to the spool, wait until it is on the disk, and return its path.

    Args:
        spool: the folder of the spool; it is created.
        event: one of `EVENTS`.
        when: the time in nanoseconds since 1970.
        data: the entry.

    Raises:
        Conflict: the folder is a link that came with a clone or belongs to another user.
    """
    path = checked(os.path.join(spool, f"{when:020d}-{os.getpid()}.{event}"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path + _TEMPORARY, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(spool, exist_ok=True)
        _sync(os.path.dirname(spool))
        fd = os.open(path + _TEMPORARY, flags, 0o600)
    try:
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:] if written else data)
        os.rename(path + _TEMPORARY, path)
        synced = _thread.allocate_lock()
        synced.acquire()
        try:
            _thread.start_new_thread(_sync_then_release, (spool, synced))
        except RuntimeError:  # no thread can be started
            _sync_then_release(spool, synced)
        os.fsync(fd)
        synced.acquire()
    finally:
        os.close(fd)
    return path


def waiting(spool: str) -> list[str]:
    """Return the names of the entries, oldest first, including those of killed hooks."""
    try:
        with os.scandir(spool) as found:
            return sorted(e.name for e in found if _is_entry(e))
    except OSError:
        return []


def oldest_waiting(spool: str) -> int | None:
    """Return the time of the oldest entry in nanoseconds since 1970; None if nothing waits."""
    times = (name.partition("-")[0] for name in waiting(spool))
    return next((int(when) for when in times if when.isdecimal() and when.isascii()), None)


def has_work(spool: str) -> bool:
    """Return True if a session ended or paused, or its agent is gone; starts alone are ignored."""
    names = waiting(spool)
    return any(not name.endswith(".start") for name in names) or any(
        _is_abandoned(os.path.join(spool, name)) for name in names
    )


def _is_abandoned(path: str) -> bool:
    """Return True if the agent of a start has ended, or has been unknown for a long time."""
    from codec.agents.spool_entry import HEAD_LIMIT, decode_entry
    from codec.errors import FormatError
    from pipelines.recording.agent_process import has_ended

    try:
        with open(path, "rb") as f:
            entry = decode_entry(f.read(HEAD_LIMIT))
    except FileNotFoundError:
        return False  # recorded by another process
    except (FormatError, OSError):
        return True  # to be set aside
    gone = has_ended(entry.process) if entry.process else None
    return gone or (gone is None and time.time_ns() - entry.time > SILENCE)


def is_first(spool: str, name: str) -> bool:
    """Return True for the first call with this name within a minute.

    Several hooks of one event ask at the same time, and one of them gets True. If the spool cannot
    be written (in a sandbox), they use the folder for temporary files. If neither can be written,
    all get True.
    """
    try:
        return _claim(checked(_claim_path(spool, name)))
    except OSError:
        pass
    import tempfile

    try:
        return _claim(_claim_path(tempfile.gettempdir(), f"{os.path.abspath(spool)}\0{name}"))
    except OSError:
        return True


def _claim_path(folder: str, name: str) -> str:
    import hashlib

    return os.path.join(folder, _CLAIM + hashlib.sha256(name.encode()).hexdigest()[:16])


def _claim(path: str) -> bool:
    """Create a claim or take over an old one; return False if another process has it.

    Raises:
        OSError: the folder cannot be written, or the claim belongs to another user.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return True
    except FileExistsError:
        pass
    try:
        found = os.lstat(path)
        if found.st_uid != getattr(os, "geteuid", lambda: found.st_uid)():
            raise PermissionError(path)
        if time.time() - found.st_mtime < _CLAIM_SECONDS:
            return False
        os.utime(path)
    except FileNotFoundError:
        pass  # removed by another process
    return True


def remove_old_claims(spool: str) -> None:
    """Remove old claims of `is_first`."""
    with os.scandir(spool) as found:
        for entry in found:
            if entry.name.startswith(_CLAIM) and time.time() - entry.stat().st_mtime > _GIVEN_UP:
                os.unlink(checked(entry.path))


def _is_entry(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name.endswith(_TEMPORARY):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _GIVEN_UP
    return name.rpartition(".")[2] in EVENTS


def _sync_then_release(spool: str, synced: _thread.LockType) -> None:
    try:
        _sync(spool)
    finally:
        synced.release()


def _sync(folder: str) -> None:
    """Make the names in a folder durable, if the system can."""
    if os.name == "nt":
        return
    fd = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
