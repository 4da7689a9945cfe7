"""Explain how to get objects that a repository does not have, as in shallow and partial clones."""

from __future__ import annotations

import os
import re
from typing import Final

from pipelines.outcomes.errors import NotFound, StorageError, Unavailable

UNSHALLOW: Final = (
    "This is a shallow clone, which may lack the session's commits. Fetch them with: "
    "git fetch --unshallow (or --deepen=N)"
)
_PARTIAL: Final = (
    "This is a partial clone, and session-codec does not fetch. Fetch the missing objects with: "
)
_OTHERWISE: Final = "Fetch the branch that has these commits"
#: The messages of all git commands about an object that cannot be read.
_LACKING: Final = (
    r"(?i)could not read|unable to (?:read|find)|failed to traverse parents|\bmissing\b"
    r"|\bbad (?:object|tree|revision)|from promisor remote"
)


def is_shallow(common: str) -> bool:
    """Return True if a clone has only the newest part of its history (`--depth`)."""
    return os.path.exists(os.path.join(common, "shallow"))


def is_partial(common: str) -> bool:
    """Return True if a clone leaves objects on its remote (`--filter`)."""
    packs = os.path.join(common, "objects", "pack")
    names = os.listdir(packs) if os.path.isdir(packs) else []
    return any(name.endswith(".promisor") for name in names)


def advice(common: str, fetching: str = "git log --all -p > /dev/null") -> str:
    """Return advice on how to get missing objects.

    Args:
        common: the common git folder of the repository.
        fetching: a command that makes git fetch them on demand.
    """
    if is_partial(common):
        return f"{_PARTIAL}{fetching}"
    return UNSHALLOW if is_shallow(common) else _OTHERWISE


def failure(common: str, command: str, said: str) -> StorageError:
    """Return the error for a git command that failed.

    Args:
        common: the common git folder of the repository.
        command: the name of the command.
        said: the output of git.
    """
    incomplete = is_shallow(common) or is_partial(common)
    if incomplete and re.search(_LACKING, said):
        return NotFound(
            f"git {command}: the clone does not have the objects that it needs", hint=advice(common)
        )
    return Unavailable(f"git {command}: {said}")
