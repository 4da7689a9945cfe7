"""Write new diffs and layouts to the staging folder, and read them back.

The worker writes a diff, reads it back and compares it with the log. It is also proved that the
layout, with the diffs in the log, rebuilds the log. Together this proves that the staged files
rebuild the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

from codec.errors import IntegrityError
from codec.kinds import Sha256
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, EncodedLayout, StoredPatch
from pipelines.diffs.store import Store
from pipelines.system.fs.files import make_folder, write_new
from pipelines.system.worker.client import Worker
from pipelines.v1.beside import open_log, stage_runs
from pipelines.v1.new_sessions import Added
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace

_BATCH = 256


@contextmanager
def staged_diffs(
    staging: str, sessions: list[Added], worker: Worker
) -> Iterator[list[Future[None]]]:
    """Write diffs in the worker; yield futures, which are done when the diffs are written.

    When the block ends, no diff is being written, so the folder can be removed.

    Args:
        staging: the folder.
        sessions: the sessions of the diffs.
        worker: the worker, which continues when this returns.
    """
    waiting: list[Future[None]] = []
    try:
        for source in {a.source.path: a.source for a in sessions}.values():
            own = sorted((a for a in sessions if a.source is source), key=lambda a: a.found.start)
            waiting.append(worker.call(open_log, source.path, source.name, source.identity))
            for i in range(0, len(own), _BATCH):
                batch = own[i : i + _BATCH]
                files = [(names_of(a.session.key)[0], *a.found.patch_at) for a in batch]
                waiting.append(worker.call(stage_runs, staging, files))
        yield waiting
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)


def stage_layout(staging: str, sha256: Sha256, layout: EncodedLayout) -> None:
    """Write the layout of the version with this hash.

    Raises:
        IntegrityError: it does not read back as it was written.
    """
    folder = os.path.join(staging, "v1", sha256)
    make_folder(folder)
    for name, data in ((LAYOUT_NAME, layout.layout), (LITERAL_NAME, layout.literal)):
        path = os.path.join(folder, name)
        if not write_new(path, data):
            raise IntegrityError("does not read back as it was written", file=path)


def planned_patches(
    workspace: Workspace, sessions: Iterable[Added]
) -> Callable[[StoredPatch], bytes]:
    """Return a function that reads planned patches from the logs, and others from the store."""
    planned = {a.session.key: a for a in sessions}
    store = Store(workspace)

    def read(part: StoredPatch) -> bytes:
        added = planned.get(part.key)
        if added is None or added.found.patch != part.patch:
            return store.read(part.key, part.patch)
        start, end = added.found.patch_at
        return added.source.data[start:end]

    return read
