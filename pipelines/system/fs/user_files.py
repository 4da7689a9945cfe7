"""Edit user-owned files: compute the new content, then replace the file atomically.

Nothing is written through a link that leaves its folder, or into `.git`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from codec.errors import FormatError
from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import make_folder, read_bytes, remove, replace_file, sync_directory

#: Returns the new content of a file from its bytes; None means a missing file.
Change = Callable[[bytes | None], bytes | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One file before and after; None if it does not exist.

    Attributes:
        path: the path, as the user knows it.
        target: the absolute path of the file itself, links resolved.
        folders: absolute paths to delete with the file if they become empty, inner ones first.
    """

    path: str
    target: str
    before: bytes | None
    after: bytes | None
    folders: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Return the kind of change as one word."""
        if self.before is None:
            return "created"
        return "removed" if self.after is None else "changed"


def edit_of(
    path: str, *, within: str, shown: str, change: Change, folders: tuple[str, ...] = ()
) -> Edit:
    """Return the edit of a file; before and after are equal if nothing changes.

    Args:
        path: the absolute path of the file.
        within: the absolute path of the folder in which the file must be.
        shown: the path as the user knows it.
        change: returns the new content.
        folders: absolute paths to delete with the file if they become empty.

    Raises:
        FormatError: the file must not be written, or `change` raises it.
    """
    target = os.path.realpath(path)
    if (why := _forbidden(os.path.realpath(within), target)) is not None:
        raise FormatError(why, hint="Replace the link with a regular file")
    before = _content(target)
    return Edit(path=shown, target=target, before=before, after=change(before), folders=folders)


def check_edits(edits: Iterable[Edit]) -> None:
    """Check that files still have the content that was read.

    Raises:
        Conflict: a file changed since.
    """
    for edit in edits:
        if _content(edit.target) != edit.before:
            raise Conflict(f"{edit.path} changed just now", hint="Run the same command again")


def write_edits(edits: Iterable[Edit]) -> None:
    """Replace and remove files, whatever their current content."""
    for edit in edits:
        folder = os.path.dirname(edit.target)
        if edit.after is not None:
            make_folder(folder)
            replace_file(edit.target, [edit.after])
            continue
        remove(edit.target)
        sync_directory(folder)
        for empty in edit.folders:
            with suppress(OSError):  # it is not empty
                os.rmdir(empty)


def _forbidden(top: str, target: str) -> str | None:
    """Return the reason why a file must not be written; None if it may be."""
    if os.path.commonpath([top, target]) != top:
        return "a link that leaves the repository; nothing is written through it"
    if ".git" in os.path.relpath(target, top).split(os.sep):
        return "a link into .git; nothing is written through it"
    try:
        mode = os.stat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if stat.S_ISREG(mode) else "not a file; nothing is written there"


def _content(target: str) -> bytes | None:
    return read_bytes(target) if os.path.exists(target) else None
