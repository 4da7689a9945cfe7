"""Read files of commits, after checking their size.

A small pack can contain a blob of any size, so a blob that does not fit into memory is read neither
by git nor by this process.
"""

from __future__ import annotations

import os
from typing import Final

from pipelines.outcomes.errors import Unavailable
from pipelines.system.fs.files import SIZE_LIMIT
from pipelines.system.git.process import git_output
from pipelines.system.git.repository import Repository

_BLOCK: Final = 1 << 16


def read_blob(repository: Repository, name: str, *, plain: bool = False) -> bytes | None:
    """Return the content of a blob; None if the repository does not have it.

    Args:
        repository: the repository of the blob.
        name: an object id, or `COMMIT:PATH`.
        plain: as in `run_git`.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: the blob has more than `SIZE_LIMIT` bytes, or git failed.
    """
    if "\n" in name:  # it would not be one line of the request
        return None
    asked = os.fsencode(f"{name}\n")
    form = "--batch=%(objecttype) %(objectsize)"
    with git_output(
        repository, "cat-file", form, data=asked, plain=plain, memory=SIZE_LIMIT
    ) as output:
        kind, _, size = output.readline().rstrip(b"\n").partition(b" ")
        if kind != b"blob":
            while output.read(_BLOCK):  # git fails if its output is not read
                pass
            return None
        if int(size) > SIZE_LIMIT:
            raise Unavailable(
                f"{name}: git has {int(size):,} bytes, and at most {SIZE_LIMIT:,} are read",
                hint="Commit a file of a sensible size in its place",
            )
        return output.read(int(size) + 1)[: int(size)]
