"""Build references in the worker.

A verb imports this module to name the function; only the worker imports the readers of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codec.manifest.facts import ReferencesBuilt


def build_references(
    root: str,
    repository: str | None,
    logs: Mapping[str, bytes],
    builds: Sequence[ReferencesBuilt],
    count: Callable[[str], int],
    budget: int,
) -> tuple[bytes, ReferencesBuilt]:
    """Return the first references of a workspace; the worker runs this to count tokens.

    Args:
        root, repository, logs: see `read_stated`.
        builds, count, budget: see `first_build`.
    """
    from pipelines.references.sources import first_build, read_stated

    return first_build(read_stated(root, repository, logs), builds, count, budget)
