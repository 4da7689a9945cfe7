"""The pending store: sessions that no commit has yet, outside of the tracked files.

    GIT_COMMON_DIR/.session-codec/pending/WORKSPACE/facts.jsonl
    GIT_COMMON_DIR/.session-codec/pending/WORKSPACE/patches/SHA256.diff

1. All worktrees of a repository share the store. WORKSPACE is a hash of the workspace's folder
   relative to the top of its worktree, so that several workspaces in one repository have different
   stores.
2. Without git, and if git's folder cannot be written (in the sandbox of an agent), the same files
   are below `.session-codec/pending/` of the workspace. Readers read both places; `gather` moves
   sessions to git's folder once it can be written.
3. `put` returns when facts and patches are durable. Patches are written before the facts that name
   them. An incomplete last line is removed by the next `put`: its writer was interrupted, and
   writes the session again.
4. Facts are the lines of the manifest: sessions and revisions. A later change of a session is a
   `Revision` of it.
5. Readers take no lock: a line is appended as a whole, and a file is replaced as a whole. They
   read the store before the tracked files, because a session leaves the store after it is
   written there.
6. Local state is trusted by the rules of `git.local_state`: a store that git tracks or that
   belongs to another user is refused. git never writes below `.git/.session-codec`, so nothing
   there is tracked.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from codec.kinds import Sha256, sha256_of
from pipelines.system.fs.files import (
    make_folder,
    move,
    opened_small,
    read_bytes,
    regular_size,
    remove,
    remove_folder,
    replace_file,
    sync_directory,
    sync_written,
    write_new,
)
from pipelines.system.fs.locks import locked
from pipelines.system.git.local_state import checked, refuse_planted
from pipelines.system.git.worktree import git_folders

if TYPE_CHECKING:
    from codec.manifest.facts import Revision
    from codec.records import Session
    from pipelines.workspace.location import Workspace

FOLDER: Final = os.path.join(".session-codec", "pending")
FACTS: Final = "facts.jsonl"
PATCHES: Final = "patches"
_WHAT: Final = "a store of pending sessions"
_NAME_DIGITS: Final = 16
#: The errors for a folder that this process may not write.
_READ_ONLY: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


def folders(workspace: Workspace) -> list[str]:
    """Return the folders of a workspace's stores, in reading order.

    New sessions are written to the last one, to which sessions move from the first.
    """
    local = workspace.path(FOLDER)
    shared = shared_folder(workspace)
    return [local] if shared is None else [local, shared]


def shared_folder(workspace: Workspace) -> str | None:
    """Return the folder of the store that all worktrees share; None outside of git."""
    if workspace.repository is None:
        return None
    found = git_folders(workspace.repository)
    if found is None or not os.path.isdir(found[1]):
        return None
    real = os.path.realpath
    inside = os.path.relpath(real(workspace.root), real(workspace.repository))
    name = sha256_of(os.fsencode(inside))[:_NAME_DIGITS]
    return os.path.join(found[1], FOLDER, name)


def read_lines(workspace: Workspace) -> list[bytes]:
    """Return the lines of the pending facts, with their line ends, each once, in order.

    Raises:
        Conflict: a store is tracked by git, or belongs to another user.
    """
    found = [line for folder in folders(workspace) for line in lines_in(folder)]
    return list(dict.fromkeys(found))


def version(workspace: Workspace) -> tuple[tuple[int, int, int], ...]:
    """Return a value that changes with the pending facts: inode, size and time of their files."""
    return tuple(_version(os.path.join(folder, FACTS)) for folder in folders(workspace))


def put(
    workspace: Workspace,
    facts: Iterable[Session | Revision],
    patches: Iterable[bytes] = (),
) -> None:
    """Add facts and their patches to the store; return when they are durable.

    Equal facts are added once. To change a pending session, put a `Revision` of it.

    Args:
        workspace: the workspace of the sessions.
        facts: the sessions and revisions.
        patches: the bytes of the patches; the hash of the bytes is their name.

    Raises:
        Conflict: the store is tracked by git, or belongs to another user.
        WorkspaceLocked: another process was writing to the store for too long.
        OSError: neither place can be written.
    """
    from codec.manifest.jsonl import encode_fact

    lines = [f"{encode_fact(fact)}\n".encode() for fact in facts]
    named = {sha256_of(data): data for data in patches}
    if lines or named:
        _in_writable(workspace, lambda folder: _add(folder, lines, named))


def read_patch(workspace: Workspace, sha256: Sha256, size: int) -> bytes | None:
    """Return a patch of the store; None if it is missing or damaged."""
    for folder in folders(workspace):
        path = _patch_path(folder, sha256)
        if regular_size(path) == size:
            refuse_planted(folder, _WHAT)
            data = read_bytes(path)
            if sha256_of(data) == sha256:
                return data
    return None


def patch_files(workspace: Workspace) -> dict[str, list[str]]:
    """Return the paths of all patch files in the stores, by the SHA-256 in their names."""
    found: dict[str, list[str]] = {}
    for folder in folders(workspace):
        for name in _names_in(os.path.join(folder, PATCHES)):
            path = os.path.join(folder, PATCHES, name)
            found.setdefault(name.removesuffix(".diff"), []).append(path)
    return found


def rewrite(workspace: Workspace, keep: Callable[[bytes], bytes | None]) -> None:
    """Replace or remove lines of the stores, then remove the patches that no line names.

    Args:
        workspace: the workspace of the stores.
        keep: returns the new line; None to remove it.

    Raises:
        Conflict: a store is tracked by git, or belongs to another user.
        WorkspaceLocked: another process was writing to a store for too long.
    """
    for folder in folders(workspace):
        if not os.path.exists(os.path.join(folder, FACTS)):
            continue
        with _locked(folder):
            lines = lines_in(folder)
            left = [new for line in lines if (new := keep(line)) is not None]
            if left != lines:
                replace_file(os.path.join(folder, FACTS), left)
            if left:
                _remove_unnamed(folder, b"".join(left))
            else:
                remove_folder(folder)


def gather(workspace: Workspace) -> None:
    """Move sessions from the workspace's folder to git's folder, if it can be written."""
    local = workspace.path(FOLDER)
    shared = shared_folder(workspace)
    if shared is None or not os.path.exists(os.path.join(local, FACTS)):
        return
    with _locked(local):
        lines = lines_in(local)
        names = _names_in(os.path.join(local, PATCHES))
        named = {
            Sha256(n.removesuffix(".diff")): read_bytes(os.path.join(local, PATCHES, n))
            for n in names
        }
        try:
            _add(shared, lines, named)
        except OSError as e:
            if e.errno in _READ_ONLY:
                return
            raise
        remove_folder(local)


def _in_writable(workspace: Workspace, write: Callable[[str], None]) -> None:
    """Write to the store in git's folder; if that is read-only, to that of the workspace."""
    local = workspace.path(FOLDER)
    shared = shared_folder(workspace)
    if shared is not None:
        try:
            write(shared)
        except OSError as e:
            if e.errno not in _READ_ONLY:
                raise
        else:
            return
    make_folder(local)
    ignore = os.path.join(local, ".gitignore")
    if not os.path.exists(ignore):  # an older workspace does not ignore the folder yet
        replace_file(ignore, [b"*\n"])
    write(local)


