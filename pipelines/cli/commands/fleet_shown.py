"""Print fleet plans, runs and their state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from codec.shown_text import counted
from pipelines.cli.output import say, say_table
from pipelines.fleet.steps import STEPS
from pipelines.verbs.fleet import Estimate, Plan, Run, Status

#: Bytes that a verb reads in a processor second, as measured in docs/fleet.md.
_RATE: Final = 1_200_000
#: US dollars at list price for 1,000 PUT and LIST requests to S3 Standard.
_PUTS: Final = 0.005
#: Requests of a first `sync`: list, archives and layouts of a small repository, snapshot.
_REQUESTS: Final = 4
_SHOWN: Final = 20


def seconds_of(made: Plan, estimates: Sequence[Estimate]) -> float:
    """Return the estimated seconds of all verbs together."""
    total = 0.0
    for verb in made.steps:
        for e in estimates:
            size = {"log": e.log, "files": e.manifest, "diffs": e.manifest + e.diffs}
            total += STEPS[verb].seconds + size[STEPS[verb].reads] / _RATE
    return total


def requests_of(made: Plan) -> int:
    """Return the estimated requests to S3."""
    is_s3 = (made.remote or "").startswith("s3://") and "sync" in made.steps
    return _REQUESTS * len(made.members) if is_s3 else 0


def estimate_json(made: Plan, estimates: Sequence[Estimate], workers: int) -> dict[str, Any]:
    """Return a plan as JSON."""
    seconds = seconds_of(made, estimates)
    requests = requests_of(made)
    return {
        "verbs": made.steps,
        "repositories": len(made.members),
        "shards": made.shards,
        "shard_size": made.shard_size,
        "log_bytes": sum(e.log for e in estimates),
        "manifest_bytes": sum(e.manifest for e in estimates),
        "diff_bytes": sum(e.diffs for e in estimates),
        "estimated_verb_seconds": round(seconds, 1),
        "estimated_wall_seconds": round(seconds / workers, 1),
        "estimated_requests": requests,
        "estimated_request_usd": round(requests * _PUTS / 1000, 6),
        "members": [
            {
                "name": e.member.name,
                "source": e.member.source,
                "clone": e.member.is_clone,
                "log_bytes": e.log,
                "manifest_bytes": e.manifest,
                "diff_bytes": e.diffs,
                **({"problem": e.problem} if e.problem else {}),
            }
            for e in estimates
        ],
    }


def say_estimate(made: Plan, estimates: Sequence[Estimate], workers: int) -> None:
    """Print a plan: the largest repositories, and sums."""
    largest = sorted(estimates, key=lambda e: (not e.problem, -(e.log + e.manifest + e.diffs)))
    rows = [("repository", "log", "manifest", "diffs", "")]
    rows += [
        (e.member.name, f"{e.log:,}", f"{e.manifest:,}", f"{e.diffs:,}", _remark(e))
        for e in largest[:_SHOWN]
    ]
    say_table(rows, frozenset((1, 2, 3)))
    if len(largest) > _SHOWN:
        say(f"and {len(largest) - _SHOWN:,} more")
    seconds = seconds_of(made, estimates)
    say(
        f"{', '.join(made.steps)} in {_repositories(len(made.members))},"
        f" {counted(made.shards, 'shard')} of {made.shard_size:,}: about {seconds:,.0f} s of verbs,"
        f" {seconds / workers:,.0f} s with {counted(workers, 'worker')}"
    )
    if requests := requests_of(made):
        price = f"USD {requests * _PUTS / 1000:.2f} at list price"
        say(f"about {counted(requests, 'request')} to S3, {price}")


def _repositories(number: int) -> str:
    return counted(number, "repository", "repositories")


def _remark(estimate: Estimate) -> str:
    return estimate.problem or ("to be cloned" if estimate.member.is_clone else "")


def status_json(found: Status) -> dict[str, Any]:
    """Return the state of a run as JSON."""
    outcomes: dict[str, dict[str, int]] = {verb: {} for verb in found.plan.steps}
    for (verb, outcome), count in sorted(found.outcomes.items()):
        outcomes[verb][outcome] = count
    return {
        "repositories": len(found.plan.members),
        "finished": found.finished,
        "outcomes": outcomes,
        "verb_seconds": round(found.seconds, 1),
        "bad": [
            {
                "repository": member.name,
                "source": member.source,
                "verb": r.verb,
                "outcome": r.outcome,
                "exit_code": r.exit_code,
                "findings": r.findings,
                "codes": r.codes,
                "seconds": r.seconds,
                "peak_bytes": r.peak,
                "bytes": r.bytes,
                "message": r.message,
            }
            for member, r in found.bad
        ],
    }


def say_status(folder: str, found: Status) -> None:
    """Print the state of a run."""
    for verb in found.plan.steps:
        counts = {o: n for (v, o), n in sorted(found.outcomes.items()) if v == verb}
        shown = ", ".join(f"{n:,} {o}" for o, n in counts.items()) or "not begun"
        say(f"{verb:<10} {shown}")
    say(
        f"{folder}: {found.finished:,} of {_repositories(len(found.plan.members))} finished,"
        f" {found.seconds:,.0f} s of verbs"
    )


def say_run(folder: str, done: Run) -> None:
    """Print what a run did."""
    say_status(folder, done.status)
    if done.collected is not None:
        state = f"{counted(len(done.collected.written), 'file')}, {done.collected.size:,} bytes"
        if not done.collected.written:
            state = "unchanged"
        say(f"tables of {_repositories(done.collected.repositories)}: {state}")
