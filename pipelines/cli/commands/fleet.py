"""`session-codec fleet`: plan, run, status, shard, report."""

from __future__ import annotations

import os
from typing import Any, Final

from codec.shown_text import counted
from pipelines.cli.commands.fleet_options import (
    FOLDER,
    MORE,
    PLANNED,
    RUNNERS,
    STEPS_ARGUMENT,
    WORKERS,
    price,
)
from pipelines.cli.commands.fleet_shown import (
    estimate_json,
    say_estimate,
    say_run,
    say_status,
    status_json,
)
from pipelines.cli.declared import JSON, Misuse, Option, Verb, absolute, between
from pipelines.cli.output import Stages, code_of, findings_json, say_json, tell_findings
from pipelines.cli.parser import guess
from pipelines.cli.remote_options import local_path, open_tables
from pipelines.fleet.steps import EXPORT, STEPS
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.verbs.fleet import (
    Plan,
    Sources,
    apply,
    estimate,
    needs_remote,
    plan,
    read_plan,
    run_shard,
    status,
)


def run(**_given: Any) -> int:
    """Run verbs over many repositories, and look at the results.

    'plan' shows what a run will do, 'run' does it, 'status' shows its progress, 'report' writes a
    page. Verbs: migrate, import, archive, sync, verify, references, export.

    Examples:
      session-codec fleet plan migrate,verify --find ~/src
      session-codec fleet run migrate,verify,export --repos repositories.txt
      session-codec fleet status
      session-codec fleet report -o fleet.html
    """
    raise Misuse("missing verb: plan, run, status, report or shard")


def run_plan(workers: int | None, as_json: bool, **given: Any) -> int:
    """Print the repositories of a run, their sizes, and an estimate of its cost; write nothing.

    Examples:
      session-codec fleet plan migrate --repos repositories.txt
      session-codec fleet plan verify,export --find ~/src --json
    """
    made = _plan(**given)
    estimates = estimate(made)
    if as_json:
        say_json("fleet-plan", estimate_json(made, estimates, _workers(workers)))
    else:
        say_estimate(made, estimates, _workers(workers))
    return 0


def run_run(
    folder: str,
    runner: str,
    workers: int | None,
    scheduler: str | None,
    again: bool,
    image: str,
    claim: str,
    as_json: bool,
    **given: Any,
) -> int:
    """Run verbs in each repository, one after the other, and collect exit codes and findings.

    Each verb is a process with a time and a memory limit. To continue a run that was stopped,
    repeat the same command. With 'export', the rows of all repositories become tables when the last
    one is finished. If a repository fails, it is reported, and the run continues with the others.
    Arguments after '--' are passed to each verb.

    The runner 'dask' uses the cluster of --scheduler, or starts one on this machine. 'kubernetes'
    writes manifests of an Indexed Job and a CronJob into the folder of the run, and runs nothing.

    Examples:
      session-codec fleet run migrate,verify,export --repos repositories.txt
      session-codec fleet run verify --find ~/src --workers 8 --run verify-2025-12
      session-codec fleet run migrate --repos repositories.txt --runner dask --run dask
      session-codec fleet run verify --repos repositories.txt --runner kubernetes --run night
    """
    path = absolute(folder)
    made = _plan(**given)
    if runner == "kubernetes":
        return _kubernetes(path, made, image, claim, as_json)
    tables = _tables(path, made) if EXPORT in made.steps else None
    done = apply(
        path,
        made,
        Stages(),
        runner="dask" if runner == "dask" else "local",
        workers=_workers(workers),
        scheduler=scheduler,
        again=again,
        tables=tables,
    )
    findings = [*done.status.findings, *(done.collected.findings if done.collected else ())]
    code = code_of(findings)
    if as_json:
        fields = status_json(done.status)
        if done.collected:
            fields["tables"] = {
                "repositories": done.collected.repositories,
                "bytes": done.collected.size,
                "written": done.collected.written,
            }
        say_json("fleet-run", {"exit": code, "run": path, **fields,
                               "findings": findings_json(findings)})  # fmt: skip
        return code
    tell_findings(findings)
    say_run(path, done)
    return code


def run_status(folder: str, as_json: bool) -> int:
    """Print the progress of a run, and the repositories that need attention.

    Examples:
      session-codec fleet status
      session-codec fleet status verify-2025-11 --json
    """
    found = status(absolute(folder))
    code = code_of(found.findings)
    if as_json:
        say_json("fleet-status", {"exit": code, "run": absolute(folder), **status_json(found),
                                  "findings": findings_json(found.findings)})  # fmt: skip
        return code
    tell_findings(found.findings)
    say_status(absolute(folder), found)
    return code


def run_one(folder: str, index: int, as_json: bool) -> int:
    """Run the unfinished part of one shard of a run; job schedulers call it.

    It exits with 0 if each repository of the shard has a result, even a failure.

    Examples:
      session-codec fleet shard fleet-run --index 0
    """
    path = absolute(folder)
    made = read_plan(path)
    if index >= made.shards:
        raise Misuse(f"--index: the run has {counted(made.shards, 'shard')}, numbered from 0")
    count = run_shard(path, index)
    if as_json:
        say_json("fleet-shard", {"index": index, "repositories": count})
    return 0


