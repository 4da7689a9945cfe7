"""Read and list the summaries in a workspace, and find claims that must be removed.

They are tracked files that come with clones: one is read only inside the workspace, up to a limit
of size. A file that is not a summary is a finding, and never makes a reading verb fail.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import RelPath
from codec.periods import Period, read_period
from codec.summaries.paths import FOLDER, is_path, path_of
from codec.summaries.summary_file import (
    SIZE_LIMIT,
    Summary,
    decode_summary,
    digest_of,
    encode_summary,
    without_sessions,
)
from pipelines.outcomes.findings import Finding
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.transaction import Replace

#: The code of the finding on claims that must be removed.
PRIVATE: Final = "private-summary"


class Stored(NamedTuple):
    """A file of summaries: its path in the workspace, its bytes, and the summary or the error."""

    path: RelPath
    data: bytes
    summary: Summary | None
    problem: str = ""


def stored_summaries(workspace: Workspace) -> Iterator[Stored]:
    """Yield the files of summaries, by name.

    A file that is elsewhere, or a device, is skipped and not read.
    """
    if workspace.is_linked(FOLDER):
        return
    try:
        names = sorted(os.listdir(workspace.path(*FOLDER.split("/"))))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = f"{FOLDER}/{name}"
        full = workspace.path(*path.split("/"))
        if is_path(path) and not workspace.is_linked(path) and os.path.isfile(full):
            yield _read(full, path)


def summary_of(workspace: Workspace, period: Period) -> Stored | None:
    """Return the stored summary of a period; None without a file."""
    path = path_of(period.name)
    return next((s for s in stored_summaries(workspace) if s.path == path), None)


def newest_summary(workspace: Workspace) -> Summary | None:
    """Return the summary of the period that ends last; of several, the shortest."""
    found = [s.summary for s in stored_summaries(workspace) if s.summary and s.summary.claims]
    return max(found, key=_age, default=None)


def edits_without(workspace: Workspace, digests: Collection[str]) -> list[Replace]:
    """Return edits of summaries that remove the claims about some sessions.

    Args:
        workspace: the workspace of the summaries.
        digests: the digests of the sessions.
    """
    if not digests:
        return []
    edits = []
    for stored in stored_summaries(workspace):
        if stored.summary is None:
            continue
        left = without_sessions(stored.summary, digests)
        if left != stored.summary:
            edits.append(Replace(stored.path, stored.data, encode_summary(left)))
    return edits


def public_summary(data: bytes, private: Collection[str]) -> bytes | None:
    """Return the bytes of a summary without claims about private sessions.

    Args:
        data: the bytes of the file.
        private: the digests of the private sessions.

    Returns:
        It returns the same bytes if nothing is removed, and None for a file that is not a summary.
    """
    try:
        summary = decode_summary(data)
    except FormatError:
        return None
    left = without_sessions(summary, private)
    return data if left == summary else encode_summary(left)


def private_digests(manifest: Manifest) -> set[str]:
    """Return the digests of the sessions whose texts were removed."""
    return {digest_of(manifest.identity(k)) for k, s in manifest.sessions.items() if s.private}


def summary_findings(workspace: Workspace, manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding for each file that is not a summary, and on claims that must be removed."""
    stored = list(stored_summaries(workspace))
    private = private_digests(manifest) if stored else set()
    known = {digest_of(manifest.identity(key)) for key in manifest.sessions} if stored else set()
    for file in stored:
        if file.summary is None:
            yield Finding(
                code="broken-summary",
                message=file.problem,
                file=file.path,
                hint="Remove it, and run 'session-codec summarize' with --model again",
            )
            continue
        cited = {s.digest for claim in file.summary.claims for s in claim.cited}
        if cited & private:
            yield Finding(
                code=PRIVATE,
                message="has claims about a session whose texts were removed",
                file=file.path,
                hint="'session-codec doctor --repair' removes these claims",
            )
        if cited - known:
            yield Finding(
                code="stale-summary",
                message="has claims about sessions that are not in the manifest",
                file=file.path,
                level="note",
                hint="Run 'session-codec summarize' with --model again",
            )


def _read(full: str, path: RelPath) -> Stored:
    if os.path.getsize(full) > SIZE_LIMIT:
        return Stored(path, b"", None, f"has more than {SIZE_LIMIT:,} bytes")
    data = read_bytes(full)
    try:
        summary = decode_summary(data)
        if path_of(summary.period) != path:
            return Stored(path, data, None, f"is about {summary.period}, not what its name says")
        return Stored(path, data, summary)
    except FormatError as e:
        return Stored(path, data, None, str(e))


def _age(summary: Summary) -> tuple[str, str]:
    period = read_period(summary.period)
    return period.until, period.since
