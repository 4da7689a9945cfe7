"""Run shards with Dask, which distributes them, retries them and survives lost workers.

Workers need this program and the folder of the run under the same path. A shard is one task; its
name has its number and its first repository.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from codec.shown_text import counted
from pipelines.fleet.child import Servers
from pipelines.fleet.run_folder import Plan, read_plan
from pipelines.fleet.shard import run_shard
from pipelines.fleet.steps import safe_name
from pipelines.outcomes.errors import NotFound, Unavailable

#: The number of retries of a shard after an error, and of workers that it may lose.
_RETRIES: Final = 2
_LOST: Final = 5
#: Seconds to connect to a scheduler.
_PATIENCE: Final = 30
#: A worker waits for its verb. What it would do meanwhile, sample its own stack, measure its memory
#: and its event loop up to a hundred times a second, costs the verbs 4 % of two processors; so does
#: an environment in which every process returns its memory at once.
_IDLE: Final = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.nanny.pre-spawn-environ": {},
}


def run_dask(
    folder: str,
    plan: Plan,
    indices: Sequence[int],
    workers: int,
    scheduler: str | None,
    advance: Callable[[int], None],
) -> None:
    """Run shards.

    Args:
        folder: the folder of the run, absolute.
        plan: the plan of the run.
        indices: the numbers of the shards.
        workers: the number of workers of a local cluster, used without a scheduler.
        scheduler: its address, `tcp://host:port`.
        advance: receives the number of finished repositories.

    Raises:
        NotFound: Dask is not installed.
        Unavailable: the scheduler cannot be reached, or Dask gave up on a shard.
    """
    if find_spec("distributed") is None:
        raise NotFound(
            "the runner dask needs distributed, which is not installed",
            hint="Install it: pip install 'session-codec[fleet]'",
        )
    done = 0
    problems = []
    with _client(workers, scheduler) as client:
        from distributed import as_completed

        futures = [
            client.submit(
                _run_shard, folder, index, key=_task_name(plan, index), retries=_RETRIES, pure=False
            )
            for index in indices
        ]
        for future in as_completed(futures, loop=client.loop):
            if future.status == "finished":
                done += future.result()
                advance(done)
            else:
                problems.append(f"{future.key}: {future.exception()}")
        client.run(_close_servers)
    if problems:
        raise Unavailable(
            f"Dask gave up on {counted(len(problems), 'shard')}, the first is {problems[0]}",
            hint="Run the same command again: finished results are kept",
        )


#: The servers of this worker, by the verbs of their run; they serve all its shards.
_servers: dict[tuple[str, ...], Servers] = {}


def _run_shard(folder: str, index: int) -> int:
    """Run a shard on a worker."""
    steps = read_plan(folder).steps
    return run_shard(folder, index, _servers.setdefault(steps, Servers(steps)))


def _close_servers() -> None:
    """End the servers of a worker that are idle."""
    for servers in _servers.values():
        servers.close()


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    settings = {
        **_IDLE,
        "distributed.scheduler.allowed-failures": _LOST,
        "distributed.comm.timeouts.connect": f"{_PATIENCE}s",
        "distributed.admin.log-format": "%(message)s",
        "logging.distributed": "error",
    }
    with dask.config.set(settings):
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
            except (OSError, ValueError, TimeoutError) as e:
                raise Unavailable(f"{scheduler}: no Dask scheduler answers: {e}") from None
            with client:
                yield client
            return
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0",
            local_directory=os.environ.get("TMPDIR"), silence_logs=50,
        )  # fmt: skip
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _task_name(plan: Plan, index: int) -> str:
    """Return the name of a shard on a dashboard, unique during the life of a scheduler."""
    first = safe_name(plan.shard(index)[0].name)
    return f"{'+'.join(plan.steps)}-{index:06d}-{first}-{os.urandom(3).hex()}"
