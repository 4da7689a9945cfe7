"""Name the process of the agent that runs a hook, and find out whether it ended.

    PID:START:BOOT:NAMESPACE

START is in ticks since the boot, BOOT is the id of the boot, NAMESPACE that of the process ids: a
number alone is reused by other processes. Only Linux has `/proc`; elsewhere nothing is known.

Every hook loads this module, so it imports nothing that is slow.
"""

from __future__ import annotations

import os

_SHELLS = (b"sh", b"bash", b"dash", b"zsh", b"ksh", b"ash", b"busybox", b"fish")
_HOOK = b"session-codec-hook"
_LIMIT = 1 << 16
_DEPTH = 64


def agent_process() -> str:
    """Return the name of the agent's process: our parent, or the parent of the hook's shell."""
    pid = os.getppid()
    while pid > 1 and (found := _status(pid)):
        parent, start, command = found
        if command not in _SHELLS or _HOOK not in _read(f"/proc/{pid}/cmdline"):
            where = _where()
            return f"{pid}:{start}:{where}" if where else ""
        pid = parent
    return ""


def has_ended(process: str) -> bool | None:
    """Return True if a process has ended; None if this process cannot find out."""
    pid, _, rest = process.partition(":")
    start, _, where = rest.partition(":")
    here = _where()
    if not here or not pid.isdecimal():
        return None
    boot, _, space = where.partition(":")
    if boot != here.partition(":")[0]:
        return True
    if space != here.partition(":")[2]:
        return None
    found = _status(int(pid))
    return found is None or str(found[1]) != start


def distance_to(process: str) -> int | None:
    """Return the distance to an ancestor of this process; None if it is not an ancestor."""
    pid = os.getpid()
    for steps in range(_DEPTH):
        found = _status(pid)
        if found is None:
            return None
        if process.startswith(f"{pid}:{found[1]}:"):
            return steps
        pid = found[0]
    return None


def _status(pid: int) -> tuple[int, int, bytes] | None:
    """Return the parent, start and command of a process; None if it ended."""
    data = _read(f"/proc/{pid}/stat")
    command = data[data.find(b"(") + 1 : data.rfind(b")")]
    fields = data[data.rfind(b")") + 1 :].split()
    if len(fields) < 20 or fields[0] in {b"Z", b"X"}:
        return None
    return int(fields[1]), int(fields[19]), command


def _where() -> str:
    """Return the boot id and the namespace of process ids; empty if unknown."""
    boot = _read("/proc/sys/kernel/random/boot_id").decode(errors="replace").strip()
    try:
        space = os.readlink("/proc/self/ns/pid")
    except (OSError, AttributeError):
        return ""
    return f"{boot}:{''.join(c for c in space if c.isdecimal())}" if boot else ""


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, _LIMIT)
    except OSError:
        return b""
    finally:
        os.close(fd)