def run_report(
    folder: str,
    output: str,
    tables: str | None,
    endpoint_url: str | None,
    usd_per_million: float | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write a page about the tables of a run: adoption, savings, failures, findings, cost.

    The page is one HTML file that makes no requests. It lists all repositories, the worst first.

    Examples:
      session-codec fleet report -o fleet.html
      session-codec fleet report --tables s3://bucket/tables --usd-per-million 3
    """
    from pipelines.cli.output import say
    from pipelines.verbs.fleet_report import fleet_report

    where = tables
    if where is None:
        made = read_plan(absolute(folder))
        where, endpoint_url = made.tables or os.path.join(folder, "tables"), made.endpoint_url
    remote = open_tables({"remote": where, "endpoint_url": endpoint_url}, None)
    path = absolute(output)
    size = fleet_report(remote, local_path(where), path, usd_per_million, force=force)
    if as_json:
        say_json("fleet-report", {"exit": 0, "output": path, "bytes": size})
    else:
        say(f"{path}: {size:,} bytes")
    return 0


def _plan(
    steps: str,
    arguments: tuple[str, ...],
    lists: tuple[str, ...],
    folders: tuple[str, ...],
    organizations: tuple[str, ...],
    shard_size: int | None,
    time_limit: int,
    memory_limit: int,
    remote: str | None,
    tables: str | None,
    endpoint_url: str | None,
    redact: bool,
) -> Plan:
    names = tuple(steps.split(","))
    for name in names:
        if name not in STEPS:
            raise Misuse(f"a fleet cannot run {name!r} (choose from {', '.join(STEPS)})"
                         + guess(name, STEPS))  # fmt: skip
    if not (lists or folders or organizations):
        raise Misuse("missing --repos, --find or --org-file")
    if needs_remote(names) and (remote is None or "{name}" not in remote):
        raise Misuse("'sync' needs --remote with {name} in it: each repository has its own place")
    sources = Sources(*(tuple(map(absolute, paths)) for paths in (lists, folders, organizations)))
    return plan(
        sources,
        names,
        shard_size,
        arguments=arguments,
        seconds=time_limit,
        memory=memory_limit,
        remote=remote,
        tables=tables,
        endpoint_url=endpoint_url,
        redact=redact,
    )


def _workers(given: int | None) -> int:
    return given or os.cpu_count() or 1


def _tables(folder: str, made: Plan) -> Any:
    """Open the folder that holds a run's tables."""
    from pipelines.verbs.export import check_installed

    check_installed()
    where = made.tables or os.path.join(folder, "tables")
    if local_path(where):
        os.makedirs(os.path.dirname(absolute(where)), exist_ok=True)
    return open_tables({"remote": where, "endpoint_url": made.endpoint_url}, None)


def _kubernetes(folder: str, made: Plan, image: str, claim: str, as_json: bool) -> int:
    from pipelines.cli.output import say
    from pipelines.verbs.fleet_kubernetes import write_manifests

    written = write_manifests(folder, made, image, claim)
    if as_json:
        say_json("fleet-run", {"exit": 0, "run": folder, "written": written})
        return 0
    for path in written:
        say(f"wrote {path}")
    return 0


VERB: Final = Verb(
    run,
    (),
    (JSON,),
    verbs={
        "plan": Verb(
            run_plan,
            (STEPS_ARGUMENT, MORE),
            (*PLANNED, WORKERS, JSON),
            exits={10: "a list of repositories cannot be read"},
        ),
        "run": Verb(
            run_run,
            (STEPS_ARGUMENT, MORE),
            (
                *PLANNED,
                Option("--run", "The folder of the run.", to="folder", default="fleet-run",
                       metavar="DIR", shown=True),
                Option("--runner", "What runs the shards.", choices=RUNNERS, default="local",
                       shown=True),
                WORKERS,
                Option("--scheduler", "Address of a Dask scheduler, tcp://host:port.",
                       metavar="ADDRESS"),
                Option("--again", "Run failed repositories again.", flag=True),
                Option("--image", "For 'kubernetes': the image, with session-codec in it.",
                       default="session-codec:latest", metavar="IMAGE", shown=True),
                Option("--claim", "For 'kubernetes': the volume claim with the folder of the run.",
                       default="session-codec-fleet", metavar="NAME", shown=True),
                JSON,
            ),
            exits={
                3: "repositories need attention; each is named",
                10: "a list of repositories cannot be read",
                12: "a part of the tables is damaged",
                21: "another 'fleet run' is using the folder",
                22: "the folder holds another run",
                30: "Dask or pyarrow is not installed",
                32: EXIT_CODES[32],
            },
        ),
        "status": Verb(
            run_status,
            (FOLDER,),
            (JSON,),
            exits={3: "repositories need attention; each is named", 30: "the folder has no run"},
        ),
        "report": Verb(
            run_report,
            (FOLDER,),
            (
                Option("--output", "Write the page to FILE.", short="-o", default="fleet.html",
                       metavar="FILE", shown=True),
                Option("--tables", "The folder of the tables. [default: the run's own]",
                       metavar="DIR|URL"),
                Option("--endpoint-url", "The address of an S3-compatible store.", metavar="URL"),
                Option("--usd-per-million", "The price of a million tokens; adds costs.",
                       read=price, metavar="USD"),
                Option("--force", "Overwrite FILE even if it is not a fleet report.", flag=True),
                JSON,
            ),
            exits={
                10: "there are no tables",
                22: "FILE is not a fleet report; --force overwrites it",
                30: "the folder has no run, or DuckDB is not installed",
            },
        ),
        "shard": Verb(
            run_one,
            (FOLDER,),
            (
                Option("--index", "The number of the shard.", read=between(0, 10**9), metavar="N",
                       required=True),
                JSON,
            ),
            exits={30: "the folder has no run"},
        ),
    },
)  # fmt: skip
