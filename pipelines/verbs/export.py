"""Write the sessions of a workspace into tables that DuckDB, Spark and Polars read.

1. `plan` reads only the workspace. `apply` replaces the rows of the repository in the tables; those
   of other repositories stay.
2. Exporting unchanged sessions again writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from codec.tables.catalog import Format
from codec.tables.rows import encode_rows
from codec.tables.schema import EXPORTED
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import make_folder, replace_file
from pipelines.tables.source import Request, Rows, read_rows

if TYPE_CHECKING:
    from pipelines.tables.fold import Folded

__all__ = ["Request", "Rows", "apply", "apply_rows", "check_installed", "plan"]


def check_installed() -> None:
    """Raise NotFound if pyarrow is not installed.

    Raises:
        NotFound: it is not installed.
    """
    if find_spec("pyarrow") is None:
        raise NotFound(
            "export needs pyarrow, which is not installed",
            hint="Install it: pip install 'session-codec[lake]'",
        )


def plan(request: Request, load: Callable[[str], Callable[[str], int]], progress: Progress) -> Rows:
    """Return the rows of a workspace; see `read_rows`."""
    return read_rows(request, load, progress)


def apply(made: Sequence[Rows], remote: Remote, form: Format, progress: Progress) -> Folded:
    """Replace the rows of repositories in the tables of a remote; return the result.

    Args:
        made: the rows, of at least one repository.
        remote: the folder of the tables.
        form: the form of their parts.
        progress: receives the stages.

    Raises:
        Conflict: the folder has tables of another format.
        StorageError: the folder cannot be read or written.
    """
    from pipelines.tables.fold import Given, Target, fold

    target = Target(remote, form, made[0].head.redacted, EXPORTED)
    given = [Given(rows.head.repository, rows.digest, partial(iter, rows.rows)) for rows in made]
    return fold(target, given, progress)


def apply_rows(made: Rows, path: str) -> int:
    """Write the rows of a repository to a file as JSON lines; return its size in bytes."""
    import os

    lines: Iterable[bytes] = encode_rows(made.head, made.rows)
    data = b"".join(lines)
    make_folder(os.path.dirname(path))
    replace_file(path, [data])
    return len(data)
