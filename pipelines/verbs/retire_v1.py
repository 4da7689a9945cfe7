"""Replace a migrated v1 log with a stub.

1. The log must have been migrated as it is now and be rebuilt byte for byte, *and* its bytes must
   survive this machine: they are in the commit `HEAD`, or were rebuilt byte for byte from a remote
   alone.
2. The fact of the retirement is recorded first; the replacement is one rename after it. An
   interrupted run is completed by the next.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from codec.kinds import Key, Sha256, sha256_of
from codec.manifest.facts import V1Retired, V1Version
from codec.records import PatchRef
from codec.v1.stub import encode_stub, is_bare_stub, stubbed_log
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.recording.flushing import begin_writing
from pipelines.system.fs.files import read_bytes, replace_file
from pipelines.v1.layouts import Copy, log_pieces, rebuilt
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.location import V1_LOG, Workspace, moment, writing
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import record_facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The log to retire.

    Attributes:
        workspace: the workspace of the log.
        source: its path relative to the workspace.
        sha256: the SHA-256 of the log as it is now.
        stub_sha256: the SHA-256 of the log that the stub will name: this one, or, if sessions were
            added to a stub, the log that the stub names.
        fact: the fact to record; None if it is recorded already.
        done: the file is a stub already.
    """

    workspace: Workspace
    source: str
    sha256: Sha256
    stub_sha256: Sha256
    fact: V1Retired | None
    done: bool = False


def plan(workspace: Workspace, source: str = V1_LOG, copy: Copy | None = None) -> Plan:
    """Return the plan, after checking that the log may be replaced.

    Args:
        workspace: the workspace of the log.
        source: its path relative to the workspace.
        copy: a copy elsewhere that may have the log.

    Raises:
        NotFound: there is no such log.
        Conflict: it changed since it was migrated, or its bytes exist only on this machine.
        IntegrityError: it cannot be rebuilt.
    """
    manifest = read_manifest(workspace)
    path = workspace.path(*source.split("/"))
    if not os.path.exists(path):
        raise NotFound(f"{source}: no such file in {workspace.root}")
    data = read_bytes(path)
    sha256 = sha256_of(data)
    stub_sha256 = stubbed_log(data) or sha256
    if is_bare_stub(data):
        return Plan(
            workspace=workspace,
            source=source,
            sha256=sha256,
            stub_sha256=stub_sha256,
            fact=None,
            done=True,
        )
    version = manifest.newest(source)
    if version is None or version.sha256 != sha256:
        raise Conflict(
            f"{source} is not as it was migrated" if version else f"{source} was not migrated",
            hint="Run 'session-codec migrate' first",
        )
    at = 0
    for piece in log_pieces(workspace, version):
        if data[at : at + len(piece)] != piece:
            raise Conflict(f"{source} cannot be rebuilt from the stored layout and diffs")
        at += len(piece)
    if not _in_head(workspace, source, data) and not (copy and _in_copy(copy, version, data)):
        raise Conflict(
            f"the bytes of {source} exist only on this machine: neither HEAD nor a named remote"
            " holds them",
            hint=f"Commit the log as it is: git add {source} && git commit; or copy it with "
            "'session-codec sync', and pass --remote",
        )
    retired = manifest.retired_version(source)
    recorded = retired is not None and retired.sha256 == stub_sha256
    fact = None if recorded else V1Retired(source=source, sha256=stub_sha256, time=moment())
    return Plan(
        workspace=workspace, source=source, sha256=sha256, stub_sha256=stub_sha256, fact=fact
    )


def apply(made: Plan) -> None:
    """Record that the log is retired, then replace it with the stub.

    Raises:
        Conflict: the log changed since the plan was made.
    """
    workspace = made.workspace
    with writing(workspace):
        begin_writing(workspace)
        path = workspace.path(*made.source.split("/"))
        if sha256_of(read_bytes(path)) != made.sha256:
            raise Conflict(f"{made.source} changed just now", hint="Run the same command again")
        if made.fact is not None:
            record_facts(workspace, "retire-v1", [made.fact])
        replace_file(path, [encode_stub(made.stub_sha256)])


def _in_copy(copy: Copy, version: V1Version, data: bytes) -> bool:
    """Return True if a log can be rebuilt from a remote copy alone."""
    found = copy.read_layout(version)
    if found is None:
        return False

    def read(key: Key, patch: PatchRef) -> bytes:
        there = copy.read(key, patch)
        if there is None:
            raise NotFound(f"the diff of {key} is missing")
        return there

    try:
        return b"".join(rebuilt(*found, read)) == data
    except NotFound:
        return False


def _in_head(workspace: Workspace, source: str, data: bytes) -> bool:
    """Return True if the commit HEAD has the log with the same bytes."""
    return bool(data) and content_at(workspace, "HEAD", source) == data
