"""Run a verb in a forked child of this process: fast, with its own clock, and killable."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

import codec
import pipelines
from codec.tokens.tokenizers import DEFAULT, counter
from pipelines.cli.main import run as run_command_line
from pipelines.diffs import secret_scan as secrets
from pipelines.recording import session as recording
from pipelines.system.worker import client as worker
from pipelines.system.worker import process as worker_process
from pipelines.workspace.location import moment

#: Seconds after which a verb counts as hanging.
LIMIT = 120
#: What a child exits with if the verb raised instead of returning an exit code.
RAISED = 99


def import_everything() -> None:
    """Import all of session-codec, and load its scanner and its vocabulary, before any fork."""
    for package in (codec, pipelines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    secrets._scanner()
    counter(DEFAULT).count([""])
    worker.subprocess = _Forking  # type: ignore[assignment,attr-defined]


class _Forking:
    """Replaces `subprocess` in `worker`: a worker is a fork, and finds its vocabulary loaded."""

    PIPE = subprocess.PIPE

    class Popen:
        def __init__(self, command: Sequence[str], **_: object) -> None:
            requests, answers = os.pipe(), os.pipe()
            self._child = os.fork()
            if self._child == 0:
                _be_the_worker(command[-1], requests, answers)
            os.close(requests[0])
            os.close(answers[1])
            self.stdin: IO[bytes] = open(requests[1], "wb")  # noqa: SIM115 - the worker closes it
            self.stdout: IO[bytes] = open(answers[0], "rb")  # noqa: SIM115

        def kill(self) -> None:
            with suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)

        def wait(self) -> int:
            return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])


def _be_the_worker(tokenizer: str, requests: tuple[int, int], answers: tuple[int, int]) -> NoReturn:
    try:
        os.dup2(requests[0], 0)
        os.dup2(answers[1], 1)
        for number in (*requests, *answers):
            os.close(number)
        worker_process.serve(tokenizer)
    except BaseException:  # noqa: BLE001 - the walk reports it
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(RAISED)


class Done(NamedTuple):
    """What a verb returned: its exit code (negative: killed by that signal), stdout, stderr."""

    code: int
    out: bytes
    err: bytes

    @property
    def said(self) -> str:
        """The end of what it printed on stderr."""
        return self.err.decode(errors="replace")[-1500:]


def run_verb(
    arguments: Sequence[str],
    *,
    cwd: Path,
    now: str,
    scratch: Path,
    kill_after: float | None = None,
) -> Done:
    """Run a verb to its end, or kill it with everything that it started.

    Args:
        arguments: the arguments of the command line, the verb first.
        cwd: folder to run it in.
        now: the time that a new session gets, as `moment` writes it.
        scratch: folder for what it prints.
        kill_after: seconds until SIGKILL; None to let it end.
    """
    out, err = scratch / "stdout", scratch / "stderr"
    child = os.fork()
    if child == 0:
        _be_the_verb(arguments, cwd, now, out, err)
    status = _wait(child, LIMIT if kill_after is None else kill_after)
    code = os.waitstatus_to_exitcode(status)
    return Done(code, out.read_bytes(), err.read_bytes())


def _be_the_verb(arguments: Sequence[str], cwd: Path, now: str, out: Path, err: Path) -> NoReturn:
    code = RAISED
    try:
        os.setsid()
        os.chdir(cwd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
        sys.stdout = open(1, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
        recording.moment = lambda when=None: moment(when) if when else now  # type: ignore[attr-defined]
        code = run_command_line(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - the walk reports it
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def _wait(child: int, seconds: float) -> int:
    """Wait for a child, and kill its process group when the time is over; return its status."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.001)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has not called setsid yet
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
