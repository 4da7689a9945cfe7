"""Update the search index from the facts of a workspace.

1. If nothing changed, by the versions of the manifest, the pending store and the folders of diffs,
   nothing is read.
2. If only sessions were appended to the manifest, only these are read. Otherwise the whole manifest
   is decoded, and rows that differ are replaced.
3. Facts that erase text or diffs empty the index first.
4. The paths of a diff that is missing locally are unknown; it is searched for again when a folder
   of diffs changes.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from codec.errors import CodecError
from codec.kinds import Sha256
from codec.records import PatchRef, Session
from codec.search.terms import terms_of
from pipelines.outcomes.errors import StorageError
from pipelines.search.index_file import drop, memory_index, open_index, recreate
from pipelines.search.vectors import erase_vectors
from pipelines.workspace import pending
from pipelines.workspace.location import ARCHIVES, MANIFEST, Workspace
from pipelines.workspace.reading import mapped_file

if TYPE_CHECKING:  # most questions change nothing, and start without these
    from codec.patches.changes import FileChange
    from pipelines.diffs.store import Store
    from pipelines.workspace.manifest_view import Manifest

_COLUMNS: Final = (
    "identity", "key", "time", "agent", "task", "status", "title", "notes", "remark", "patch",
    "size",
)  # fmt: skip
_MARKS: Final = ", ".join("?" for _ in _COLUMNS)
_INSERT: Final = f"INSERT INTO sessions ({', '.join(_COLUMNS)}) VALUES ({_MARKS})"  # noqa: S608 - constants
_SELECT: Final = f"SELECT id, {', '.join(_COLUMNS)} FROM sessions"  # noqa: S608 - constants
_SESSION: Final = b'{"fact":"session"'

_Row = tuple[str | int, ...]
_T = TypeVar("_T")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def ask_index(
    workspace: Workspace, ask: Callable[[sqlite3.Connection], _T], *, with_lines: bool
) -> _T:
    """Update the index, then return its answer to a question.

    A damaged index is deleted; if the index cannot be written, one in memory is used.

    Args:
        workspace: the workspace of the index.
        ask: the question.
        with_lines: the question is about the lines of diffs, too.

    Raises:
        Conflict: a link in its path came with a clone, or belongs to another user.
    """
    try:
        with (
            closing(open_index(workspace)) as opened,
            closing(_refreshed(opened, workspace, with_lines=with_lines)) as index,
        ):
            return ask(index)
    except sqlite3.DatabaseError as e:
        if not isinstance(e, sqlite3.OperationalError):
            drop(workspace)
        with closing(_refreshed(memory_index(), workspace, with_lines=with_lines)) as index:
            return ask(index)


def _refreshed(
    connection: sqlite3.Connection, workspace: Workspace, *, with_lines: bool
) -> sqlite3.Connection:
    """Return an index after updating it; it may be a new one."""
    stamp = _stamp(workspace, with_lines=with_lines)
    if _meta(connection, "stamp") in (stamp, _stamp(workspace, with_lines=True)):
        return connection
    from codec.manifest.jsonl import identity_of
    from pipelines.diffs.store import Store
    from pipelines.workspace.manifest_view import decode_manifest

    with mapped_file(workspace, MANIFEST) as data:
        connection.execute("BEGIN IMMEDIATE")
        manifest = None
        added = _added(connection, data)
        if added is None:
            manifest = decode_manifest(data[:])
            gone = _gone(manifest)
            if _meta(connection, "gone") not in (gone, ""):
                connection.execute("ROLLBACK")
                connection = recreate(connection, workspace)
                connection.execute("BEGIN IMMEDIATE")
            new = _replace(connection, manifest)
            _set_meta(connection, "gone", gone)
        else:
            new = _insert(connection, [_row_of(identity_of(s), s) for s in added])
        _set_meta(connection, "read", json.dumps([len(data), _digest(data, len(data))]))
    found = _read_patches(connection, Store(workspace, manifest=manifest), with_lines=with_lines)
    _write_words(connection, new, found)
    _set_meta(connection, "stamp", stamp)
    connection.execute("COMMIT")
    return connection


def is_first_time(connection: sqlite3.Connection, name: str) -> bool:
    """Return True if this name was not recorded in the index before, and record it."""
    if _meta(connection, name):
        return False
    _set_meta(connection, name, "1")
    return True


def missing_diffs(connection: sqlite3.Connection) -> int:
    """Return the number of sessions whose diffs are missing locally, so that paths are unknown."""
    query = (
        "SELECT count(*) FROM sessions WHERE patch <> '' AND patch NOT IN"
        " (SELECT sha256 FROM patches)"
    )
    (count,) = connection.execute(query).fetchone()
    return int(count)


def _stamp(workspace: Workspace, *, with_lines: bool) -> str:
    """Return a value that changes when the facts or the stored diffs change."""
    folders = (workspace.diffs, os.path.join(workspace.diffs, ARCHIVES))
    versions = [_version(path) for path in (workspace.path(MANIFEST), *folders)]
    return json.dumps([with_lines, versions, pending.version(workspace)])


def _version(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _added(connection: sqlite3.Connection, data: mmap.mmap | bytes) -> list[Session] | None:
    """Return the sessions that were appended to the manifest; None if it changed in another way."""
    from codec.manifest.fact_lines import read_fact

    text = _meta(connection, "read")
    if not text:
        return None
    size, sha256 = json.loads(text)
    end = data.rfind(b"\n") + 1
    if not 0 < size <= end or data[size - 1 : size] != b"\n" or _digest(data, size) != sha256:
        return None
    sessions: dict[str, Session] = {}
    for line in data[size:end].splitlines(keepends=True):
        fact = read_fact(line) if line.startswith(_SESSION) else None
        if not isinstance(fact, Session) or fact.key in sessions or _has(connection, fact):
            return None
        sessions[fact.key] = fact
    return list(sessions.values())


def _has(connection: sqlite3.Connection, session: Session) -> bool:
    """Return True if the index has a session with this identity or time."""
    from codec.manifest.jsonl import identity_of

    query = "SELECT 1 FROM sessions WHERE identity = ? OR key >= ? AND key < ? LIMIT 1"
    asked = (identity_of(session), session.time, session.time + "/")
    return connection.execute(query, asked).fetchone() is not None


def _gone(manifest: Manifest) -> str:
    """Return a digest of the erased facts."""
    erased = json.dumps([sorted(manifest.purged), sorted(manifest.erased)])
    return hashlib.sha256(erased.encode()).hexdigest()


def _replace(connection: sqlite3.Connection, manifest: Manifest) -> list[int]:
    """Replace the rows of changed sessions; return the numbers of new rows."""
    rows = {manifest.identity(key): s for key, s in manifest.sessions.items()}
    wanted = {identity: _row_of(identity, s, manifest.purged) for identity, s in rows.items()}
    for number, *fields in connection.execute(_SELECT).fetchall():
        identity = fields[0]
        if wanted.get(identity) == tuple(fields):
            del wanted[identity]
        else:
            connection.execute("DELETE FROM sessions WHERE id = ?", (number,))
            connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
            erase_vectors(connection, [number])
    return _insert(connection, wanted.values())


#: The value in the row of a session without a patch.
_NO_PATCH: Final = PatchRef(Sha256(""), 0)


def _row_of(identity: str, s: Session, purged: Mapping[str, str] = _NOTHING) -> _Row:
    patch = s.patch if s.patch is not None and s.patch.sha256 not in purged else _NO_PATCH
    return (
        identity, s.key, s.time, s.agent, s.task, s.status, s.title, s.notes, s.remark, *patch,
    )  # fmt: skip


def _insert(connection: sqlite3.Connection, rows: Iterable[_Row]) -> list[int]:
    """Insert sessions without their words; return the numbers of their rows."""
    return [int(connection.execute(_INSERT, row).lastrowid or 0) for row in rows]


def _read_patches(connection: sqlite3.Connection, store: Store, *, with_lines: bool) -> list[str]:
    """Read the diffs whose paths or lines are not in the index; return the hashes of new ones."""
    from codec.patches.changes import changes_of

    query = (
        "SELECT key, patch, size, patches.id FROM sessions LEFT JOIN patches ON patch = sha256"
        " WHERE patch <> '' AND (patches.id IS NULL OR has_lines < ?) GROUP BY patch"
    )
    found = []
    for key, sha256, size, known in connection.execute(query, (with_lines,)).fetchall():
        try:
            data = store.read(key, PatchRef(sha256, size))
        except (StorageError, CodecError):
            continue
        changes = list(changes_of(data))
        number = _add_patch(connection, sha256, changes) if known is None else known
        if known is None:
            found.append(sha256)
        if with_lines:
            _add_lines(connection, number, changes)
    return found


def _add_patch(
    connection: sqlite3.Connection, sha256: Sha256, changes: Collection[FileChange]
) -> int:
    """Insert a diff with its paths; return the number of its row."""
    insert = "INSERT INTO patches (sha256, has_lines) VALUES (?, 0)"
    number = int(connection.execute(insert, (sha256,)).lastrowid or 0)
    paths = dict.fromkeys(name for change in changes for name in (change.old, change.new))
    connection.executemany(
        "INSERT INTO paths (patch, path) VALUES (?, ?)", [(number, path) for path in paths]
    )
    return number


def _add_lines(connection: sqlite3.Connection, number: int, changes: Iterable[FileChange]) -> None:
    """Insert the words of the lines that a diff adds and removes, each once."""
    texts = dict.fromkeys(line.text for change in changes for line in change.lines)
    words = dict.fromkeys(t for text in texts for t in terms_of(text.decode(errors="replace")))
    insert = "INSERT INTO lines (rowid, line) VALUES (?, ?)"
    connection.execute(insert, (number, " ".join(words)))
    connection.execute("UPDATE patches SET has_lines = 1 WHERE id = ?", (number,))


def _write_words(
    connection: sqlite3.Connection, new: Iterable[int], patches: Iterable[str]
) -> None:
    """Write the words of new sessions, and of sessions whose diffs were missing before."""
    numbers = set(new)
    for sha256 in patches:
        found = connection.execute("SELECT id FROM sessions WHERE patch = ?", (sha256,))
        numbers.update(number for (number,) in found)
    query = "SELECT task, title, notes, remark, patch FROM sessions WHERE id = ?"
    for number in sorted(numbers):
        task, title, notes, remark, patch = connection.execute(query, (number,)).fetchone()
        texts = (f"{task} {title}", notes, remark, "\n".join(paths_in(connection, patch)))
        connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
        connection.execute(
            "INSERT INTO words (rowid, task, notes, remark, paths) VALUES (?, ?, ?, ?, ?)",
            (number, *map(_words, texts)),
        )


def paths_in(connection: sqlite3.Connection, sha256: Sha256) -> list[str]:
    """Return the paths of the files that a diff changes; empty if it is missing locally."""
    query = "SELECT path FROM patches JOIN paths ON patch = id WHERE sha256 = ?"
    return [path for (path,) in connection.execute(query, (sha256,))]


def _words(text: str) -> str:
    return " ".join(terms_of(text))


def _meta(connection: sqlite3.Connection, name: str) -> str:
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return "" if found is None else str(found[0])


def _set_meta(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _digest(data: mmap.mmap | bytes, size: int) -> str:
    with memoryview(data) as view, view[:size] as part:
        return hashlib.sha256(part).hexdigest()
