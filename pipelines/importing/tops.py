"""Convert the paths of edited files to paths in the repository.

1. The path of a file in an existing or listed worktree is relative to the worktree.
2. The top of a folder that is gone is found by its files: below it, most of them have the path of a
   file of the repository. Of several such folders, the nearest to the session counts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from pipelines.importing.belonging import is_below


class Tops:
    """The worktrees of a session.

    Args:
        listed: the worktrees of the repository.
        folders: the folders in which the session worked; it began in the first.
        paths: the absolute paths of the files that it edited.
        known: the paths of the repository's files.
    """

    def __init__(
        self,
        listed: Sequence[str],
        folders: Sequence[str],
        paths: Collection[str],
        known: Collection[str],
    ) -> None:
        self._tops = list(listed)
        gone = [f for f in dict.fromkeys(folders) if not any(is_below(f, t) for t in listed)]
        if gone:
            outer = self._best(_and_above(gone[0]), paths, known) or gone[0]
            self._tops.append(outer)
            self._tops += [f for f in gone[1:] if not is_below(f, outer)]
        for folder in folders:  # a worktree may be inside of another one
            above = self._top_of(folder)
            if above and above != folder:
                inside = [p for p in paths if is_below(p, folder)]
                if _hits(folder, inside, known) > _hits(above, inside, known):
                    self._tops.append(folder)

    def relative(self, path: str) -> str | None:
        """Return the path of a file in the repository; None if it is outside."""
        if not os.path.isabs(path):
            return None if path.startswith("../") or path in {"", ".", ".."} else path
        top = self._top_of(path)
        if top is None:
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            top = self._top_of(real)
            path = real
        if top is None or path == top:
            return None
        name = path[len(top.rstrip("/")) + 1 :]
        return None if name.startswith(".git/") else name

    def _top_of(self, path: str) -> str | None:
        return max((t for t in self._tops if is_below(path, t)), key=len, default=None)

    @staticmethod
    def _best(
        candidates: Iterable[str], paths: Collection[str], known: Collection[str]
    ) -> str | None:
        found = [(n, c) for c in candidates if (n := _hits(c, paths, known))]
        return max(found, key=lambda item: (item[0], len(item[1])))[1] if found else None


def _hits(top: str, paths: Iterable[str], known: Collection[str]) -> int:
    """Return the number of paths that are files of the repository, relative to a top."""
    return sum(is_below(p, top) and p[len(top) + 1 :] in known for p in paths)


def _and_above(folder: str) -> list[str]:
    """Return a folder and the folders above it, except the root of the file system."""
    found = [folder]
    while (above := os.path.dirname(found[-1])) not in {found[-1], "/"}:
        found.append(above)
    return found
