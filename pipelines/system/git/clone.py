"""Clone a repository with the user's own credentials, without trusting its content.

No hook, filter, submodule or transport helper of the repository runs, and git asks no questions.
The clone appears under its name as a whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pipelines.outcomes.errors import Unavailable

_SETTINGS: Final = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "filter.lfs.smudge=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "gc.auto=0",
)
#: The variables that name the user's settings and credentials.
_KEPT: Final = (
    "GIT_ASKPASS", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
    "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_USERNAME", "GIT_PASSWORD",
)  # fmt: skip
_PINNED: Final = {
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
#: Seconds between two looks whether the clone is still wanted.
_TICK: Final = 0.5


def clone(address: str, path: str, seconds: float, is_stopped: Callable[[], bool]) -> None:
    """Clone a repository.

    Args:
        address: the address of the repository.
        path: the path of the clone, which does not exist; the folder above it does. No other
            process may clone to it.
        seconds: the time limit.
        is_stopped: returns True when the clone is no longer wanted.

    Raises:
        Unavailable: git failed, is not installed, was stopped, or did not end in time.
    """
    temporary = f"{path}.part"
    shutil.rmtree(temporary, ignore_errors=True)  # of a worker that was killed
    options = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = ["git", *options, "clone", "--quiet", "--no-recurse-submodules", "--template="]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT},
        **_PINNED,
    }
    until = time.monotonic() + seconds
    try:
        with subprocess.Popen(
            [*command, "--", address, temporary], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:  # fmt: skip
            said = _wait(process, until, is_stopped)
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() or ["no message"]
            raise Unavailable(f"git clone: {lines[-1]}")
        os.rename(temporary, path)
    except FileNotFoundError:
        raise Unavailable("git is not installed, or not on the PATH") from None
    except TimeoutError:
        raise Unavailable(f"git clone did not end within {seconds:g} seconds") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], until: float, is_stopped: Callable[[], bool]) -> bytes:
    """Return git's stderr when git ends; kill it if it takes too long or is stopped.

    Raises:
        TimeoutError: it was killed.
    """
    while True:
        try:
            return process.communicate(timeout=_TICK)[1]
        except subprocess.TimeoutExpired:
            if time.monotonic() > until or is_stopped():
                with suppress(ProcessLookupError):  # with the helpers that git started
                    os.killpg(process.pid, signal.SIGKILL)
                raise TimeoutError from None
