"""`session-codec doctor`."""

from __future__ import annotations

from typing import Any, Final

from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import Stages, code_of, findings_json, say, say_json, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.outcomes.findings import Finding
from pipelines.verbs.doctor import Plan, Result, apply, find_lost, plan, remaining


def run(repo: str, repair: bool, dry_run: bool, as_json: bool) -> int:
    """Find the problems of a workspace; repair them with --repair.

    The manifest is authoritative: --repair makes the deltas, the metrics and the reference entries
    agree with it. It removes repeated lines, conflict markers and unreadable lines, adds missing
    rows, gives two sessions with the same key different keys, and restores committed facts that are
    missing. Each file that it changes gets a backup beside it; to undo a repair, rename the backup.

    Examples:
      session-codec doctor
      session-codec doctor --repair --dry-run
      session-codec doctor --repair
    """
    if dry_run and not repair:
        raise Misuse("--dry-run needs --repair")
    made = plan(find_lost(absolute(repo)))
    result = apply(made) if repair and not dry_run else None
    if result is not None:
        made = result.plan
    left = remaining(made, Stages(), repaired=result is not None)
    open_findings = left if result is not None else (*made.repairs, *left)
    code = code_of(open_findings)
    if as_json:
        say_json("doctor", _json(made, result, left, code))
    else:
        _say(made, result, left, dry_run=dry_run)
    if result is not None:
        tell_next_step(made.workspace)
    return code


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option("--repair", "Repair everything that can be repaired without loss.", flag=True),
        Option(
            "--dry-run", "With --repair: print what would be written; write nothing.", flag=True
        ),
        JSON,
    ),
    exits={3: "some problems are left to repair", 20: EXIT_CODES[20]},
)


def _say(made: Plan, result: Result | None, left: tuple[Finding, ...], *, dry_run: bool) -> None:
    tell_findings(left)
    findings = sum(f.level == "finding" for f in left)
    notes = f"; notes: {len(left) - findings:,}" if len(left) > findings else ""
    if result is None:
        tell_findings(made.repairs)
        if dry_run:
            _say_plan(made)
        say(f"can be repaired: {len(made.repairs):,}; cannot: {findings:,}{notes}")
        return
    if result.recovered:
        say(f"completed a '{result.recovered}' that was stopped half-way")
    for finding in made.repairs:
        say(f"repaired: {finding._replace(hint=None)}")
    for name in result.backups:
        say(f"backup: {name}")
    say(f"repaired: {len(made.repairs):,}; left: {findings:,}{notes}")


def _say_plan(made: Plan) -> None:
    for edit in made.edits:
        say(f"would write {edit.path}: {len(edit.before):,} bytes become {len(edit.after):,}")
    for rename in made.upkeep.renames:
        say(f"would rename .diffs/{rename.old} to .diffs/{rename.new}")
    for repair in made.upkeep.repairs:
        say(f"would repair {repair.file}")
    for path in made.upkeep.leftovers:
        say(f"would set aside {path}")


def _json(
    made: Plan, result: Result | None, left: tuple[Finding, ...], code: int
) -> dict[str, Any]:
    return {
        "exit": code,
        "workspace": made.workspace.root,
        "repaired": result is not None,
        "repairs": findings_json(made.repairs),
        "written": [edit.path for edit in made.edits],
        "renamed": [rename._asdict() for rename in made.upkeep.renames],
        "backups": list(result.backups) if result else [],
        "recovered": result.recovered if result else None,
        "left": findings_json(left),
    }
