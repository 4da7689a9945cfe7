"""Read a manifest for some days, without decoding sessions of other days.

A session can depend on facts of other days if facts revise or erase it, or if a tombstone makes an
archive void. A manifest with such facts is decoded as a whole.
"""

from __future__ import annotations

from typing import Final

from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.reading import read_file

_SESSION: Final = b'{"fact":"session","key":"'
_DAY: Final = slice(len(_SESSION), len(_SESSION) + len("2025-11-06"))
_FAR_REACHING: Final = (b'"fact":"revision"', b'"fact":"purged', b'"fact":"disowned"')


def read_days(workspace: Workspace, since: str, until: str) -> Manifest:
    """Return the manifest; sessions of other days may be missing in it.

    Args:
        workspace: the workspace of the manifest.
        since, until: the first and the last day.
    """
    data = read_file(workspace, MANIFEST)
    if any(kind in data for kind in _FAR_REACHING):
        return decode_manifest(data)
    first, last = since.encode(), until.encode()
    return decode_manifest(
        b"\n".join(
            line
            for line in data.split(b"\n")
            if not line.startswith(_SESSION) or first <= line[_DAY] <= last
        )
    )
