"""Tell the user of `install` which steps are left, and how agents call our programs."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from typing import Final

from codec.agents.hook_settings import PROGRAM
from codec.agents.server_settings import NAME as SERVER
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import tell
from pipelines.verbs.install import PLUGIN
from pipelines.verbs.schedule import CRONJOB, IN_A_CLONE
from pipelines.workspace.location import V1_LOG, Workspace
from pipelines.workspace.reading import read_manifest

_NEXT: Final = {
    "systemd": "it runs while you are logged in; 'loginctl enable-linger' lets it run without",
    "cron": "cron does not repeat a missed run; the next run packs everything that is left",
    "github": "commit the workflow, and give the repository the secrets that it names",
    "kubernetes": f"make the Secret that it names, then: kubectl apply -f {CRONJOB}",
}


def advise(
    workspace: Workspace,
    hooks: tuple[str, ...],
    servers: tuple[str, ...],
    kind: str | None,
    *,
    dry_run: bool,
) -> None:
    """Name the steps that are left to the user."""
    _advise_agents(workspace, hooks)
    _advise_servers(servers)
    if not dry_run:
        tell_next_step(workspace)
    if kind is not None:
        _advise_job(kind)


def _advise_agents(workspace: Workspace, hooks: tuple[str, ...]) -> None:
    seen = V1_LOG in read_manifest(workspace).sources()
    if os.path.exists(workspace.path(V1_LOG)) and not seen:
        tell(f"{V1_LOG} is here: 'session-codec migrate' takes its sessions in")
    tell(f"a plugin for Claude Code, with a skill and the hooks of --hooks claude: {PLUGIN}")
    advise_hooks(hooks)


def advise_hooks(hooks: tuple[str, ...]) -> None:
    """Print what agents and the PATH need before hooks run."""
    if "codex" in hooks:
        tell(
            "Codex runs a hook once you trust it: start it and run /hooks; hooks of a repository "
            "need the repository to be trusted as well"
        )
    if "gemini" in hooks:
        tell("Gemini CLI reads the hooks of a repository once you trust its folder: /permissions")
    if "cursor" in hooks:
        tell(
            "the hooks for Cursor follow its documentation; they were not tried with Cursor itself"
        )
    if hooks and os.sep in hook_program():
        tell(
            f"{PROGRAM} is not on the PATH, so the hooks name it by its path, which is of this "
            "machine: put it on the PATH and run the same command again before you commit them"
        )


def _advise_servers(servers: tuple[str, ...]) -> None:
    """Print what agents need before they start the MCP server."""
    if "claude" in servers:
        tell("Claude Code asks once whether to start the MCP server of the repository")
    if "codex" in servers:
        tell("Codex starts the MCP server of a repository that it trusts")
    if servers and find_spec("mcp") is None:
        tell("the MCP server needs the package 'mcp': pip install 'mcp>=2.3'")
    if servers and os.sep in installed(SERVER):
        tell(
            f"{SERVER} is not on the PATH, so the settings name it by its path, which is of this "
            "machine: put it on the PATH and run the same command again before you commit them"
        )


def _advise_job(kind: str) -> None:
    """Print the remaining steps after a job was written."""
    if who_commits(kind) == "you":
        tell("the job commits nothing: when it has packed, commit .session-codec/manifest.jsonl")
    else:
        tell("the job commits the manifest and pushes it")
    tell(_NEXT[kind])


def who_commits(kind: str) -> str:
    return "job" if kind in IN_A_CLONE else "you"


def hook_program() -> str:
    """Return the shell command with which hooks call our hook program."""
    return shlex.quote(installed(PROGRAM))


def installed(name: str) -> str:
    """Return the name of one of our programs if it is on the PATH, else its path."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if shutil.which(name) is None and os.path.exists(beside) else name
