"""The journal of a verb's committed writes, and `recover`, which completes them.

A transaction (`workspace.transaction`) writes the bytes to append to a journal, and commits by
giving the journal its name. Journal and staging folder share a random token,
`.session-codec/journal-TOKEN`; version 0.1.0 used none:

    {"format":"session-codec-journal","version":1,"verb":"migrate","appends":[["PROJECT_METRICS.tsv",0,80]]}
    <the bytes to append, one after the other>

1. Completing is idempotent: a staged file that was moved is no longer in the staging folder, and an
   append continues at the end of the file. A diff never replaces a file with other bytes
   (`workspace.diff_files`).
2. A file that no longer ends where the transaction began is not changed: another program wrote to
   it. The manifest has the missing rows, and `migrate` adds them.
3. Appends are done in order: the delta line, which makes a session exist, is last.
4. A journal or a staging folder that git tracks, that is a link, or that belongs to another user is
   refused. Whatever a journal states, only the files of a workspace are appended to.
5. The references, the manifest, the v2 files and summaries can be replaced as well:
   `"replaces":[["PROJECT_REFERENCES.yaml","<SHA-256 of the file before>",120]]`. A file that has
   changed since is not replaced.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from typing import IO, Any, Final

from codec.errors import FormatError
from codec.kinds import RelPath
from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import (
    make_folder,
    move,
    read_bytes,
    remove,
    remove_folder,
    replace_file,
    sync_directory,
)
from pipelines.system.git.local_state import refuse_linked
from pipelines.system.git.worktree import opened
from pipelines.workspace.diff_files import SUFFIX, put_diff
from pipelines.workspace.location import (
    DELTAS,
    GITATTRIBUTES,
    GITIGNORE,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)
from pipelines.workspace.staging import (
    staged_files,
    staging_of,
)

FORMAT: Final = "session-codec-journal"
VERSION: Final = 1
_BLOCK: Final = 1 << 20
_FOLDER: Final = ".session-codec"
_JOURNAL: Final = re.compile(
    r"journal(?P<token>(?:-[0-9a-f]{16})?)(?P<unfinished>\.tmp(?:\.payload)?)?", re.ASCII
)
#: All files to which a verb appends.
APPENDED: Final = (
    MANIFEST, METRICS, PROGRESS, DELTAS, REFERENCES, GITIGNORE, GITATTRIBUTES,
)  # fmt: skip
#: All files that a verb replaces.
REPLACED: Final = (MANIFEST, METRICS, PROGRESS, DELTAS, REFERENCES)
#: Summaries are replaced as well; `codec.summaries.summary_file` has their names.
_SUMMARY: Final = r"(?a)\.session-codec/summaries/\d{4}[0-9QW.-]{0,24}\.json"


def is_pending(workspace: Workspace) -> bool:
    """Return True if a verb was interrupted after its commit, so that `recover` completes it."""
    return any(not m["unfinished"] for m in _journals(workspace))


def recover(workspace: Workspace) -> str | None:
    """Complete the committed writes of an interrupted verb, and return its name.

    The caller must hold the workspace's lock.

    Raises:
        Conflict: the journal or its staging folder came with a clone, or belongs to another user.
        FormatError: this version cannot complete the journal.
    """
    verb = None
    for m in _journals(workspace):
        if not m["unfinished"]:
            verb = _complete(workspace, workspace.path(_FOLDER, m[0]), m["token"])
    return verb


def journal_of(workspace: Workspace, token: str) -> str:
    """Return the path of a journal."""
    return workspace.path(_FOLDER, f"journal{token}")


def _journals(workspace: Workspace) -> list[re.Match[str]]:
    """Return the names of a worktree's journals, including unfinished journals."""
    try:
        names = sorted(os.listdir(workspace.path(_FOLDER)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [m for name in names if (m := _JOURNAL.fullmatch(name))]


def remove_unfinished(workspace: Workspace) -> None:
    """Delete journals that were never committed; a link is deleted, not followed."""
    for m in _journals(workspace):
        if m["unfinished"]:
            remove(workspace.path(_FOLDER, m[0]))


def _complete(workspace: Workspace, journal: str, token: str) -> str:
    refuse_linked(journal, "a journal")
    with open(journal, "rb", opener=opened) as f:
        header = _header(f.readline(), journal)
        appends = [(target_of(workspace, a[0]), a[1], a[2]) for a in header["appends"]]
        replaces = [(target_of(workspace, r[0]), r[1], r[2]) for r in header.get("replaces", ())]
        lengths = [length for _, _, length in (*replaces, *appends)]
        if f.tell() + sum(lengths) > os.path.getsize(journal):
            raise _unfit(journal)
        staging = staging_of(workspace, token)
        if staged_files(staging):
            _publish(staging, workspace.diffs)
        remove_folder(staging)
        for path, before, length in replaces:
            data = f.read(length)
            if digest_of(read_bytes(path)) == before:
                make_folder(os.path.dirname(path))
                replace_file(path, [data])
        for path, offset, length in appends:
            _append(path, offset, f, length)
    remove(journal)
    sync_directory(os.path.dirname(journal))
    return str(header.get("verb"))


def _header(line: bytes, journal: str) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    known = isinstance(header, dict) and (header.get("format"), header.get("version")) == (
        FORMAT,
        VERSION,
    )
    appends = header.get("appends") if known else None
    replaces = header.get("replaces", []) if known else None
    if not isinstance(appends, list) or not all(map(_is_append, appends)):
        raise _unfit(journal)
    if not isinstance(replaces, list) or not all(map(_is_replace, replaces)):
        raise _unfit(journal)
    return dict(header)


def _is_append(value: object) -> bool:
    match value:
        case [str() as path, int() as offset, int() as length]:
            return path in APPENDED and offset >= 0 and length >= 0
    return False


def _is_replace(value: object) -> bool:
    match value:
        case [str() as path, str(), int() as length]:
            is_known = path in REPLACED or re.fullmatch(_SUMMARY, path) is not None
            return is_known and length >= 0
    return False


def digest_of(data: bytes) -> str:
    """Return the digest by which a journal names a file that it replaces."""
    return hashlib.sha256(data).hexdigest()


def _unfit(journal: str) -> FormatError:
    return FormatError(
        "not a journal that this version can complete",
        file=journal,
        hint="Finish with the version of session-codec that wrote it, or remove the file",
    )


def target_of(workspace: Workspace, path: RelPath) -> str:
    """Return the absolute path of a file to write, which must not be a link to another place.

    Raises:
        Conflict: it is a link, or below one.
    """
    target = workspace.path(*path.split("/"))
    if os.path.realpath(target) != os.path.join(os.path.realpath(workspace.root), *path.split("/")):
        raise Conflict(
            f"{path} is a symbolic link, or below one; nothing is written through it",
            hint="Replace the link with the file itself",
        )
    return target


def _publish(staging: str, target: str) -> None:
    """Move the staged files into place; a folder without a counterpart is moved as a whole."""
    if not os.path.exists(target):
        move(staging, target)
        sync_directory(os.path.dirname(target))
        return
    for directory, folders, names in os.walk(staging):
        place = os.path.normpath(os.path.join(target, os.path.relpath(directory, staging)))
        for folder in list(folders):
            if not os.path.exists(os.path.join(place, folder)):
                if _moved(os.path.join(directory, folder), os.path.join(place, folder)):
                    folders.remove(folder)
                else:
                    make_folder(os.path.join(place, folder))
        for name in names:
            if directory == staging and name.endswith(SUFFIX):
                put_diff(os.path.join(directory, name), place, name)
            else:
                _move(os.path.join(directory, name), os.path.join(place, name))
        sync_directory(place)
        for name in names:
            remove(os.path.join(directory, name))  # a diff is linked, not moved


def _moved(source: str, target: str) -> bool:
    """Rename a file; return False if `.diffs` is on another file system (a mount, a link)."""
    try:
        move(source, target)
    except OSError as e:
        if e.errno != errno.EXDEV:
            raise
        return False
    return True


def _move(source: str, target: str) -> None:
    if not _moved(source, target):
        with open(source, "rb") as f:
            replace_file(target, iter(lambda: f.read(_BLOCK), b""))
        remove(source)


def _append(path: str, offset: int, payload: IO[bytes], length: int) -> None:
    """Append the missing rest of the `length` bytes at `offset` of a file."""
    make_folder(os.path.dirname(path))
    is_new = not os.path.exists(path)
    end = payload.tell() + length
    with open(path, "ab+") as f:
        size = f.seek(0, os.SEEK_END)
        done = size - offset
        if not 0 <= done <= length:
            payload.seek(end)
            return
        f.seek(offset)
        while done > 0:
            block = min(done, _BLOCK)
            if f.read(block) != payload.read(block):
                payload.seek(end)
                return
            done -= block
        f.seek(0, os.SEEK_END)
        while payload.tell() < end:
            f.write(payload.read(min(_BLOCK, end - payload.tell())))
        f.flush()
        os.fsync(f.fileno())
    if is_new:
        sync_directory(os.path.dirname(path))
