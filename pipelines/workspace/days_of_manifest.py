"""Read a manifest for some days, without decoding sessions of other days.

1. A session can depend on facts of other days if facts revise or erase it, or if a tombstone makes
   an archive void. A manifest with such facts is decoded as a whole.
2. If all lines of the days are usual ones, and no two can describe one session, the fields that
   a report needs are read as columns, and a whole session is decoded when it is asked for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from codec.manifest.plain_sessions import Columns, plain_columns
from pipelines.system.fs.lines import Lines, lines_of
from pipelines.workspace.late_sessions import LateSessions
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import Manifest, decode_lines
from pipelines.workspace.reading import read_file

_SESSION: Final = '{"fact":"session","key":"'
_DAY: Final = slice(len(_SESSION), len(_SESSION) + len("2025-11-06"))
_FAR_REACHING: Final = (b'"fact":"revision"', b'"fact":"purged', b'"fact":"disowned"')


class Days(NamedTuple):
    """The facts of some days.

    Attributes:
        manifest: the manifest; sessions of other days may be missing in it.
        columns: the sessions as columns; None if they were decoded.
    """

    manifest: Manifest
    columns: Columns | None


def read_days(workspace: Workspace, since: str, until: str) -> Days:
    """Return the manifest for some days.

    Args:
        workspace: the workspace of the manifest.
        since, until: the first and the last day.
    """
    data = read_file(workspace, MANIFEST)
    if any(kind in data for kind in _FAR_REACHING):
        return Days(decode_lines(lines_of(data)), None)
    # split, not splitlines, and without the rest after the last line end; as in `lines_of`.
    lines = data.decode(errors="replace").split("\n")[:-1]
    sessions = [line for line in lines if line.startswith(_SESSION)]
    near = [line for line in sessions if since <= line[_DAY] <= until]
    columns = plain_columns(near)
    if columns is None or not _are_distinct(columns):
        return Days(_decoded(lines_of(data), since, until), None)
    others = [
        (number, line)
        for number, line in enumerate(lines if len(sessions) < len(lines) else (), 1)
        if not line.startswith(_SESSION)
    ]
    torn = not data.endswith(b"\n") and bool(data)
    manifest = decode_lines(Lines(others, torn=torn, size=len(data)))
    return Days(manifest._replace(sessions=LateSessions(columns.key, near)), columns)


def _decoded(lines: Lines, since: str, until: str) -> Manifest:
    near = [
        numbered
        for numbered in lines.lines
        if not numbered[1].startswith(_SESSION) or since <= numbered[1][_DAY] <= until
    ]
    return decode_lines(lines._replace(lines=near))


def _are_distinct(columns: Columns) -> bool:
    """Return True if no two lines can describe one session; see `codec.manifest.identity`."""
    size = len(columns.key)
    names = [
        v1.sha256 if v1 is not None else name
        for v1, name in zip(columns.v1, columns.id, strict=True)
        if v1 is not None or name
    ]
    return len(set(names)) == len(names) and len(set(columns.time)) == size
