"""Sum up a workspace in a few lines: its sessions, the newest one, and the next step."""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from codec.shown_text import counted
from codec.v2.deltas import decode_deltas
from pipelines.outcomes.errors import WorkspaceMissing
from pipelines.v1.candidates import migrate_commands, other_logs
from pipelines.workspace.commit import uncommitted
from pipelines.workspace.location import DELTAS, V1_LOG, Workspace, find
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import newest_delta_lines, read_manifest

_HOOKS = "session-codec install --hooks claude,codex"


class Overview(NamedTuple):
    """The output of `session-codec` without a verb.

    Attributes:
        state: the state of the workspace, in lines.
        steps: the commands to run next, each with its reason.
    """

    state: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]


def overview(workspace: Workspace) -> Overview:
    """Return the state of a workspace, or of a folder that can become one.

    Raises:
        WorkspaceMissing: the manifest is lost.
        Denied, Unavailable: git cannot run.
    """
    try:
        workspace = find(workspace.root)
    except WorkspaceMissing as e:
        if os.path.exists(workspace.path(DELTAS)):
            raise
        return _without_workspace(workspace, e.problem)
    manifest = read_manifest(workspace)
    state = [f"{counted(len(manifest.sessions), 'session')} in {workspace.root}"]
    deltas, _ = decode_deltas(enumerate(newest_delta_lines(workspace, 1), 1))
    state += [f"newest: {delta.key}  {delta.agent}  {delta.task}" for delta in deltas]
    return Overview(tuple(state), tuple(_next_steps(workspace, manifest)))


def _without_workspace(workspace: Workspace, problem: str) -> Overview:
    if os.path.exists(workspace.path(V1_LOG)):
        state = f"{workspace.root} has {V1_LOG}, which was not migrated yet"
        return Overview((state,), (("session-codec migrate", "to migrate it"),))
    if logs := other_logs(workspace):
        steps = [(command, "to migrate it") for command in migrate_commands(workspace, logs)]
        state = f"{workspace.root} has no workspace, but logs of sessions"
        return Overview((state,), (*steps, (_HOOKS, "to record sessions from now on")))
    return Overview((problem,), ((_HOOKS, "to record sessions from now on"),))


def _next_steps(workspace: Workspace, manifest: Manifest) -> list[tuple[str, str]]:
    """Return the next steps, the most urgent first; by default, reading the context."""
    steps = []
    log, version = workspace.path(V1_LOG), manifest.newest(V1_LOG)
    grew = version and os.path.isfile(log) and os.path.getsize(log) != version.size
    if grew and not manifest.retired_version(V1_LOG):
        steps.append(("session-codec migrate", f"{V1_LOG} changed since it was migrated"))
    if names := uncommitted(workspace):
        below = os.path.relpath(workspace.root)
        paths = shlex.join(os.path.normpath(os.path.join(below, name)) for name in names)
        steps.append(
            (f"git add {paths} && git commit", "files were written that are not committed")
        )
    if not manifest.sessions:
        steps.append((_HOOKS, "to record sessions from now on"))
    return steps or [("session-codec context", "what an agent reads at its start")]
