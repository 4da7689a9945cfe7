"""Write many files all at once or not at all: staged files and appends, then one commit.

A transaction stages new files of `.diffs` in a folder of its own, and writes the bytes to append to
and replace in the tracked files to a journal (`workspace.journal` has its format). `commit` makes
both durable and gives the journal its name; from then on everything will be done, by this process
or by `recover` in the next one. Before that, the workspace is unchanged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import IO, Final, NamedTuple, Self

from codec.kinds import RelPath
from pipelines.system.fs.files import (
    create,
    make_folder,
    move,
    remove,
    remove_folder,
    sync_directory,
    sync_written,
)
from pipelines.system.fs.writable import check_room, check_tracked
from pipelines.workspace.journal import (
    FORMAT,
    VERSION,
    digest_of,
    journal_of,
    recover,
    remove_unfinished,
    target_of,
)
from pipelines.workspace.location import Workspace
from pipelines.workspace.staging import make_staging, new_token, staged_files, staging_of

_BLOCK: Final = 1 << 20


class Append(NamedTuple):
    """Bytes to append to a tracked file.

    Attributes:
        path: the path of the file, relative to the workspace.
        chunks: the bytes to append, in whole lines.
        torn: the last line of the file is incomplete, and is ended first.
    """

    path: RelPath
    chunks: Iterable[bytes]
    torn: bool = False


class Replace(NamedTuple):
    """A file to replace.

    Attributes:
        path: the path of the file, relative to the workspace.
        before: its current content; empty if it does not exist.
        after: its new content.
    """

    path: RelPath
    before: bytes
    after: bytes


class Transaction:
    """The writes of one verb, under the workspace's lock.

    As a context manager it begins with an empty staging folder, and abandons writes that were not
    committed:

        with Transaction(workspace, "amend") as transaction:
            transaction.prepare(appends, replaces)
            transaction.commit()
    """

    def __init__(self, workspace: Workspace, verb: str) -> None:
        self._workspace = workspace
        self._verb = verb
        self._token = new_token()
        self.staging = staging_of(workspace, self._token)
        self._journal = journal_of(workspace, self._token)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        if not os.path.exists(self._journal):  # else `recover` completes it
            self.abandon()

    def begin(self) -> None:
        """Create an empty staging folder, and delete uncommitted files of interrupted runs."""
        make_staging(self._workspace, self._token)

    def abandon(self) -> None:
        """Drop all writes; the workspace is unchanged."""
        remove_folder(self.staging)
        remove_unfinished(self._workspace)

    def prepare(self, appends: Iterable[Append], replaces: Sequence[Replace] = ()) -> None:
        """Write the journal, under a name that `recover` ignores.

        Raises:
            NotFound, Denied, Unavailable: a file or `.diffs` cannot be written.
        """
        check_room(staged_files(self.staging), self.staging, self._workspace.diffs)
        make_folder(os.path.dirname(self._journal))
        remove_unfinished(self._workspace)
        with create(f"{self._journal}.tmp") as f:
            _write_journal(f, self._workspace, self._verb, appends, replaces)

    def commit(self) -> None:
        """Make all writes durable, then carry them out."""
        staged = staged_files(self.staging)
        sync_written([*staged, f"{self._journal}.tmp"])
        for folder in {os.path.dirname(path) for path in staged}:
            sync_directory(folder)
        if staged:  # the journal promises them: their folder must survive a power failure, too
            sync_directory(os.path.dirname(self.staging))
        move(f"{self._journal}.tmp", self._journal)
        sync_directory(os.path.dirname(self._journal))
        recover(self._workspace)


def _write_journal(
    f: IO[bytes],
    workspace: Workspace,
    verb: str,
    appends: Iterable[Append],
    replaces: Sequence[Replace],
) -> None:
    """Write a journal: its header comes first, but the lengths are known last."""
    with create(f"{f.name}.payload") as payload:
        for replaced in replaces:
            check_tracked(target_of(workspace, replaced.path))
            payload.write(replaced.after)
        table: list[tuple[str, int, int]] = []
        for append in appends:
            path = target_of(workspace, append.path)
            check_tracked(path)
            offset = os.path.getsize(path) if os.path.exists(path) else 0
            start = payload.tell()
            if append.torn:
                payload.write(b"\n")
            payload.writelines(append.chunks)
            table.append((append.path, offset, payload.tell() - start))
        header = {"format": FORMAT, "version": VERSION, "verb": verb, "appends": table}
        if replaces:
            header["replaces"] = [(r.path, digest_of(r.before), len(r.after)) for r in replaces]
        f.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")
        payload.seek(0)
        f.writelines(iter(lambda: payload.read(_BLOCK), b""))
    remove(payload.name)