def _add(folder: str, lines: Iterable[bytes], patches: Mapping[Sha256, bytes]) -> None:
    """Add lines and patches, by hash, to a store."""
    with _locked(folder):
        _add_patches(folder, patches)
        present = set(lines_in(folder))
        new = b"".join(line for line in dict.fromkeys(lines) if line not in present)
        if new:
            _append(os.path.join(folder, FACTS), new)


def _add_patches(folder: str, patches: Mapping[Sha256, bytes]) -> None:
    """Write the missing patches of a store: all contents are durable before the first name."""
    targets = {_patch_path(folder, sha256): data for sha256, data in patches.items()}
    new = {p: d for p, d in targets.items() if regular_size(p) != len(d) or read_bytes(p) != d}
    if not new:
        return
    place = os.path.join(folder, PATCHES)
    make_folder(place)
    for path, data in new.items():
        remove(f"{path}.tmp")
        write_new(f"{path}.tmp", data)
    sync_written([f"{path}.tmp" for path in new])
    for path in new:
        move(f"{path}.tmp", path)
    sync_directory(place)


def _append(path: str, data: bytes) -> None:
    """Append whole lines to a file after removing an incomplete last line, and sync it."""
    is_new = not os.path.exists(path)
    with open(checked(path), "ab+", opener=opened_small) as f:
        f.seek(0)
        held = f.read()
        f.truncate(held.rfind(b"\n") + 1)
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    if is_new:
        sync_directory(os.path.dirname(path))


def _remove_unnamed(folder: str, facts: bytes) -> None:
    """Delete the patches of a store that its facts do not name."""
    for name in _names_in(os.path.join(folder, PATCHES)):
        if name.partition(".")[0].encode() not in facts:
            remove(os.path.join(folder, PATCHES, name))


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold the lock of a store. Create its folder, but refuse a folder that another user owns.

    The lock is not in the folder, which is deleted when nothing is pending. The lock of a
    workspace's own store is among the caches, which git ignores.
    """
    above, name = os.path.split(folder)
    if name == os.path.basename(FOLDER):
        above = os.path.join(above, "cache")
    with locked(os.path.join(above, f"{name}.lock")):
        make_folder(folder)
        refuse_planted(folder, _WHAT)
        yield


def lines_in(folder: str) -> list[bytes]:
    """Return the complete lines of the store in a folder."""
    path = os.path.join(folder, FACTS)
    if not os.path.lexists(path):
        return []
    refuse_planted(folder, _WHAT)
    data = read_bytes(checked(path))
    return data[: data.rfind(b"\n") + 1].splitlines(keepends=True)


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(checked(folder)))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _patch_path(folder: str, sha256: Sha256) -> str:
    return os.path.join(folder, PATCHES, f"{sha256}.diff")


def _version(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
