"""Open a SQLite database to which an agent may be writing, without changing any file.

1. SQLite would write next to a database that has a log (`-wal`) or a journal: such a database is
   copied to a temporary folder and opened there. A database without them is opened in place as
   immutable, which neither locks nor creates a file.
2. The database is not trusted: its schema cannot run functions, only tables are read, a value has
   at most as many bytes as a line of a transcript, and a query is stopped after a number of steps.
3. Texts are read as bytes, because they may not be UTF-8.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import quote

from pipelines.importing.lines import LINE_LIMIT, opened

_BESIDE: Final = ("-wal", "-journal")
_SIZE_LIMIT: Final = 1 << 32
#: The number of attempts to copy while the agent writes.
_TRIES: Final = 3
#: A query is stopped after this many times this many instructions.
_STEPS: Final = 1_000_000
_TURNS: Final = 2_000


@contextmanager
def database(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database for reading.

    Raises:
        OSError: it is not a regular file, cannot be read, or is too large to copy.
        sqlite3.Error: it is not a database, or is damaged.
    """
    opened(path).close()
    with tempfile.TemporaryDirectory(prefix="session-codec-") as folder:
        if any(_size(path + suffix) for suffix in _BESIDE):
            path, how = _copied(path, folder), "mode=rw"
        else:
            how = "mode=ro&immutable=1"
        with closing(sqlite3.connect(f"file:{quote(path)}?{how}", uri=True)) as connection:
            _restrict(connection)
            yield connection


def tables_of(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Return the names of the tables and of their columns, without views."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    names = [name.decode() for name, sql in rows if sql and sql[:13].upper() == b"CREATE TABLE "]
    asked = "SELECT name FROM pragma_table_info(?)"
    return {
        name: frozenset(column.decode() for (column,) in connection.execute(asked, (name,)))
        for name in names
    }


def _restrict(connection: sqlite3.Connection) -> None:
    turns = 0

    def is_endless() -> bool:
        nonlocal turns
        turns += 1
        return turns > _TURNS

    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LINE_LIMIT)
    connection.set_progress_handler(is_endless, _STEPS)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def _copied(path: str, folder: str) -> str:
    """Copy a database with the files beside it, and return the path of the copy."""
    target = os.path.join(folder, "copy.db")
    for _ in range(_TRIES):
        before = _states(path)
        if sum(size for size, _ in before) > _SIZE_LIMIT:
            raise OSError(f"longer than {_SIZE_LIMIT >> 30} GiB")
        for suffix in ("", *_BESIDE):
            if _size(path + suffix):
                with opened(path + suffix) as source, open(target + suffix, "wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
        if _states(path) == before:
            return target
    raise OSError("the agent is writing to it")


def _states(path: str) -> list[tuple[int, int]]:
    """Return size and time of a database and the files beside it."""
    found = []
    for suffix in ("", *_BESIDE):
        try:
            status = os.stat(path + suffix)
            found.append((status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append((0, 0))
    return found


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
