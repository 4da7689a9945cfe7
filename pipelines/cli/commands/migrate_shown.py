"""Print a migration's plan and result, as text and as JSON."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from codec.manifest.facts import Fact
from codec.shown_text import counted
from codec.v1.text import LineNumbers
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import Stages, findings_json, say, say_json, tell, tell_findings
from pipelines.cli.token_table import token_lines, tokens_json
from pipelines.outcomes.errors import FINDINGS, NotFound
from pipelines.report.token_savings import TokenReport, token_report
from pipelines.system.worker.client import Worker
from pipelines.v1.logs import Request
from pipelines.v1.migration import LogPlan, Plan
from pipelines.v1.reader import Section
from pipelines.verbs.migrate import Result, migrate, plan, prove_on_paper
from pipelines.workspace.manifest_view import manifest_of
from pipelines.workspace.thresholds import Limits


def run_migrate(request: Request, worker: Worker, *, dry_run: bool, as_json: bool) -> int:
    """Migrate, or only plan and prove; print the result and return the exit code."""
    stages = Stages()
    gc.disable()  # many records without cycles: searching for some costs a tenth
    if dry_run:
        made = plan(request, worker, stages)
        with stages.stage("prove"):
            prove_on_paper(made)
        result, tokens = Result(plan=made), None
    else:
        result = migrate(request, worker, stages)
        with stages.stage("report"):
            tokens = _tokens(result, request.tokenizer, worker)
    found = any(f.level == "finding" for f in result.plan.findings)
    if as_json:
        say_json("migrate", _json(result, tokens, dry_run))
    else:
        _say(result, tokens, dry_run, request.strict and found)
    if result.written:
        tell_next_step(result.plan.workspace)
    return FINDINGS if found else 0


def _tokens(result: Result, tokenizer: str, worker: Worker) -> TokenReport | None:
    made = result.plan
    written = bool(result.written)
    if not made.manifest.sessions and not written:
        return None
    facts: list[Fact] = [*made.sessions(), *made.versions(), *made.manifest.retired]
    manifest = manifest_of(facts) if written else made.manifest
    if not manifest.versions:
        return None
    try:
        return token_report(
            made.workspace, manifest, tokenizer=tokenizer, count=worker.count_text, limits=Limits()
        )
    except NotFound as e:  # the log was counted with another tokenizer; the files are written
        tell(f"no token report: {e}")
        return None


def _say(result: Result, tokens: TokenReport | None, dry_run: bool, stopped: bool) -> None:
    made = result.plan
    tell_findings(made.findings)
    if result.recovered:
        tell(f"completed a '{result.recovered}' that was stopped half-way")
    for name in made.skipped:
        say(f"{name}: a stub that nothing was added to since it was retired")
    proved = dry_run or bool(result.written)
    for log in made.logs:
        _say_log(log, proved=proved)
    _say_sessions(made)
    if dry_run:
        say("dry run: proved, nothing written")
        for path in made.tracked():
            say(f"  would write {path}")
    elif stopped:
        say("strict: nothing was written, for there are findings")
    elif not result.written:
        say("nothing to write: the workspace is up to date")
    else:
        _say_written(result)
    if tokens is not None:
        say()
        for line in token_lines(tokens):
            say(line)


def _say_sessions(made: Plan) -> None:
    say(f"sessions: {len(made.added):,} new, {len(made.manifest.sessions):,} known before")
    if made.updated:
        say(f"{counted(len(made.updated), 'session')} updated")
    if made.restored:
        say(f"missing diffs of known sessions, stored again: {len(made.restored):,}")


def _say_log(log: LogPlan, *, proved: bool) -> None:
    read = log.log
    after = sum(s.after_sessions for s in read.sections)
    diffs = sum(f.patch is not None for f in read.found)
    say(
        f"{read.source.name}: {counted(len(read.found), 'session')}, "
        f"{counted(diffs, 'diff')}, {counted(len(read.source.data), 'byte')}"
    )
    say(
        f"  kept as text: sections before the first session: {len(read.sections) - after}, "
        f"after it: {after}; templates: {read.templates}"
    )
    if proved and not log.stored:
        say(f"  proved: rebuilt byte for byte, SHA-256 {read.sha256[:16]}...")


def _say_written(result: Result) -> None:
    diffs = sum(p.endswith(".diff") for p in result.written)
    say(f"written to {result.plan.workspace.root}")
    for path in dict.fromkeys(p for p in result.written if not p.endswith(".diff")):
        say(f"  {path}")
    if diffs:
        say(f"  .diffs/  ({counted(diffs, 'diff')}, not for git)")


def _json(result: Result, tokens: TokenReport | None, dry_run: bool) -> dict[str, Any]:
    made = result.plan
    return {
        "workspace": made.workspace.root,
        "dry_run": dry_run,
        "logs": [
            {
                "source": p.log.source.name,
                "sha256": p.log.sha256,
                "bytes": len(p.log.source.data),
                "sessions": len(p.log.found),
                "templates": p.log.templates,
                "sections": [
                    {"line": line, "text": s.text, "after_sessions": s.after_sessions}
                    for s, line in _with_lines(p)
                ],
                "proved": (dry_run or bool(result.written)) and not p.stored,
                "stored_before": p.stored,
            }
            for p in made.logs
        ],
        "skipped": made.skipped,
        "added": [a.session.key for a in made.added],
        "updated": [p.becomes.key for p in made.updated],
        "restored": [a.session.key for a in made.restored],
        "known": len(made.manifest.sessions),
        "written": result.written,
        "recovered": result.recovered,
        "findings": findings_json(made.findings),
        "tokens": tokens_json(tokens) if tokens else None,
    }


def _with_lines(log: LogPlan) -> Iterator[tuple[Section, int]]:
    lines = LineNumbers(log.log.source.data, log.log.source.release)
    return ((section, lines.at(section.start)) for section in log.log.sections)
