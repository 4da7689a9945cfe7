"""Keep values that can be computed again below `.session-codec/cache/`.

1. One rule of trust: a cache is used only if this user wrote it, at this path. Its first line is a
   keyed hash of the path and the content. The key is among the user's own files, never in a
   workspace, so that nothing that a clone brings, another user writes or a disk damages is used.
   git need not be asked who owns the file, which would cost a process.
2. A cache only saves time. One that is missing, not trusted, too large or of another version of
   session-codec reads as None, and one that cannot be written is not written.
3. The hash proves who wrote a value, not that it is current: callers keep what it depends on.
4. Caches that only the user's own folder has need no hash (`diffs.secret_scan_cache`). Two files
   beside the caches are not values: the search index, which SQLite changes in place, and the state
   of a remote's writer, which must outlive the key. They are used unless git tracks them.
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
#: Bytes of the largest cache that is read.
_LIMIT: Final = 64 << 20
_KEY: Final = "cache-key"
_KEY_BYTES: Final = 32
#: Files beside the caches: states, locks, and indexes of archives, which hold no text.
_KEPT_BESIDE: Final = ("sync-", "putting-")
#: What decoding a value of another version may raise.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    CodecError,
)


def read_cache(path: str, decode: Callable[[bytes], T]) -> T | None:
    """Return the value of a cache; None without one to trust.

    Args:
        path: absolute path of the cache.
        decode: makes the value of the content; what it raises for bad content counts as no value.
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
    """Write a cache; a workspace or a home that cannot be written does without."""
    with suppress(OSError):
        key = _read_key() or _create_key()
        make_folder(os.path.dirname(path))
        replace_file(path, [_seal(key, path, content), b"\n", content])


def read_json_cache(path: str, decode: Callable[[Any], T]) -> T | None:
    """Return the value of a cache that is JSON: see `read_cache`."""
    return read_cache(path, lambda content: decode(json.loads(content)))


def write_json_cache(path: str, document: object) -> None:
    """Write a cache as JSON: see `write_cache`."""
    write_cache(path, json.dumps(document).encode())


def is_sealed(path: str) -> bool:
    """Return True if a file is a cache that this user wrote."""
    return read_cache(path, len) is not None


def remove_caches(workspace: Workspace) -> None:
    """Remove every cache of a workspace, for example because texts of sessions were erased."""
    for path in _files(workspace.path(CACHE)):
        remove(path)


def user_folder(environment: Mapping[str, str] = os.environ) -> str:
    """Return the folder of session-codec among the user's own caches."""
    folder = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(folder):  # the specification of XDG says to ignore a relative one
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
    """Return the user's key; empty before its creation."""
    with suppress(FileNotFoundError):
        return read_file(os.path.join(user_folder(), _KEY), _KEY_BYTES)
    return b""


def _create_key() -> bytes:
    """Create the user's key; several processes that create one agree on the first."""
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
