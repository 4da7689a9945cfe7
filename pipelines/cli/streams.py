"""Replace the standard streams that the caller closed."""

from __future__ import annotations

import os
import sys


def reopen_closed() -> None:
    """Open a stdout or stderr that the caller closed (`>&-`), so that writing to it works."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
