"""`session-codec install`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Any, Final

import click

from codec.agents.hook_settings import PROGRAM
from pipelines.cli import options
from pipelines.cli.commands.spooled import drain_spool
from pipelines.cli.declared import absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings
from pipelines.cli.remote_options import check_url, settings_of
from pipelines.errors import FINDINGS
from pipelines.findings import Finding
from pipelines.recording.agent_hooks import HOOKS
from pipelines.verbs import install_user, schedule
from pipelines.verbs.install import PLUGIN, Plan, apply, plan, plan_removal
from pipelines.verbs.schedule import CRONJOB, IN_A_CLONE, KINDS, PACKAGE
from pipelines.workspace.location import V1_LOG, Workspace, at, find, locate
from pipelines.workspace.reading import read_manifest

_NEXT: Final = {
    "systemd": "it runs while you are logged in; 'loginctl enable-linger' lets it run without",
    "cron": "cron makes up for no run that was missed: the next packs what is left",
    "github": "commit the workflow, and give the repository the secrets that it names",
    "kubernetes": f"make the Secret that it names, then: kubectl apply -f {CRONJOB}",
}


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
@click.option(
    "--user",
    is_flag=True,
    help="Put the hooks into your own settings instead, for all repositories; REPO stays as it is.",
)
@click.option(
    "--schedule",
    "kind",
    type=click.Choice(KINDS),
    metavar="KIND",
    help="A job once a month that runs archive and, where it is not in a clone, verify; and sync "
    "where there is a remote: systemd, cron, github or kubernetes.",
)
@click.option("--remote", metavar="URL", help="Where the job's copies go.")
@click.option(
    "--package",
    default=PACKAGE,
    show_default=True,
    help="What pip installs in a job of github and kubernetes.",
)
@click.option("--uninstall", is_flag=True, help="Take it all out again; sessions stay.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@options.as_json
def command(
    repo: str,
    hooks: tuple[str, ...],
    user: bool,
    kind: str | None,
    remote: str | None,
    package: str,
    uninstall: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Make a workspace in REPO, and tell agents of it.

    A marked block in AGENTS.md says what to run. CLAUDE.md is made to import it; one that is there
    and does not gets the block. Nothing outside the marks changes. Running it again changes
    nothing; --uninstall gives back the bytes of before.

    A job of systemd or cron runs here and commits nothing: you commit the manifest. Those of github
    and kubernetes begin with a clone, need a remote, and commit and push the manifest themselves.

    \b
    Examples:
      session-codec install
      session-codec install ~/src/app --hooks claude,codex
      session-codec install --user
      session-codec install --schedule systemd --remote s3://bucket/app
      session-codec install --uninstall
    """
    _check_options(hooks, user=user, kind=kind, remote=remote, uninstall=uninstall)
    if user:
        return _for_user(hooks or tuple(HOOKS), uninstall, dry_run=dry_run, as_json=as_json)
    where = absolute(repo)
    if uninstall:
        made, jobs, notes = _uninstalled(find(where), dry_run=dry_run)
    else:
        workspace = _workspace_of(repo)
        made = plan(workspace, hooks=hooks, program=_program())
        jobs = _scheduled(workspace, kind, remote, package)
        notes = ()
    changes = [*made.changes(), *jobs.changes()]
    if not dry_run:
        apply(made)
        if not uninstall:
            notes = schedule.apply(jobs)
    findings = [*made.findings, *jobs.findings, *notes]
    tell_findings(findings)
    if as_json:
        say_json("install", _json(made, changes, kind, findings, dry_run=dry_run))
    else:
        _show(made, changes, dry_run=dry_run, uninstall=uninstall)
        if not uninstall:
            _advise(made.workspace, hooks)
            if not dry_run:
                tell_next_step(made.workspace)
        if kind is not None:
            _advise_job(kind)
    return FINDINGS if any(f.level == "finding" for f in findings) else 0


