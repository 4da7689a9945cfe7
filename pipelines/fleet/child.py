"""Run verbs in repositories as child processes with a time and a memory limit.

A worker has a server that forks a process for each verb (see `launch`). A server that ends is
replaced; the verb that ended it counts as killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

from codec.shown_text import counted
from pipelines.fleet.launch import Ended, Request, receive, send
from pipelines.fleet.run_folder import LOST, Result
from pipelines.fleet.steps import STEPS
from pipelines.outcomes.errors import BUG, FINDINGS
from pipelines.system.worker.client import HELPERS, OFF
from pipelines.system.worker.programs import python_program

#: The module of the server, in the layer above.
_SERVER: Final = "pipelines.cli.fleet_server"
#: The number of bytes at the end of stderr that are read.
_TAIL: Final = 4096
_LONGEST: Final = 300
_NO_WORKSPACE: Final = 20
_DENIED: Final = 31
_MEMORY_SIGNS: Final = (
    b"MemoryError",
    b"out of memory",
    b"Cannot allocate memory",
    b"memory allocation of",
)
_OUTCOMES: Final = {0: "done", FINDINGS: "findings", _NO_WORKSPACE: "absent", _DENIED: "denied"}
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class Stopped(Exception):
    """The run was stopped while a verb was running."""


class _Server:
    """A process that forks a process for each verb."""

    def __init__(self, verbs: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                python_program(_SERVER, "main", *verbs),
                stdin=theirs.fileno(), env={**os.environ, HELPERS: OFF}, start_new_session=True,
            )  # fmt: skip
        self._connection = ours
        self.is_alive = True
        self._receive()

    def run(self, request: Request, files: Sequence[int]) -> Ended:
        """Run a verb, with its stdout and stderr, and wait for its end."""
        if self.is_alive:
            try:
                send(self._connection, request, files)
            except BrokenPipeError:
                self.is_alive = False
        found = self._receive() if self.is_alive else None
        return Ended(*found) if found else Ended(-signal.SIGKILL)

    def stop(self) -> None:
        """End the verb that is running, and the server after it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Wait for the end of the server."""
        self.stop()
        self._connection.close()
        self._process.wait()

    def _receive(self) -> Any:
        try:
            return receive(self._connection)[0]
        except EOFError:
            self.is_alive = False
            return None


class Servers:
    """The servers of one run in this process; each runs one verb at a time."""

    def __init__(self, steps: Sequence[str]) -> None:
        self._verbs = tuple(verb for verb in steps if STEPS[verb].is_local)
        self._idle: list[_Server] = []
        self._busy: set[_Server] = set()
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """End the verbs that are running, and start no others."""
        with self._lock:
            self.stopped.set()
            for server in self._busy:
                server.stop()

    def close(self) -> None:
        """End the idle servers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for server in idle:
            server.close()

    def run(self, request: Request, files: Sequence[int]) -> Ended:
        """Run a verb on a server that is not in use.

        Raises:
            Stopped: `stop` was called meanwhile.
        """
        with self._lock:
            server = self._idle.pop() if self._idle else None
        server = server or _Server(self._verbs)
        try:
            with self._lock:
                self._busy.add(server)
                if self.stopped.is_set():
                    raise Stopped
            ended = server.run(request, files)
        finally:
            with self._lock:
                self._busy.discard(server)
                is_kept = server.is_alive and not self.stopped.is_set()
                if is_kept:
                    self._idle.append(server)
            if not is_kept:
                server.close()
        if self.stopped.is_set():
            raise Stopped
        return ended


def run_verb(
    servers: Servers, repository: str, verb: str, command: Sequence[str], seconds: int, memory: int
) -> Result:
    """Run a verb in a repository and return its result.

    Args:
        servers: the servers of the run.
        repository: the id of the repository.
        verb: the verb.
        command: the arguments of the program.
        seconds: the time limit.
        memory: the memory limit in MiB, for the verb and for each program that it starts.

    Raises:
        Stopped: the run was stopped.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        request = Request(list(command), seconds, memory << 20)
        ended = servers.run(request, (out.fileno(), err.fileno()))
        out.seek(0)
        document = _document(out.read())
        err.seek(max(0, err.seek(0, os.SEEK_END) - _TAIL))
        tail = err.read()
    outcome = _outcome(ended, tail)
    findings = [f for f in document.get("findings", ()) if f.get("level", "finding") == "finding"]
    message = ""
    if outcome not in ("done", "findings"):
        message = _message(ended, document, tail, seconds, memory, outcome)
    return Result(
        repository=repository,
        verb=verb,
        outcome=outcome,
        exit_code=ended.code if ended.code >= 0 else None,
        findings=len(findings),
        codes=tuple(sorted({str(f.get("code", "")) for f in findings})),
        seconds=round(ended.seconds, 3),
        peak=ended.peak * _RSS_UNIT,
        message=message[:_LONGEST],
    )


def _outcome(ended: Ended, tail: bytes) -> str:
    if ended.timed_out:
        return "timeout"
    if ended.code in _OUTCOMES:
        return _OUTCOMES[ended.code]
    if ended.code == -signal.SIGKILL:
        return LOST
    is_memory = ended.code == -signal.SIGABRT or any(sign in tail for sign in _MEMORY_SIGNS)
    return "memory" if is_memory else "failed"


def _message(
    ended: Ended, document: dict[str, Any], tail: bytes, seconds: int, memory: int, outcome: str
) -> str:
    if outcome == "timeout":
        return f"did not end within {counted(seconds, 'second')}"
    if outcome == "memory":
        return f"needed more than {memory} MiB of memory"
    error = document.get("error")
    if isinstance(error, dict) and error.get("message"):
        return str(error["message"])
    lines = tail.decode(errors="replace").strip().splitlines()
    if ended.code == BUG or not lines:
        return f"ended with {ended.code}: {lines[-1] if lines else 'no message'}"
    return lines[-1]


def _document(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
