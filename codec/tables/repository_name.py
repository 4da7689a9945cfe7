"""Name a repository by the address of its origin, the same for every clone and protocol."""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?(?P<host>(?:\[[^]/]*\]|[^][/?#@:]+)(?::\d*)?)/+(?P<path>[^?#]+)",
    re.I,
)
_SCP: Final = re.compile(r"(?:[^/]*@)?(?P<host>[^/:@]+):(?!/{2})(?P<path>.+)")


def repository_name(origin: str) -> str | None:
    """Return `host/path` for the address of a repository; None if it is a path.

    Protocol, user, password and `.git` are left out.
    """
    m = _URL.fullmatch(origin) or _SCP.fullmatch(origin)
    if m is None or origin.lower().startswith("file:") or len(m["host"]) == 1:
        return None
    path = m["path"].strip("/").removesuffix(".git").rstrip("/")
    return f"{m['host'].lower()}/{path}"
