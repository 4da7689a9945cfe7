"""Install a monthly job that archives and copies: systemd, cron, GitHub, Kubernetes.

1. The user's text and edits stay: a unit, a crontab line or a workflow is ours only while it has
   the hash that it states. A second run changes nothing.
2. systemd and cron run the job here; GitHub and Kubernetes run it in a clone, which has only the
   diffs of a remote. Their files are in the repository, and take effect when they are committed and
   applied: nothing is sent anywhere.
3. Removing removes every job of the workspace, of any kind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codec.errors import FormatError
from codec.schedules.cloned import cron_job, workflow
from codec.schedules.local import (
    job_name,
    local_command,
    replaced,
    systemd_service,
    systemd_timer,
    with_cron_job,
    without_cron_job,
)
from pipelines.outcomes.errors import NotFound, Unavailable
from pipelines.outcomes.findings import Finding
from pipelines.system.fs.files import remove
from pipelines.system.fs.user_files import Change, Edit, check_edits, edit_of, write_edits
from pipelines.system.schedulers import (
    CRONTAB,
    is_enabled,
    read_crontab,
    tell_systemd,
    write_crontab,
)
from pipelines.workspace.git_queries import get_config
from pipelines.workspace.location import Workspace, writing
from pipelines.workspace.user_settings import config_home

KINDS: Final = ("systemd", "cron", "github", "kubernetes")
#: The kinds that need a remote.
IN_A_CLONE: Final = frozenset({"github", "kubernetes"})
#: The default argument of pip in a clone: a submodule of the repository.
PACKAGE: Final = "./session-codec"
CRONJOB: Final = ".session-codec/cronjob.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The request for a job.

    Attributes:
        workspace: the workspace to archive.
        kind: one of `KINDS`.
        remote: the address of the copy; None for no copy, which `IN_A_CLONE` does not allow.
        package: the argument of pip in a clone.
    """

    workspace: Workspace
    kind: str
    remote: str | None = None
    package: str = PACKAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of a job.

    Attributes:
        workspace: the workspace to archive.
        edits: the edits of files.
        crontab: the user's crontab, before and after; None if it does not change.
        timer: the path of the timer that systemd has to start or stop; None for none.
        removal: the jobs are removed.
        findings: files that are left as they are.
    """

    workspace: Workspace
    edits: tuple[Edit, ...] = ()
    crontab: tuple[bytes, bytes] | None = None
    timer: str | None = None
    removal: bool = False
    findings: tuple[Finding, ...] = ()

    def changes(self) -> list[tuple[str, str]]:
        """Yield each file that changes, and its change."""
        crontab = [(CRONTAB, "changed")] if self.crontab else []
        return [*((e.path, e.what) for e in self.edits), *crontab]


def plan(request: Request, environment: Mapping[str, str] = os.environ) -> Plan:
    """Return the plan of a schedule, without changing anything.

    Raises:
        FormatError: a path or an address cannot be written into a job.
        NotFound: something that a job in a clone needs is missing.
        Unavailable: the crontab cannot be read.
    """
    workspace, kind = request.workspace, request.kind
    if kind == "cron":
        return _plan_cron(request)
    if kind == "systemd":
        return _plan_systemd(request, environment)
    if workspace.repository is None or request.remote is None:
        raise NotFound(
            f"{workspace.root}: a job in a clone needs a git repository and a remote",
            hint="Use --schedule systemd or cron, which run here",
        )
    if kind == "github":
        text = workflow(request.remote, request.package, _folder(workspace))
        return _plan_files(workspace, [_workflow(workspace, text)])
    origin = get_config(workspace, "remote.origin.url")
    if origin is None:
        raise NotFound(
            "git has no remote 'origin', which a cluster could clone",
            hint="Add it with: git remote add origin https://HOST/PATH",
        )
    text = cron_job(request.remote, request.package, _folder(workspace), origin)
    return _plan_files(workspace, [_cronjob(workspace, text)])


def plan_removal(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> Plan:
    """Return the plan to remove all jobs of a workspace, without changing anything."""
    units = _units(workspace, {".service": None, ".timer": None}, environment)
    files = [*units, _cronjob(workspace, None)]
    if workspace.repository is not None:
        files.append(_workflow(workspace, None))
    made = _plan_files(workspace, files)
    findings = list(made.findings)
    # A user who may not read a crontab, or has no cron, has no job to remove in it.
    before = read_crontab(lambda _: None) or b""
    after = before
    try:
        after = without_cron_job(before, job_name(workspace.root))
    except FormatError as e:
        findings.append(_left_alone(CRONTAB, e))
    return Plan(
        workspace=workspace,
        edits=made.edits,
        crontab=(before, after) if after != before else None,
        timer=units[-1].path if any(e.path == units[-1].path for e in made.edits) else None,
        removal=True,
        findings=tuple(findings),
    )


def apply(made: Plan) -> tuple[Finding, ...]:
    """Write the plan under the lock; return the remaining steps.

    Raises:
        Conflict: a file or the crontab changed since the plan was made.
        Unavailable: the crontab cannot be written.
    """
    if made.edits or made.crontab:
        with writing(made.workspace):
            check_edits(made.edits)
            if made.crontab is not None:
                write_crontab(*made.crontab)
            write_edits(made.edits)
    if made.timer is None:
        return ()
    folder, timer = os.path.split(made.timer)
    if made.removal:
        remove(os.path.join(folder, "timers.target.wants", timer))  # created by enabling it
        return tell_systemd(["stop", timer], ["daemon-reload"])
    return tell_systemd(["daemon-reload"], ["enable", "--now", timer])


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A file that has a job, or will not have one any more."""

    path: str
    within: str
    shown: str
    text: bytes | None
    folders: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        return lambda data: replaced(data, self.text)


