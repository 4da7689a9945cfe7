"""Run shards on this machine, as many at a time as there are workers.

A verb is a child process, and a worker is a thread that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from pipelines.fleet.shard import run_shard


def run_local(
    folder: str, indices: Sequence[int], workers: int, advance: Callable[[int], None]
) -> None:
    """Run shards.

    Args:
        folder: the folder of the run.
        indices: the numbers of the shards.
        workers: the number of verbs that run at a time.
        advance: receives the number of finished repositories.
    """
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(run_shard, folder, index) for index in indices]
        try:
            for future in as_completed(waiting):
                done += future.result()
                advance(done)
        finally:
            for future in waiting:
                future.cancel()
