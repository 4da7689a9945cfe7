"""Read the snapshots of a remote that other people write to as well.

Whoever may put objects can put a snapshot under the name of any writer. So one that cannot be read
hides nothing: the one before it counts. Where the numbers of a writer have a gap, the snapshot
before the gap counts as well. A workspace notices a number of its own writer that it did not write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import NamedTuple

from codec.archive.snapshot import SnapshotName, decode_snapshot_name
from codec.errors import CodecError, IntegrityError
from pipelines.outcomes.errors import Denied
from pipelines.outcomes.findings import Finding
from pipelines.remotes.base import Remote
from pipelines.transfer.last_snapshot import Last
from pipelines.transfer.snapshots import LIMIT, Found, read_snapshot
from pipelines.workspace.location import MANIFEST


class Heads(NamedTuple):
    """The snapshots that count, and findings about those that do not."""

    found: list[Found]
    findings: list[Finding]


def read_heads(remote: Remote, names: Collection[str], without: Collection[str] = ()) -> Heads:
    """Read the last snapshot of each writer that can be read, one GET each.

    Args:
        remote: where they are.
        names: the names of all its objects.
        without: names of snapshots to leave out.

    Raises:
        CodecError: there are some, and none can be read.
    """
    heads = Heads([], [])
    known = [decode_snapshot_name(name) for name in names if name not in without]
    ordered = sorted((n for n in known if n), key=lambda n: (n.writer, -n.sequence))
    size = 0
    error: CodecError | None = None
    for _, of_writer in groupby(ordered, key=lambda n: n.writer):
        later: int | None = None  # number of the last one that was read
        for name in of_writer:
            if later is not None and name.sequence == later - 1:
                break  # the later one has all that this one has
            try:
                found = read_snapshot(remote, name)
                more = sum(map(len, found.files.values()))
                if size + more > LIMIT:
                    raise IntegrityError(
                        f"does not fit into {LIMIT:,} bytes together with the others",
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


def foreign_snapshots(remote: Remote, last: Last, names: Collection[str]) -> Iterator[Finding]:
    """Report snapshots with later numbers of this workspace's writer that it did not write.

    A copy of the workspace, cache included, goes on with the same writer: then the snapshot has all
    facts that were sent before, and a note is enough.
    """
    for name in sorted(n for n in map(decode_snapshot_name, names) if n):
        if name.writer != last.name.writer or name.sequence < last.name.sequence:
            continue
        if name == last.name:
            continue
        yield Finding(
            code="foreign-snapshot",
            message="has a number of this workspace's writer, which did not write it; a new writer "
            "begins, so that it hides nothing",
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
