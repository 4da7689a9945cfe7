"""What a verification found, as plain text."""

from __future__ import annotations

from pipelines.cli.token_table import token_lines
from pipelines.verification.report import Verdict


def text_of(verdict: Verdict) -> str:
    """Return the figures of a verdict; `tell_findings` prints its findings."""
    lines = [f"sessions: {verdict.sessions:,}; versions of v1 logs: {verdict.versions:,}"]
    for name, counts in (("diffs", verdict.diffs), ("layouts", verdict.layouts)):
        intact, absent, damaged = counts
        lines.append(f"{name}: {intact:,} intact, {absent:,} absent here, {damaged:,} damaged")
    if verdict.in_git:
        count = f"{verdict.in_git:,}"
        lines.append(f"  of those absent, git has the commits of {count}, and makes them again")
    failed = [check.name for check in verdict.checks() if not check.passed]
    lines.append(f"checks that did not pass: {', '.join(failed) or 'none'}")
    if verdict.since:
        lines.append(f"judged: what came after {verdict.since[:12]}; gate and budgets as a whole")
    if verdict.tokens is not None:
        lines += ["", *token_lines(verdict.tokens)]
    return "".join(f"{line}\n" for line in lines)
