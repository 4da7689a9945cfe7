"""Run SQL with DuckDB in a process of its own that can read only the given tables.

1. After the tables are set up, DuckDB's access to other files, extensions and the network is
   switched off for good. Only statements that read are run.
2. Time and memory are limited, because agents may be allowed to run queries and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from threading import Timer
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from pipelines.outcomes.answers import Answer, Cell
from pipelines.outcomes.errors import NotFound
from pipelines.system.worker.programs import python_program

_LOCK: Final = "SET enable_external_access = false; SET lock_configuration = true"
#: Seconds after which the process is killed if DuckDB does not stop in time.
_GRACE: Final = 2
#: How DuckDB begins the error for a table that does not exist.
_NO_TABLE: Final = "Catalog Error: Table with name"
_TOO_MUCH: Final = "needs more memory than a query may use. Ask for less, with LIMIT for example"
#: The limits of an answer and of a number in it, in bytes, and the rows fetched at a time.
_ANSWER: Final = 64 << 20
_NUMBER: Final = 16
_BATCH: Final = 1024
_READING: Final = frozenset(("SELECT", "EXPLAIN", "RELATION"))


class Limits(NamedTuple):
    """The limits of a query.

    Attributes:
        seconds: the time after which DuckDB is asked to stop.
        memory: the memory of DuckDB in MiB.
        process: the memory of the process in bytes, without shared read-only pages.
    """

    seconds: int = 6
    memory: int = 256
    process: int = 1 << 29


SMALL: Final = Limits()


def ask(
    setup: Sequence[str], sql: str, files: Sequence[str] = (), limits: Limits = SMALL
) -> Answer:
    """Return the answer to a SQL query.

    Args:
        setup: statements that create the tables.
        sql: the query.
        files: the paths that views read while the query runs.
        limits: the limits of time and memory.

    Raises:
        FormatError: DuckDB cannot run the query, it takes too much time or memory, or it reads
            anything but the tables.
        NotFound: DuckDB is not installed.
    """
    if find_spec("duckdb") is None:
        raise NotFound(
            "--sql needs DuckDB, which is not installed",
            hint="Install it: pip install duckdb",
        )
    request = {"setup": list(setup), "sql": sql, "files": list(files), "limits": limits}
    too_long = f"took longer than {limits.seconds} seconds"
    try:
        done = subprocess.run(
            python_program("pipelines.system.worker.duckdb_process", "main"),
            input=json.dumps(request).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=False, timeout=limits.seconds + _GRACE,
        )  # fmt: skip
        reply = dict(json.loads(done.stdout)) if done.stdout else {"error": _TOO_MUCH}
    except subprocess.TimeoutExpired:
        reply = {"error": too_long}
    if "error" in reply:
        hint = "'SHOW TABLES' lists the tables" if _NO_TABLE in reply["error"] else None
        raise FormatError(reply["error"] or too_long, field="--sql", hint=hint)
    return Answer(columns=tuple(reply["columns"]), rows=[tuple(row) for row in reply["rows"]])


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _answer(setup: list[str], sql: str, files: list[str], limits: Limits) -> dict[str, Any]:
    """Return the answer from the other process; an empty error means that it took too long."""
    import duckdb

    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{limits.memory}MiB",
        "python_enable_replacements": False,
        "temp_directory": "",
    }
    with duckdb.connect(config=config) as connection:
        limit = Timer(limits.seconds, connection.interrupt)
        limit.start()
        try:
            for statement in setup:
                connection.execute(statement)
            if files:
                connection.execute(f"SET allowed_paths = [{', '.join(map(quoted, files))}]")
            connection.execute(_LOCK)
            for parsed in connection.extract_statements(sql):
                if parsed.type.name not in _READING:
                    return {"error": f"only SELECT is allowed, not {parsed.type.name}"}
            result = connection.execute(sql)
            columns = [str(d[0]) for d in result.description or ()]
            return {"columns": columns, "rows": list(_rows(result))}
        except duckdb.InterruptException:
            return {"error": ""}
        except MemoryError:
            return {"error": _TOO_MUCH}
        except duckdb.Error as e:
            return {"error": str(e).partition("\n")[0]}
        finally:
            limit.cancel()


def _rows(result: Any) -> Iterator[list[Cell]]:
    """Yield the rows of a result.

    Raises:
        MemoryError: there are too many rows.
    """
    size = 0
    while batch := result.fetchmany(_BATCH):
        for row in batch:
            cells = [_cell(value) for value in row]
            size += sum(len(c) if isinstance(c, str) else _NUMBER for c in cells)
            if size > _ANSWER:
                raise MemoryError
            yield cells


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _limit_memory(size: int) -> None:
    """Limit the memory of this process, if the system can; DuckDB limits only its own."""
    with suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main() -> None:
    """Answer the query on stdin, and write the answer to stdout."""
    request = json.load(sys.stdin)
    limits = Limits(*request.pop("limits"))
    _limit_memory(limits.process)
    json.dump(_answer(**request, limits=limits), sys.stdout)
