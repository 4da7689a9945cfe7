"""Run one shard of a fleet: from its number to its result file.

1. It may run any number of times, on any machine that has the folder: finished repositories are
   skipped, and each verb is idempotent.
2. A verb that was started twice without an end, because it or its worker was killed each time, is
   not started a third time: it is reported as `lost`, and the other repositories go on.
"""

from __future__ import annotations

import os
from typing import Final

from pipelines.fleet.child import run_verb
from pipelines.fleet.run_folder import (
    LOST,
    Member,
    Plan,
    Result,
    append,
    next_step,
    read_plan,
    read_shard,
)
from pipelines.fleet.steps import Place, command_of
from pipelines.outcomes.errors import PipelineError
from pipelines.system.fs.files import make_folder

#: How often a verb may be killed in one repository, with its worker or alone.
_LOST: Final = 2
_FILES: Final = (
    ".session-codec/manifest.jsonl", "SESSION_DELTAS.log", "PROJECT_METRICS.tsv",
    "AGENT_PROGRESS_LOG_v2.md", "PROJECT_REFERENCES.yaml",
)  # fmt: skip


def run_shard(folder: str, index: int) -> int:
    """Run the rest of a shard; return the number of repositories in it."""
    plan = read_plan(folder)
    members = plan.shard(index)
    for member in members:
        while (verb := next_step(plan, member, read_shard(folder, index))) is not None:
            progress = read_shard(folder, index)
            if progress.began.get((member.id, verb), 0) >= _LOST:
                result = _lost(member, verb)
            else:
                append(folder, index, {"began": True, "repository": member.id, "verb": verb})
                result = _run(folder, plan, member, verb)
                if result.outcome == LOST:
                    continue
            append(folder, index, result._asdict())
    return len(members)


def rows_path(folder: str, member: Member) -> str:
    """Return the path for the exported rows of a repository."""
    return os.path.join(folder, "rows", f"{member.id}.jsonl")


def path_of(folder: str, member: Member) -> str:
    """Return the path of a repository, or of its clone."""
    return os.path.join(folder, "clones", member.id) if member.is_clone else member.source


def _lost(member: Member, verb: str) -> Result:
    message = f"was killed {_LOST} times, alone or with its worker"
    return Result(member.id, verb, LOST, None, message=message)


def _run(folder: str, plan: Plan, member: Member, verb: str) -> Result:
    path = path_of(folder, member)
    if member.is_clone and not os.path.isdir(path):
        from pipelines.system.git.clone import clone

        try:
            make_folder(os.path.dirname(os.path.abspath(path)))
            clone(member.source, path)
        except PipelineError as e:
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
    result = run_verb(member.id, verb, command, plan.seconds, plan.memory)
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
