"""Ask cron and systemd for the jobs of a user, and change them."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from typing import Final

from pipelines.outcomes.errors import Conflict, Unavailable
from pipelines.outcomes.findings import Finding

CRONTAB: Final = "crontab"


def read_crontab(otherwise: Callable[[str], None]) -> bytes | None:
    """Return the user's crontab; if it cannot be read, pass the reason to `otherwise`."""
    try:
        done = _run([CRONTAB, "-l"])
    except FileNotFoundError:
        otherwise("is not installed")
        return None
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode and "no crontab for" not in said:
        otherwise(said or f"ended with {done.returncode}")
        return None
    return b"" if done.returncode else done.stdout


def write_crontab(before: bytes, after: bytes) -> None:
    """Replace the user's crontab; an empty one is deleted."""
    if (read_crontab(lambda _: None) or b"") != before:
        raise Conflict(
            "the crontab was changed by another program", hint="Run the same command again"
        )
    done = _run([CRONTAB, "-"], after) if after else _run([CRONTAB, "-r"])
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Unavailable(f"crontab: {said}", hint="See it with: crontab -l")


def is_enabled(timer: str) -> bool:
    """Return True if systemd starts a timer of the user."""
    try:
        done = _run(["systemctl", "--user", "--quiet", "is-enabled", os.path.basename(timer)])
    except FileNotFoundError:
        return False
    return done.returncode == 0


def tell_systemd(*orders: list[str]) -> tuple[Finding, ...]:
    """Notify the user's systemd, and return findings on steps that it refuses."""
    commands = [["systemctl", "--user", *order] for order in orders]
    for command in commands:
        try:
            done = _run(command)
        except FileNotFoundError:
            said = "it is not installed"
        else:
            if not done.returncode:
                continue
            said = done.stderr.decode(errors="replace").strip()
        hint = " && ".join(map(shlex.join, commands))
        message = f"systemd was not notified: {said}"
        return (Finding(code="not-told", message=message, level="note", hint=f"Run: {hint}"),)
    return ()


def _run(command: list[str], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program of the system, with untranslated output, and return the result."""
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, input=data, capture_output=True, check=False, env=environment)
