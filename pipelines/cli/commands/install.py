"""`session-codec install`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Any, Final

from codec.agents.hook_settings import PROGRAM
from pipelines.cli.commands.spooled import drain_spool
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import code_of, findings_json, say, say_json, tell, tell_findings
from pipelines.cli.remote_options import check_url, settings_of
from pipelines.errors import EXIT_CODES
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


def _agents(text: str) -> tuple[str, ...]:
    """Return the agents of `--hooks`, each once."""
    names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in HOOKS:
            raise ValueError(f"unknown agent {name!r} (choose from {', '.join(HOOKS)})")
    return tuple(names)


def run(
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
    """Create a workspace in REPO, and set up the agents that work there.

    A marked block in AGENTS.md names the commands to run. A CLAUDE.md that does not exist is
    created and imports AGENTS.md; one that exists without the import gets the block. Nothing
    outside the marks changes. Running install again changes nothing; --uninstall restores the
    former bytes.

    Jobs for systemd and cron run on this machine and do not commit: you commit the manifest. Jobs
    for github and kubernetes start with a clone, need a remote, and commit and push the manifest.

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
    if uninstall:
        made, jobs, notes = _uninstalled(find(absolute(repo)), dry_run=dry_run)
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
            _advise(made.workspace, hooks, kind, dry_run=dry_run)
    return code_of(findings)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--hooks",
            "Install hooks that inject the context and record each session: claude, codex, or "
            "both with a comma.",
            read=_agents,
            metavar="AGENTS",
            default=(),
        ),
        Option(
            "--user",
            "Put the hooks into your own settings, for all repositories; do not change REPO.",
            flag=True,
        ),
        Option(
            "--schedule",
            "Install a monthly job that runs archive, sync if there is a remote, and verify "
            "unless it works in a clone.",
            to="kind",
            choices=KINDS,
            metavar="KIND",
        ),
        Option("--remote", "The remote of the job.", metavar="URL"),
        Option(
            "--package",
            "What pip installs in a job for github or kubernetes.",
            default=PACKAGE,
            shown=True,
        ),
        Option("--uninstall", "Remove everything that install added; sessions stay.", flag=True),
        Option("--dry-run", "Print what would change; change nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "a file was left as it is; the finding says why",
        20: EXIT_CODES[20],
        22: "a file is not what install expects",
    },
)


def _check_options(
    hooks: tuple[str, ...], *, user: bool, kind: str | None, remote: str | None, uninstall: bool
) -> None:
    """Refuse options that do not go together.

    Raises:
        Misuse: they do not.
    """
    if user and (kind or remote):
        raise Misuse("--user installs hooks only; drop --schedule and --remote")
    if uninstall and not user and (hooks or kind):
        raise Misuse("--uninstall removes everything; drop --hooks and --schedule")
    if remote and not kind:
        raise Misuse("--remote needs --schedule")


def _for_user(hooks: tuple[str, ...], uninstall: bool, *, dry_run: bool, as_json: bool) -> int:
    """Install the hooks of the user, or remove them."""
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
    return code_of(made.findings)


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
    """Return what `--uninstall` would change; jobs are removed before, and the rest stays to do."""
    notes: tuple[Finding, ...] = ()
    if not dry_run:
        drain_spool(workspace)
    jobs = schedule.plan_removal(workspace)
    if not dry_run:
        notes = schedule.apply(jobs)
    # Without the workflow, which is visible in the repository's files.
    return plan_removal(workspace), jobs, notes


def _scheduled(
    workspace: Workspace, kind: str | None, remote: str | None, package: str
) -> schedule.Plan:
    """Return what a job would write; nothing without `--schedule`."""
    if kind is None:
        return schedule.Plan(workspace=workspace)
    remote = settings_of(workspace, {"remote": remote}, trust=False).remote
    if remote is None and kind in IN_A_CLONE:
        raise Misuse(
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
    """Print the remaining steps after a job was written."""
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


def _advise(
    workspace: Workspace, hooks: tuple[str, ...], kind: str | None, *, dry_run: bool
) -> None:
    """Name the steps that are left to the user."""
    _advise_agents(workspace, hooks)
    if not dry_run:
        tell_next_step(workspace)
    if kind is not None:
        _advise_job(kind)


def _advise_agents(workspace: Workspace, hooks: tuple[str, ...]) -> None:
    seen = V1_LOG in read_manifest(workspace).sources()
    if os.path.exists(workspace.path(V1_LOG)) and not seen:
        tell(f"{V1_LOG} is here: 'session-codec migrate' takes its sessions in")
    tell(f"a plugin for Claude Code, with a skill and the hooks of --hooks claude: {PLUGIN}")
    _advise_hooks(hooks)


def _advise_hooks(hooks: tuple[str, ...]) -> None:
    """Print what agents and the PATH need before hooks run."""
    if "codex" in hooks:
        tell(
            "Codex runs a hook once you trust it: start it and run /hooks; hooks of a repository "
            "need the repository to be trusted as well"
        )
    if hooks and os.sep in _program():
        tell(
            f"{PROGRAM} is not on the PATH, so the hooks name it by its path, which is of this "
            "machine: put it on the PATH and run the same command again before you commit them"
        )


def _program() -> str:
    """Return the command of the hook program: its name, if the PATH has it."""
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    if shutil.which(PROGRAM) is None and os.path.exists(beside):
        return shlex.quote(beside)
    return PROGRAM
