"""Check that local state below `.session-codec/` and `.diffs/` is the user's own.

git ignores local state. So local state that git tracks came with a clone, and local state that
belongs to another user was created by that user.

1. A link in the path of local state is followed only if it is untracked and the user's own.
2. A tracked or foreign journal, staging folder, spool or diff is refused before it is read, moved
   or deleted. A tracked cache is ignored, and so is every other file (a README in `.diffs`).
3. Everything in `pipelines` that writes, renames or deletes local state uses `files`, which calls
   `checked` first.

The hook of an agent imports this module, so it imports nothing that is slow.
"""

from __future__ import annotations

import os
import stat

from pipelines.system.git.worktree import ancestors, git_folders, opened, repository_of

#: The folders of a workspace for local state.
LOCAL = (".session-codec", ".diffs")
#: The beginnings of an index in versions 2 and 3.
_VERSIONS = (b"DIRC\0\0\0\2", b"DIRC\0\0\0\3")
#: The beginnings of extensions of an index that does not list all files: split, and sparse.
_PARTIAL = (b"link\0\0", b"sdir\0\0")
#: Whether git tracks a path, by path and version of git's index: a verb asks repeatedly.
_answers: dict[tuple[str, tuple[int, int]], bool] = {}


def checked(path: str) -> str:
    """Return a path, after checking that its links are untracked and the user's own.

    Every component from `.session-codec` or `.diffs` on is checked, the last one included. Other
    paths are returned unchanged.

    Raises:
        Conflict: a component is a link that is tracked or belongs to another user.
        Denied, Unavailable: git does not answer, so it is unknown whether a link is tracked.
    """
    step, names = _local_part(path)
    for name in names:
        step = os.path.join(step, name)
        try:
            found = os.lstat(step)
        except (FileNotFoundError, NotADirectoryError):
            break
        if stat.S_ISLNK(found.st_mode):
            _refuse(step, found, "a link")
    return path


def refuse_planted(path: str, what: str) -> None:
    """Raise Conflict if local state is tracked or foreign.

    Args:
        path: the path of the state; nothing is refused if it does not exist.
        what: its name in the error, with an article.

    Raises:
        Conflict: it is tracked or foreign.
        Denied, Unavailable: git does not answer, so it is unknown whether it is tracked.
    """
    checked(path)
    if os.path.lexists(path):
        _refuse(path, os.lstat(path), what)


def refuse_linked(path: str, what: str) -> None:
    """Raise Conflict if local state is tracked, foreign, or a link, even the user's own.

    Raises:
        Conflict: it is one of these.
        Denied, Unavailable: git does not answer, so it is unknown whether it is tracked.
    """
    refuse_planted(path, what)
    if os.path.islink(path):
        from pipelines.outcomes.errors import Conflict

        raise Conflict(f"{path}: {what} that is a link; refusing to use it", hint="Remove it")


