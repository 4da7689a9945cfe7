"""Write safely: replace files as a whole, append whole lines, use one lock per workspace.

1. A replaced file is the old one or the new one, whenever the machine stops: a temporary file in
   the same directory, fsync, rename, fsync of the directory.
2. The lock belongs to a process and ends with it; the lock file stays and means nothing.
3. Local state is not written, renamed or deleted through a link that came with a clone or belongs
   to another user: every function that changes a file calls `git.local_state.checked` first.
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
from pipelines.system.git.worktree import opened

#: The largest file that is read into memory; a million sessions fit.
SIZE_LIMIT: Final = 1 << 29
#: The size up to which the pages of a mapped file stay in memory.
KEPT_MAPPED = 1 << 26
_BLOCK = 1 << 20
#: More files than this are synced by one call, which also waits for files of other programs.
_FEW = 16


def identity(stat: os.stat_result) -> tuple[int, int, int, int]:
    """Return the device, inode, size and change time of a file, which identify its version."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def release(data: mmap.mmap, start: int, size: int) -> None:
    """Release the memory of whole mapped pages, which can be read again.

    Pages of a small file are kept: mapping them again would take longer than it saves memory.
    """
    if len(data) > KEPT_MAPPED and hasattr(data, "madvise"):
        data.madvise(mmap.MADV_DONTNEED, start, size)


def opened_small(path: str, flags: int) -> int:
    """Open a file like `opened`, if it is small enough for memory.

    Raises:
        OSError: it has more than `SIZE_LIMIT` bytes, or `opened` cannot open it.
    """
    fd = opened(path, flags)
    if os.fstat(fd).st_size <= SIZE_LIMIT:
        return fd
    os.close(fd)
    raise OSError(errno.EFBIG, f"larger than {SIZE_LIMIT:,} bytes", path)


def read_bytes(path: str) -> bytes:
    """Return the content of a file; empty if it does not exist.

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
    """Return a mapped file, for reading parts of it; raises the errors of `read_bytes`."""
    if not regular_size(path):
        yield b""
        return
    with (
        open(path, "rb", opener=opened_small) as f,
        mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        yield data


def regular_size(path: str) -> int | None:
    """Return the size of a regular file; None for everything else and for broken links."""
    try:
        found = os.stat(path)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def read_file(path: str, size: int) -> bytes:
    """Return the content of a file of a known size, with one byte more if it is larger.

    It reads many small files quickly, without the buffers that `open` creates for each.
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
    """Write a file that must not exist; return True if it reads back. It is not synced."""
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
    """Replace a file as a whole; the new file has the mode of the old one."""
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
    except BaseException as e:
        remove(temporary)
        if isinstance(e, OSError) and e.filename == temporary:
            e.filename = path  # the name that the caller knows
        raise
    sync_directory(directory)


def keep_copy(path: str, copy: str) -> None:
    """Keep the content of a file under a second name, before the file is replaced.

    On file systems with hard links the bytes are not copied: a sparse file of any size must not
    fill the disk.
    """
    try:
        os.link(checked(path), checked(copy), follow_symlinks=False)
    except OSError as e:
        if e.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        with open(path, "rb", opener=opened) as f:
            replace_file(copy, iter(lambda: f.read(_BLOCK), b""))


def keep_file(path: str, data: bytes) -> None:
    """Write a cache file as a whole; do nothing if the workspace cannot be written."""
    with suppress(OSError):
        make_folder(os.path.dirname(path))
        replace_file(path, [data])


def create(path: str) -> IO[bytes]:
    """Return a file that must not exist yet, opened for writing."""
    return open(checked(path), "x+b")


def is_file(path: str) -> bool:
    """Return True if a path is a regular file, not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def make_folder(path: str) -> None:
    """Create a folder and the folders above it, and make their names durable."""
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
    """Rename a file or folder; an existing file with the new name is replaced."""
    os.replace(checked(source), checked(target))


def remove(path: str) -> None:
    """Delete a file, if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(checked(path))


def remove_folder(path: str) -> None:
    """Delete a folder with everything in it, if it exists; links in it are not followed."""
    try:
        os.rmdir(checked(path))
    except FileNotFoundError:
        return
    except OSError:  # it is not empty
        import shutil  # importing it, and four compressors, takes 5 ms

        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def sync_directory(path: str) -> None:
    """Make the names in a directory durable, if the system can."""
    if sys.platform == "win32":
        return
    fd = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(folder: str) -> None:
    """Wait until a file system is completely on its disk.

    `os.sync` would wait for all file systems of the machine, and would not report errors.
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
    """Make the contents of new files durable, many at once if the system supports it.

    Raises:
        OSError: the content did not reach the disk.
    """
    if sys.platform == "linux" and len(paths) > _FEW:
        folders = {os.path.dirname(path) for path in paths}
        for folder in {os.stat(folder).st_dev: folder for folder in folders}.values():
            _sync_file_system(folder)
        return
    for path in paths:
        with open(path, "rb+") as f:
            os.fsync(f.fileno())
