"""Write safely: replace files as a whole, append whole lines, take one lock per workspace.

1. A replaced file is the old one or the new one, whenever the machine stops: temporary file in
   the same directory, fsync, rename, fsync of the directory.
2. The lock belongs to a process and goes with it; its file stays and means nothing.
3. Local state is not written, renamed or deleted through a link that came with a clone, or that
   another user made: every function that changes a file asks `git.local_state.checked` first.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final

from pipelines.system.git.local_state import checked

#: Bytes of a file that is read into memory: a million sessions fit.
SIZE_LIMIT: Final = 1 << 29
#: The pages of a mapped file up to this size are kept.
KEPT_MAPPED = 1 << 26
_BLOCK = 1 << 20
#: More files than this are synced by one call, which waits for other programs' files as well.
_FEW = 16


def identity(stat: os.stat_result) -> tuple[int, int, int, int]:
    """Return the identity of a file's version: device, inode, size, time of change."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def release(data: mmap.mmap, start: int, size: int) -> None:
    """Release the memory of mapped whole pages; they can be read again.

    Not of a small file: to map its pages again would cost more than they do.
    """
    if len(data) > KEPT_MAPPED and hasattr(data, "madvise"):
        data.madvise(mmap.MADV_DONTNEED, start, size)


def opened(path: str, flags: int) -> int:
    """Open a file, and nothing that could keep a reader waiting or never end: for `open(opener=)`.

    Raises:
        OSError: it is a folder, a pipe or a device.
    """
    fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a file", path)


def opened_small(path: str, flags: int) -> int:
    """Open a file that can be held in memory, as `opened` does.

    Raises:
        OSError: it has more than `SIZE_LIMIT` bytes, or `opened` refuses it.
    """
    fd = opened(path, flags)
    if os.fstat(fd).st_size <= SIZE_LIMIT:
        return fd
    os.close(fd)
    raise OSError(errno.EFBIG, f"larger than {SIZE_LIMIT:,} bytes", path)


def read_bytes(path: str) -> bytes:
    """Return the content of a file, empty if it does not exist.

    Raises:
        OSError: it has more than `SIZE_LIMIT` bytes, or cannot be read.
    """
    try:
        with open(path, "rb", opener=opened_small) as f:
            return f.read()
    except FileNotFoundError:
        return b""


@contextmanager
def mapped(path: str) -> Iterator[mmap.mmap | bytes]:
    """Map a file of which little is read; raises as `read_bytes` does."""
    if not regular_size(path):
        yield b""
        return
    with (
        open(path, "rb", opener=opened_small) as f,
        mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        yield data


def regular_size(path: str) -> int | None:
    """Return the size of a regular file, None for everything else and broken links."""
    try:
        found = os.stat(path)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def read_file(path: str, size: int) -> bytes:
    """Return a file of a known size, and one byte more if it is larger.

    For reading many small files: without the buffers that `open` sets up for each.
    """
    fd = opened(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return _read(fd, size)
    finally:
        os.close(fd)


def _read(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    while len(data) <= size and (more := os.read(fd, size + 1 - len(data))):
        data += more
    return data


def write_new(path: str, data: bytes) -> bool:
    """Write a file that must not be there yet, and tell whether it reads back; not synced."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    fd = os.open(checked(path), flags, 0o666)
    try:
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:] if written else data)
        os.lseek(fd, 0, os.SEEK_SET)
        return _read(fd, len(data)) == data
    finally:
        os.close(fd)


def replace_file(path: str, chunks: Iterable[bytes]) -> None:
    """Put a file in place whole; it keeps the mode of the one it replaces."""
    directory, name = os.path.split(checked(path))
    temporary = os.path.join(directory, f".{name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "xb") as f:
            for chunk in chunks:
                f.write(chunk)
            f.flush()
            os.fsync(f.fileno())
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    sync_directory(directory)


def keep_copy(path: str, copy: str) -> None:
    """Keep the content of a file under a second name, before the file is replaced.

    Without a second copy of the bytes where the file system has hard links: a sparse file of any
    size must not fill the disk.
    """
    try:
        os.link(checked(path), checked(copy), follow_symlinks=False)
    except OSError as e:
        if e.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        with open(path, "rb", opener=opened) as f:
            replace_file(copy, iter(lambda: f.read(_BLOCK), b""))


def keep_file(path: str, data: bytes) -> None:
    """Put a file of a cache in place; a workspace that cannot be written does without."""
    with suppress(OSError):
        make_folder(os.path.dirname(path))
        replace_file(path, [data])


def create(path: str) -> IO[bytes]:
    """Open a file that must not exist yet, for writing."""
    return open(checked(path), "x+b")


def is_file(path: str) -> bool:
    """Return whether a path is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def make_folder(path: str) -> None:
    """Create a folder and those above it, and make the names of the new ones durable."""
    new = []
    folder = checked(path)
    while not os.path.isdir(folder):
        new.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(new):
        with suppress(FileExistsError):
            os.mkdir(folder)
        sync_directory(os.path.dirname(folder))


def move(source: str, target: str) -> None:
    """Rename a file or folder, replacing a file of that name."""
    os.replace(checked(source), checked(target))


def remove(path: str) -> None:
    """Remove a file, if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(checked(path))


def remove_folder(path: str) -> None:
    """Remove a folder with everything in it, if it exists; links in it are not followed."""
    try:
        os.rmdir(checked(path))
    except FileNotFoundError:
        return
    except OSError:  # it is not empty
        import shutil  # with four compressors, for 5 ms

        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def sync_directory(path: str) -> None:
    """Make the names in a directory durable, where the system can."""
    if sys.platform == "win32":
        return
    fd = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(folder: str) -> None:
    """Wait until all of a file system is on its disk.

    `os.sync` would wait for every file system of the machine, and not report an error.
    """
    import ctypes

    fd = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
    finally:
        os.close(fd)


def sync_written(paths: Sequence[str]) -> None:
    """Make the contents of new files durable, many at once where the system supports it.

    Raises:
        OSError: what was written did not reach the disk.
    """
    if sys.platform == "linux" and len(paths) > _FEW:
        folders = {os.path.dirname(path) for path in paths}
        for folder in {os.stat(folder).st_dev: folder for folder in folders}.values():
            _sync_file_system(folder)
        return
    for path in paths:
        with open(path, "rb+") as f:
            os.fsync(f.fileno())
