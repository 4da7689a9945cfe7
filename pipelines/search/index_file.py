"""The file of the search index: an SQLite database in the cache of a workspace.

1. It is a cache. If it is missing, or cannot be read or written, the index is built in memory.
2. A file that git tracks or that belongs to another user is not opened, because SQLite trusts the
   files that it opens. The file stays, and the index is built in memory.
3. Rows of changed sessions are replaced. After text or a diff was erased, the file is deleted and
   built again, because SQLite leaves deleted bytes in free pages.
4. The words of diffs are added when they are first needed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import ExitStack, closing
from typing import Final

from pipelines.system.fs.files import make_folder, remove
from pipelines.system.git.local_state import checked, is_planted
from pipelines.workspace.cache import CACHE
from pipelines.workspace.location import Workspace

#: Raise it when the same sessions give different rows.
_VERSION: Final = 3
NAME: Final = os.path.join(CACHE, "search.sqlite")
_BESIDE: Final = ("-journal", "-wal", "-shm")
_WAIT: Final = 10.0
_MEMORY: Final = ":memory:"
_STATE: Final = (
    "SELECT (SELECT user_version FROM pragma_user_version),"
    " (SELECT page_count FROM pragma_page_count)"
)
_SCHEMA: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, key TEXT NOT NULL, time TEXT NOT NULL,
    agent TEXT NOT NULL, task TEXT NOT NULL, status TEXT NOT NULL, title TEXT NOT NULL,
    notes TEXT NOT NULL, remark TEXT NOT NULL, patch TEXT NOT NULL, size INTEGER NOT NULL,
    has_vector INTEGER NOT NULL DEFAULT 0);
CREATE INDEX sessions_by_patch ON sessions (patch);
CREATE INDEX sessions_without_vector ON sessions (time) WHERE NOT has_vector;
CREATE TABLE patches (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, has_lines INTEGER NOT NULL);
CREATE TABLE paths (patch INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (patch, path))
    WITHOUT ROWID;
CREATE TABLE vectors (row INTEGER PRIMARY KEY, slots BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (
    task, notes, remark, paths, detail = column, tokenize = 'porter ascii');
CREATE VIRTUAL TABLE lines USING fts5 (
    line, content = '', detail = none, tokenize = 'porter ascii');
PRAGMA user_version = {_VERSION};
"""


def open_index(workspace: Workspace) -> sqlite3.Connection:
    """Return the index of a workspace, empty if it is new.

    Raises:
        Conflict: a link in its path came with a clone, or belongs to another user.
    """
    return _open(checked(workspace.path(NAME)))


def memory_index() -> sqlite3.Connection:
    """Return an empty index that has no file."""
    connection = _connect(_MEMORY)
    connection.executescript(_SCHEMA)
    return connection


def recreate(connection: sqlite3.Connection, workspace: Workspace) -> sqlite3.Connection:
    """Close an index and return an empty one, without any byte of the old one."""
    has_file = bool(connection.execute("PRAGMA database_list").fetchone()[2])
    connection.close()
    if not has_file:
        return memory_index()
    drop(workspace)
    return _open(workspace.path(NAME))


def drop(workspace: Workspace) -> None:
    """Delete the files of an index."""
    for path in files_of(workspace):
        remove(path)


def files_of(workspace: Workspace) -> list[str]:
    """Return the paths of the files that an index has."""
    path = workspace.path(NAME)
    return [p for p in (path, *(path + end for end in _BESIDE)) if os.path.lexists(p)]


def holds_patch(workspace: Workspace, hashes: Collection[str]) -> bool:
    """Return True if the index has, or may have, words of a given diff."""
    path = workspace.path(NAME)
    if not os.path.lexists(path) or is_planted(path):
        return False
    try:
        with closing(_connect(path)) as connection:
            found = connection.execute("SELECT sha256 FROM patches")
            return not {sha256 for (sha256,) in found}.isdisjoint(hashes)
    except sqlite3.DatabaseError:
        return True


def _open(path: str) -> sqlite3.Connection:
    names = (path, *(path + end for end in _BESIDE))
    if any(is_planted(name) for name in names):
        return memory_index()
    with ExitStack() as opened:
        try:
            make_folder(os.path.dirname(path))
            connection = opened.enter_context(closing(_connect(path)))
            version, size = connection.execute(_STATE).fetchone()
            if size and version != _VERSION:
                connection.close()
                for name in names:
                    remove(name)
                connection = opened.enter_context(closing(_connect(path)))
            if version != _VERSION:
                connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
        except (OSError, sqlite3.OperationalError):  # read-only, or another process is creating it
            return memory_index()
        except sqlite3.DatabaseError:
            opened.close()
            for name in names:
                remove(name)
            return memory_index()
        opened.pop_all()
        return connection


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
    try:
        connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