def _check_options(
    hooks: tuple[str, ...], *, user: bool, kind: str | None, remote: str | None, uninstall: bool
) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: they do not.
    """
    if user and (kind or remote):
        raise click.UsageError("--user sets up hooks alone; leave out --schedule and --remote")
    if uninstall and not user and (hooks or kind):
        raise click.UsageError("--uninstall takes out all; leave --hooks and --schedule away")
    if remote and not kind:
        raise click.UsageError("--remote is that of a job: name one with --schedule")


def _for_user(hooks: tuple[str, ...], uninstall: bool, *, dry_run: bool, as_json: bool) -> int:
    """Set up the hooks of the user, or take them out."""
    made = install_user.plan(hooks, program=_program(), removal=uninstall)
    if not dry_run:
        install_user.apply(made)
    tell_findings(made.findings)
    changes = [{"path": path, "what": what} for path, what in made.changes()]
    if as_json:
        fields = {"user": True, "changes": changes, "dry_run": dry_run}
        say_json("install", {**fields, "findings": findings_json(made.findings)})
    else:
        for change in changes:
            say(f"{change['what']:<8} {change['path']}")
        if not changes:
            say("nothing to do")
        elif dry_run:
            say("dry run: nothing written")
        if not uninstall:
            _advise_hooks(hooks)
    return FINDINGS if made.findings else 0


def _workspace_of(repo: str) -> Workspace:
    """Return the workspace to install.

    Without a path that is the top of the repository, whichever of its folders we are in.
    """
    workspace = locate(absolute(repo))
    top = workspace.repository
    if workspace.exists or top is None or top == workspace.root:
        return workspace
    if repo == ".":
        tell(f"workspace: {top}, the top of the repository ('install PATH' takes another folder)")
        return at(top)
    tell(f"workspace: {workspace.root}, a folder of the repository {top}")
    return workspace


def _json(
    made: Plan,
    changes: list[tuple[str, str]],
    kind: str | None,
    findings: list[Finding],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "root": made.workspace.root,
        "changes": [{"path": path, "what": what} for path, what in changes],
        "dry_run": dry_run,
        "plugin": PLUGIN,
        "schedule": kind,
        "commits": None if kind is None else _who_commits(kind),
        "findings": findings_json(findings),
    }


def _uninstalled(
    workspace: Workspace, *, dry_run: bool
) -> tuple[Plan, schedule.Plan, tuple[Finding, ...]]:
    """What taking it all out would change; jobs are taken out already, and what is left to do."""
    notes: tuple[Finding, ...] = ()
    if not dry_run:
        drain_spool(workspace)
    jobs = schedule.plan_removal(workspace)
    if not dry_run:
        notes = schedule.apply(jobs)
    # Without the workflow, which the repository's files tell of.
    return plan_removal(workspace), jobs, notes


def _scheduled(
    workspace: Workspace, kind: str | None, remote: str | None, package: str
) -> schedule.Plan:
    """What a job would write; nothing where none is asked for."""
    if kind is None:
        return schedule.Plan(workspace=workspace)
    remote = settings_of(workspace, {"remote": remote}, trust=False).remote
    if remote is None and kind in IN_A_CLONE:
        raise click.UsageError(
            f"--schedule {kind} begins with a clone, which has no diffs: name --remote URL"
        )
    if remote is not None:
        check_url(remote, workspace)
    if remote is not None and "://" not in remote:
        remote = absolute(remote)
    return schedule.plan(
        schedule.Request(workspace=workspace, kind=kind, remote=remote, package=package)
    )


def _who_commits(kind: str) -> str:
    return "job" if kind in IN_A_CLONE else "you"


def _advise_job(kind: str) -> None:
    """Who does what is left to do, once a job is written."""
    if _who_commits(kind) == "you":
        tell("the job commits nothing: when it has packed, commit .session-codec/manifest.jsonl")
    else:
        tell("the job commits the manifest and pushes it")
    tell(_NEXT[kind])


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
    seen = V1_LOG in read_manifest(workspace).sources()
    if os.path.exists(workspace.path(V1_LOG)) and not seen:
        tell(f"{V1_LOG} is here: 'session-codec migrate' takes its sessions in")
    tell(f"a plugin for Claude Code, with a skill and the hooks of --hooks claude: {PLUGIN}")
    _advise_hooks(hooks)


def _advise_hooks(hooks: tuple[str, ...]) -> None:
    """Tell what agents and the PATH need before hooks run."""
    if "codex" in hooks:
        tell(
            "Codex runs a hook once you trust it: start it and run /hooks; hooks of a repository "
            "also need the repository to be trusted"
        )
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
