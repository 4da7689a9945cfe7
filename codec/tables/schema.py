"""The tables of an export: their columns, types and units.

1. This module defines the schema for the writers, the reader of rows and the documentation.
2. A column keeps its name and meaning. Increase `VERSION` for a change that old readers misread.
3. An unknown value is null, as everywhere in session-codec; 0 is a known zero.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Type = Literal["string", "int64", "float64", "bool", "date", "timestamp"]
Cell = str | int | float | bool | None

#: The version of the schema, which every part and the catalog state.
VERSION: Final = 1
#: The schema in the metadata of a Parquet file.
SCHEMA_NAME: Final = f"session-codec/tables/{VERSION}"


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the name of the column.
        type: the type of its values.
        unit: the unit of a number, else empty.
        meaning: one sentence without a full stop.
        text: how `--redact` treats it: `hashed`, `hashed if unknown`, `left out`, or empty if it is
            kept.
    """

    name: str
    type: Type
    unit: str
    meaning: str
    text: Literal["", "hashed", "hashed if unknown", "left out"] = ""


class Table(NamedTuple):
    """A table.

    Attributes:
        name: the name of the table and of its folder.
        meaning: the meaning of one row.
        columns: the columns in file order; `repository` is the first.
        by_month: its files are in folders `month=YYYY-MM`.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    by_month: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(column.name for column in self.columns)


_REPOSITORY: Final = Column(
    "repository", "string", "", "Name of the repository: address of its origin, else its path"
)
_KEY: Final = Column("key", "string", "", "Key of the session, unique in its repository")
_DATE: Final = Column("date", "date", "UTC", "Day on which the session began")
_AGENT: Final = Column(
    "agent", "string", "", "Who worked, as `query` names agents", "hashed if unknown"
)

TABLES: Final = (
    Table(
        "sessions",
        "One session",
        (
            _REPOSITORY,
            _KEY,
            _DATE,
            Column("began", "timestamp", "UTC", "When it began; null if only the day is known"),
            _AGENT,
            Column("task", "string", "", "Slug of the task", "hashed"),
            Column("status", "string", "", "PASS, PARTIAL, FAIL or UNKNOWN"),
            Column("remark", "string", "", "What the log says beyond the status", "left out"),
            Column("title", "string", "", "The task in a sentence", "left out"),
            Column("notes", "string", "", "Notes of the session", "left out"),
            Column("lines_added", "int64", "lines", "Lines that the session added"),
            Column("lines_removed", "int64", "lines", "Lines that the session removed"),
            Column("commits", "int64", "commits", "Commits of the session"),
            Column("duration_min", "int64", "minutes", "Time of work"),
            Column("tokens_used", "int64", "tokens", "Tokens that the agent spent"),
            Column(
                "source",
                "string",
                "",
                "`migrated` (v1 log), `imported` or `recorded`",
            ),
            Column("v1_tokens", "int64", "tokens", "Size of its entry in the v1 log (o200k_base)"),
            Column("diff_sha256", "string", "", "SHA-256 of its diff; null without a diff"),
            Column("diff_bytes", "int64", "bytes", "Size of its diff"),
        ),
        by_month=True,
    ),
    Table(
        "edits",
        "One file that the diff of a session changes",
        (
            _REPOSITORY,
            _KEY,
            _DATE,
            Column("path", "string", "", "Path of the file after the change", "hashed"),
            Column("added", "int64", "lines", "Lines added to the file"),
            Column("removed", "int64", "lines", "Lines removed from the file"),
            Column("blob", "string", "", "Object id of the new content, as the diff states it"),
        ),
        by_month=True,
    ),
    Table(
        "usage",
        "What one session with known figures cost",
        (
            _REPOSITORY,
            _KEY,
            _DATE,
            _AGENT,
            Column("tokens_used", "int64", "tokens", "Tokens that the agent spent"),
            Column("duration_min", "int64", "minutes", "Time of work"),
            Column("input_tokens", "int64", "tokens", "Read, neither from a cache nor into one"),
            Column("output_tokens", "int64", "tokens", "Written, reasoning included"),
            Column("cache_write_tokens", "int64", "tokens", "Read, and written into a cache"),
            Column("cache_read_tokens", "int64", "tokens", "Read from a cache"),
            Column("wall_min", "int64", "minutes", "From the first line of the transcript on"),
        ),
        by_month=True,
    ),
    Table(
        "repos",
        "One repository, as of its last export",
        (
            _REPOSITORY,
            Column("sessions", "int64", "sessions", "Sessions, without private ones"),
            Column("private_sessions", "int64", "sessions", "Sessions that are not exported"),
            Column("agents", "int64", "agents", "Different agents"),
            Column("first_date", "date", "UTC", "Day of the first session"),
            Column("last_date", "date", "UTC", "Day of the last session"),
            Column("unread_diffs", "int64", "diffs", "Diffs that are not stored locally"),
            Column("diff_bytes", "int64", "bytes", "Size of all diffs"),
            Column("archives", "int64", "archives", "Archives of past months"),
            Column("archive_bytes", "int64", "bytes", "Size of the archives"),
            Column("file_bytes", "int64", "bytes", "Size of the tracked files"),
            Column("window_before", "int64", "tokens", "Last 5 sessions in v1: baseline `window`"),
            Column("window_after", "int64", "tokens", "Context that an agent reads instead"),
            Column("log_before", "int64", "tokens", "The whole v1 log: baseline `log`"),
            Column("log_after", "int64", "tokens", "Context that an agent reads instead"),
            Column("digest", "string", "", "SHA-256 of all exported rows of the repository"),
        ),
        by_month=False,
    ),
    Table(
        "runs",
        "One verb that `fleet run` ran in one repository",
        (
            _REPOSITORY,
            Column("verb", "string", "", "The verb"),
            Column(
                "outcome",
                "string",
                "",
                "done, findings, absent, failed, denied, timeout, memory or lost",
            ),
            Column("exit_code", "int64", "", "Exit code; null if the verb was killed"),
            Column("findings", "int64", "findings", "Findings that need attention"),
            Column("codes", "string", "", "Codes of the findings, separated by spaces"),
            Column("bytes", "int64", "bytes", "Size of the workspace's files afterwards"),
        ),
        by_month=False,
    ),
)
BY_NAME: Final = {table.name: table for table in TABLES}
#: The tables that the export of a repository replaces.
EXPORTED: Final = ("sessions", "edits", "usage", "repos")
