"""Reassemble versions of v1 logs from stored layouts and diffs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from codec.errors import FormatError, IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.facts import V1Version
from codec.records import PatchRef
from codec.v1.layout import (
    LAYOUT_NAME,
    LITERAL_NAME,
    Layout,
    StoredPatch,
    decode_layout,
    literal_bytes,
    rebuild,
)
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import Erased, NotFound
from pipelines.system.fs.files import SIZE_LIMIT, read_bytes, regular_size
from pipelines.workspace.location import Workspace


class Copy(Protocol):
    """Reads a copy of a workspace; each method returns None for a missing part."""

    def read(self, key: Key, patch: PatchRef) -> bytes | None:
        """Return the bytes of a diff."""
        ...

    def read_layout(self, version: V1Version) -> tuple[Layout, bytes] | None:
        """Return the layout of a version, and its literal bytes."""
        ...


def log_pieces(
    workspace: Workspace,
    version: V1Version,
    copy: Copy | None = None,
    gaps: list[StoredPatch] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a version of a log; the last step verifies the whole log.

    Args:
        workspace: the workspace of the log.
        version: the version of the log.
        copy: the copy to search for parts that are missing on this machine.
        gaps: the list that gets purged diffs, whose gaps the log marks; None to raise `Erased`.

    Raises:
        Erased: one of its diffs was purged, and `gaps` is None.
        NotFound: its layout or one of its diffs is not stored on this machine, or in the copy.
        IntegrityError: stored bytes differ from the record.
    """
    store = Store(workspace)

    def read(key: Key, patch: PatchRef) -> bytes:
        try:
            return store.read(key, patch)
        except NotFound:
            data = copy.read(key, patch) if copy is not None else None
            if data is None:
                raise
            return data

    try:
        layout, literal = read_layout(workspace, version)
    except NotFound:
        found = copy.read_layout(version) if copy is not None else None
        if found is None:
            raise
        layout, literal = found
    yield from rebuilt(layout, literal, read, gaps)


def rebuilt(
    layout: Layout,
    literal: bytes,
    read: Callable[[Key, PatchRef], bytes],
    gaps: list[StoredPatch] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of the log of a layout; raises the errors of `log_pieces`.

    Args:
        layout, literal: the results of `read_layout`.
        read: returns the patch of a session, by its key.
        gaps: as in `log_pieces`.
    """

    def patch(part: StoredPatch) -> bytes | None:
        try:
            return read(part.key, part.patch)
        except Erased:
            if gaps is None:
                raise
            gaps.append(part)
            return None

    try:
        yield from rebuild(layout, literal, patch)
    except IntegrityError as e:
        raise e.at(file=f".diffs/v1/{layout.sha256}") from None


def literal_of(workspace: Workspace, version: V1Version) -> bytes:
    """Return the text of a version outside of stored diffs; raises the errors of `log_pieces`."""
    return b"".join(literal_bytes(*read_layout(workspace, version)))


def has_layout(workspace: Workspace, sha256: Sha256) -> bool:
    """Return True if the layout of a version is stored on this machine."""
    folder = os.path.join(workspace.diffs, "v1", sha256)
    return all(os.path.exists(os.path.join(folder, n)) for n in (LAYOUT_NAME, LITERAL_NAME))


def _read(path: str) -> bytes:
    """Return the content of an existing file.

    Raises:
        FileNotFoundError: it does not exist.
        IntegrityError: it is larger than any layout.
    """
    size = regular_size(path)
    if size is None:
        raise FileNotFoundError(path)
    if size > SIZE_LIMIT:
        raise IntegrityError(f"larger than {SIZE_LIMIT:,} bytes")
    return read_bytes(path)


def read_layout(workspace: Workspace, version: V1Version) -> tuple[Layout, bytes]:
    """Return the layout of a version, and its literal bytes as stored.

    Raises:
        NotFound: it is not stored on this machine.
        IntegrityError: it is damaged, or belongs to another log.
    """
    folder = os.path.join(workspace.diffs, "v1", version.sha256)
    shown = f".diffs/v1/{version.sha256}/{LAYOUT_NAME}"
    try:
        encoded, literal = (_read(os.path.join(folder, n)) for n in (LAYOUT_NAME, LITERAL_NAME))
    except FileNotFoundError:
        raise NotFound(
            f"{shown}: the layout of {version.source} is not stored on this machine",
            hint="Layouts are local to a clone: restore it where the log was migrated",
        ) from None
    except IntegrityError as e:
        raise e.at(file=shown) from None
    try:
        layout = decode_layout(encoded)
    except FormatError as e:
        raise IntegrityError(e.problem, file=shown, line=e.line) from None
    except IntegrityError as e:
        raise e.at(file=shown) from None
    if (layout.sha256, layout.size) != (version.sha256, version.size):
        raise IntegrityError("is the layout of another log", file=shown)
    return layout, literal
