"""Collect the handover to the next agent after a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from codec.errors import CodecError
from codec.patches.changes import changes_of
from codec.records import Session
from codec.v2.brief import Brief, State, open_sessions, render_brief
from pipelines.diffs.store import Store, commits_of
from pipelines.outcomes.errors import StorageError
from pipelines.system.git.process import run_git
from pipelines.workspace.find_session import find_key
from pipelines.workspace.git_queries import commit_of, names_changed, prefix_of, repository_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest

#: The number of earlier sessions whose notes are considered.
_EARLIER = 5
_OPEN = 3


def brief(workspace: Workspace, name: str, count: Callable[[str], int]) -> tuple[Session, str]:
    """Return a session and the text of its brief.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
        count: counts tokens.

    Raises:
        NotFound: there is no such session.
    """
    key = find_key(workspace, name)
    manifest = read_manifest(workspace)
    session = manifest.sessions[key]
    ordered = sorted(manifest.sessions.values(), key=lambda s: (s.time, s.key))
    until = ordered[: ordered.index(session)]
    found = Brief(
        session=session,
        files=_files(workspace, manifest, session),
        open=[s for s in open_sessions([*until, session]) if s != session][:_OPEN],
        earlier=[s for s in reversed(until) if s.notes][:_EARLIER],
    )
    return session, render_brief(found, count)


def _files(workspace: Workspace, manifest: Manifest, session: Session) -> dict[str, State]:
    """Return the files that a session's diff changes; empty if the diff is missing."""
    if session.patch is None:
        return {}
    store = Store(workspace, manifest=manifest)
    try:
        data = store.read(session.key, session.patch, commits_of(session))
    except (StorageError, CodecError):
        return {}
    names = list(dict.fromkeys(change.new for change in changes_of(data)))
    return _states(workspace, names) if workspace.repository else {}


def _states(workspace: Workspace, names: Iterable[str]) -> dict[str, State]:
    """Return the state of files in the working tree; their names are relative to its top."""
    repository = repository_of(workspace)
    head = commit_of(repository, "HEAD")
    prefix = prefix_of(workspace) or ""
    changed = {f"{prefix}{n}" for n in names_changed(workspace, head)} if head else set()
    listed = run_git(repository, "ls-files", "-z", "--full-name").stdout.split(b"\0")
    tracked = {os.fsdecode(name) for name in listed}
    states: dict[str, State] = {}
    for name in names:
        if not os.path.lexists(os.path.join(repository.top, *name.split("/"))):
            states[name] = "gone"
        elif name not in tracked:
            states[name] = "new"
        else:
            states[name] = "changed" if name in changed or head is None else "committed"
    return states
