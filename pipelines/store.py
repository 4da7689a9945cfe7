"""From a key to the bytes of its diff, wherever they are.

No verb knows where a diff is stored. Looked at in this order: loose in `.diffs`, made again by git
from the commits that it was recorded from.
"""

from __future__ import annotations

import hashlib
import os

from codec.errors import IntegrityError
from codec.records import PatchRef
from codec.v2_progress import diff_name
from pipelines.errors import NotFound
from pipelines.files import read_file
from pipelines.workspace import Workspace

#: Whether this machine's file systems take `:` in a name.
COLONS = os.name != "nt"


class Store:
    """The diffs of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def loose_names(self) -> set[str]:
        """The names of all loose diffs."""
        try:
            with os.scandir(self._workspace.diffs) as entries:
                return {e.name for e in entries if e.name.endswith(".diff")}
        except FileNotFoundError:
            return set()

    def read(self, key: str, patch: PatchRef, commits: str = "") -> bytes:
        """The bytes of a diff.

        Args:
            key: of its session.
            patch: what it must hold.
            commits: the session's range, from which git makes the diff again.

        Raises:
            NotFound: it is not stored on this machine.
            IntegrityError: what is stored is not what was recorded.
        """
        for name in names_of(key):
            try:
                data = read_file(os.path.join(self._workspace.diffs, name), patch.size)
            except FileNotFoundError:
                continue
            if len(data) != patch.size or hashlib.sha256(data).hexdigest() != patch.sha256:
                raise IntegrityError(
                    f"is not the diff that was recorded for {key}: SHA-256 or size differ",
                    file=f".diffs/{name}",
                    hint="Restore it from a backup, or remove it and run migrate with the v1 log",
                )
            return data
        if commits and self._workspace.repository:
            from pipelines.git import patch_of

            data = patch_of(self._workspace, commits)
            if hashlib.sha256(data).hexdigest() == patch.sha256:
                return data
        raise NotFound(
            f"the diff of {key} is not stored on this machine",
            hint="Diffs are local to a clone: look where the log was migrated",
        )


def names_of(key: str) -> tuple[str, ...]:
    """The file names under which a key's diff may be found; the first is how it is written."""
    plain, safe = diff_name(key), diff_name(key, colons=False)
    if plain == safe:
        return (plain,)
    return (plain, safe) if COLONS else (safe, plain)
