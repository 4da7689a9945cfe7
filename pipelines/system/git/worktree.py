"""Read git's own files without running git: the place of a worktree, and its HEAD.

Every hook loads this module, and must not take longer than the start of an interpreter, so it
imports nothing that is slow.
"""

from __future__ import annotations

import errno
import os
import stat

_HASHES = (40, 64)


def opened(path: str, flags: int) -> int:
    """Open a file, but refuse pipes and devices, which could block; for `open(opener=)`.

    Raises:
        OSError: it is a folder, a pipe or a device.
    """
    fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a file", path)


def ancestors(folder: str) -> list[str]:
    """Return a folder and the folders that contain it, the nearest first."""
    found = [folder]
    while (parent := os.path.dirname(found[-1])) != found[-1]:
        found.append(parent)
    return found


def repository_of(folders: list[str]) -> str | None:
    """Return the first of the folders that is a git worktree; None if no folder is."""
    return next((f for f in folders if os.path.exists(os.path.join(f, ".git"))), None)


def git_folders(repository: str) -> tuple[str, str] | None:
    """Return the git folder of a worktree and the shared one; None if it is not a worktree.

    The `.git` of a linked worktree is a file that names its folder in the main `.git`, which names
    the common folder in turn. Return None if these cannot be read.
    """
    git = os.path.join(repository, ".git")
    if os.path.isdir(git):
        return git, git
    try:
        with open(git, "rb", opener=opened) as f:
            line = os.fsdecode(f.read()).strip()
        named = line.removeprefix("gitdir:").strip()
        # A relative name is relative to the real place of the file.
        folder = os.path.normpath(named if os.path.isabs(named) else _beside(git, named))
    except (OSError, ValueError):
        return None
    if "\0" in folder:
        return None
    try:
        with open(os.path.join(folder, "commondir"), "rb", opener=opened) as f:
            return folder, os.path.normpath(os.path.join(folder, os.fsdecode(f.read()).strip()))
    except (OSError, ValueError):
        return folder, folder  # a submodule: its `.git` file names a repository of its own


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(os.path.realpath(path)), name)


def is_own(path: str) -> bool:
    """Return True if a path belongs to this user, by git's rule; root may act for `SUDO_UID`."""
    if os.name == "nt":
        return False
    try:
        owner = os.lstat(path).st_uid
    except (OSError, ValueError):  # a path with a NUL is a ValueError
        return True  # git reports that it cannot be read
    user = os.geteuid()
    if user == 0 and owner != 0 and os.environ.get("SUDO_UID", "").isdecimal():
        user = int(os.environ["SUDO_UID"])
    return owner == user


def is_own_repository(top: str) -> bool:
    """Return True if a worktree and its git folder belong to this user, so that git trusts them."""
    git = os.path.join(top, ".git")
    folders = git_folders(top)
    return all(is_own(path) for path in (top, git, *(folders[:1] if folders else ())))


def main_worktree(repository: str) -> str | None:
    """Return the main worktree of a linked one; None for a main worktree or a bare repository."""
    folders = git_folders(repository)
    if folders is None or folders[0] == folders[1]:
        return None
    common = folders[1]
    return os.path.dirname(common) if os.path.basename(common) == ".git" else None


def home_of(root: str, repository: str | None) -> str:
    """Return the folder that all worktrees of a workspace share: that of the main `.diffs`."""
    main = main_worktree(repository) if repository else None
    home = os.path.join(main, os.path.relpath(root, repository)) if main and repository else root
    return os.path.normpath(home)


def head_of(repository: str) -> tuple[str, str]:
    """Return the commit of HEAD, and its branch; each is empty if unknown.

    The commit is unknown if references are stored in a table (`reftable`).
    """
    folders = git_folders(repository)
    if folders is None:
        return "", ""
    own, common = folders
    head = _line(os.path.join(own, "HEAD"))
    if not head.startswith("ref: "):
        return _hash(head), ""
    name = head.removeprefix("ref: ").strip()
    if ".." in name or not name.startswith("refs/"):
        return "", ""
    commit = _hash(_line(os.path.join(common, name))) or _packed(common, name)
    return commit, name.removeprefix("refs/heads/")


def _line(path: str) -> str:
    try:
        with open(path, "rb", opener=opened) as f:
            return os.fsdecode(f.readline()).strip()
    except (OSError, ValueError):
        return ""


def _hash(text: str) -> str:
    known = len(text) in _HASHES and all(c in "0123456789abcdef" for c in text)
    return text if known else ""


def _packed(common: str, name: str) -> str:
    """Return the commit of a reference in `packed-refs`, whose lines are a hash and a name."""
    try:
        with open(os.path.join(common, "packed-refs"), "rb", opener=opened) as f:
            refs = f.read()
    except OSError:
        return ""
    end = refs.find(b" " + os.fsencode(name) + b"\n")
    return _hash(os.fsdecode(refs[refs.rfind(b"\n", 0, max(end, 0)) + 1 : end])) if end > 0 else ""
