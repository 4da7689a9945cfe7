"""Add the hooks of agents to the user's own settings, or remove them.

They run in every folder, and do nothing if there is no workspace.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from codec.agents.hook_settings import PROGRAM
from codec.errors import FormatError
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_hooks import HOOKS, hooked, unhooked
from pipelines.system.fs.user_files import Edit, check_edits, edit_of, write_edits


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of a user's installation.

    Attributes:
        edits: the edits of the settings of agents.
        findings: settings that cannot be changed.
    """

    edits: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()

    def changes(self) -> list[tuple[str, str]]:
        """Return each file that changes, and the kind of change."""
        return [(edit.path, edit.what) for edit in self.edits]


def plan(agents: Sequence[str], *, program: str = PROGRAM, removal: bool = False) -> Plan:
    """Return the plan of the user's new settings, without changing anything.

    Args:
        agents: names of agents in `HOOKS`.
        program: the command by which a hook calls our hook program.
        removal: remove the hooks.
    """
    edits: list[Edit] = []
    findings: list[Finding] = []
    for agent in agents:
        path = HOOKS[agent].user_path()
        try:
            edit = edit_of(
                path,
                within=os.path.realpath(os.path.dirname(path)),
                shown=path,
                change=unhooked if removal else hooked(agent, program, shared=False),
            )
        except FormatError as e:
            found = Finding(
                code="left-alone", message=e.problem, file=path, line=e.line, hint=e.hint
            )
            findings.append(found)
            continue
        if edit.before != edit.after:
            edits.append(edit)
    return Plan(edits=tuple(edits), findings=tuple(findings))


def apply(made: Plan) -> None:
    """Write the plan.

    Raises:
        Conflict: a file changed since the plan was made.
    """
    check_edits(made.edits)
    write_edits(made.edits)
