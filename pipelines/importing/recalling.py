"""Read the facts for a brief from the transcript of a session, if the agent still has it.

1. Only files in the agents' own folders are read: of a long one, the beginning and the end.
2. Transcripts are not scanned for secrets, so each text is scanned before it is returned.
3. Texts of prompts are left out if the workspace keeps prompts out of sessions, and nothing is read
   for a session whose texts were removed on purpose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from codec.agents.edit_events import Edit
from codec.agents.recollections import Recollection, recollect
from codec.agents.transcript_events import transcript_of as collect
from codec.agents.transcripts import entries_of, events_of
from codec.records import Session
from pipelines.diffs.text_scan import clean_texts
from pipelines.importing.lines import opened, read_errors
from pipelines.importing.parts import END, Known, agents_id
from pipelines.outcomes.errors import Unavailable
from pipelines.recording.agent_files import is_agents_file, transcript_of
from pipelines.workspace.location import Workspace, read_config
from pipelines.workspace.manifest_view import Manifest

#: The bytes that are read of a long transcript: of its beginning, and of its end.
HEAD: Final = 1 << 18
TAIL: Final = 1 << 23
#: The most bytes of a compressed transcript, which has to be read from its beginning.
_MOST: Final = 1 << 28
_BLOCK: Final = 1 << 20


def recall_session(workspace: Workspace, manifest: Manifest, session: Session) -> Recollection:
    """Return the facts in the transcript of a recorded session; empty without a transcript.

    Args:
        workspace: the workspace of the session.
        manifest: the manifest of the workspace.
        session: the session, as it is now.
    """
    name = agents_id(session)
    found = transcript_of(name) if name and not session.private else None
    if found is None:
        return Recollection()
    parts = (
        p for p in Known(manifest).parts(name) if p.history and p.history.session.key == session.key
    )
    part = next(parts)
    return _clean(workspace, _read(*found, name, part.since, part.until))


def recall_running(
    workspace: Workspace, session_id: str, agent: str = "", path: str = ""
) -> Recollection:
    """Return the facts in the transcript of a running session; empty without a transcript.

    Args:
        workspace: the workspace of the session.
        session_id: the agent's id of the session.
        agent, path: the agent and its transcript, if a hook named them.
    """
    path = os.path.normpath(path) if path else ""
    found = (agent, path) if path else transcript_of(session_id)
    if found is None or not is_agents_file(found[1]):
        return Recollection()
    return _clean(workspace, _read(*found, session_id, 0, END))


def _read(agent: str, path: str, session_id: str, since: int, until: int) -> Recollection:
    paths: list[str] = []

    def take(edit: Edit) -> None:
        if since <= edit.time <= until:
            paths.append(os.path.join(edit.folder, edit.moved_to or edit.path))

    transcript = collect(events_of(agent, _entries(path), session_id), take)
    return recollect(transcript, paths, since, until)


def _entries(path: str) -> Iterator[dict[str, Any]]:
    """Yield the objects on a transcript's lines; of a long one, only at its beginning and end."""
    with suppress(*read_errors()), opened(path) as f:
        head = f.read(HEAD)
        if path.endswith(".zst"):
            tail, size = b"", len(head)
            while size < _MOST and (block := f.read(_BLOCK)):
                tail, size = (tail + block)[-TAIL:], size + len(block)
        else:
            size = os.fstat(f.fileno()).st_size
            f.seek(max(size - TAIL, len(head)))
            tail = f.read(TAIL)
        if len(head) + len(tail) < size:
            head, tail = head.rpartition(b"\n")[0] + b"\n", tail.partition(b"\n")[2]
        yield from entries_of((head + tail).split(b"\n"))


def _clean(workspace: Workspace, found: Recollection) -> Recollection:
    """Return facts without secrets, and without texts of prompts if the workspace keeps none."""
    if not read_config(workspace).prompts:
        found = found._replace(goal="", corrections=(), requests=())
    tests = found.tests
    texts = [found.goal, tests.text if tests else "", *found.corrections, *found.requests]
    try:
        cleaned, _ = clean_texts(workspace, {str(n): text for n, text in enumerate(texts)})
    except Unavailable:  # a text may hold a secret, and nothing can find it
        return Recollection(edited=found.edited, is_compacted=found.is_compacted)
    goal, line, *more = cleaned.values()
    count = len(found.corrections)
    return found._replace(
        goal=goal,
        corrections=tuple(more[:count]),
        requests=tuple(more[count:]),
        tests=tests._replace(text=line) if tests else None,
    )