def is_planted(path: str) -> bool:
    """Return True if an existing file, link or folder is tracked, or belongs to another user.

    Raises:
        Denied, Unavailable: git does not answer.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return _is_foreign(path, found) or _is_tracked(path)


def is_foreign(path: str) -> bool:
    """Return True if an existing file, link or folder belongs to another user."""
    try:
        return _is_foreign(path, os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False


def refuse_committed_diffs(home: str) -> None:
    """Raise Conflict if git tracks diffs, archives or layouts below `.diffs`; git runs once.

    Args:
        home: the folder of `.diffs`.

    Raises:
        Conflict: git tracks some.
        Denied, Unavailable: git does not answer.
    """
    folder = os.path.join(os.path.realpath(home), ".diffs")
    top = repository_of(ancestors(os.path.dirname(folder)))
    if top is None or not os.path.lexists(folder):
        return
    question = (os.path.join(folder, "*"), _index_of(top))
    if question in _answers:
        return
    found = [name for name in _tracked_below(top, folder) if _is_diff(name)]
    if found:
        from codec.shown_text import counted
        from pipelines.outcomes.errors import Conflict

        raise Conflict(
            f"{os.path.join(home, '.diffs')}: git tracks {counted(len(found), 'diff')} "
            f"(first: {found[0]}); refusing to use tracked diffs",
            hint="Diffs are local to a machine: git rm -r --cached .diffs, then commit",
        )
    _answers[question] = False


def _tracked_below(top: str, folder: str) -> list[str]:
    """Return the paths that git tracks below a folder, relative to it."""
    from pipelines.system.git.process import run_git
    from pipelines.system.git.repository import repository_at

    name = os.path.relpath(folder, top).replace(os.sep, "/")
    pathspec = f":(top,literal,icase){name}"
    done = run_git(repository_at(top), "ls-files", "-z", "--", pathspec)
    return [os.fsdecode(path)[len(name) + 1 :] for path in done.stdout.split(b"\0") if path]


def _is_diff(name: str) -> bool:
    """Return True for the names below `.diffs` of diffs, archives and layouts."""
    name = name.lower()  # some file systems ignore case
    return name.endswith((".diff", ".tar.zst")) or name.startswith("v1/")


def _refuse(path: str, found: os.stat_result, what: str) -> None:
    from pipelines.outcomes.errors import Conflict

    if _is_foreign(path, found):
        raise Conflict(
            f"{path}: {what} of another user (uid {found.st_uid}); refusing to use it",
            hint="Remove it, or make it your own with chown",
        )
    if _is_tracked(path):
        name = os.path.join(*_local_part(path)[1])
        raise Conflict(
            f"{path}: {what} that is committed to the repository; refusing to use it",
            hint=f"Local state is never committed: git rm -r --cached {name} && rm -r {name}",
        )


def _local_part(path: str) -> tuple[str, list[str]]:
    """Return a path split before its first component that is a folder of local state."""
    parts = path.split(os.sep)
    at = next((i for i, part in enumerate(parts) if part in LOCAL), len(parts))
    return os.sep.join(parts[:at]) or (os.sep if at else os.curdir), parts[at:]


def _is_foreign(path: str, found: os.stat_result) -> bool:
    """Return True if a file's owner is neither the user nor the owner of a trusted repository.

    git checks the owner of the repository by its own rules (`safe.directory`) whenever it is asked
    what is tracked, and does not answer if it does not trust the owner.
    """
    if os.name == "nt":
        return False
    user = os.geteuid()
    if found.st_uid in (user, 0) or (user == 0 and str(found.st_uid) == os.environ.get("SUDO_UID")):
        return False
    base = _local_part(path)[0]
    return os.stat(base).st_uid != found.st_uid or repository_of(ancestors(base)) is None


def _is_tracked(path: str) -> bool:
    """Return True if git tracks a file or link, or anything in a folder.

    git is not started where its index certainly lacks the name.
    """
    parent = os.path.realpath(os.path.dirname(path) or os.curdir)
    top = repository_of(ancestors(parent))
    if top is None or (_is_in_git(parent, top) and _is_own(path)) or _is_absent(path):
        return False
    question = (path, _index_of(top))
    if question not in _answers:
        from pipelines.system.git.process import is_tracked

        _answers[question] = is_tracked(os.path.join(parent, os.path.basename(path)))
    return _answers[question]


def _is_absent(path: str) -> bool:
    """Return True if git's index certainly has no entry with the name of a path.

    This is certain for an index whose owner need not be checked, and which has all names, each as a
    whole: version 2 or 3, without a shared part, and without folders in place of their files.
    """
    top = repository_of(ancestors(os.path.realpath(os.path.dirname(path) or os.curdir)))
    folders = git_folders(top) if top is not None else None
    if (
        top is None
        or folders is None
        or not all(map(_is_own, (path, top, os.path.join(top, ".git"), *folders)))
    ):
        return False
    index = os.path.join(folders[0], "index")
    try:
        if not _is_own(index):
            return False
        with open(index, "rb", opener=opened) as f:
            data = f.read()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    name = os.fsencode(os.path.basename(path)).lower()
    is_whole = not any(extension in data for extension in _PARTIAL)
    return data.startswith(_VERSIONS) and is_whole and name not in data.lower()


def _is_in_git(folder: str, top: str) -> bool:
    """Return True for git's own folder, in which git never tracks anything."""
    return os.path.relpath(folder, top).split(os.sep)[0] == ".git"


def _is_own(path: str) -> bool:
    """Return True if a file is the user's own, so that git need not check its owner."""
    return os.name != "nt" and os.lstat(path).st_uid == os.geteuid()


def _index_of(top: str) -> tuple[int, int]:
    """Return the identity of the current version of a worktree's index."""
    folders = git_folders(top)
    try:
        found = os.stat(os.path.join(folders[0] if folders else top, "index"))
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
