"""`PROJECT_METRICS.tsv`: a header and one row of tab-separated values per session.

Unknown numbers are 0, as always in this format; the manifest shows which are unknown.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
from typing import Final, NamedTuple, cast

from codec.errors import EncodeError, FormatError
from codec.kinds import Key
from codec.names import check_field, is_key, name_faults
from codec.records import Session, Status

COLUMNS: Final = (
    "timestamp", "agent", "task", "status",
    "lines_added", "lines_removed", "commits", "duration_min", "tokens_used",
)  # fmt: skip
HEADER: Final = "\t".join(COLUMNS)
_NUMBERS: Final = COLUMNS[4:]
_DIGITS: Final = 15


class MetricsRow(NamedTuple):
    """A session's row. `key` is in the column `timestamp`; unknown numbers are 0."""

    key: Key
    agent: str
    task: str
    status: Status
    lines_added: int = 0
    lines_removed: int = 0
    commits: int = 0
    duration_min: int = 0
    tokens_used: int = 0


def row_of(session: Session) -> MetricsRow:
    """Return the metrics row of a session."""
    m = session.metrics
    return MetricsRow(
        key=session.key,
        agent=session.agent,
        task=session.task,
        status=session.status,
        lines_added=m.lines_added or 0,
        lines_removed=m.lines_removed or 0,
        commits=m.commits or 0,
        duration_min=m.duration_min or 0,
        tokens_used=m.tokens_used or 0,
    )


def encode_row(row: MetricsRow) -> str:
    """Return a row as a line, without its line end.

    Raises:
        EncodeError: a field has a value that the row cannot contain.
    """
    if not is_key(row.key):
        raise EncodeError(f"not a key: {row.key!r}", field="timestamp")
    numbers = (row.lines_added, row.lines_removed, row.commits, row.duration_min, row.tokens_used)
    if min(numbers) < 0 or len(str(max(numbers))) > _DIGITS:
        raise EncodeError(f"negative or too large number in {numbers}", field=row.key)
    names = (check_field(row.agent, "agent"), check_field(row.task, "task"))
    return "\t".join((row.key, *names, row.status, *map(str, numbers)))


def decode_row(line: str) -> MetricsRow:
    """Return the row on a line, which has no line end.

    Raises:
        FormatError: the line is not a row; the error names each invalid field.
    """
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise FormatError(
            f"{len(fields)} columns instead of {len(COLUMNS)}",
            hint=f"The columns are {', '.join(COLUMNS)}",
        )
    key, agent, task, status, *numbers = fields
    wrong = name_faults(key, agent, task, status, key_field="timestamp")
    wrong += [
        f"{name}: not a number: {value!r}"
        for name, value in zip(_NUMBERS, numbers, strict=True)
        if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS)
    ]
    if wrong:
        raise FormatError("; ".join(wrong))
    added, removed, commits, minutes, tokens = map(int, numbers)
    return MetricsRow(
        key=Key(key),
        agent=agent,
        task=task,
        status=cast(Status, status),
        lines_added=added,
        lines_removed=removed,
        commits=commits,
        duration_min=minutes,
        tokens_used=tokens,
    )
