"""`session-codec install`."""

from __future__ import annotations

import os

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings
from pipelines.errors import FINDINGS
from pipelines.install import Plan, apply, plan, plan_removal
from pipelines.workspace import V1_LOG, Workspace, find, locate


@click.command()
@options.repo
@click.option("--uninstall", is_flag=True, help="Take it all out again; sessions stay.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@options.as_json
def command(repo: str, uninstall: bool, dry_run: bool, as_json: bool) -> int:
    """Make a workspace in REPO, and tell agents of it.

    A marked block in AGENTS.md says what to run. CLAUDE.md is made to import it; one that is there
    and does not gets the block. Nothing outside the marks changes. Running it again changes
    nothing; --uninstall gives back the bytes of before.

    \b
    Examples:
      session-codec install
      session-codec install ~/src/app --dry-run
      session-codec install --uninstall
    """
    where = absolute(repo)
    made = plan_removal(find(where)) if uninstall else plan(locate(where))
    changes = made.changes()
    if not dry_run:
        apply(made)
    tell_findings(made.findings)
    if as_json:
        say_json(
            "install",
            {
                "root": made.workspace.root,
                "changes": [{"path": path, "what": what} for path, what in changes],
                "dry_run": dry_run,
                "findings": findings_json(made.findings),
            },
        )
    else:
        _show(made, changes, dry_run=dry_run, uninstall=uninstall)
        if not uninstall:
            _advise(made.workspace)
    return FINDINGS if any(f.level == "finding" for f in made.findings) else 0


def _show(made: Plan, changes: list[tuple[str, str]], *, dry_run: bool, uninstall: bool) -> None:
    for path, what in changes:
        say(f"{what:<8} {path}")
    if not changes:
        say("nothing to do")
    elif dry_run:
        say("dry run: nothing written")
    if uninstall and not made.clear:
        say("the sessions stay, and so do their files and what git knows of them")


def _advise(workspace: Workspace) -> None:
    """What is left to do by hand."""
    if os.path.exists(workspace.path(V1_LOG)):
        tell(f"{V1_LOG} is here: 'session-codec migrate' takes its sessions in")
