"""Write a page about the tables of a fleet."""

from __future__ import annotations

import os
from typing import Final

from pipelines.fleet.page import MARK, page
from pipelines.outcomes.errors import Conflict
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import replace_file
from pipelines.tables.views import views_of
from pipelines.workspace.location import moment

#: The number of bytes at the beginning of a page that identify it.
_HEAD: Final = 512


def fleet_report(
    remote: Remote, local: str | None, output: str, usd_per_million: float | None, *, force: bool
) -> int:
    """Write the page of a fleet; return its size in bytes.

    Args:
        remote: the folder or prefix of the tables.
        local: its path; None for a bucket.
        output: the path of the page.
        usd_per_million: the price of a million tokens; None if unknown.
        force: overwrite a file that is not a page of a fleet.

    Raises:
        Conflict: the file exists, and is not a page of a fleet.
        FormatError: there are no tables.
        NotFound: DuckDB is not installed.
    """
    if os.path.lexists(output) and not force:
        _check(output)
    with views_of(remote, local) as views:
        data = page(views, _name_of(remote.url), moment()[:19] + "Z", usd_per_million)
    replace_file(output, [data])
    return len(data)


def _name_of(url: str) -> str:
    parts = [part for part in url.split("/") if part]
    name = parts[-1] if parts else url
    return parts[-2] if name == "tables" and len(parts) > 1 else name


def _check(path: str) -> None:
    if os.path.isfile(path) and not os.path.islink(path):
        with open(path, "rb") as f:
            if MARK.encode() in f.read(_HEAD):
                return
    raise Conflict(
        f"{path}: exists, and is not a fleet report",
        hint="Pass another file with -o, or overwrite it with --force",
    )
