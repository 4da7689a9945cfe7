"""Where summaries are, relative to the workspace: `.session-codec/summaries/PERIOD.json`."""

from __future__ import annotations

import re
from typing import Final, TypeGuard

from codec.kinds import RelPath

FOLDER: Final = RelPath(".session-codec/summaries")
# Compiled at its first use: `record` loads this module, and needs no summary.
_PATH: Final = rf"{re.escape(FOLDER)}/[0-9]{{4}}[0-9QW.-]{{0,24}}\.json"


def path_of(period: str) -> RelPath:
    """Return the path of the summary of a period, relative to the workspace."""
    return RelPath(f"{FOLDER}/{period}.json")


def is_path(path: str) -> TypeGuard[RelPath]:
    """Return True if a path, relative to the workspace, is that of a summary."""
    return re.fullmatch(_PATH, path) is not None
