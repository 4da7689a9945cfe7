"""Complete a recorded session with facts that a hook found later.

1. A session has an id and is recorded once. Later facts from a hook (more commits, the total
   tokens) become a revision of the same session.
2. A revision by a hook changes figures, commits and the diff. Texts and a status from an agent or a
   user stay.
3. A recorded figure that is greater stays, because a hook may have seen only a part.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator
from contextlib import suppress

from codec.errors import FormatError
from codec.manifest.facts import Author, Fact, Revision
from codec.manifest.identity import History, histories_of
from codec.manifest.jsonl import decode_fact
from codec.patches.diff_stat import diff_stat
from codec.records import PatchRef, Session
from pipelines.recording.session import Recording
from pipelines.workspace import pending
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.reading import mapped_file


def put_revision(
    workspace: Workspace,
    history: History,
    becomes: Session,
    by: Author,
    patch: bytes | None = None,
) -> None:
    """Put a revision of a session into the pending store.

    Args:
        workspace: the workspace of the session.
        history: the session as it is now.
        becomes: the revised session.
        by: who revises the session.
        patch: the bytes of its diff, if the diff changes.
    """
    from pipelines.recording.revising import revision_to

    pending.put(workspace, [revision_to(history, becomes, by)], [patch] if patch else [])


def with_recording(session: Session, recording: Recording) -> Session:
    """Return a session with the figures, commits and diff of a recording of the same session."""
    metrics = session.metrics
    greater = {
        name: max(old, new)
        for name in ("duration_min", "tokens_used")
        if (new := getattr(recording, name)) is not None
        and (old := getattr(metrics, name) or 0) is not None
    }
    session = session._replace(metrics=metrics._replace(**greater))
    if not recording.ranges or recording.patch is None:
        return session
    stat = diff_stat(recording.patch)
    ranges = recording.ranges
    return session._replace(
        metrics=session.metrics._replace(
            lines_added=stat.added, lines_removed=stat.removed, commits=recording.commits
        ),
        patch=PatchRef.of(recording.patch) if recording.patch else None,
        range=ranges[0] if len(ranges) == 1 else "",
        commits_of=ranges if len(ranges) > 1 else (),
    )


def known_history(workspace: Workspace, name: str) -> History | None:
    """Return the current session with an id; None if it is not recorded."""
    identity = hashlib.sha256(f"id:{name}".encode()).hexdigest()
    with mapped_file(workspace, MANIFEST) as data:
        needle = b'"id":' + json.dumps(name, ensure_ascii=False).encode()
        facts = [f for f in _facts_with(data, needle) if isinstance(f, Session) and f.id == name]
        if not facts:
            return None
        needle = f'"of":"{identity}"'.encode()
        revisions = [f for f in _facts_with(data, needle) if isinstance(f, Revision)]
    return histories_of(facts, [r for r in revisions if r.of == identity])[0]


def known_parts(workspace: Workspace, record_id: str) -> list[History]:
    """Return the recorded sessions of one part: an agent may record several tasks."""
    found: list[History] = []
    while history := known_history(workspace, numbered(record_id, len(found))):
        found.append(history)
    return found


def numbered(record_id: str, before: int) -> str:
    """Return the id for a further session of a part, given the number of earlier ones."""
    return f"{record_id}~{before + 1}" if before else record_id


def _facts_with(data: mmap.mmap | bytes, needle: bytes) -> Iterator[Fact]:
    """Yield the facts on lines that contain `needle`, each line once."""
    seen: set[bytes] = set()
    at = data.find(needle)
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        line = data[start : end if end >= 0 else len(data)]
        if line not in seen:
            seen.add(line)
            with suppress(FormatError):  # `verify` reports it
                yield decode_fact(line.decode(errors="replace"))
        at = data.find(needle, end) if end >= 0 else -1
