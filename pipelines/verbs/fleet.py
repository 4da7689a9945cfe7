"""Run verbs over many repositories.

1. `plan` lists the repositories, their sizes and what the run will take; it writes nothing.
2. `apply` writes the plan into the folder of the run and lets a runner call the shards that are not
   finished. Stopped anywhere and started again, it does what is left.
3. Exit code 3 means that a repository needs a person; each is named.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from pipelines.fleet.collect import Collected, collect
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
#: Repositories of a shard: so many that there are about this many shards.
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
        log: of the v1 log.
        manifest: of the manifest.
        diffs: of the diffs and archives.
        problem: why it will fail; empty if nothing is known.
    """

    member: Member
    log: int
    manifest: int
    diffs: int
    problem: str = ""


class Status(NamedTuple):
    """The state of a run.

    Attributes:
        plan: of the run.
        finished: repositories with nothing left to do.
        outcomes: how many by verb and outcome.
        seconds: of all verbs together.
        bad: results that need a person, with their repositories.
    """

    plan: Plan
    finished: int
    outcomes: Mapping[tuple[str, str], int]
    seconds: float
    bad: Sequence[tuple[Member, Result]]

    @property
    def findings(self) -> list[Finding]:
        """Return a finding for each result that needs a person."""
        return [_finding(member, result) for member, result in self.bad]


class Run(NamedTuple):
    """What a run did: the state afterwards, and the tables that it wrote."""

    status: Status
    collected: Collected | None


def plan(sources: Sources, steps: tuple[str, ...], shard_size: int | None, **more: object) -> Plan:
    """Return the plan of a run; reads only.

    Args:
        sources: where the repositories are listed.
        steps: verbs, in order.
        shard_size: repositories of a shard; None for one that makes about 200 shards.
        more: other fields of the plan.
    """
    members = members_of(sources)
    size = shard_size or min(_LARGEST_SHARD, max(1, len(members) // _SHARDS))
    return Plan(steps=steps, members=members, shard_size=size, **more)  # type: ignore[arg-type]


def estimate(made: Plan) -> list[Estimate]:
    """Return the sizes of the repositories of a plan; clones have none before they are made."""
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
    """Run what is left of a plan.

    Args:
        folder: of the run, absolute.
        made: the plan.
        progress: receives the stages.
        runner: what calls the shards.
        workers: how many verbs run at a time.
        scheduler: of Dask; None for a cluster on this machine.
        again: run repositories again that failed.
        tables: where the tables are written; None without `export`.

    Raises:
        Conflict: the folder holds another run.
        Unavailable: the engine gave up.
    """
    write_plan(folder, made)
    if again:
        forget_failed(folder, made)
    left = open_shards(folder, made)
    total = sum(len(made.shard(index)) for index in left)
    with progress.stage("run", total) as advance:
        if runner == "dask" and left:
            from pipelines.fleet.runners.dask import run_dask

            run_dask(folder, made, left, workers, scheduler, advance)
        elif left:
            from pipelines.fleet.runners.local import run_local

            run_local(folder, left, workers, advance)
    collected = None
    if tables is not None and EXPORT in made.steps and not open_shards(folder, made):
        collected = collect(folder, made, tables, progress)
    return Run(status(folder), collected)


def status(folder: str) -> Status:
    """Return the state of a run.

    Raises:
        NotFound: the folder holds no run.
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
            message=f"{member.name}: {result.verb} has {result.findings:,} findings{codes}",
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
    """Return whether a verb of a run needs a remote."""
    return any(STEPS[verb].needs_remote for verb in steps)
