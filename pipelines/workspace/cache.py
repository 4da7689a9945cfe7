"""Cache values that can be computed again, below `.session-codec/cache/`.

1. One rule of trust: a cache is used only if this user wrote it, at this path. Its first line is a
   keyed hash of the path and the content. The key is among the user's own files, never in a
   workspace, so content from clones, other users or damaged disks is not used. git need not check
   the owner of the file, which would cost a process.
2. A cache only saves time. If it is missing, untrusted, too large or of another version, it is read
   as None; if it cannot be written, the error is ignored.
3. The hash proves who wrote a value, not that it is current: callers store what it depends on.
4. Caches in the user's own folder need no hash (`diffs.secret_scan_cache`). Two files beside the
   caches are not values: the search index, which SQLite changes in place, and the state of a
   remote's writer, which must outlive the key. They are used unless git tracks them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from codec.errors import CodecError
from pipelines.system.fs.files import make_folder, read_file, regular_size, remove, replace_file
from pipelines.workspace.location import Workspace

T = TypeVar("T")
CACHE: Final = os.path.join(".session-codec", "cache")
#: The size of the largest cache that is read, in bytes.
_LIMIT: Final = 64 << 20
_KEY: Final = "cache-key"
_KEY_BYTES: Final = 32
#: Other files in the folder: states, locks, and indexes of archives, which contain no text.
_KEPT_BESIDE: Final = ("sync-", "putting-")
#: The exceptions that decoding a value of another version may raise.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    CodecError,
)


def read_cache(path: str, decode: Callable[[bytes], T]) -> T | None:
    """Return the value of a cache; None if there is no trusted one.

    Args:
        path: the absolute path of the cache.
        decode: returns the value of the content; its exceptions for bad content count as no value.
    """
    with suppress(OSError, *_UNREADABLE):
        size = regular_size(path)
        key = _read_key() if size else b""
        if size and size <= _LIMIT and len(key) == _KEY_BYTES:
            seal, _, content = read_file(path, size).partition(b"\n")
            if seal == _seal(key, path, content):
                return decode(content)
    return None


def write_cache(path: str, content: bytes) -> None:
    """Write a cache; do nothing if the workspace or the home folder cannot be written."""
    with suppress(OSError):
        key = _read_key() or _create_key()
        make_folder(os.path.dirname(path))
        replace_file(path, [_seal(key, path, content), b"\n", content])


def read_json_cache(path: str, decode: Callable[[Any], T]) -> T | None:
    """Return the value of a JSON cache; see `read_cache`."""
    return read_cache(path, lambda content: decode(json.loads(content)))


def write_json_cache(path: str, document: object) -> None:
    """Write a cache as JSON: see `write_cache`."""
    write_cache(path, json.dumps(document).encode())


def is_sealed(path: str) -> bool:
    """Return True if a file is a cache that this user wrote."""
    return read_cache(path, len) is not None


def remove_caches(workspace: Workspace) -> None:
    """Delete every cache of a workspace, for example because texts of sessions were erased."""
    for path in _files(workspace.path(CACHE)):
        remove(path)


def user_folder(environment: Mapping[str, str] = os.environ) -> str:
    """Return the folder of session-codec among the user's own caches."""
    folder = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(folder):  # the XDG specification says to ignore a relative one
        folder = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(folder, "session-codec")


def _files(folder: str) -> Iterator[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_file = entry.is_file(follow_symlinks=False)
            if is_file and not entry.name.startswith(_KEPT_BESIDE):
                yield entry.path


def _seal(key: bytes, path: str, content: bytes) -> bytes:
    digest = hashlib.blake2b(content, key=key, digest_size=32)
    digest.update(b"\0" + os.fsencode(os.path.realpath(path)))
    return digest.hexdigest().encode()


def _read_key() -> bytes:
    """Return the user's key; empty if it does not exist yet."""
    with suppress(FileNotFoundError):
        return read_file(os.path.join(user_folder(), _KEY), _KEY_BYTES)
    return b""


def _create_key() -> bytes:
    """Create the user's key and return it; if processes compete, the first key wins."""
    folder = user_folder()
    os.makedirs(folder, 0o700, exist_ok=True)
    temporary = os.path.join(folder, f".{_KEY}.{os.getpid()}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as f:
            f.write(os.urandom(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, os.path.join(folder, _KEY))
    finally:
        remove(temporary)
    return _read_key()
