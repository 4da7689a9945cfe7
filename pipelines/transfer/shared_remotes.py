"""Read the snapshots of a remote to which other people write as well.

Anyone who may upload objects can upload a snapshot under the name of any writer. So an unreadable
snapshot hides nothing: the previous one counts. If the numbers of a writer have a gap, the snapshot
before the gap counts as well. A workspace detects numbers of its own writer that it did not write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import NamedTuple

from codec.archive.snapshot import SnapshotName, decode_snapshot_name
from codec.errors import CodecError, IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Denied
from pipelines.outcomes.findings import Finding
from pipelines.remotes.base import Remote
from pipelines.transfer.last_snapshot import Last
from pipelines.transfer.snapshots import LIMIT, Found, read_snapshot
from pipelines.workspace.location import MANIFEST


class Heads(NamedTuple):
    """The snapshots that count, and findings on the others."""

    found: list[Found]
    findings: list[Finding]


def read_heads(
    remote: Remote, names: Collection[ObjectName], without: Collection[str] = ()
) -> Heads:
    """Return the last readable snapshot of each writer, with one GET each.

    Args:
        remote: the remote.
        names: the names of all its objects.
        without: the names of snapshots to leave out.

    Raises:
        CodecError: there are snapshots, but none can be read.
    """
    heads = Heads([], [])
    known = [decode_snapshot_name(name) for name in names if name not in without]
    ordered = sorted((n for n in known if n), key=lambda n: (n.writer, -n.sequence))
    size = 0
    error: CodecError | None = None
    for _, of_writer in groupby(ordered, key=lambda n: n.writer):
        later: int | None = None  # the number of the last one that was read
        for name in of_writer:
            if later is not None and name.sequence == later - 1:
                break  # the later one has everything in this one
            try:
                found = read_snapshot(remote, name)
                more = sum(map(len, found.files.values()))
                if size + more > LIMIT:
                    raise IntegrityError(
                        f"exceeds the limit of {LIMIT:,} bytes for all snapshots together",
                        file=f"{remote.url}/{name}",
                    )
            except CodecError as e:
                error = error or e
                heads.findings.append(_skipped(remote, name, e.problem))
                continue
            size += more
            heads.found.append(found)
            later = name.sequence
    if error and not heads.found:
        raise error
    return heads


def foreign_snapshots(
    remote: Remote, last: Last, names: Collection[ObjectName]
) -> Iterator[Finding]:
    """Yield findings on later snapshots that others wrote under the name of our writer.

    A copy of the workspace, cache included, continues with the same writer: its snapshot has all
    facts that were uploaded before, and a note is sufficient.
    """
    for name in sorted(n for n in map(decode_snapshot_name, names) if n):
        if name.writer != last.name.writer or name.sequence < last.name.sequence:
            continue
        if name == last.name:
            continue
        yield Finding(
            code="foreign-snapshot",
            message="has the writer name of this workspace, but another machine uploaded it; this "
            "workspace continues under a new name",
            level="note" if _continues(remote, last, name) else "finding",
            file=f"{remote.url}/{name}",
            hint="Check who else writes to the remote: perhaps a copy of this workspace",
        )


def _continues(remote: Remote, last: Last, name: SnapshotName) -> bool:
    """Return True if a snapshot has every fact of the last one."""
    try:
        before, after = (read_snapshot(remote, n).files for n in (last.name, name))
    except (CodecError, Denied):
        return False
    lines, more = (set(files.get(MANIFEST, b"").split(b"\n")) for files in (before, after))
    return lines <= more


def _skipped(remote: Remote, name: SnapshotName, problem: str) -> Finding:
    return Finding(
        code="skipped-snapshot",
        message=f"is not used: {problem}",
        file=f"{remote.url}/{name}",
        hint=f"Check who wrote it; --without {name} leaves it out",
    )
