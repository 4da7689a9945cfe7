"""Find an entry of a v1 log in the stored versions of the log."""

from __future__ import annotations

from typing import Final

from codec.errors import FormatError
from codec.kinds import Sha256
from codec.manifest.facts import V1Version
from codec.records import V1Entry
from codec.v1.dates import day_of_name
from codec.v1.detect import detect
from codec.v1.dialects import Dialects, custom_dialect
from codec.v1.entry import entry_hash
from codec.v1.split import split
from codec.v1.text import Log
from pipelines.outcomes.errors import NotFound
from pipelines.v1.layouts import Copy, log_pieces
from pipelines.v1.pattern import check_pattern
from pipelines.workspace.location import V1_LOG, Workspace
from pipelines.workspace.reading import read_manifest

#: The bytes of a log in which the dialect is searched first; the rest only without a session there.
DETECT_IN: Final = 1 << 20
_DETECT_LIMIT: Final = 1 << 27


def dialects_of(
    data: Log, name: str, *, dialect: str, pattern: str, given: bool = False
) -> Dialects:
    """Return the dialect of a log, detected or given as a heading pattern.

    Args:
        data: the log.
        name: its path. A day in it dates entries with only a time of day, and a log with another
            name than the v1 log may be a single session.
        dialect: the dialect that the user named; empty for none.
        pattern: the heading pattern; empty for none.
        given: the user gave the pattern on the command line, so it is not from a manifest.

    Raises:
        FormatError: no line begins a session, or the pattern is not a heading pattern.
        Conflict: the pattern of the manifest cannot be used, or takes too long.
    """
    if pattern:
        if not given:
            check_pattern(data, pattern)
        return custom_dialect(pattern)
    base = name.rpartition("/")[2]
    day, whole = day_of_name(base), base != V1_LOG
    if len(data) > DETECT_IN:
        try:
            return detect(data[:DETECT_IN], dialect or None, day=day)
        except FormatError:
            pass  # the sessions may begin further down
    return detect(data[:_DETECT_LIMIT], dialect or None, day=day, whole=whole)


def find_entry(workspace: Workspace, entry: V1Entry, copy: Copy | None = None) -> bytes:
    """Return the exact bytes of an entry, from the newest stored version of its log that has it.

    Args:
        workspace: the workspace of the log.
        entry: its origin and its hash.
        copy: the copy to search for parts that are missing on this machine.

    Raises:
        NotFound: no version with the entry is stored on this machine.
        IntegrityError: stored bytes differ from the record.
    """
    manifest = read_manifest(workspace)
    versions = [v for v in manifest.versions if v.source == entry.source]
    absent: NotFound | None = None
    for version in sorted(versions, key=lambda v: v.seen, reverse=True):
        try:
            found = _in_version(workspace, version, entry.sha256, copy)
        except NotFound as e:
            absent = e
            continue
        if found is not None:
            return found
    raise absent or NotFound(f"{entry.source}: no migrated version of it has this entry")


def _in_version(
    workspace: Workspace, version: V1Version, sha256: Sha256, copy: Copy | None
) -> bytes | None:
    data = b"".join(log_pieces(workspace, version, copy, gaps=[]))
    marking = dialects_of(data, version.source, dialect=version.dialect, pattern=version.pattern)
    for span in split(data, marking):
        entry = data[span.start : span.end]
        if span.heading is not None and entry_hash(entry) == sha256:
            return entry
    return None
