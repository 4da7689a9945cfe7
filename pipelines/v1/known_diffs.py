"""Find the stored diffs of migrated sessions.

A migration needs this for each known session, so a name and a size decide if possible; contents are
read only if several sessions have the same time.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter

from codec.kinds import Key
from codec.records import PatchRef, Session
from pipelines.diffs.store import Store
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest


class KnownDiffs:
    """The stored diffs of a workspace, at the time when this is created."""

    def __init__(self, workspace: Workspace, manifest: Manifest) -> None:
        self._folder = workspace.diffs
        self._sessions = manifest.sessions
        self._store = Store(workspace)
        self._loose = self._store.loose_names()
        self._archived = self._store.archived_keys()
        diffs = {(s.time, s.patch) for s in manifest.every_session() if s.patch}
        self._times = Counter(time for time, _ in diffs)

    def foreign(self) -> set[str]:
        """Return the names of loose diffs that belong to no session."""
        return self._loose - {name for key in self._sessions for name in names_of(key)}

    def has(self, key: Key, patch: PatchRef) -> bool:
        """Return True if a diff is stored here under any name, by its hash."""
        return self._store.has(key, patch)

    def is_here(self, session: Session, patch: PatchRef) -> bool:
        """Return True if the diff of a known session is stored here.

        A name and a size decide, unless several sessions share the time: then only the hash does,
        because a merge may have given one of them the key of another.
        """
        if self._times[session.time] > 1:
            return self.has(session.key, patch)
        if session.key in self._archived:
            return True
        named = self._loose.intersection(names_of(session.key))
        paths = (os.path.join(self._folder, name) for name in named)
        if any(os.path.getsize(path) == patch.size for path in paths):
            return True
        return bool(self._store.names_near(session.key)) and self.has(session.key, patch)

    def has_named(self, key: Key, patch: PatchRef | None) -> bool:
        """Return True if the loose diff with the name of a key has this content."""
        for name in names_of(key):
            if name in self._loose and patch is not None:
                with open(os.path.join(self._folder, name), "rb") as f:
                    return hashlib.sha256(f.read()).hexdigest() == patch.sha256
        return False
