"""Scan everything that `sync` would upload for secrets, packed diffs included."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from codec.archive.recovery import Damage, Scan
from codec.errors import IntegrityError
from codec.kinds import Key
from codec.manifest.facts import V1Version
from codec.records import PatchRef
from codec.v1.layout import LITERAL_NAME
from pipelines.diffs.local_archives import archive_folder, ranges_of, shown
from pipelines.diffs.secret_scan import Text, scan
from pipelines.diffs.store import Store
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.v1.layouts import literal_of
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.git_queries import blob_at
from pipelines.workspace.location import Workspace


class Outgoing(NamedTuple):
    """The content of a sync.

    Attributes:
        workspace: the workspace that owns it.
        archives: the names of archives.
        layouts: the versions of v1 logs whose layouts are uploaded.
        diffs: the loose diffs, by key.
        files: the tracked files, by path.
    """

    workspace: Workspace
    archives: Collection[str]
    layouts: Collection[V1Version]
    diffs: Mapping[Key, PatchRef]
    files: Mapping[str, bytes]


def search(sent: Outgoing, allow: Collection[str], progress: Progress) -> list[Finding]:
    """Return the findings of a search for secrets in the content to upload.

    Args:
        sent: the content to search.
        allow: fingerprints of secrets that may be uploaded.
        progress: receives the stage.

    Raises:
        IntegrityError: an archive is damaged.
        Unavailable: a text could not be searched.
    """
    with progress.stage("scan") as advance:
        blob = partial(blob_at, sent.workspace)
        return scan(_texts(sent), allow, advance, blob).findings


def _texts(sent: Outgoing) -> Iterator[Text]:
    workspace = sent.workspace
    folder = archive_folder(workspace)
    for name in sent.archives:
        for key, data in _members(os.path.join(folder, name), shown(name)):
            yield Text(shown(name), key, partial(bytes, data))
    store = Store(workspace)
    for key, patch in sent.diffs.items():
        yield Text(f".diffs/{names_of(key)[0]}", key, partial(store.read, key, patch))
    for version in sent.layouts:
        name = f".diffs/v1/{version.sha256}/{LITERAL_NAME}"
        yield Text(name, None, partial(literal_of, workspace, version))
    for name, data in sent.files.items():
        yield Text(name, None, partial(bytes, data))


def _members(path: str, name: str) -> Iterator[tuple[Key, bytes]]:
    """Yield the members of an archive, by key; each frame is read once."""
    pieces: list[bytes] = []
    for event in Scan(ranges_of(path), os.path.getsize(path)).events():
        if isinstance(event, Damage):
            raise IntegrityError(
                f"cannot be read back at byte {event.offset}: {event.problem}",
                file=name,
                hint="Run 'session-codec archive repair', or restore the file from a copy",
            )
        pieces.append(event.data)
        if event.last:
            yield event.entry.key, b"".join(pieces)
            pieces = []
