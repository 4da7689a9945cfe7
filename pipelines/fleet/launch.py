"""Fork a process for each verb, from one that has loaded what verbs need.

1. Loading modules and compiling patterns takes ten times as long as a verb in a small repository.
   The server does it once, by running verbs in a sample of its own.
2. The server never reads a repository of the fleet: each verb runs in a child, with its own memory
   limit, time limit and process group, and whatever happens there ends with the child.
3. The child is killed when the server ends, and the server ends when its worker ends.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

#: Seconds between the request to end and the forced end.
GRACE: Final = 5
#: From linux/prctl.h: request a signal when the parent ends.
_PDEATHSIG: Final = 1
#: The descriptor of the socket to the worker, which becomes stdin of the server.
_SOCKET: Final = 0
_FILES: Final = 2
#: Bytes of the number before each message that states its length.
_LENGTH: Final = 4
#: The log of the sample, in the form that most logs have.
_SAMPLE: Final = b"""\
# AGENT_PROGRESS_LOG.md
Version: 1.0 | Format: Canonical

## Active Sessions

### 2025-01-01T10:00:00Z | claude-sonnet-4-5 | sample
Agent: claude-sonnet-4-5
Task: sample
Status: PASS

Full Diff:
```diff
diff --git a/a b/a
--- a/a
+++ b/a
@@ -1 +1 @@
-a
+b
```

Metrics:
- Commits: 1
- Duration: 5 min

Lessons: None

---
"""


class Request(NamedTuple):
    """A verb to run.

    Attributes:
        command: the arguments of the program.
        seconds: the time limit.
        memory: the memory limit in bytes.
    """

    command: list[str]
    seconds: float
    memory: int


class Ended(NamedTuple):
    """The end of a verb.

    Attributes:
        code: its exit code, or the negative number of the signal that killed it.
        seconds: the time that it took.
        peak: its peak memory in the unit of `ru_maxrss`.
        timed_out: it was ended at its time limit.
    """

    code: int
    seconds: float = 0.0
    peak: int = 0
    timed_out: bool = False


def send(connection: socket.socket, message: Any, files: Sequence[int] = ()) -> None:
    """Send a message as JSON, with open files."""
    data = json.dumps(message).encode()
    socket.send_fds(connection, [len(data).to_bytes(_LENGTH)], files)
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """Return a message and its files.

    Raises:
        EOFError: the other side has ended.
    """
    with suppress(ConnectionError):
        size, files, _, _ = socket.recv_fds(connection, _LENGTH, _FILES)
        data = bytearray()
        while size and len(data) < int.from_bytes(size):
            piece = connection.recv(int.from_bytes(size) - len(data))
            if not piece:
                break
            data += piece
        if data:
            return json.loads(data), files
    raise EOFError


def serve(verbs: Sequence[str], run: Callable[[list[str]], int]) -> list[str] | None:
    """Fork a child for each request; return its command in the child, None when the worker ends.

    Args:
        verbs: the verbs to load.
        run: runs a command line without the program's name.
    """
    connection = socket.socket(fileno=os.dup(_SOCKET))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, _SOCKET)
    os.close(null)
    _load(verbs, run)
    gc.freeze()  # what is loaded stays, and children share its memory
    with connection, _woken() as bell:
        send(connection, "ready")
        while True:
            try:
                fields, files = receive(connection)
            except EOFError:
                return None
            request = Request(*fields)
            server = os.getpid()
            pid = os.fork()
            if not pid:
                _become_verb(server, request, files)
                return request.command
            with suppress(OSError):  # the child did it first, or has ended
                os.setpgid(pid, pid)
            for fd in files:
                os.close(fd)
            ended = _wait(pid, request.seconds, connection, bell)
            with suppress(BrokenPipeError):  # the worker has ended
                send(connection, ended)


def _load(verbs: Sequence[str], run: Callable[[list[str]], int]) -> None:
    """Run verbs in a sample repository, so that their modules are in memory."""
    with tempfile.TemporaryDirectory(prefix="session-codec-") as folder, _silent():
        for name in ("objects", "refs"):  # a repository of its own, wherever the folder is
            os.makedirs(os.path.join(folder, ".git", name))
        _write(os.path.join(folder, ".git", "HEAD"), b"ref: refs/heads/main\n")
        _write(os.path.join(folder, "AGENT_PROGRESS_LOG.md"), _SAMPLE)
        for verb in verbs:
            target = ["--to", "rows", os.path.join(folder, "rows")] if verb == "export" else []
            run([verb, *target, folder, "--json"])


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as f:
        f.write(data)


@contextmanager
def _silent() -> Iterator[None]:
    """Discard the output of this process on stdout and stderr."""
    kept = [os.dup(fd) for fd in (1, 2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for fd in (1, 2):
            os.dup2(null, fd)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, fd)
            os.close(copy)
        os.close(null)


@contextmanager
def _woken() -> Iterator[int]:
    """Yield a descriptor that becomes readable when a child ends."""
    end, start = os.pipe()
    os.set_blocking(start, False)
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(start, warn_on_full_buffer=False)
    try:
        yield end
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, before)
        os.close(start)
        os.close(end)


def _become_verb(server: int, request: Request, files: Sequence[int]) -> None:
    """Prepare the child for its verb: limits, process group, stdout and stderr."""
    with suppress(OSError):  # the server did it first
        os.setpgid(0, 0)
    _limit_memory(request.memory)
    for target, fd in enumerate(files, 1):
        os.dup2(fd, target)
        os.close(fd)
    _end_with(server)


def _end_with(server: int) -> None:
    """End this process when the server ends, so that a lost worker leaves no verb running."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)


def _limit_memory(size: int) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _wait(pid: int, seconds: float, connection: socket.socket, bell: int) -> Ended:
    """Wait for a verb; end it at its time limit, or when the worker ends."""
    began = time.monotonic()
    until = began + seconds
    signals = iter((signal.SIGTERM, signal.SIGKILL))
    listening = [bell, connection.fileno()]
    timed_out = False
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        left = max(0.0, until - time.monotonic())
        ready, _, _ = select.select(listening, [], [], left)
        if bell in ready:
            os.read(bell, select.PIPE_BUF)
        elif ready or not left:  # the worker sends nothing meanwhile: it has ended
            timed_out = True
            listening = [bell]
            until = time.monotonic() + GRACE
            number = next(signals, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
    with suppress(ProcessLookupError):  # processes that it started and did not wait for
        os.killpg(pid, signal.SIGKILL)
    taken = time.monotonic() - began
    return Ended(os.waitstatus_to_exitcode(status), taken, usage.ru_maxrss, timed_out)
