"""The plan of a migration, which only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codec.kinds import Key
from codec.manifest.facts import V1Version
from codec.merge.key_conflicts import Settled
from codec.records import PatchRef, Session
from codec.v1.layout import StoredPatch
from pipelines.outcomes.findings import Finding
from pipelines.v1.new_sessions import Added
from pipelines.v1.reader import ReadLog
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.transaction import Append, Replace


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPlan:
    """The parts of one log to store.

    Attributes:
        log: the log, as it was read.
        version: the fact to record; None if the manifest has it.
        stored: its layout is stored already.
    """

    log: ReadLog
    version: V1Version | None
    stored: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that a migration will write.

    Attributes:
        workspace, manifest: the workspace and its manifest when the plan was made.
        logs: the parts of each log to store.
        added: new sessions, oldest first.
        restored: known sessions whose diffs are missing locally and are in a log.
        updated: known sessions whose entries changed, before and after.
        changed: those of them that get another diff.
        stored: the patch of each entry that is or will be stored, by entry hash.
        appends: the lines to append to the tracked files, in order.
        replaces: the tracked files to rewrite, before appending.
        skipped: logs without content: unchanged stubs.
        findings: the findings.
    """

    workspace: Workspace
    manifest: Manifest
    logs: list[LogPlan]
    added: list[Added]
    restored: list[Added]
    updated: list[Settled]
    changed: list[Added]
    stored: Mapping[str, StoredPatch]
    appends: list[Append]
    replaces: list[Replace]
    skipped: list[str]
    findings: list[Finding]

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to write."""
        layouts = any(p.version or not p.stored for p in self.logs)
        diffs = self.added or self.restored or self.changed
        return not (diffs or self.appends or self.replaces or layouts)

    def sessions(self) -> list[Session]:
        """Return all sessions of the workspace after the migration."""
        known = {**self.manifest.sessions, **{p.becomes.key: p.becomes for p in self.updated}}
        return [*known.values(), *(a.session for a in self.added)]

    def with_diffs(self) -> list[Added]:
        """Return the sessions whose diffs will be written, without purged ones."""
        purged = self.manifest.purged
        every = (*self.added, *self.restored, *self.changed)
        return [a for a in every if a.found.patch and a.found.patch.sha256 not in purged]

    def purged(self) -> dict[PatchRef, Key]:
        """Return the purged diffs that a log may contain, and the key of a session for each."""
        return {**self.manifest.purged_patches(), **again_purged(self.manifest, self.added)}

    def tracked(self) -> list[str]:
        """Return the tracked files that will be written, each once."""
        paths = [*(r.path for r in self.replaces), *(a.path for a in self.appends)]
        return list(dict.fromkeys(paths))

    def versions(self) -> list[V1Version]:
        """Return all versions of logs after the migration."""
        return [*self.manifest.versions, *(p.version for p in self.logs if p.version)]


def again_purged(manifest: Manifest, added: list[Added]) -> dict[PatchRef, Key]:
    """Return the purged diffs that new sessions have again, and the keys of these sessions."""
    return {
        a.found.patch: a.session.key
        for a in added
        if a.found.patch is not None and a.found.patch.sha256 in manifest.purged
    }


def purged_findings(manifest: Manifest, added: list[Added]) -> list[Finding]:
    """Return findings on new sessions whose diffs were purged before and are not stored again."""
    return [
        Finding(
            code="purged-again",
            message="has the same diff as a purged session; it is not stored again",
            key=key,
        )
        for key in again_purged(manifest, added).values()
    ]
