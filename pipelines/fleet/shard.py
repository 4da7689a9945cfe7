"""Run one shard of a fleet: from its number to its result file.

1. It may run any number of times, on any machine that has the folder: finished repositories are
   skipped, and each verb is idempotent.
2. A verb that was started twice without an end, because it or its worker was killed each time, is
   not started a third time: it is reported as `lost`, and the other repositories go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from pipelines.fleet.child import Servers, Stopped, run_verb
from pipelines.fleet.run_folder import (
    LOST,
    Member,
    Plan,
    Result,
    append,
    lock_shard,
    next_step,
    read_plan,
    read_shard,
    sync_results,
)
from pipelines.fleet.steps import Place, command_of
from pipelines.outcomes.errors import PipelineError, WorkspaceLocked
from pipelines.system.fs.files import make_folder

#: How often a verb may be killed in one repository, with its worker or alone.
_LOST: Final = 2
#: Seconds between two attempts to lock a shard.
_RETRY: Final = 0.2
_FILES: Final = (
    ".session-codec/manifest.jsonl", "SESSION_DELTAS.log", "PROJECT_METRICS.tsv",
    "AGENT_PROGRESS_LOG_v2.md", "PROJECT_REFERENCES.yaml",
)  # fmt: skip


def run_shard(folder: str, index: int, servers: Servers | None = None) -> int:
    """Run the rest of a shard; return the number of repositories in it.

    Args:
        folder: the folder of the run.
        index: the number of the shard.
        servers: the servers that start verbs; None to start them for this shard.

    Raises:
        Stopped: the servers were stopped.
    """
    plan = read_plan(folder)
    if servers is None:
        with Servers(plan.steps) as own:
            return run_shard(folder, index, own)
    with _alone(folder, index, servers):
        for member in plan.shard(index):
            while _step(folder, plan, index, member, servers):
                pass
        sync_results(folder, index)
    return len(plan.shard(index))


@contextmanager
def _alone(folder: str, index: int, servers: Servers) -> Iterator[None]:
    """Hold the lock of a shard; wait while another process runs it."""
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(lock_shard(folder, index))
                break
            except WorkspaceLocked:
                if servers.stopped.wait(_RETRY):
                    raise Stopped from None
        yield


def _step(folder: str, plan: Plan, index: int, member: Member, servers: Servers) -> bool:
    """Run the next verb of a repository; return False if it is finished."""
    progress = read_shard(folder, index)
    verb = next_step(plan, member, progress)
    if verb is None:
        return False
    if progress.began.get((member.id, verb), 0) >= _LOST:
        append(folder, index, _lost(member, verb)._asdict())
        return True
    start = {"began": True, "repository": member.id, "verb": verb}
    append(folder, index, start)
    try:
        result = _run(folder, plan, member, verb, servers)
    except BaseException:  # it was stopped, not killed
        append(folder, index, {**start, "began": False})
        raise
    if result.outcome != LOST:
        append(folder, index, result._asdict())
    return True


def rows_path(folder: str, member: Member) -> str:
    """Return the path for the exported rows of a repository."""
    return os.path.join(folder, "rows", f"{member.id}.jsonl")


def path_of(folder: str, member: Member) -> str:
    """Return the path of a repository, or of its clone."""
    return os.path.join(folder, "clones", member.id) if member.is_clone else member.source


def _lost(member: Member, verb: str) -> Result:
    message = f"was killed {_LOST} times, alone or with its worker"
    return Result(member.id, verb, LOST, None, message=message)


def _run(folder: str, plan: Plan, member: Member, verb: str, servers: Servers) -> Result:
    path = path_of(folder, member)
    if member.is_clone and not os.path.isdir(path):
        from pipelines.system.git.clone import clone

        try:
            make_folder(os.path.dirname(os.path.abspath(path)))
            clone(member.source, path, plan.seconds, servers.stopped.is_set)
        except PipelineError as e:
            if servers.stopped.is_set():
                raise Stopped from None
            return Result(member.id, verb, "failed", None, message=str(e))
    if not os.path.isdir(path):
        return Result(member.id, verb, "failed", None, message=f"{path}: no such folder")
    place = Place(
        path=path,
        name=member.id,
        rows=rows_path(folder, member),
        remote=plan.remote.replace("{name}", member.id) if plan.remote else None,
        redact=plan.redact,
    )
    command = command_of(verb, place, plan.arguments)
    result = run_verb(servers, member.id, verb, command, plan.seconds, plan.memory)
    return result._replace(bytes=_size_of(path))


def _size_of(path: str) -> int:
    """Return the size of a workspace's files in bytes."""
    size = 0
    for name in _FILES:
        size += _size(os.path.join(path, name))
    for folder, _, names in os.walk(os.path.join(path, ".diffs")):
        size += sum(_size(os.path.join(folder, name)) for name in names)
    return size


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
