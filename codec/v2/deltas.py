"""`SESSION_DELTAS.log`: one line per session.

    2025-11-06T14:00:00Z | sonnet-4.5 | coverage-validation | PASS | L+1247,-89,C:11,T:30min

1. `decode_delta(encode_delta(d)) == d`, and no field can contain a line or column separator.
2. A reader ignores an unterminated last line, and skips lines that it cannot read, which it reports
   with their numbers.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar, cast

from codec.errors import EncodeError, FormatError
from codec.kinds import Key
from codec.names import check_field, is_key, name_faults
from codec.records import NO_METRICS, NUMBER_LIMIT, Metrics, Session, Status

SEPARATOR = " | "
NONE_KNOWN = "-"

_R = TypeVar("_R")
_DATE = len("2025-11-06")
_NUMBER = r"(?:0|[1-9][0-9]{0,14})"
_WORD = r"[^,|\s\x00-\x1f\x7f-\x9f]+"
_NEXT = r"(?:^|(?<=.),)"
#: Only the output of `encode_metrics`: no leading zeros, no missing `-0`. Compiled at its first
#: use, because `record` only encodes.
_METRICS: Final = (
    rf"(?=.)(?:L\+(?P<added>{_NUMBER})(?:,-(?P<removed>[1-9][0-9]{{0,14}}))?)?"
    rf"(?:{_NEXT}C:(?P<commits>{_NUMBER}))?(?:{_NEXT}T:(?P<minutes>{_NUMBER})min)?"
    rf"(?:{_NEXT}D:(?P<deployment>{_WORD}))?"
)


class Delta(NamedTuple):
    """A session's line. Known lines are a pair: `L+847` means that no lines were removed."""

    key: Key
    agent: str
    task: str
    status: Status
    metrics: Metrics = NO_METRICS


def in_order(rows: Iterable[_R], key_of: Callable[[_R], str]) -> list[_R]:
    """Return the rows of a file in the order in which their sessions happened.

    Rows are sorted by time. Rows with the same time keep the order of the file, and a date without
    a time follows the rows of its day that precede it in the file.

    Args:
        rows: in the order of the file.
        key_of: returns the key of a row.
    """
    newest: dict[str, str] = {}  # by date: the latest time so far
    dated: list[tuple[str, int, _R]] = []
    for place, row in enumerate(rows):
        time = key_of(row).partition(".")[0]
        before = newest.get(time[:10], "")
        if len(time) == _DATE:
            time = before or time
        elif time > before:
            newest[time[:10]] = time
        dated.append((time, place, row))
    return [row for _, _, row in sorted(dated)]


def delta_of(session: Session) -> Delta:
    """Return the delta of a session."""
    return Delta(
        key=session.key,
        agent=session.agent,
        task=session.task,
        status=session.status,
        metrics=shown_metrics(session),
    )


def shown_metrics(session: Session) -> Metrics:
    """Return the metrics for a session's line; if only one line count is known, the other is 0.

    A deployment that a log names stays in the manifest: it costs an agent more tokens than the rest
    of the line.
    """
    m = session.metrics
    known = m.lines_added is not None or m.lines_removed is not None
    return Metrics(
        lines_added=m.lines_added or 0 if known else None,
        lines_removed=m.lines_removed or 0 if known else None,
        commits=m.commits,
        duration_min=m.duration_min,
        deployment=m.deployment if session.v1 is None else None,
    )


def encode_delta(delta: Delta) -> str:
    """Return the line of a delta, without its line end.

    Raises:
        EncodeError: a field has a value that the line cannot contain.
    """
    if not is_key(delta.key):
        raise EncodeError(f"not a key: {delta.key!r}", field="key")
    fields = (
        delta.key,
        check_field(delta.agent, "agent"),
        check_field(delta.task, "task"),
        delta.status,
        encode_metrics(delta.metrics),
    )
    return SEPARATOR.join(fields)


def decode_delta(line: str) -> Delta:
    """Return the delta on a line, which has no line end.

    Raises:
        FormatError: the line is not a delta; the error names each invalid field.
    """
    fields = line.split(SEPARATOR)
    if len(fields) != 5:
        raise FormatError(
            f"{len(fields)} fields instead of 5",
            hint="A line is 'key | agent | task | status | metrics'",
        )
    key, agent, task, status, metrics = fields
    wrong = name_faults(key, agent, task, status)
    try:
        decoded = decode_metrics(metrics)
    except FormatError as e:
        wrong.append(str(e))
    if wrong:
        raise FormatError("; ".join(wrong))
    return Delta(key=Key(key), agent=agent, task=task, status=cast(Status, status), metrics=decoded)


def encode_metrics(metrics: Metrics) -> str:
    """Return metrics as `L+added[,-removed],C:commits,T:minutesmin,D:deployment`; `-` if unknown.

    Raises:
        EncodeError: a number is negative or has over 15 digits, or the deployment is not a word.
    """
    numbers = (metrics.lines_added, metrics.lines_removed, metrics.commits, metrics.duration_min)
    for number in numbers:
        if number is not None and not 0 <= number < NUMBER_LIMIT:
            raise EncodeError(f"a number is negative or too large: {numbers}", field="metrics")
    parts = []
    if metrics.lines_added is not None or metrics.lines_removed is not None:
        parts.append(f"L+{metrics.lines_added or 0}")
        if metrics.lines_removed:
            parts.append(f"-{metrics.lines_removed}")
    if metrics.commits is not None:
        parts.append(f"C:{metrics.commits}")
    if metrics.duration_min is not None:
        parts.append(f"T:{metrics.duration_min}min")
    if metrics.deployment is not None:
        if not re.fullmatch(_WORD, metrics.deployment):
            raise EncodeError(
                f"cannot be used in metrics: {metrics.deployment!r}", field="deployment"
            )
        parts.append(f"D:{metrics.deployment}")
    return ",".join(parts) or NONE_KNOWN


def decode_metrics(text: str) -> Metrics:
    """Return the metrics in a text.

    Raises:
        FormatError: the text is not of that form.
    """
    if text == NONE_KNOWN:
        return Metrics()
    m = re.fullmatch(_METRICS, text)
    if m is None:
        raise FormatError(
            f"not metrics: {text!r}",
            field="metrics",
            hint="Write them as L+847,-12,C:1,T:45min or -",
        )
    added, removed, commits, minutes, deployment = m.groups()
    return Metrics(
        lines_added=None if added is None else int(added),
        lines_removed=None if added is None else int(removed or 0),
        commits=None if commits is None else int(commits),
        duration_min=None if minutes is None else int(minutes),
        deployment=deployment,
    )


def decode_deltas(lines: Iterable[tuple[int, str]]) -> tuple[list[Delta], list[FormatError]]:
    """Return the deltas on numbered lines, equal lines once, and an error for each other line."""
    deltas: dict[str, Delta] = {}
    errors: list[FormatError] = []
    for number, line in lines:
        if line in deltas or not line:
            continue
        try:
            deltas[line] = decode_delta(line)
        except FormatError as e:
            errors.append(e.at(line=number))
    return list(deltas.values()), errors
