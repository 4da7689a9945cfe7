"""Collect the handover to the next agent after a session, or to the same after a compaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from codec.agents.recollections import Recollection
from codec.errors import CodecError
from codec.patches.changes import changes_of
from codec.records import Session
from codec.shown_text import valid_text
from codec.v2.brief import Brief, RanTests, State, open_sessions, render_brief
from pipelines.diffs.store import Store, commits_of
from pipelines.importing.parts import agents_id
from pipelines.importing.recalling import recall_running, recall_session
from pipelines.outcomes.errors import StorageError
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.find_session import find_key, session_of
from pipelines.workspace.git_queries import commit_of, names_changed, prefix_of, repository_of
from pipelines.workspace.location import DELTAS, METRICS, PROGRESS, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest

_LATEST: Final = "latest"
#: The number of earlier sessions whose notes are considered.
_EARLIER: Final = 5
_OPEN: Final = 3
_CORRECTIONS: Final = 4
_REQUESTS: Final = 2
#: Files of session-codec, which a running session does not change itself.
_OWN: Final = (DELTAS, METRICS, PROGRESS)
_OWN_FOLDERS: Final = (".session-codec/", ".diffs/")


class Running(NamedTuple):
    """A session that is not over.

    Attributes:
        session_id: the agent's id of it; empty for none.
        agent, transcript: the agent and its transcript, if a hook named them.
    """

    session_id: str
    agent: str = ""
    transcript: str = ""


def brief(
    workspace: Workspace, name: str, count: Callable[[str], int], running: Running | None = None
) -> tuple[Session | None, str]:
    """Return a session and the text of its brief.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`; empty for the running session if
            its agent has lost its context, else the latest one.
        count: counts tokens.
        running: the session that asks.

    Returns:
        The session, which is None if it runs and is not recorded yet; the text.

    Raises:
        NotFound: there is no such session.
    """
    manifest = read_manifest(workspace)
    if running is not None and not name:
        recalled = recall_running(workspace, *running)
        if recalled.is_compacted or (running.transcript and recalled != Recollection()):
            return _brief_of_running(workspace, manifest, running.session_id, recalled, count)
    session = session_of(manifest, find_key(workspace, name or _LATEST))
    recalled = recall_session(workspace, manifest, session)
    names = _in_diff(workspace, manifest, session)
    found = _collected(workspace, manifest, session, recalled, names)
    return session, render_brief(found, count)


def _brief_of_running(
    workspace: Workspace,
    manifest: Manifest,
    session_id: str,
    recalled: Recollection,
    count: Callable[[str], int],
) -> tuple[Session | None, str]:
    own = [s for s in manifest.sessions.values() if agents_id(s) == session_id]
    session = max(own, key=lambda s: (s.time, s.key), default=None)
    names = _in_diff(workspace, manifest, session) if session is not None else []
    changed = _in_worktree(workspace) if workspace.repository else []
    found = _collected(workspace, manifest, session, recalled, [*names, *changed])
    return session, render_brief(found, count)


def _collected(
    workspace: Workspace,
    manifest: Manifest,
    session: Session | None,
    recalled: Recollection,
    names: Iterable[str],
) -> Brief:
    """Return the content of a brief; names of files are relative to the top of the worktree."""
    ordered = sorted(manifest.sessions.values(), key=lambda s: (s.time, s.key))
    until = ordered if session is None else ordered[: ordered.index(session)]
    known = until if session is None else [*until, session]
    edited = _edited(workspace, recalled.edited)
    tests = recalled.tests
    return Brief(
        session=session,
        files=_states(workspace, dict.fromkeys([*edited, *names])),
        open=[s for s in open_sessions(known) if s != session][:_OPEN],
        earlier=[s for s in reversed(until) if s.notes][:_EARLIER],
        goal=recalled.goal,
        corrections=recalled.corrections[:_CORRECTIONS],
        requests=recalled.requests[:_REQUESTS],
        tests=RanTests(*tests) if tests is not None else None,
    )


def _in_diff(workspace: Workspace, manifest: Manifest, session: Session) -> list[str]:
    """Return the files that a session's diff changes; empty if the diff is missing."""
    if session.patch is None:
        return []
    store = Store(workspace, manifest=manifest)
    try:
        data = store.read(session.key, session.patch, commits_of(session))
    except (StorageError, CodecError):
        return []
    return list(dict.fromkeys(change.new for change in changes_of(data)))


def _in_worktree(workspace: Workspace) -> list[str]:
    """Return the files that differ from HEAD or are new, without those of session-codec."""
    repository, prefix = repository_of(workspace), prefix_of(workspace) or ""
    head = commit_of(repository, "HEAD")
    changed = [f"{prefix}{name}" for name in names_changed(workspace, head)] if head else []
    names = [*changed, *_listed(repository, "--others", "--exclude-standard")]
    own = {f"{prefix}{name}" for name in _OWN}
    folders = tuple(f"{prefix}{name}" for name in _OWN_FOLDERS)
    return [name for name in names if name not in own and not name.startswith(folders)]


def _edited(workspace: Workspace, paths: Iterable[str]) -> list[str]:
    """Return the paths of edited files in the worktree, relative to its top."""
    top = os.path.realpath(workspace.repository or workspace.root)
    real = (os.path.realpath(path) for path in paths)
    return [os.path.relpath(p, top) for p in real if p.startswith(os.path.join(top, ""))]


def _states(workspace: Workspace, names: Iterable[str]) -> dict[str, State]:
    """Return the state of files in the working tree; empty outside of git."""
    if not workspace.repository:
        return {}
    repository = repository_of(workspace)
    head = commit_of(repository, "HEAD")
    prefix = prefix_of(workspace) or ""
    changed = {f"{prefix}{n}" for n in names_changed(workspace, head)} if head else set()
    tracked = set(_listed(repository))
    states: dict[str, State] = {}
    odd = {valid_text(name): name for name in tracked if not name.isprintable()}
    for shown in names:
        name = odd.get(shown, shown)  # a diff has no bytes that are not UTF-8
        if not os.path.lexists(os.path.join(repository.top, *name.split("/"))):
            states[shown] = "gone"
        elif name not in tracked:
            states[shown] = "new"
        else:
            states[shown] = "changed" if name in changed or head is None else "committed"
    return states


def _listed(repository: Repository, *options: str) -> list[str]:
    """Return files of the worktree, relative to its top."""
    listed = run_git(repository, "ls-files", "-z", "--full-name", *options).stdout.split(b"\0")
    return [os.fsdecode(name) for name in listed if name]
