"""`session-codec install`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import click

from codec.hook_settings import PROGRAM
from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings
from pipelines.cli.spooled import drain_spool
from pipelines.errors import FINDINGS
from pipelines.install import HOOKS, PLUGIN, Plan, apply, plan, plan_removal
from pipelines.workspace import V1_LOG, Workspace, find, locate


def _agents(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The agents of `--hooks`, each once."""
    names = dict.fromkeys(name.strip() for name in (value or "").split(",") if name.strip())
    for name in names:
        if name not in HOOKS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(HOOKS)}")
    return tuple(names)


@click.command()
@options.repo
@click.option(
    "--hooks",
    callback=_agents,
    metavar="AGENTS",
    help="Hooks that inject the context and record each session: claude, codex, or both.",
)
@click.option("--uninstall", is_flag=True, help="Take it all out again; sessions stay.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@options.as_json
def command(
    repo: str, hooks: tuple[str, ...], uninstall: bool, dry_run: bool, as_json: bool
) -> int:
    """Make a workspace in REPO, and tell agents of it.

    A marked block in AGENTS.md says what to run. CLAUDE.md is made to import it; one that is there
    and does not gets the block. Nothing outside the marks changes. Running it again changes
    nothing; --uninstall gives back the bytes of before.

    \b
    Examples:
      session-codec install
      session-codec install ~/src/app --hooks claude,codex
      session-codec install --uninstall
    """
    if uninstall and hooks:
        raise click.UsageError("--uninstall takes out all hooks; leave --hooks away")
    where = absolute(repo)
    if uninstall:
        workspace = find(where)
        if not dry_run:
            drain_spool(workspace, within="")
        made = plan_removal(workspace)
    else:
        made = plan(locate(where), hooks=hooks, program=_program())
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
                "plugin": PLUGIN,
                "findings": findings_json(made.findings),
            },
        )
    else:
        _show(made, changes, dry_run=dry_run, uninstall=uninstall)
        if not uninstall:
            _advise(made.workspace, hooks)
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


def _advise(workspace: Workspace, hooks: tuple[str, ...]) -> None:
    """What is left to do by hand."""
    if os.path.exists(workspace.path(V1_LOG)):
        tell(f"{V1_LOG} is here: 'session-codec migrate' takes its sessions in")
    tell(f"a plugin for Claude Code, with a skill and the hooks of --hooks claude: {PLUGIN}")
    if "codex" in hooks:
        tell("Codex runs a hook once you trust it: start it here and run /hooks")
    if hooks and os.sep in _program():
        tell(
            f"{PROGRAM} is not on the PATH, so the hooks name it by its path, which is of this "
            "machine: put it on the PATH and run the same command again before you commit them"
        )


def _program() -> str:
    """How a hook calls our hook program: by its name, if the PATH has it."""
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    if shutil.which(PROGRAM) is None and os.path.exists(beside):
        return shlex.quote(beside)
    return PROGRAM
