"""Read the newest deltas and notes of a workspace, and cached sums of the older deltas.

A context is usually rendered right after a session was recorded. So the sums of a large file are
cached with the SHA-256 of the bytes that were read; if the file has only grown, only the new lines
are decoded.
"""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any, Final, NamedTuple

from codec.kinds import Key, Sha256, sha256_of
from codec.v2.context_notes import ENTRY_LINES, notes_in
from codec.v2.context_view import DEFAULT_LAST
from codec.v2.delta_summary import Scanned, Summary
from codec.v2.deltas import Delta, decode_delta, decode_deltas, encode_delta
from pipelines.system.fs.files import mapped
from pipelines.system.fs.lines import read_tail
from pipelines.workspace.cache import CACHE, read_json_cache, write_json_cache
from pipelines.workspace.location import DELTAS, PROGRESS, Workspace
from pipelines.workspace.reading import newest_delta_lines, read_file, read_overlay, rows_of

#: The size below which sums are not cached.
_KEPT_FROM: Final = 1 << 17
#: The most sessions to decode; a caller that needs more gets all of them.
_MOST: Final = 1000
#: If there are more new lines, they are scanned with the rest.
_NEW: Final = 1 << 20


class _Kept(NamedTuple):
    """The cached state of a file.

    Attributes:
        size, sha256: the size and hash of the bytes that were read.
        scanned: their content.
    """

    size: int
    sha256: Sha256
    scanned: Scanned


def newest_deltas(workspace: Workspace, last: int) -> Scanned:
    """Return at least the `last` newest deltas of a workspace, and the sums of all others."""
    scanned = _newest_tracked(workspace, last)
    overlay = read_overlay(workspace)
    if scanned is None:
        return Scanned(_every_delta(workspace), None, "")
    if not overlay.lines:
        return scanned
    from codec.v2.newest_deltas import extend, scan

    rows = b"".join(rows_of(DELTAS, overlay.sessions))
    united = None if overlay.settled else extend(scanned, rows)
    if united is None:
        data = read_file(workspace, DELTAS)
        united = scan(data[: data.rfind(b"\n") + 1], 2 * last or 1)
    return united


def newest_notes(workspace: Workspace) -> dict[Key, str]:
    """Return the notes of the newest sessions by key, from the end of the progress log."""
    lines = read_tail(workspace.path(PROGRESS), DEFAULT_LAST * ENTRY_LINES)
    found = notes_in(lines)
    overlay = read_overlay(workspace)
    for session, _ in overlay.settled:
        found.pop(session.key, None)
    changed = (*overlay.sessions, *(becomes for _, becomes in overlay.settled))
    return {**found, **{session.key: session.notes for session in changed}}


def _newest_tracked(workspace: Workspace, last: int) -> Scanned | None:
    """Return the newest deltas of the tracked file; None if the file is small."""
    path = workspace.path(DELTAS)
    try:
        found = os.stat(path)
    except FileNotFoundError:
        found = None
    if found is None or found.st_size < _KEPT_FROM or last > _MOST:
        return None
    from codec.v2.newest_deltas import extend, scan, trimmed

    cache = workspace.path(CACHE, "newest.json")
    with mapped(path) as data:
        kept = read_json_cache(cache, _decode)
        size = data.rfind(b"\n") + 1
        scanned: Scanned | None = None
        if kept is not None and len(kept.scanned.newest) >= last:
            added = _added(kept, data, size)
            scanned = None if added is None else extend(kept.scanned, added)
        if scanned is None:
            scanned = scan(data[:size], 2 * last or 1)
        elif kept is not None and kept.size == size:
            return scanned
        if len(scanned.newest) > 4 * last:
            scanned = trimmed(scanned, 2 * last or 1)
        write_json_cache(cache, _encode(_Kept(size, _digest(data, size), scanned)))
    return scanned


def _every_delta(workspace: Workspace) -> list[Delta]:
    """Return all deltas, except the user's own rows of sessions that have rows of ours."""
    lines = newest_delta_lines(workspace, sys.maxsize)
    deltas, _ = decode_deltas(enumerate(lines, 1))
    if len({delta.key for delta in deltas}) == len(deltas):
        return deltas
    from pipelines.workspace.delta_lines import kept_twins

    twins = kept_twins(workspace, [line.encode() for line in lines])
    left = (line for line in lines if line.encode() not in twins)
    return decode_deltas(enumerate(left, 1))[0]


def _added(kept: _Kept, data: mmap.mmap | bytes, size: int) -> bytes | None:
    """Return the lines that were appended to a file; None if it changed in another way."""
    if not 0 <= size - kept.size <= _NEW or _digest(data, kept.size) != kept.sha256:
        return None
    return data[kept.size : size]


def _digest(data: mmap.mmap | bytes, size: int) -> Sha256:
    with memoryview(data) as view, view[:size] as part:
        return sha256_of(part)


def _encode(kept: _Kept) -> list[Any]:
    before, newest, summed_to = kept.scanned.before, kept.scanned.newest, kept.scanned.summed_to
    return [kept.size, kept.sha256, [encode_delta(d) for d in newest], before, summed_to]


def _decode(document: Any) -> _Kept:
    size, sha256, lines, before, summed_to = document
    newest = [decode_delta(line) for line in lines]
    if before:
        before = Summary(*before)
        before = before._replace(statuses=tuple(before.statuses))
    return _Kept(size, sha256, Scanned(newest, before, summed_to))
