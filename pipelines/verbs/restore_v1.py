"""Restore a v1 log, byte for byte.

1. The result is a version that was migrated: the whole is checked by length and SHA-256 before its
   first byte is written, so that an incomplete or wrong log is never written.
2. Diffs come from wherever the store finds them, and from a copy if one is named.
3. In place of a purged diff, the log has a line that marks the gap; everything else is checked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from codec.manifest.facts import V1Version
from codec.shown_text import counted
from codec.v1.layout import StoredPatch
from codec.v1.stub import is_bare_stub
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.outcomes.findings import Finding
from pipelines.system.fs.files import read_bytes, replace_file
from pipelines.v1.layouts import Copy, log_pieces
from pipelines.workspace.location import V1_LOG, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The log to restore, and its target.

    Attributes:
        workspace: the workspace of the log.
        version: the version of the log.
        output: the file to write; None to return the bytes to the caller.
        copy: the copy to search for parts that are missing locally.
        gaps: the purged diffs that were missing when the log was checked.
    """

    workspace: Workspace
    version: V1Version
    output: str | None
    copy: Copy | None = None
    gaps: list[StoredPatch] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """Return a finding on each gap in the restored log."""
        return [
            Finding(
                code="gap",
                message=f"lacks the diff of {part.key}, which was purged; one line marks the gap",
                file=self.version.source,
                key=part.key,
            )
            for part in self.gaps
        ]


def plan(
    workspace: Workspace,
    *,
    source: str | None = None,
    version: str | None = None,
    output: str | None = None,
    copy: Copy | None = None,
) -> Plan:
    """Return the plan: the version to restore, and its target.

    Args:
        workspace: the workspace of the log.
        source: the path of the log, relative to the workspace; needed if there are several.
        version: the SHA-256 of the version, or a prefix of it; by default the retired one, else the
            last.
        output: the absolute path of the file to write.
        copy: a copy to search for diffs and layouts that are missing locally.

    Raises:
        NotFound: no such log or version was migrated.
        Conflict: several match, or the file to write has content that is stored nowhere else.
    """
    manifest = read_manifest(workspace)
    if output is not None:
        _check_replaceable(manifest, output)
    name = _source(manifest, source, version)
    if version is None:
        chosen = manifest.retired_version(name) or manifest.newest(name)
        assert chosen is not None
        return Plan(workspace=workspace, version=chosen, output=output, copy=copy)
    fitting = {
        v.sha256: v
        for v in manifest.versions
        if v.sha256.startswith(version.lower()) and v.source == name
    }
    if len(fitting) != 1:
        known = ", ".join(sorted({v.sha256[:12] for v in manifest.versions if v.source == name}))
        count = counted(len(fitting), "version") if fitting else "no versions"
        raise (Conflict if fitting else NotFound)(
            f"{count} of {name} begin with {version}",
            hint=f"Known versions: {known}",
        )
    chosen = next(iter(fitting.values()))
    return Plan(workspace=workspace, version=chosen, output=output, copy=copy)


def apply(made: Plan) -> Iterator[bytes]:
    """Check the whole log, then write it to the plan's file, or yield its bytes.

    Raises:
        NotFound: its layout or one of its diffs is not stored on this machine.
        IntegrityError: stored bytes differ from the record.
    """
    for _ in log_pieces(made.workspace, made.version, made.copy, made.gaps):
        pass
    pieces = log_pieces(made.workspace, made.version, made.copy, gaps=[])
    if made.output is None:
        return pieces
    replace_file(made.output, pieces)
    return iter(())


def _check_replaceable(manifest: Manifest, output: str) -> None:
    """Raise Conflict unless a file is an unchanged stub or a migrated version."""
    if not os.path.exists(output):
        return
    data = read_bytes(output)
    seen = {v.sha256 for v in manifest.versions}
    if data and not is_bare_stub(data) and hashlib.sha256(data).hexdigest() not in seen:
        raise Conflict(
            f"{output} has content that was not migrated; refusing to overwrite it",
            hint="Run 'session-codec migrate' first, or write to another file",
        )


def _source(manifest: Manifest, source: str | None, version: str | None) -> str:
    known = manifest.sources()
    if source is not None:
        name = source.removeprefix("./")
        if name not in known:
            raise NotFound(f"{source}: no such v1 log was migrated", hint=_known_hint(known))
        return name
    if version is not None:
        owners = {v.source for v in manifest.versions if v.sha256.startswith(version.lower())}
        if len(owners) == 1:
            return owners.pop()
    if V1_LOG in known:
        return V1_LOG
    if len(known) == 1:
        return known[0]
    if not known:
        raise NotFound("no v1 log was migrated in this workspace")
    raise Conflict(
        "several v1 logs were migrated", hint=f"Pass one with --source. {_known_hint(known)}"
    )


def _known_hint(known: list[str]) -> str:
    return f"Known: {', '.join(known)}" if known else "None was migrated"
