"""Fold the rows and results of a run into tables.

Rows are folded once, when every shard is finished, so that an interrupted run gives the same tables
as an uninterrupted one. Seconds and memory stay in the result files, because they differ between
two runs over the same repositories.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from codec.errors import FormatError
from codec.tables.rows import Row, decode_head, decode_row
from codec.tables.schema import EXPORTED
from pipelines.fleet.run_folder import Member, Plan, Result, all_results
from pipelines.fleet.shard import rows_path
from pipelines.fleet.steps import EXPORT, is_fine
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Remote


class Collected(NamedTuple):
    """The result of a fold: repositories, bytes and files that were written, and findings."""

    repositories: int
    size: int
    written: tuple[str, ...]
    findings: tuple[Finding, ...]


def collect(folder: str, plan: Plan, remote: Remote, progress: Progress) -> Collected:
    """Fold the rows and results of a finished run into the tables of a remote; return the result.

    Args:
        folder: the folder of the run.
        plan: the plan of the run.
        remote: the folder of the tables.
        progress: receives the stages.
    """
    from pipelines.tables.fold import Given, Target, fold

    results: dict[Member, list[Result]] = {}
    for member, result in all_results(folder, plan):
        results.setdefault(member, []).append(result)
    names: dict[str, Member] = {}
    findings = []
    given, runs = [], []
    for member, found in results.items():
        name = _hashed(member) if plan.redact and not member.is_clone else member.name
        exported = [r for r in found if r.verb == EXPORT and is_fine(r.exit_code)]
        if exported:
            path = rows_path(folder, member)
            try:
                name, digest = _head_of(path)
            except (FormatError, OSError) as e:
                findings.append(_unreadable(member, path, e))
                continue
            if name in names:
                findings.append(_duplicate(member, names[name], name))
                continue
            given.append(Given(name, digest, partial(_rows_of, path)))
        names[name] = member
        runs.append(Given(name, "", partial(iter, [_run_row(name, r) for r in found])))
    rows = fold(Target(remote, "parquet", plan.redact, EXPORTED), given, progress)
    ran = fold(Target(remote, "parquet", plan.redact, ("runs",)), runs, progress)
    written = (*rows.written, *ran.written)
    return Collected(len(names), rows.size + ran.size, written, tuple(findings))


def unreadable(folder: str, plan: Plan) -> frozenset[str]:
    """Return the ids of repositories that were exported, but whose rows cannot be read."""
    found = set()
    for member, result in all_results(folder, plan):
        if result.verb == EXPORT and is_fine(result.exit_code):
            try:
                _head_of(rows_path(folder, member))
            except (FormatError, OSError):
                found.add(member.id)
    return frozenset(found)


def _head_of(path: str) -> tuple[str, str]:
    """Return the name and the digest of exported rows; the digest is in the last row."""
    with open(path, "rb") as f:
        head = decode_head(f.readline())
        last = b""
        for line in f:
            last = line
    return head.repository, str(decode_row(last).values[-1])


def _rows_of(path: str) -> Iterator[Row]:
    with open(path, "rb") as f:
        f.readline()
        yield from map(decode_row, f)


def _run_row(name: str, result: Result) -> Row:
    return Row("runs", "", (
        name, result.verb, result.outcome, result.exit_code, result.findings,
        " ".join(result.codes) or None, result.bytes,
    ))  # fmt: skip


def _hashed(member: Member) -> str:
    return hashlib.sha256(member.name.encode(errors="replace")).hexdigest()[:16]


def _unreadable(member: Member, path: str, error: Exception) -> Finding:
    return Finding(
        code="repository-failed",
        message=f"{member.name}: its exported rows cannot be read: {path}: {error}",
        hint="Repeat the command with --again",
    )


def _duplicate(member: Member, first: Member, name: str) -> Finding:
    return Finding(
        code="duplicate-repository",
        message=f"{member.source} and {first.source} are clones of {name}; only the second is in"
        " the tables",
        hint="List one clone of a repository",
    )
