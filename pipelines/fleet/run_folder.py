"""The folder of a fleet run: its plan, and one result file for each shard.

1. `fleet.json` is written once. It states the repositories, the verbs, and the size of a shard, so
   that a number identifies a shard.
2. `results/NUMBER.jsonl` has one line for each verb that ended, appended at once. A line `began`
   precedes it: a repository with `began` and no end was running when the process was killed.
3. A repository is finished when all its verbs have results, or when one of them failed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple, TypeVar, get_origin, get_type_hints

from codec.errors import FormatError
from pipelines.fleet.steps import STEPS
from pipelines.outcomes.errors import Conflict, NotFound, WorkspaceLocked
from pipelines.system.fs.files import make_folder, replace_file, sync_written
from pipelines.system.fs.locks import locked

_SCHEMA: Final = "session-codec/fleet-run/1"
#: The file with the plan.
PLAN: Final = "fleet.json"
#: Outcomes of a verb that need no person; others count as failed, `findings` as done.
GOOD: Final = frozenset(("done", "absent"))
CONTINUES: Final = frozenset(("done", "absent", "findings"))
#: Outcome of a verb that did not end: it or its worker was killed.
LOST: Final = "lost"


class Member(NamedTuple):
    """A repository of a fleet.

    Attributes:
        id: the name of its files in the folder of the run.
        name: its name in output: the address without credentials, or the path.
        source: its absolute path, or the address to clone it from.
        is_clone: the source is an address.
    """

    id: str
    name: str
    source: str
    is_clone: bool


class Plan(NamedTuple):
    """The plan of a run.

    Attributes:
        steps: the verbs, in order.
        arguments: arguments for each verb.
        members: the repositories, sorted by name.
        shard_size: the number of repositories of a shard.
        seconds, memory: the limits of a verb: seconds and MiB.
        remote: the remote of `sync`; None without.
        tables: the folder of the tables; None for the folder of the run.
        endpoint_url: the address of the store of the remote and the tables.
        redact: leave texts out of the tables.
    """

    steps: tuple[str, ...]
    arguments: tuple[str, ...]
    members: tuple[Member, ...]
    shard_size: int
    seconds: int
    memory: int
    remote: str | None = None
    tables: str | None = None
    endpoint_url: str | None = None
    redact: bool = False

    @property
    def shards(self) -> int:
        """Return the number of shards."""
        return -(-len(self.members) // self.shard_size)

    def shard(self, index: int) -> tuple[Member, ...]:
        """Return the repositories of a shard."""
        return self.members[index * self.shard_size : (index + 1) * self.shard_size]


class Result(NamedTuple):
    """The result of a verb in a repository.

    Attributes:
        repository: the id of the repository.
        verb: the verb.
        outcome: done, findings, absent, failed, denied, timeout, memory or lost.
        exit_code: its exit code; None if it was killed.
        findings: the number of findings that need attention.
        codes: the codes of these findings, each once, sorted.
        seconds: the time that it took.
        peak: the most bytes of memory that it used.
        bytes: the size of the workspace's files afterwards.
        message: the message of an error.
    """

    repository: str
    verb: str
    outcome: str
    exit_code: int | None
    findings: int = 0
    codes: tuple[str, ...] = ()
    seconds: float = 0.0
    peak: int = 0
    bytes: int = 0
    message: str = ""


class Progress(NamedTuple):
    """The lines of a shard: results by repository and verb, and starts without an end."""

    results: dict[tuple[str, str], Result]
    began: dict[tuple[str, str], int]


R = TypeVar("R", Member, Plan, Result)
#: The types of the fields of records in files, as `isinstance` takes them.
_KINDS: Final = {
    record: {name: tuple if get_origin(kind) is tuple else kind
             for name, kind in get_type_hints(record).items()}
    for record in (Member, Plan, Result)
}  # fmt: skip


def write_plan(folder: str, plan: Plan) -> None:
    """Write the plan of a run, or check that the folder has the same plan.

    Raises:
        Conflict: it has another run.
    """
    if os.path.exists(os.path.join(folder, PLAN)):
        if read_plan(folder) != plan:
            raise Conflict(
                f"{folder}: holds another run",
                hint="Repeat the command of that run, or pass another folder with --run",
            )
        return
    make_folder(os.path.join(os.path.abspath(folder), "results"))
    document = {
        "schema": _SCHEMA,
        **plan._asdict(),
        "members": [m._asdict() for m in plan.members],
    }
    replace_file(os.path.join(folder, PLAN), [json.dumps(document, indent=1).encode()])


def read_plan(folder: str) -> Plan:
    """Return the plan of a run.

    Raises:
        NotFound: the folder has no run.
        FormatError: the plan cannot be read.
    """
    path = os.path.join(folder, PLAN)
    try:
        with open(path, "rb") as f:
            found: dict[str, Any] = json.load(f)
        if found.pop("schema") != _SCHEMA or not set(found["steps"]) <= set(STEPS):
            raise ValueError
        members = tuple(_checked(Member(**m)) for m in found.pop("members"))
        steps, arguments = tuple(found.pop("steps")), tuple(found.pop("arguments"))
        plan = _checked(Plan(steps=steps, arguments=arguments, members=members, **found))
        if min(plan.shard_size, plan.seconds, plan.memory) < 1:
            raise ValueError
        return plan
    except FileNotFoundError:
        raise NotFound(
            f"{folder}: does not contain a fleet run",
            hint="Start one with 'session-codec fleet run'",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FormatError("is not the plan of a fleet run", file=path) from None


def _checked(record: R) -> R:
    """Return a record that was read from a file; raise TypeError for values of other types."""
    for name, kind in _KINDS[type(record)].items():
        value = getattr(record, name)
        if kind is float and type(value) is int:
            continue
        if not isinstance(value, kind) or (type(value) is bool and kind is not bool):
            raise TypeError(name)
    return record


def shard_path(folder: str, index: int) -> str:
    """Return the path of the result file of a shard."""
    return os.path.join(folder, "results", f"{index:06d}.jsonl")


def read_shard(folder: str, index: int) -> Progress:
    """Return the lines of a shard; torn and damaged ones are ignored."""
    progress = Progress({}, {})
    try:
        with open(shard_path(folder, index), "rb") as f:
            lines = f.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return progress
    for line in lines:
        try:
            found = json.loads(line)
            key = (found["repository"], found["verb"])
            if "began" in found:
                change = 1 if found["began"] else -1
                progress.began[key] = progress.began.get(key, 0) + change
            else:
                found["codes"] = tuple(found["codes"])
                progress.results.setdefault(key, _checked(Result(**found)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # a torn or damaged line: the verb runs again
    return progress


def append(folder: str, index: int, line: Mapping[str, Any]) -> None:
    """Append a line to the results of a shard; `sync_results` makes it durable."""
    data = f"{json.dumps(line, separators=(',', ':'))}\n".encode()
    path = shard_path(folder, index)
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        left = memoryview(b"\n" + data if torn else data)
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)


@contextmanager
def lock_run(folder: str) -> Iterator[None]:
    """Hold the lock of a run.

    Raises:
        WorkspaceLocked: another process holds it.
    """
    with _locked(folder, "run", "another 'fleet run' is using this folder"):
        yield


@contextmanager
def lock_shard(folder: str, index: int) -> Iterator[None]:
    """Hold the lock of a shard.

    Raises:
        WorkspaceLocked: another process holds it.
    """
    with _locked(folder, f"{index:06d}", f"another process is running shard {index}"):
        yield


@contextmanager
def _locked(folder: str, name: str, problem: str) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(locked(os.path.join(folder, "locks", name), wait=0))
        except WorkspaceLocked:
            raise WorkspaceLocked(
                f"{folder}: {problem}", hint="Wait for its end, or pass another folder with --run"
            ) from None
        yield


def sync_results(folder: str, index: int) -> None:
    """Make the results of a shard durable, if it has any."""
    path = shard_path(folder, index)
    if os.path.exists(path):
        sync_written([path])


def is_finished(plan: Plan, member: Member, progress: Progress) -> bool:
    """Return True if nothing is left to do in a repository."""
    return next_step(plan, member, progress) is None


def next_step(plan: Plan, member: Member, progress: Progress) -> str | None:
    """Return the first verb of a repository without a result; None if it is finished."""
    for verb in plan.steps:
        result = progress.results.get((member.id, verb))
        if result is None:
            return verb
        if result.outcome not in CONTINUES:
            return None
    return None


def open_shards(folder: str, plan: Plan) -> list[int]:
    """Return the numbers of the unfinished shards."""
    return [i for i in range(plan.shards) if not _is_complete(folder, plan, i)]


def _is_complete(folder: str, plan: Plan, index: int) -> bool:
    progress = read_shard(folder, index)
    return all(is_finished(plan, member, progress) for member in plan.shard(index))


def all_results(folder: str, plan: Plan) -> Iterator[tuple[Member, Result]]:
    """Yield the results of a run, by repository and in the order of the verbs."""
    for index in range(plan.shards):
        progress = read_shard(folder, index)
        for member in plan.shard(index):
            for verb in plan.steps:
                result = progress.results.get((member.id, verb))
                if result is not None:
                    yield member, result


def forget_failed(folder: str, plan: Plan, more: frozenset[str]) -> None:
    """Remove the results of failed and of further repositories, so that they run again."""
    for index in range(plan.shards):
        with lock_shard(folder, index):
            results = read_shard(folder, index).results.values()
            failed = {r.repository for r in results if r.outcome not in CONTINUES} | more
            kept = [r for r in results if r.repository not in failed]
            if len(kept) < len(results):
                replace_file(shard_path(folder, index), _lines(kept))


def _lines(results: Iterable[Result]) -> Sequence[bytes]:
    return [f"{json.dumps(r._asdict(), separators=(',', ':'))}\n".encode() for r in results]
