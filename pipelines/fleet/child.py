"""Run one verb in one repository as a child process with a time and a memory limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Final, NamedTuple

import pipelines
from pipelines.fleet.run_folder import LOST, Result
from pipelines.outcomes.errors import BUG, FINDINGS
from pipelines.system.worker.client import HELPERS, OFF

_HERE: Final = os.path.dirname(os.path.abspath(__file__))
_PROGRAM: Final = os.path.join(
    os.path.dirname(os.path.abspath(str(pipelines.__file__))), "cli", "main.py"
)
#: Seconds between the request to end and the forced end.
_GRACE: Final = 5
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


class _Ended(NamedTuple):
    """The end of a child: exit code or negative signal, seconds, peak bytes, timeout or not."""

    code: int
    seconds: float
    peak: int
    timed_out: bool


def run_verb(
    repository: str, verb: str, command: Sequence[str], seconds: int, memory: int
) -> Result:
    """Run a verb in a repository and return its result.

    Args:
        repository: the id of the repository.
        verb: the verb.
        command: the arguments of the program.
        seconds: the time limit.
        memory: the memory limit in MiB, for the verb and for each program that it starts.
    """
    launch = [sys.executable, os.path.join(_HERE, "launch.py"), str(os.getpid()), str(memory)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        ended = _run([*launch, _PROGRAM, *command], out, err, seconds)
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
        peak=ended.peak,
        message=message[:_LONGEST],
    )


def _run(argv: Sequence[str], out: IO[bytes], err: IO[bytes], seconds: int) -> _Ended:
    environment = {**os.environ, HELPERS: OFF}
    started = time.monotonic()
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment,
        start_new_session=True,
    )  # fmt: skip
    timed_out = threading.Event()

    def stop(number: int) -> None:
        timed_out.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    timers = [
        threading.Timer(seconds + wait, stop, [number])
        for wait, number in ((0, signal.SIGTERM), (_GRACE, signal.SIGKILL))
    ]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        for timer in timers:
            timer.cancel()
        with suppress(ProcessLookupError):  # processes that it started and did not wait for
            os.killpg(process.pid, signal.SIGKILL)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds_taken = time.monotonic() - started
    return _Ended(
        process.returncode, seconds_taken, usage.ru_maxrss * _RSS_UNIT, timed_out.is_set()
    )


def _outcome(ended: _Ended, tail: bytes) -> str:
    if ended.timed_out:
        return "timeout"
    if ended.code in _OUTCOMES:
        return _OUTCOMES[ended.code]
    if ended.code == -signal.SIGKILL:
        return LOST
    is_memory = ended.code == -signal.SIGABRT or any(sign in tail for sign in _MEMORY_SIGNS)
    return "memory" if is_memory else "failed"


def _message(
    ended: _Ended, document: dict[str, Any], tail: bytes, seconds: int, memory: int, outcome: str
) -> str:
    if outcome == "timeout":
        return f"did not end within {seconds} seconds"
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
