"""Uploads of unchanged local files: archives, and layouts of v1 logs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codec.archive.bundle import Bundle, encode_bundle
from codec.archive.snapshot import archive_object, layout_object
from codec.errors import IntegrityError
from codec.kinds import ObjectName, Sha256
from codec.manifest.facts import Archive, V1Version
from codec.v1.layout import LAYOUT_NAME, LITERAL_NAME, literal_bytes
from codec.v1.purged_text import find_purged
from pipelines.diffs.local_archives import archive_folder, shown
from pipelines.outcomes.errors import Conflict
from pipelines.remotes.base import BLOCK, Content, content_of
from pipelines.system.fs.files import read_bytes, regular_size
from pipelines.v1.layouts import has_layout, read_layout
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest


class Upload(NamedTuple):
    """An object to upload: its name, its size in bytes, and a function that opens its content."""

    name: ObjectName
    size: int
    load: Callable[[], Content]


class LayoutUpload(NamedTuple):
    """The layout of a version of a v1 log.

    Attributes:
        version: the version of the log.
        name: the name of the object.
        upload: the upload of the object.
        is_held: it contains a purged diff, and must not be uploaded.
    """

    version: V1Version
    name: ObjectName
    upload: Upload
    is_held: bool = False


def archive_upload(workspace: Workspace, fact: Archive) -> Upload:
    """Return the upload of a local archive, whose hash is checked when it is loaded."""
    path = os.path.join(archive_folder(workspace), fact.name)

    def load() -> Content:
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as f:
                while block := f.read(BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            raise Conflict(
                f"{shown(fact.name)} is gone: another program changed the workspace",
                hint="Run the same command again",
            ) from None
        if digest.hexdigest() != fact.sha256:
            raise _damaged(fact)
        return Content(fact.size, fact.sha256, lambda: open(path, "rb"))

    if regular_size(path) not in (fact.size, None):
        raise _damaged(fact)
    return Upload(archive_object(fact.name), fact.size, load)


def _damaged(fact: Archive) -> IntegrityError:
    return IntegrityError(
        "does not match the recorded archive; it is not sent",
        file=shown(fact.name),
        hint="Run 'session-codec archive repair', or restore the file from a copy",
    )


def layouts_of(workspace: Workspace, manifest: Manifest) -> Iterator[LayoutUpload | None]:
    """Yield the verified layout of each version; None if it is not stored locally."""
    purged = manifest.purged_patches()
    for sha256, version in sorted({v.sha256: v for v in manifest.versions}.items()):
        if has_layout(workspace, sha256):
            layout, literal = read_layout(workspace, version)
            bundle = _bundle(workspace, sha256)
            name = layout_object(sha256, bundle.sha256)
            upload = Upload(name, len(bundle.tar), _loader(bundle))
            text = b"".join(literal_bytes(layout, literal)) if purged else b""
            yield LayoutUpload(version, name, upload, is_held=any(find_purged(text, purged)))
        else:
            yield None


def _bundle(workspace: Workspace, sha256: Sha256) -> Bundle:
    folder = os.path.join(workspace.diffs, "v1", sha256)
    paths = {name: os.path.join(folder, name) for name in (LAYOUT_NAME, LITERAL_NAME)}
    for path in (folder, *paths.values()):
        if os.path.islink(path):
            raise Conflict(
                f"{path} is a link, and is not copied", hint="Replace the link with the file itself"
            )
    return encode_bundle({name: read_bytes(path) for name, path in paths.items()})


def _loader(bundle: Bundle) -> Callable[[], Content]:
    return lambda: content_of(bundle.packed(), exact=False)
