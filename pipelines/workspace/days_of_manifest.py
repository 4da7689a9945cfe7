"""Read a manifest for some days, without decoding sessions of other days.

A session can depend on facts of other days if facts revise or erase it, or if a tombstone makes an
archive void. A manifest with such facts is decoded as a whole.
"""

from __future__ import annotations

from typing import Final

from pipelines.system.fs.lines import lines_of
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import Manifest, decode_lines
from pipelines.workspace.reading import read_file

_SESSION: Final = '{"fact":"session","key":"'
_DAY: Final = slice(len(_SESSION), len(_SESSION) + len("2025-11-06"))
_FAR_REACHING: Final = (b'"fact":"revision"', b'"fact":"purged', b'"fact":"disowned"')


def read_days(workspace: Workspace, since: str, until: str) -> Manifest:
    """Return the manifest; sessions of other days may be missing in it.

    Args:
        workspace: the workspace of the manifest.
        since, until: the first and the last day.
    """
    data = read_file(workspace, MANIFEST)
    lines = lines_of(data)
    if any(kind in data for kind in _FAR_REACHING):
        return decode_lines(lines)
    near = [
        numbered
        for numbered in lines.lines
        if not numbered[1].startswith(_SESSION) or since <= numbered[1][_DAY] <= until
    ]
    return decode_lines(lines._replace(lines=near))
