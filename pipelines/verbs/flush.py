"""Write pending sessions to the tracked files, so that they can be committed."""

from __future__ import annotations

from typing import NamedTuple

from codec.records import Session
from pipelines.outcomes.findings import Finding
from pipelines.recording import flushing
from pipelines.workspace import pending
from pipelines.workspace.journal import recover
from pipelines.workspace.location import Workspace, writing
from pipelines.workspace.reading import Overlay, read_overlay


class Plan(NamedTuple):
    """The plan of a flush.

    Attributes:
        workspace: the workspace of the sessions.
        overlay: the lines that pending facts add to the tracked files.
    """

    workspace: Workspace
    overlay: Overlay

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Return the new and the changed sessions, as they will be recorded."""
        return (*self.overlay.sessions, *(pair.becomes for pair in self.overlay.settled))


class Result(NamedTuple):
    """The result of a flush.

    Attributes:
        sessions: the new and changed sessions.
        findings: the findings.
        recovered: the interrupted verb that was completed first.
    """

    sessions: tuple[Session, ...] = ()
    findings: tuple[Finding, ...] = ()
    recovered: str | None = None


def plan(workspace: Workspace) -> Plan:
    """Return the plan of a flush, without changing anything.

    Raises:
        Conflict: the pending store is tracked by git, or belongs to another user.
    """
    return Plan(workspace, read_overlay(workspace))


def apply(made: Plan) -> Result:
    """Write all pending sessions under the lock, including those recorded meanwhile.

    Raises:
        Conflict: a tracked file is a link.
        Denied, Unavailable: a file cannot be written.
        NewerFormat: a later version of session-codec has written to the workspace.
    """
    with writing(made.workspace):
        recovered = recover(made.workspace)
        pending.gather(made.workspace)
        flushed = flushing.flush(made.workspace)
    return Result(flushed.sessions, flushed.findings, recovered)
