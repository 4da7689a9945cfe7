"""A folder that cannot be written, as in the sandbox of an agent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Keep a workspace read-only; for root, who may write anywhere, by a read-only mount."""
    if os.geteuid():
        root.chmod(0o555)
        (root / ".session-codec").chmod(0o555)
        yield
        (root / ".session-codec").chmod(0o755)
        root.chmod(0o755)
        return
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        mounted = subprocess.run(
            ["mount", *options, str(root), str(root)], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
