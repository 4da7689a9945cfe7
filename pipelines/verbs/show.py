"""Show one session: its reference entry, its diff, or its entry in the v1 log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codec.records import Session
from codec.v2.progress_log import encode_reference, reference_of
from pipelines.diffs.store import Store, commits_of
from pipelines.outcomes.errors import NotFound
from pipelines.workspace.find_session import find_session
from pipelines.workspace.location import Workspace

if TYPE_CHECKING:
    from pipelines.diffs.remote_archives import OpenRemote


def show(workspace: Workspace, name: str) -> tuple[Session, str]:
    """Return a session and its reference entry.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
    """
    session = find_session(workspace, name)
    return session, encode_reference(reference_of(session)).rstrip("\n") + "\n"


def show_diff(workspace: Workspace, name: str, open_remote: OpenRemote) -> bytes:
    """Return the exact bytes of a session's diff.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
        open_remote: returns the remote that is searched for a diff that is missing locally.

    Raises:
        Erased: it was purged.
        NotFound: it has no diff, or the diff is not stored on this machine.
        IntegrityError: the stored bytes differ from the record.
    """
    session = find_session(workspace, name)
    if session.patch is None:
        raise NotFound(f"{session.key}: the session has no diff")
    try:
        return Store(workspace, open_remote).read(session.key, session.patch, commits_of(session))
    except NotFound:
        from pipelines.transfer.remote_reader import (
            RemoteCopy,  # it may be packed as a loose diff
        )

        data = RemoteCopy(workspace, open_remote).read(session.key, session.patch)
        if data is None:
            raise
        return data


def show_entry(workspace: Workspace, name: str, open_remote: OpenRemote) -> bytes:
    """Return the exact bytes of a session's entry in the v1 log.

    Args:
        workspace: the workspace of the session.
        name: a key, the beginning of one, `latest`, or `latest~N`.
        open_remote: returns the remote that is read if the log cannot be rebuilt locally.

    Raises:
        NotFound: it was never in a log, or no version with it is stored on this machine.
        IntegrityError: stored bytes differ from the record.
    """
    from pipelines.transfer.remote_reader import RemoteCopy
    from pipelines.v1.entries import find_entry

    session = find_session(workspace, name)
    if session.v1 is None:
        raise NotFound(f"{session.key}: was recorded, not migrated, so it has no v1 entry")
    return find_entry(workspace, session.v1, RemoteCopy(workspace, open_remote))
