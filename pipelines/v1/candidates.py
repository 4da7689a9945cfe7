"""Find v1 logs with other names in a folder, so that a user can select one with `--from`.

1. A file is a log if its sessions can be recognized; its name does not matter.
2. Change logs have dated headings, too; they are excluded by name, and so is output of other verbs.
3. The search is limited: by depth, by the number of files, and by the size of each.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from codec.errors import CodecError
from pipelines.v1.entries import dialects_of
from pipelines.workspace.location import PROGRESS, V1_LOG, Workspace

_ENDINGS: Final = (".md", ".markdown", ".txt")
_DEPTH: Final = 4
_FILES: Final = 2000
_READ: Final = 1 << 18
#: A folder with this many logs is suggested as a whole.
_MANY: Final = 4
_SKIPPED: Final = frozenset({
    "node_modules", "vendor", "third_party", "venv", "site-packages", "build", "dist", "target",
    "fixtures", "testdata", ".git", ".hg", ".svn", ".diffs", ".session-codec", ".venv", ".tox",
    ".nox", ".cache", ".mypy_cache", ".pytest_cache",
})  # fmt: skip
_CHANGES = re.compile(
    r"change(?:s|log|_log|-log)|history|news|releases?(?:[-_]?notes)?", re.IGNORECASE
)
_DATED = re.compile(
    rb"(?m)^[ \t]{0,3}(?:#{1,6}|[-*|>]|\[)?[^\n]{0,60}\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
)


def other_logs(workspace: Workspace) -> list[str]:
    """Return the logs with other names than `AGENT_PROGRESS_LOG.md`, relative to the workspace."""
    return [name for name in _texts(workspace.root) if _is_log(workspace.path(name), name)]


def migrate_commands(workspace: Workspace, logs: Sequence[str]) -> list[str]:
    """Return the commands that migrate logs: one per folder with many logs, else one per log."""
    folders = Counter(posixpath.dirname(log) for log in logs)
    sources = dict.fromkeys(
        f"{folder}/" if folder and folders[folder] >= _MANY else log
        for log in logs
        for folder in [posixpath.dirname(log)]
    )
    place = (
        [] if os.path.realpath(os.curdir) == os.path.realpath(workspace.root) else [workspace.root]
    )
    return [shlex.join(["session-codec", "migrate", *place, "--from", s]) for s in sources]


def _texts(root: str) -> Iterator[str]:
    """Yield the Markdown and text files that may be logs, by name and place."""
    left = _FILES
    for at, folders, names in os.walk(root):
        below = os.path.relpath(at, root)
        depth = 0 if below == os.curdir else below.count(os.sep) + 1
        folders[:] = sorted(n for n in folders if n not in _SKIPPED) if depth < _DEPTH else []
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            is_known = name in (V1_LOG, PROGRESS) or _CHANGES.fullmatch(stem)
            if ending.lower() in _ENDINGS and not is_known:
                left -= 1
                if left < 0:
                    return
                yield os.path.normpath(os.path.join(below, name)).replace(os.sep, "/")


def _is_log(path: str, name: str) -> bool:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with open(path, "rb") as f:
            data = f.read(_READ)
    except OSError:  # a file that cannot be read cannot be suggested
        return False
    if not _DATED.search(data):
        return False
    try:
        dialects_of(data, name, dialect="", pattern="")
    except CodecError:
        return False
    return True
