"""Check that the user's Codex runs the hooks of a repository; it ignores untrusted ones.

Codex keeps the repositories that a user trusts in `config.toml` of its folder:

    [projects."/home/ada/src/app"]
    trust_level = "trusted"

It trusts the top of a repository, also for its worktrees. Whether a user has reviewed the hooks is
not documented, so the hint names the command that shows it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator

from codec.agents.hook_settings import PROGRAM
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_hooks import HOOKS
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.location import Workspace


def trust_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield a note if the user has Codex and it ignores the hooks of the workspace."""
    hooks = HOOKS["codex"]
    if PROGRAM.encode() not in read_bytes(workspace.path(*hooks.path.split("/"))):
        return
    config = os.path.join(os.path.dirname(hooks.user_path()), "config.toml")
    try:
        with open(config, "rb") as f:
            projects = tomllib.load(f).get("projects", {})
    except (OSError, ValueError):
        return  # the user does not use Codex, or Codex itself reports the file
    tops = {os.path.realpath(top) for top in _tops(workspace)}
    trusted = {os.path.realpath(path) for path, value in _tables(projects) if _is_trusted(value)}
    if tops.isdisjoint(trusted):
        yield Finding(
            code="agent-trust",
            message=f"Codex runs no hook of this repository: {config} does not trust it",
            level="note",
            file=hooks.path,
            hint="Start Codex here and trust the repository, then review its hooks with /hooks",
        )


def _tops(workspace: Workspace) -> Iterator[str]:
    """Yield the folders that Codex may list as trusted for a workspace."""
    yield workspace.root
    yield workspace.home
    if workspace.repository is not None:
        yield workspace.repository


def _tables(projects: object) -> Iterator[tuple[str, object]]:
    if isinstance(projects, dict):
        yield from projects.items()


def _is_trusted(project: object) -> bool:
    return isinstance(project, dict) and project.get("trust_level") == "trusted"