def _plan_files(workspace: Workspace, files: list[_File]) -> Plan:
    edits, findings = [], []
    for file in files:
        try:
            edit = edit_of(
                file.path,
                within=file.within,
                shown=file.shown,
                change=file.change,
                folders=file.folders,
            )
        except FormatError as e:
            findings.append(_left_alone(file.shown, e))
            continue
        if edit.after != edit.before:
            edits.append(edit)
    return Plan(workspace=workspace, edits=tuple(edits), findings=tuple(findings))


def _left_alone(shown: str, error: FormatError) -> Finding:
    return Finding(
        code="left-alone", message=error.problem, file=shown, line=error.line, hint=error.hint
    )


def _units(
    workspace: Workspace, texts: Mapping[str, bytes | None], environment: Mapping[str, str]
) -> list[_File]:
    """Return the units of a workspace, in the folder that systemd reads for a user."""
    folder = os.path.join(config_home(environment), "systemd", "user")
    paths = {os.path.join(folder, job_name(workspace.root) + end): t for end, t in texts.items()}
    return [_File(path=path, within=folder, shown=path, text=text) for path, text in paths.items()]


def _workflow(workspace: Workspace, text: bytes | None) -> _File:
    """Return the workflow of a workspace, in the folder of the repository's workflows."""
    assert workspace.repository is not None
    folder = _folder(workspace)
    end = "" if folder == "." else "-" + folder.replace("/", "-")
    shown = f".github/workflows/session-codec{end}.yml"
    path = os.path.join(workspace.repository, *shown.split("/"))
    workflows = os.path.dirname(path)
    return _File(
        path=path,
        within=workspace.repository,
        shown=shown,
        text=text,
        folders=(workflows, os.path.dirname(workflows)),
    )


def _cronjob(workspace: Workspace, text: bytes | None) -> _File:
    return _File(
        path=workspace.path(*CRONJOB.split("/")),
        within=workspace.repository or workspace.root,
        shown=CRONJOB,
        text=text,
    )


def _folder(workspace: Workspace) -> str:
    """Return the folder of a workspace, relative to the top of the repository."""
    return os.path.relpath(workspace.root, workspace.repository).replace(os.sep, "/")


def _program() -> list[str]:
    """Return the absolute path of session-codec, because a job's PATH differs from the user's."""
    beside = os.path.join(os.path.dirname(sys.executable), "session-codec")
    if os.access(beside, os.X_OK):
        return [beside]
    main = os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli", "main.py"
    )
    return [sys.executable, "-P", main]


def _plan_systemd(request: Request, environment: Mapping[str, str]) -> Plan:
    workspace = request.workspace
    command = local_command(_program(), workspace.root, request.remote)
    units = {
        ".service": systemd_service(command, workspace.root),
        ".timer": systemd_timer(workspace.root),
    }
    files = _units(workspace, units, environment)
    made = _plan_files(workspace, files)
    timer = files[-1].path
    starts = not made.findings and (bool(made.edits) or not is_enabled(timer))
    return Plan(
        workspace=workspace,
        edits=made.edits,
        timer=timer if starts else None,
        findings=made.findings,
    )


def _plan_cron(request: Request) -> Plan:
    workspace = request.workspace
    command = local_command(_program(), workspace.root, request.remote)

    def refuse(said: str) -> None:
        raise Unavailable(f"crontab: {said}", hint="Install cron, or use --schedule systemd")

    before = read_crontab(refuse) or b""
    try:
        after = with_cron_job(before, job_name(workspace.root), command)
    except FormatError as e:
        return Plan(workspace=workspace, findings=(_left_alone(CRONTAB, e),))
    return Plan(workspace=workspace, crontab=(before, after) if after != before else None)
