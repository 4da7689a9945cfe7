"""Compare a workspace with its state at the base of a branch, to find problems of the branch.

Problems that existed at the base do not count. Two findings are the same if they are about the same
line: its number may have changed, its text has not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

from codec.references.sources.collect import WANTED
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.verification.line_repairs import left_findings, repairs_of
from pipelines.workspace.git_queries import content_at, names_changed, resolve
from pipelines.workspace.location import (
    CONFIG,
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.setting_tables import decode_tables
from pipelines.workspace.tracked_files import Tracked


class Base(NamedTuple):
    """The workspace at the base of a branch.

    Attributes:
        commit: the full hash.
        tracked, manifest: its files at that commit, empty if they did not exist.
        changed: the paths that differ since, relative to the workspace.
        config: the settings at that commit.
    """

    commit: str
    tracked: Tracked
    manifest: Manifest
    changed: frozenset[str]
    config: dict[str, Any]

    @property
    def states_change(self) -> bool:
        """Return True if the references, or a file that they are built from, may have changed."""
        return any(
            path == REFERENCES or any(fnmatch(path, pattern) for pattern in WANTED)
            for path in self.changed
        )


def read_base(workspace: Workspace, revision: str) -> Base:
    """Return the workspace at the merge base of `HEAD` and a revision.

    Raises:
        NotFound: there is no repository, no such commit, or no merge base.
        FormatError: the settings were not TOML.
    """
    if workspace.repository is None:
        raise NotFound(
            f"{workspace.root}: not in a git repository",
            hint="Run --since in a git repository: it needs the history",
        )
    try:
        commit = resolve(workspace, f"{revision}...HEAD")[0].partition("..")[0]
    except NotFound as e:
        hint = "A shallow clone may not have it: fetch its history (fetch-depth: 0)"
        raise NotFound(f"--since {revision}: {e.problem}", hint=hint) from None
    manifest, deltas, metrics, progress, config = (
        content_at(workspace, commit, name)
        for name in (MANIFEST, DELTAS, METRICS, PROGRESS, CONFIG)
    )
    return Base(
        commit=commit,
        tracked=Tracked(manifest=manifest, deltas=deltas, metrics=metrics, progress=progress),
        manifest=decode_manifest(manifest),
        changed=frozenset(names_changed(workspace, commit)),
        config=decode_tables(config, CONFIG),
    )


def line_findings(tracked: Tracked) -> Iterator[Finding]:
    """Return the problems of the tracked files, line by line."""
    repairs = repairs_of(tracked)
    yield from repairs.findings
    yield from left_findings(repairs, decode_manifest(repairs.after.manifest))


def added(base: Base, tracked: Tracked, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that the base does not have.

    Args:
        base: the workspace at the base.
        tracked: the files of the findings.
        findings: all findings.
    """
    were, are = _lines(base.tracked), _lines(tracked)
    known = Counter(_identity(f, were) for f in line_findings(base.tracked))
    versions = {f".diffs/v1/{v.sha256}" for v in base.manifest.versions}
    for finding in findings:
        identity = _identity(finding, are)
        if known[identity]:
            known[identity] -= 1
        elif finding.file in versions or _is_old_diff(finding, base):
            continue
        elif finding.file != REFERENCES or base.states_change:
            yield finding


def _is_old_diff(finding: Finding, base: Base) -> bool:
    in_files = finding.file in (MANIFEST, DELTAS, METRICS, PROGRESS)
    return finding.key in base.manifest.sessions and not in_files


def _lines(tracked: Tracked) -> dict[str, list[bytes]]:
    """Return the lines of each file, by its name."""
    files = (
        (MANIFEST, tracked.manifest),
        (DELTAS, tracked.deltas),
        (METRICS, tracked.metrics),
        (PROGRESS, tracked.progress),
    )
    return {name: data.split(b"\n") for name, data in files}


def _identity(
    finding: Finding, files: Mapping[str, Sequence[bytes]]
) -> tuple[str, str | None, str | None, bytes]:
    """Return the identity of a finding, independent of its line.

    Args:
        finding: the finding.
        files: the lines of the files that it may be about.
    """
    lines = files.get(finding.file or "")
    if lines is None:
        text = finding.message.encode()
    elif finding.line is None or finding.code in ("byte-order-mark", "line-ends"):
        text = b""
    else:
        text = lines[finding.line - 1]
    return finding.code, finding.file, finding.key, text
