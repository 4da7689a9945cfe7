"""Clone a repository with the user's own credentials, without trusting its content.

No hook, filter, submodule or transport helper of the repository runs, and git asks no questions.
The clone appears under its name as a whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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
#: The time limit in seconds.
_TIMEOUT: Final = 3600


def clone(address: str, path: str) -> None:
    """Clone a repository.

    Args:
        address: the address of the repository.
        path: the path of the clone, which does not exist; the folder above it does.

    Raises:
        Unavailable: git failed, is not installed, or did not end in time.
    """
    temporary = f"{path}.{os.urandom(4).hex()}"
    options = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = ["git", *options, "clone", "--quiet", "--no-recurse-submodules", "--template="]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT},
        **_PINNED,
    }
    try:
        done = subprocess.run(
            [*command, "--", address, temporary],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=_TIMEOUT,
        )  # fmt: skip
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
            raise Unavailable(f"git clone: {lines[-1]}")
        os.rename(temporary, path)
    except FileNotFoundError:
        raise Unavailable("git is not installed, or not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git clone did not end within {_TIMEOUT} seconds") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
