"""Run a verb in a forked child of this process: fast, with its own clock, and killable."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import codec
import pipelines
from pipelines import recording
from pipelines.cli.main import run as run_command_line
from pipelines.workspace import moment

#: Seconds after which a verb counts as hanging.
LIMIT = 120
#: What a child exits with if the verb raised instead of returning an exit code.
RAISED = 99


def import_everything() -> None:
    """Import all of session-codec once, so that no child pays for it."""
    for package in (codec, pipelines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


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
        arguments: of the command line, the verb first.
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
