"""Find and read the sessions of OpenCode, which are in a SQLite database.

1. A session of a sub-agent has a parent, and belongs to it.
2. Only one message with its parts is in memory at a time. A value that is too long, or not JSON, is
   left out and reported.
3. OpenCode names a project by the first commit of its repository. This connects sessions of deleted
   folders with the repository.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from codec.agents.json_values import milliseconds_of
from codec.agents.opencode_transcript import read_opencode
from codec.agents.transcript_events import Event
from codec.agents.transcripts import entry_of
from codec.shown_text import counted
from pipelines.importing.agents import Agent, Reading, Search, Source, user_folder
from pipelines.importing.database import database, tables_of
from pipelines.importing.lines import files_below, opened, unreadable
from pipelines.outcomes.findings import Finding

_NAME: Final = re.compile(r"opencode[\w.-]*\.db")
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
_MAGIC: Final = b"SQLite format 3\0"
#: The columns without which nothing can be read.
_NEEDED: Final = {
    "message": frozenset(("id", "session_id", "time_created", "data")),
    "part": frozenset(("id", "message_id", "time_created", "data")),
}
#: The columns of sessions that are read, if the table has them.
_SESSION: Final = {
    "project_id": "SELECT id, project_id FROM session",
    "parent_id": "SELECT id, parent_id FROM session",
    "directory": "SELECT id, directory FROM session",
    "time_created": "SELECT id, time_created FROM session",
    "revert": "SELECT id, revert FROM session",
}
_NAMES: Final = "SELECT DISTINCT session_id FROM message ORDER BY session_id"
_MESSAGES: Final = "SELECT id FROM message WHERE session_id = ? ORDER BY time_created, id"
_PARTS: Final = "SELECT id FROM part WHERE message_id = ? ORDER BY time_created, id"
_MESSAGE: Final = "SELECT data FROM message WHERE id = ?"
_PART: Final = "SELECT data FROM part WHERE id = ?"
_NEWER: Final = "SELECT type FROM session_message WHERE session_id = ?"
_NAMED: Final = 3


def opencode_agent() -> Agent:
    """Return the description of OpenCode."""
    return Agent(
        name="opencode",
        program="opencode",
        folders=lambda _worktrees: [user_folder("XDG_DATA_HOME", ".local/share", "opencode")],
        find=_find,
        events=_events,
    )


def _find(places: list[str]) -> Search:
    """Return the sessions in databases, in files and folders."""
    findings: list[Finding] = []
    sources: list[Source] = []
    for path in dict.fromkeys(p for place in places for p in files_below(place, _NAME, findings)):
        try:
            with opened(path) as f:
                is_database = f.read(len(_MAGIC)) == _MAGIC
            if not (is_database or _NAME.fullmatch(os.path.basename(path))):
                continue  # the user named a file of another agent
            with database(path) as connection:
                sources += _sources(path, connection)
        except (OSError, sqlite3.Error) as e:
            findings.append(unreadable(path, e))
    return Search(sources, findings)


def _sources(path: str, connection: sqlite3.Connection) -> Iterator[Source]:
    sessions = _sessions(connection)
    children: dict[str, list[tuple[str, str]]] = {}
    for name in sessions:
        root = name
        passed = {root}
        while (above := row_text(sessions[root], "parent_id")) in sessions and above not in passed:
            root = above  # a sub-agent may start others
            passed.add(root)
        if root != name:
            children.setdefault(root, []).append((path, name))
    helpers = {name for found in children.values() for _, name in found}
    for name, row in sessions.items():
        if name not in helpers:
            project = row_text(row, "project_id")
            yield Source(
                agent="opencode",
                session_id=name,
                paths=(path,),
                helpers=tuple(children.get(name, ())),
                folder=row_text(row, "directory"),
                commit=project if _COMMIT.fullmatch(project) else "",
                time=milliseconds_of(row.get("time_created")),
                is_shared=True,
            )


def _sessions(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Return the rows of all sessions, by id.

    Raises:
        sqlite3.DatabaseError: OpenCode did not write the database, or in another version.
    """
    tables = tables_of(connection)
    for table, columns in _NEEDED.items():
        if missing := columns - tables.get(table, frozenset()):
            names = ", ".join(sorted(missing))
            raise sqlite3.DatabaseError(
                f"not a database of OpenCode 1: table {table} has no column {names}"
            )
    found: dict[str, dict[str, Any]] = {
        name.decode(errors="replace"): {} for (name,) in connection.execute(_NAMES)
    }
    for column in _SESSION.keys() & tables.get("session", frozenset()):
        for name, value in connection.execute(_SESSION[column]):
            found.setdefault(name.decode(errors="replace"), {})[column] = value
    return found


def row_text(row: dict[str, Any], name: str) -> str:
    """Return the text in a row; empty for another value."""
    value = row.get(name)
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _events(source: Source, reading: Reading) -> list[Iterator[Event]]:
    names = [source.session_id, *(name for _, name in source.helpers)]
    return [
        read_opencode(_entries(source.paths[0], name, reading.findings), name) for name in names
    ]


def _entries(path: str, session: str, findings: list[Finding]) -> Iterator[dict[str, Any]]:
    """Yield a session and its messages, each with its parts."""
    problems: dict[str, list[str]] = {}
    try:
        with database(path) as connection:
            row = _sessions(connection).get(session, {})
            texts = {n: row_text(row, n) for n in row if n != "time_created"}
            yield {"session": {**texts, "time_created": row.get("time_created")}}
            names = _names(connection, _MESSAGES, session)
            for name in names:
                info = _value(connection, _MESSAGE, name, problems)
                parts = (
                    _value(connection, _PART, part, problems)
                    for part in _names(connection, _PARTS, name)
                )
                if info:
                    yield {"info": info, "parts": [part for part in parts if part]}
            if not names:
                yield from _newer(connection, session)
    except (OSError, sqlite3.Error) as e:
        findings.append(unreadable(path, e))
    for kind, found in problems.items():
        shown = ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
        taken = "read with these bytes as they are" if kind == "not UTF-8" else "left out"
        findings.append(Finding(
            code="transcript-damaged",
            message=f"session {session}: {counted(len(found), 'value')} {kind} ({shown}), {taken}",
            file=path,
        ))  # fmt: skip


def _names(connection: sqlite3.Connection, asked: str, of: str) -> list[str]:
    found = connection.execute(asked, (of,)).fetchall()
    return [name.decode(errors="replace") for (name,) in found]


def _value(
    connection: sqlite3.Connection, asked: str, name: str, problems: dict[str, list[str]]
) -> dict[str, Any]:
    """Return the object in a row, with its id; empty if it cannot be read."""
    try:
        (data,) = connection.execute(asked, (name,)).fetchone()
    except sqlite3.DataError:
        problems.setdefault("too long", []).append(name)
        return {}
    entry = entry_of(data) if isinstance(data, bytes) else None
    if entry is None:
        problems.setdefault("not JSON objects", []).append(name)
        return {}
    try:
        data.decode()
    except UnicodeDecodeError:
        problems.setdefault("not UTF-8", []).append(name)
    return {**entry, "id": name}


def _newer(connection: sqlite3.Connection, session: str) -> Iterator[dict[str, Any]]:
    """Yield the messages of a session in the table of a later version of OpenCode."""
    if {"session_id", "type"} <= tables_of(connection).get("session_message", frozenset()):
        for (kind,) in connection.execute(_NEWER, (session,)):
            yield {"unknown": f"session_message {kind.decode(errors='replace')}"}
