"""`session-codec install`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from codec.agents.server_settings import NAME as SERVER
from pipelines.cli.commands.install_advice import (
    advise,
    advise_hooks,
    hook_program,
    installed,
    who_commits,
)
from pipelines.cli.commands.spooled import drain_spool
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.output import code_of, findings_json, say, say_json, tell, tell_findings
from pipelines.cli.remote_options import check_url, settings_of
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_hooks import HOOKS, agents_of_user
from pipelines.recording.agent_servers import SERVERS
from pipelines.verbs import install_user, schedule
from pipelines.verbs.install import PLUGIN, Plan, apply, plan, plan_removal
from pipelines.verbs.schedule import IN_A_CLONE, KINDS, PACKAGE
from pipelines.workspace.location import Workspace, at, find, locate


def _agents(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a function that reads a list of agents and drops repetitions."""

    def read(text: str) -> tuple[str, ...]:
        names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
        for name in names:
            if name not in known:
                raise ValueError(f"unknown agent {name!r} (choose from {', '.join(known)})")
        return tuple(names)

    return read


def run(
    repo: str,
    hooks: tuple[str, ...],
    servers: tuple[str, ...],
    user: bool,
    kind: str | None,
    remote: str | None,
    package: str,
    uninstall: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Create a workspace in REPO, and set up the agents that work there.

    A marked block in AGENTS.md names the commands to run. If CLAUDE.md does not exist, it is
    created and imports AGENTS.md; if it exists without the import, it gets the block. Nothing
    outside the marks changes. Running install again changes nothing; --uninstall restores the
    former bytes.

    Jobs for systemd and cron run on this machine and do not commit: you commit the manifest. Jobs
    for github and kubernetes start with a clone, need a remote, and commit and push the manifest.

    Examples:
      session-codec install
      session-codec install ~/src/app --hooks claude,codex --mcp claude,codex
      session-codec install --user
      session-codec install --schedule systemd --remote s3://bucket/app
      session-codec install --uninstall
    """
    _check_options(hooks, servers, user=user, kind=kind, remote=remote, uninstall=uninstall)
    if user:
        chosen = hooks or (tuple(HOOKS) if uninstall else agents_of_user())
        return _for_user(chosen, uninstall, dry_run=dry_run, as_json=as_json)
    if uninstall:
        made, jobs, notes = _uninstalled(find(absolute(repo)), dry_run=dry_run)
    else:
        workspace = _workspace_of(repo)
        made = plan(
            workspace,
            hooks=hooks,
            program=hook_program(),
            servers=servers,
            command=installed(SERVER),
        )
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
            advise(made.workspace, hooks, servers, kind, dry_run=dry_run)
    return code_of(findings)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--hooks",
            "Install hooks that inject the context and record each session: claude, codex, "
            "gemini, opencode, cursor; several with commas.",
            read=_agents(HOOKS),
            metavar="AGENTS",
            default=(),
        ),
        Option(
            "--mcp",
            "Add the MCP server to the settings of agents: claude, codex, or both with a comma.",
            to="servers",
            read=_agents(SERVERS),
            metavar="AGENTS",
            default=(),
        ),
        Option(
            "--user",
            "Add the hooks to your own settings, for all repositories; do not change REPO.",
            flag=True,
        ),
        Option(
            "--schedule",
            "Install a monthly job: archive, then sync if there is a remote, then verify unless "
            "the job works in a clone.",
            to="kind",
            choices=KINDS,
            metavar="KIND",
        ),
        Option("--remote", "The remote of the job.", metavar="URL"),
        Option(
            "--package",
            "The package that pip installs in a job for github or kubernetes.",
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
        22: "a file has unexpected content",
    },
)


def _check_options(
    hooks: tuple[str, ...],
    servers: tuple[str, ...],
    *,
    user: bool,
    kind: str | None,
    remote: str | None,
    uninstall: bool,
) -> None:
    """Raise Misuse if options exclude each other.

    Raises:
        Misuse: they do.
    """
    if user and (kind or remote or servers):
        raise Misuse("--user installs hooks only; drop --mcp, --schedule and --remote")
    if uninstall and not user and (hooks or kind or servers):
        raise Misuse("--uninstall removes everything; drop --hooks, --mcp and --schedule")
    if remote and not kind:
        raise Misuse("--remote needs --schedule")


def _for_user(hooks: tuple[str, ...], uninstall: bool, *, dry_run: bool, as_json: bool) -> int:
    """Install the user's own hooks, or remove them."""
    made = install_user.plan(hooks, program=hook_program(), removal=uninstall)
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
            advise_hooks(hooks)
    return code_of(made.findings)


def _workspace_of(repo: str) -> Workspace:
    """Return the workspace to set up.

    Without a path, it is at the top of the repository, whatever the current folder.
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
        "commits": None if kind is None else who_commits(kind),
        "findings": findings_json(findings),
    }


def _uninstalled(
    workspace: Workspace, *, dry_run: bool
) -> tuple[Plan, schedule.Plan, tuple[Finding, ...]]:
    """Remove the jobs, and return the other changes of `--uninstall`."""
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
    """Return the changes of a job; no changes without `--schedule`."""
    if kind is None:
        return schedule.Plan(workspace=workspace)
    remote = settings_of(workspace, {"remote": remote}, trust=False).remote
    if remote is None and kind in IN_A_CLONE:
        raise Misuse(
            f"--schedule {kind} starts from a clone, which has no diffs; pass --remote URL"
        )
    if remote is not None:
        check_url(remote, workspace)
    if remote is not None and "://" not in remote:
        remote = absolute(remote)
    return schedule.plan(
        schedule.Request(workspace=workspace, kind=kind, remote=remote, package=package)
    )


def _show(made: Plan, changes: list[tuple[str, str]], *, dry_run: bool, uninstall: bool) -> None:
    for path, what in changes:
        say(f"{what:<8} {path}")
    if not changes:
        say("nothing to do")
    elif dry_run:
        say("dry run: nothing written")
    if uninstall and not made.clear:
        say("the sessions stay, and so do their files and what git knows of them")
