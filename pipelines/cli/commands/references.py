"""`session-codec references`."""

from __future__ import annotations

from typing import Any, Final

from codec.references.merge import Change, Standing
from pipelines.cli.declared import JSON, REPO, Option, Verb, absolute, number
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.options import TOKENIZER_OPTION
from pipelines.cli.output import code_of, findings_json, say, say_json, tell, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.references.plan import SIGNS, Plan, Request, plan, shown_name, stale_finding, summary
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.references import Result, references
from pipelines.workspace.location import REFERENCES, find
from pipelines.workspace.thresholds import REFERENCES_BUDGET, read_limits

_REASONS = {
    Standing.YOURS: "yours",
    Standing.DECLINED: "removed by you",
    Standing.DROPPED: "left out to keep to the budget",
    Standing.UNREAD: "kept: its source cannot be read now",
    Standing.REMOVED: "no file states it any more",
}


def run(
    repo: str,
    explain: bool,
    check: bool,
    dry_run: bool,
    budget: int | None,
    tokenizer: str,
    as_json: bool,
) -> int:
    """Build and refresh PROJECT_REFERENCES.yaml from the files of REPO.

    Manifests, lock files, workflows, CLAUDE.md, AGENTS.md, .claude/, PROJECT_MEMORY.yaml and v1
    logs are read. Your own changes, additions, removals and comments are kept. To stay within the
    budget, the least important values are left out, but never your own.

    Examples:
      session-codec references
      session-codec references --explain
      session-codec references --check --json
    """
    workspace = find(absolute(repo))
    request = Request(
        workspace=workspace,
        tokenizer=tokenizer,
        count=load(tokenizer),
        budget=read_limits(workspace, {"references_budget": budget}).references,
    )
    reads_only = explain or check or dry_run
    result = Result(plan=plan(request)) if reads_only else references(request)
    made = result.plan
    findings = [*made.findings, *([stale_finding(made)] if check and made.is_stale else [])]
    if as_json:
        document = _json(result, reads_only=reads_only)
        costs = {"tokens": made.tokens, "tokenizer": tokenizer, "budget": request.budget}
        say_json("references", {**document, **costs, "findings": findings_json(findings)})
    else:
        tell_findings(findings)
        if result.recovered:
            tell(f"completed a '{result.recovered}' that was stopped half-way")
        _say(made, explain=explain)
        state = _state(result, reads_only=reads_only)
        say(f"{REFERENCES}: {state}; {made.tokens} tokens by {tokenizer}, budget {request.budget}")
    if result.written:
        tell_next_step(workspace)
    return code_of(findings)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option("--explain", "Print each value with its sources; write nothing.", flag=True),
        Option("--check", "Exit 3 if the file is stale; write nothing.", flag=True),
        Option("--dry-run", "Print what would change; write nothing.", flag=True),
        Option(
            "--budget",
            f"The most tokens that the file may cost. [default: {REFERENCES_BUDGET}, or "
            f"the settings]",
            read=number,
            metavar="N",
        ),
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={3: "the file is stale (--check), or findings need attention", 20: EXIT_CODES[20]},
)


def _state(result: Result, *, reads_only: bool) -> str:
    made = result.plan
    if not made.is_stale:
        return "up to date"
    if any(f.code == "not-editable" for f in made.findings):
        return "not written"
    return f"{'would be ' if reads_only else ''}{'refreshed' if made.before else 'built'}" + (
        f", {summary(made)}"
    )


def _say(made: Plan, *, explain: bool) -> None:
    """Print the values that change, or all values with their sources."""
    for name, change in made.refresh.changes.items():
        if not explain and change.was == change.value:
            continue
        shown = shown_name(name, change)
        text = _text(change.value or change.was or change.stated)
        value = "" if name.startswith("mandates.") else f": {text}"
        sign = "" if explain else f"{SIGNS.get(change.standing, ' ')} "
        if change.standing is Standing.CHANGED and not explain:
            value = f": {_text(change.was)} -> {text}"
        say(f"{sign}{shown}{value}")
        for line in _reasons(made, name, change) if explain else ():
            say(f"    {line}")


def _reasons(made: Plan, name: str, change: Change) -> list[str]:
    """Return the sources of a value, one per line."""
    reason = _REASONS.get(change.standing)
    told = [reason] if reason else []
    differs = change.standing in (Standing.YOURS, Standing.UNREAD) and change.stated is not None
    states = f" states {_text(change.stated)}" if differs else ""
    return told + [f"{origin}{states}" for origin in made.origins.get(name, ())]


def _text(value: tuple[str, ...] | None) -> str:
    return ", ".join(value or ())


def _json(result: Result, *, reads_only: bool) -> dict[str, Any]:
    made = result.plan
    return {
        "stale": made.is_stale and (reads_only or not result.written),
        "written": result.written,
        "values": [
            {
                "name": name,
                "standing": change.standing.value,
                "value": change.value,
                "was": change.was,
                "stated": change.stated,
                "from": [origin._asdict() for origin in made.origins.get(name, ())],
            }
            for name, change in made.refresh.changes.items()
        ],
    }
