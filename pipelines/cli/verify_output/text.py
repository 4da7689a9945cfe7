"""The result of a verification as plain text."""

from __future__ import annotations

from pipelines.cli.attribution_table import attribution_lines
from pipelines.cli.token_table import token_lines
from pipelines.verification.report import Verdict


def text_of(verdict: Verdict) -> str:
    """Return the figures of a verdict as text; `tell_findings` prints the findings."""
    lines = [f"sessions: {verdict.sessions:,}; versions of v1 logs: {verdict.versions:,}"]
    for name, counts in (("diffs", verdict.diffs), ("layouts", verdict.layouts)):
        intact, absent, damaged = counts
        lines.append(f"{name}: {intact:,} intact, {absent:,} missing locally, {damaged:,} damaged")
    if verdict.in_git:
        count = f"{verdict.in_git:,}"
        lines.append(f"  of those, git has the commits of {count} and can recompute them")
    checks = list(verdict.checks())
    failed = [check.name for check in checks if not check.passed]
    passed = f"all {len(checks)} checks passed"
    lines.append(f"failed checks: {', '.join(failed)}" if failed else passed)
    if verdict.since:
        lines.append(
            f"reported: problems introduced since {verdict.since[:12]}; gate and budgets cover all"
        )
    if verdict.tokens is not None:
        lines += ["", *token_lines(verdict.tokens)]
    if verdict.attribution is not None:
        lines += ["", *attribution_lines(verdict.attribution)]
    return "".join(f"{line}\n" for line in lines)
