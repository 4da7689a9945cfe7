"""Say how to get the objects that a repository lacks, as shallow and partial clones do."""

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
#: What git prints where an object cannot be read, in any of its commands.
_LACKING: Final = (
    r"(?i)could not read|unable to (?:read|find)|failed to traverse parents|\bmissing\b"
    r"|\bbad (?:object|tree|revision)|from promisor remote"
)


def is_shallow(common: str) -> bool:
    """Return whether a clone has only the newest part of its history (`--depth`)."""
    return os.path.exists(os.path.join(common, "shallow"))


def is_partial(common: str) -> bool:
    """Return whether a clone leaves objects on its remote (`--filter`)."""
    packs = os.path.join(common, "objects", "pack")
    names = os.listdir(packs) if os.path.isdir(packs) else []
    return any(name.endswith(".promisor") for name in names)


def advice(common: str, fetching: str = "git log --all -p > /dev/null") -> str:
    """Say how to get missing objects.

    Args:
        common: git's common folder of the repository that lacks them.
        fetching: a command that makes git fetch them on demand.
    """
    if is_partial(common):
        return f"{_PARTIAL}{fetching}"
    return UNSHALLOW if is_shallow(common) else _OTHERWISE


def failure(common: str, command: str, said: str) -> StorageError:
    """Return the error of a git that failed.

    Args:
        common: git's common folder of the repository in which it ran.
        command: the name of the command.
        said: what git printed.
    """
    incomplete = is_shallow(common) or is_partial(common)
    if incomplete and re.search(_LACKING, said):
        return NotFound(
            f"git {command}: the clone lacks objects that it needs", hint=advice(common)
        )
    return Unavailable(f"git {command}: {said}")
