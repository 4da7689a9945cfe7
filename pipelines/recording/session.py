"""Record one session: in the pending store, and by `record` in the tracked files.

1. A session is recorded as a whole or not at all: patches are stored before the fact that names
   them (`pending`), and the tracked files change in one transaction (`flushing`).
2. The time hardly grows with the workspace: files are only appended to, and the manifest is
   searched for bytes, not decoded; of a large one, only what was added since (`searched_manifest`).
3. An id is recorded once. A session without one gets a random id, so that no two facts and no two
   keys are equal, however many are recorded in one second.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import Key
from codec.manifest.jsonl import decode_fact, encode_fact, identity_of
from codec.names import name_of, one_line, session_key
from codec.patches.diff_stat import diff_stat
from codec.records import Metrics, PatchRef, Session, Status
from codec.vocabulary import agent_of
from pipelines.diffs.text_scan import clean_texts
from pipelines.outcomes.findings import Finding
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import (
    MANIFEST,
    Workspace,
    check_format,
    moment,
    read_config,
    writing,
)
from pipelines.workspace.reading import mapped_file
from pipelines.workspace.searched_manifest import Searched, keep, search

if TYPE_CHECKING:
    from pipelines.workspace.transaction import Append

_SESSION: Final = b'{"fact":"session","key":"'
_RANGE: Final = b'"range":"'
_ID_BYTES: Final = 8


class Recording(NamedTuple):
    """The facts to record about a session.

    Attributes:
        agent: the agent, as it calls itself; aliases apply.
        task: a slug or a sentence.
        status, remark, notes: as in `Session`.
        patch: its exact bytes; empty if nothing was changed, None if unknown.
        ranges: pairs of commits or trees, `BASE..HEAD` with full hashes; the patch is their patches
            in order. Empty without commits.
        commits, duration_min, tokens_used: figures; None if unknown.
        id: its external id, under which it is recorded once; empty for none.
        time: the time in v2 form; empty for now.
        private: record no texts.
    """

    agent: str
    task: str
    status: Status = "UNKNOWN"
    remark: str = ""
    notes: str = ""
    patch: bytes | None = None
    ranges: tuple[str, ...] | None = None
    commits: int | None = None
    duration_min: int | None = None
    tokens_used: int | None = None
    id: str = ""
    time: str = ""
    private: bool = False


class Recorded(NamedTuple):
    """A session that is now in the workspace.

    Attributes:
        session: the session, as the manifest has it.
        is_new: it was not recorded before.
        findings: the findings.
        recovered: the interrupted verb that was completed first.
        patch: the bytes to store; None without a patch, and for a purged one.
    """

    session: Session
    is_new: bool
    findings: tuple[Finding, ...] = ()
    recovered: str | None = None
    patch: bytes | None = None


def session_of(recording: Recording, aliases: Mapping[str, str]) -> Session:
    """Return the session of a recording; its key is its time until a workspace assigns one."""
    patch = recording.patch
    stat = diff_stat(patch) if patch is not None else None
    time = recording.time or f"{moment()[:19]}Z"
    task = name_of(recording.task)
    title = one_line(recording.task)
    ranges = recording.ranges or ()
    session = Session(
        key=Key(time),
        time=time,
        agent=agent_of(recording.agent, aliases),
        task=task,
        status=recording.status,
        remark=one_line(recording.remark),
        title="" if title == task else title,
        notes=one_line(recording.notes),
        metrics=Metrics(
            lines_added=stat.added if stat else None,
            lines_removed=stat.removed if stat else None,
            commits=recording.commits,
            duration_min=recording.duration_min,
            tokens_used=recording.tokens_used,
        ),
        patch=PatchRef.of(patch) if patch else None,
        id=one_line(recording.id) or os.urandom(_ID_BYTES).hex(),
        range=ranges[0] if len(ranges) == 1 else "",
        commits_of=ranges if len(ranges) > 1 else (),
    )
    if recording.private:
        from pipelines.recording.revising import without_texts

        return without_texts(session)
    return session


def record_session(workspace: Workspace, recording: Recording) -> Recorded:
    """Record a session and all pending ones in the tracked files, under the lock.

    Secrets in its texts are replaced first.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
        EncodeError: the formats cannot hold it.
        WorkspaceLocked: another process was writing for too long.
    """
    # The start hook only makes sessions, and does without these.
    from pipelines.recording.flushing import flush
    from pipelines.workspace.journal import recover
    from pipelines.workspace.tracked_files import exception_appends

    recording, replaced = clean_recording(workspace, recording)
    exceptions = exception_appends(workspace)
    with writing(workspace):
        recovered = recover(workspace)
        made, searched = _made(workspace, recording)  # under the lock, so that times are in order
        if not made.is_new:
            flush(workspace)
            return made._replace(recovered=recovered)
        flushed = flush(workspace, [made.session], _patches([made]), exceptions)
        keep(workspace, searched)
    excepted = tuple(_excepted(append) for append in exceptions)
    findings = (*replaced, *made.findings, *flushed.findings, *excepted)
    return made._replace(findings=findings, recovered=recovered)


def new_session(workspace: Workspace, recording: Recording, keys: Collection[Key] = ()) -> Recorded:
    """Return the session of a recording, which the caller puts into the pending store.

    Secrets in its texts are replaced first.

    Args:
        workspace: the workspace that gets the session.
        recording: the recording of the session.
        keys: the keys of sessions that are not in the store yet.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
        EncodeError: it cannot be written in the formats.
        NewerFormat: a later version of session-codec has written to the workspace.
    """
    check_format(workspace)
    recording, replaced = clean_recording(workspace, recording)
    made, _ = _made(workspace, recording, keys)
    encode_fact(made.session)
    return made._replace(findings=(*replaced, *made.findings))


def _made(
    workspace: Workspace, recording: Recording, keys: Collection[Key] = ()
) -> tuple[Recorded, Searched]:
    """Return the session of a recording with a new key, or the session that has its id."""
    session = session_of(recording, read_config(workspace).agents)
    with mapped_file(workspace, MANIFEST) as manifest:
        known = _with_id(manifest, session.id) if recording.id else None
        searched = search(workspace, manifest, session.time)
        findings = _repeated(manifest, session, recording.ranges)
    if known is not None:
        from pipelines.workspace.find_session import current

        return Recorded(session=current(workspace, known), is_new=False), searched
    taken = {*keys, *searched.taken(session.time)}
    is_purged = session.patch is not None and session.patch.sha256 in searched.purged
    if any(os.path.exists(os.path.join(workspace.diffs, n)) for n in names_of(session.key)):
        taken.add(session.key)  # of another worktree, which shares the diffs
    session = session._replace(key=session_key(session.time, identity_of(session), taken))
    if is_purged:
        findings = (*findings, _purged(session))
    patch = None if is_purged else recording.patch
    made = Recorded(session=session, is_new=True, findings=findings, patch=patch)
    return made, searched


def _patches(made: Iterable[Recorded]) -> list[bytes]:
    return [recorded.patch for recorded in made if recorded.patch]


def _purged(session: Session) -> Finding:
    return Finding(
        code="purged-again",
        message="has the same diff as a purged session; it is not stored again",
        key=session.key,
    )


def _excepted(append: Append) -> Finding:
    names = ", ".join(
        line.removeprefix(b"!/").decode()
        for line in b"".join(append.chunks).splitlines()
        if line.startswith(b"!") and not line.endswith(b"/")
    )
    return Finding(
        code="ignored",
        message=f"git ignored {names}, which every clone needs; an exception was added",
        level="note",
        file=append.path,
        hint=f"Commit {append.path}",
    )


def _with_id(manifest: mmap.mmap | bytes, name: str) -> Session | None:
    """Return the newest session with an id; None if no session has one."""
    needle = b'"id":' + json.dumps(name, ensure_ascii=False).encode()
    at = len(manifest)
    while (at := manifest.rfind(needle, 0, at)) >= 0:
        session = _session_around(manifest, at)
        if session is not None and session.id == name:
            return session
    return None


def _repeated(
    manifest: mmap.mmap | bytes, session: Session, ranges: tuple[str, ...] | None
) -> tuple[Finding, ...]:
    """Return a note if all commits of a session were recorded before."""
    if ranges is None:
        return ()
    newest = _session_around(manifest, manifest.rfind(_SESSION if ranges else _RANGE))
    if ranges and (newest is None or not session.range or newest.range != session.range):
        return ()
    key = newest.key if newest else None
    message = f"the same commits were recorded as {key}"
    if not ranges:
        message = f"no commits since {key or 'the session began'}; no diff is recorded"
    hint = "Commit first, or record the working tree with --worktree, or nothing with --no-diff"
    return (Finding(code="same-commits", message=message, level="note", key=key, hint=hint),)


def clean_recording(
    workspace: Workspace | None, recording: Recording
) -> tuple[Recording, list[Finding]]:
    """Return a recording without secrets, and a finding for each that was replaced.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    names = ("agent", "task", "remark", "notes")
    texts, findings = clean_texts(workspace, {name: getattr(recording, name) for name in names})
    changed: dict[str, Any] = texts
    return recording._replace(**changed), findings


def _session_around(manifest: mmap.mmap | bytes, at: int) -> Session | None:
    """Return the session on the line at a position; None if the line is something else."""
    if at < 0:
        return None
    end = manifest.find(b"\n", at)
    line = manifest[manifest.rfind(b"\n", 0, at) + 1 : end if end >= 0 else len(manifest)]
    try:
        fact = decode_fact(line.decode(errors="replace"))
    except FormatError:
        return None
    return fact if isinstance(fact, Session) else None
