"""Run verbs over many repositories.

1. `plan` lists the repositories and their sizes, and estimates the run; it writes nothing.
2. `apply` writes the plan into the folder of the run, and a runner calls the unfinished shards. An
   interrupted run is continued by the same command.
3. Exit code 3 means that repositories need attention; each is named.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.shown_text import counted
from pipelines.fleet.collect import Collected, collect, unreadable
from pipelines.fleet.listing import Sources, members_of
from pipelines.fleet.run_folder import (
    CONTINUES,
    GOOD,
    Member,
    Plan,
    Result,
    all_results,
    forget_failed,
    is_finished,
    lock_run,
    open_shards,
    read_plan,
    read_shard,
    write_plan,
)
from pipelines.fleet.shard import run_shard
from pipelines.fleet.steps import EXPORT, STEPS
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote
from pipelines.system.fs.files import regular_size
from pipelines.workspace.location import MANIFEST, V1_LOG

Runner = Literal["local", "dask"]
#: The number of repositories in a shard is chosen to give about this many shards.
_SHARDS: Final = 200
_LARGEST_SHARD: Final = 50

__all__ = [
    "Estimate", "Plan", "Run", "Sources", "Status", "apply", "estimate", "plan", "read_plan",
    "run_shard", "status",
]  # fmt: skip


class Estimate(NamedTuple):
    """Sizes of the repositories of a plan, in bytes.

    Attributes:
        member: the repository.
        log: bytes of the v1 log.
        manifest: bytes of the manifest.
        diffs: bytes of the diffs and archives.
        problem: why the run will fail there; empty if no problem is known.
    """

    member: Member
    log: int
    manifest: int
    diffs: int
    problem: str = ""


class Status(NamedTuple):
    """The state of a run.

    Attributes:
        plan: the plan of the run.
        finished: the number of repositories with nothing left to do.
        outcomes: the number of repositories, by verb and outcome.
        seconds: the seconds of all verbs together.
        bad: the results that need attention, with their repositories.
    """

    plan: Plan
    finished: int
    outcomes: Mapping[tuple[str, str], int]
    seconds: float
    bad: Sequence[tuple[Member, Result]]

    @property
    def findings(self) -> list[Finding]:
        """Return a finding for each result that needs attention."""
        return [_finding(member, result) for member, result in self.bad]


class Run(NamedTuple):
    """The result of a run: the state afterwards, and the tables that it wrote."""

    status: Status
    collected: Collected | None


def plan(sources: Sources, steps: tuple[str, ...], shard_size: int | None, **more: object) -> Plan:
    """Return the plan of a run, without changing anything.

    Args:
        sources: where the repositories are listed.
        steps: the verbs, in order.
        shard_size: the number of repositories of a shard; None for about 200 shards.
        more: further fields of the plan.
    """
    members = members_of(sources)
    size = shard_size or min(_LARGEST_SHARD, max(1, len(members) // _SHARDS))
    return Plan(steps=steps, members=members, shard_size=size, **more)  # type: ignore[arg-type]


def estimate(made: Plan) -> list[Estimate]:
    """Return the sizes of the repositories of a plan; those of future clones are unknown."""
    return [_estimate(member) for member in made.members]


def apply(
    folder: str,
    made: Plan,
    progress: Progress,
    *,
    runner: Runner = "local",
    workers: int = 1,
    scheduler: str | None = None,
    again: bool = False,
    tables: Remote | None = None,
) -> Run:
    """Run the rest of a plan, and return the state.

    Args:
        folder: the folder of the run, absolute.
        made: the plan.
        progress: receives the stages.
        runner: the runner that calls the shards.
        workers: the number of verbs that run at a time.
        scheduler: the scheduler of Dask; None for a cluster on this machine.
        again: run failed repositories again.
        tables: the folder of the tables; None without `export`.

    Raises:
        Conflict: the folder has another run.
        Unavailable: the runner gave up.
        WorkspaceLocked: another process runs it.
    """
    write_plan(folder, made)
    with lock_run(folder):
        if again:
            forget_failed(folder, made, unreadable(folder, made))
        left = open_shards(folder, made)
        total = sum(len(made.shard(index)) for index in left)
        with progress.stage("run", total) as advance:
            if runner == "dask" and left:
                from pipelines.fleet.runners.dask import run_dask

                run_dask(folder, made, left, workers, scheduler, advance)
            elif left:
                from pipelines.fleet.runners.local import run_local

                run_local(folder, made, left, workers, advance)
        collected = None
        if tables is not None and EXPORT in made.steps and not open_shards(folder, made):
            collected = collect(folder, made, tables, progress)
        return Run(status(folder), collected)


def status(folder: str) -> Status:
    """Return the state of a run.

    Raises:
        NotFound: the folder has no run.
    """
    made = read_plan(folder)
    results = list(all_results(folder, made))
    finished = 0
    for index in range(made.shards):
        lines = read_shard(folder, index)
        finished += sum(is_finished(made, member, lines) for member in made.shard(index))
    return Status(
        plan=made,
        finished=finished,
        outcomes=Counter((r.verb, r.outcome) for _, r in results),
        seconds=sum(r.seconds for _, r in results),
        bad=[(member, r) for member, r in results if r.outcome not in GOOD],
    )


def _finding(member: Member, result: Result) -> Finding:
    if result.outcome in CONTINUES:
        codes = f": {', '.join(result.codes)}" if result.codes else ""
        return Finding(
            code="repository-findings",
            message=f"{member.name}: {result.verb} has"
            f" {counted(result.findings, 'finding')}{codes}",
            hint=f"Run 'session-codec {result.verb}' in it",
        )
    return Finding(
        code="repository-failed",
        message=f"{member.name}: {result.verb} failed ({result.outcome}): {result.message}",
        hint="Repair it, then repeat the command with --again",
    )


def _estimate(member: Member) -> Estimate:
    if member.is_clone:
        return Estimate(member, 0, 0, 0)
    path = member.source
    if not os.path.isdir(path):
        return Estimate(member, 0, 0, 0, "no such folder")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Estimate(member, 0, 0, 0, "may not be read and written")
    diffs = 0
    for below, _, names in os.walk(os.path.join(path, ".diffs")):
        diffs += sum(regular_size(os.path.join(below, name)) or 0 for name in names)
    log, manifest = (regular_size(os.path.join(path, n)) or 0 for n in (V1_LOG, MANIFEST))
    return Estimate(member, log, manifest, diffs)


def needs_remote(steps: Sequence[str]) -> bool:
    """Return True if a verb of a run needs a remote."""
    return any(STEPS[verb].needs_remote for verb in steps)
