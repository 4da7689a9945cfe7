"""Put diffs into the folder of loose diffs without overwriting a file.

1. A file name is a hint, the SHA-256 of the content is the identity.
2. A diff is written only to a free name. A file with the same bytes is the same diff.
3. If a file with other bytes has the name, the diff gets a name of its time and its hash; readers
   find it by its time, and verify its hash.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from codec.kinds import Sha256, sha256_of
from codec.names import key_time
from pipelines.outcomes.errors import Conflict
from pipelines.system.fs.files import is_file, read_bytes, remove, replace_file
from pipelines.system.git.local_state import checked

SUFFIX: Final = ".diff"
#: The hex digits of the hash in a name; more if that name is taken, too.
_DIGITS: Final = (6, 12, 64)
_BLOCK: Final = 1 << 20
#: The errors of systems for a hard link that is not possible on a file system or between two.
_NO_LINKS: Final = frozenset(
    (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOSYS)
)


def put_diff(source: str, folder: str, name: str) -> str:
    """Move a finished file into a folder of diffs, and return the name that it got.

    Args:
        source: the path of the file, whose content is on the disk already.
        folder: the target. The caller syncs it.
        name: the name to use, unless a file with other bytes has it.

    Raises:
        Conflict: files with other bytes have all the names that the diff may get.
    """
    if _put(source, os.path.join(folder, name)):
        return name
    sha256 = sha256_of(read_bytes(source))
    for other in hashed_names(name, sha256):
        if _put(source, os.path.join(folder, other)):
            return other
    raise Conflict(
        f"{os.path.join(folder, other)}: its content does not match its name; it is kept",
        hint="Move the file away and run the same command again",
    )


def hashed_names(name: str, sha256: Sha256) -> list[str]:
    """Return the names for a diff if the name of its key is taken, in order."""
    time = key_time(name.removesuffix(SUFFIX))
    return [f"{time}.{sha256[:digits]}{SUFFIX}" for digits in _DIGITS]


def _put(source: str, target: str) -> bool:
    """Move a file to a free path; return False if a file with other bytes is there."""
    if not _placed(source, target) and not _is_same(source, target):
        return False
    remove(source)
    return True


def _placed(source: str, target: str) -> bool:
    """Give a file a second name; return False if the name is taken."""
    try:
        os.link(source, checked(target))
    except FileExistsError:
        return False
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        return _copied(source, target)
    return True


def _copied(source: str, target: str) -> bool:
    """Copy a file to a free path, which is reserved first; return False if it is taken."""
    try:
        os.close(os.open(checked(target), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    with open(source, "rb") as f:
        replace_file(target, iter(lambda: f.read(_BLOCK), b""))
    return True


def _is_same(source: str, target: str) -> bool:
    """Return True if a file has the same bytes as another."""
    if not is_file(target) or os.path.getsize(source) != os.path.getsize(target):
        return False
    return os.path.samefile(source, target) or read_bytes(source) == read_bytes(target)
