"""Run shards on this machine, as many at a time as there are workers.

A worker is a thread that waits for the process of a verb.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Final

from pipelines.fleet.child import Servers
from pipelines.fleet.run_folder import Plan
from pipelines.fleet.shard import run_shard

#: Seconds of a wait. A signal that arrives just before one without a limit waits as long.
_TICK: Final = 1.0


def run_local(
    folder: str, plan: Plan, indices: Sequence[int], workers: int, advance: Callable[[int], None]
) -> None:
    """Run shards.

    Args:
        folder: the folder of the run.
        plan: the plan of the run.
        indices: the numbers of the shards.
        workers: the number of verbs that run at a time.
        advance: receives the number of finished repositories.
    """
    done = 0
    with Servers(plan.steps) as servers, ThreadPoolExecutor(workers) as pool:
        try:
            waiting = {pool.submit(run_shard, folder, index, servers) for index in indices}
            while waiting:
                ended, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
                done += sum(future.result() for future in ended)
                advance(done)
        except BaseException:
            servers.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
