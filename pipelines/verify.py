"""Verify a workspace: is everything whole, and what is saved.

Two stages that only read: `integrity` (`checks`) and `tokens` (`baselines`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from codec.errors import FormatError
from pipelines.baselines import Limits, TokenReport, token_report
from pipelines.checks import Integrity, check_integrity
from pipelines.errors import NotFound
from pipelines.progress import Progress
from pipelines.spool import spool_findings
from pipelines.tracked import read_tracked
from pipelines.workspace import Workspace, decode_manifest

#: What an absent diff is: nothing to speak of, or a finding.
Require = Literal["none", "local"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a verification found.

    Attributes:
        sessions, versions: how many the manifest has.
        integrity: what is stored of it.
        tokens: what is saved; None where no v1 log was migrated.
        uncounted: why that is not known, where v1 was not counted with this tokenizer.
        require: whether a diff that is absent here is a finding.
    """

    sessions: int
    versions: int
    integrity: Integrity
    tokens: TokenReport | None
    uncounted: str | None
    require: Require

    @property
    def has_findings(self) -> bool:
        """Whether anything is to be looked at, apart from damage."""
        gate = self.tokens is not None and not (
            self.tokens.gate_met and not self.tokens.over_budget
        )
        missing = self.require == "local" and bool(self.integrity.absent)
        return (
            bool(self.uncounted)
            or gate
            or missing
            or any(f.level == "finding" for f in self.integrity.findings)
        )


def verify(
    workspace: Workspace,
    *,
    tokenizer: str,
    count: Callable[[str], int],
    limits: Limits,
    require: Require,
    progress: Progress,
) -> Result:
    """Verify a workspace; reads only.

    Args:
        workspace: what to verify.
        tokenizer, count: the name of a tokenizer, and what counts a text's tokens with it.
        limits: threshold and budgets.
        require: whether a diff that is absent here is a finding.
        progress: hears of the stages.

    Raises:
        FormatError: the manifest holds nothing that can be read.
        WorkspaceLocked: another process was writing for too long.
    """
    tracked = read_tracked(workspace)
    manifest = decode_manifest(tracked.manifest)
    if manifest.errors and not manifest.sessions:
        raise FormatError("holds no fact that can be read", file=manifest.errors[0].file)
    with progress.stage("integrity", len(manifest.sessions)) as advance:
        integrity = check_integrity(workspace, tracked, manifest, advance)
    integrity = replace(integrity, findings=(*integrity.findings, *spool_findings(workspace)))
    tokens, uncounted = None, None
    if manifest.versions:
        with progress.stage("tokens"):
            try:
                tokens = token_report(
                    workspace, manifest, tokenizer=tokenizer, count=count, limits=limits
                )
            except NotFound as e:
                uncounted = str(e)
    return Result(
        sessions=len(manifest.sessions),
        versions=len({v.sha256 for v in manifest.versions}),
        integrity=integrity,
        tokens=tokens,
        uncounted=uncounted,
        require=require,
    )
