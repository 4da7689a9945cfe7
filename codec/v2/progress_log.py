"""`AGENT_PROGRESS_LOG_v2.md`: one reference entry per session.

    ### [REF:2025-11-06T14:30:00Z:sonnet-4.5:agentic-orchestration]
    Status: PASS (deployed)
    Metrics: L+847,C:1,T:45min
    Diff: .diffs/2025-11-06T14:30:00Z.diff
    Notes: Agents need MCP layer for shared state.

An entry ends with a blank line. An entry without notes has no `Notes`.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from codec.errors import EncodeError, FormatError
from codec.kinds import Key
from codec.names import check_name, is_key, one_line
from codec.records import NO_METRICS, Metrics, Session, Status
from codec.v2.deltas import decode_metrics, encode_metrics, shown_metrics

TITLE: Final = "# Agent progress log, version 2: reference entries, oldest first"
NO_DIFF: Final = "none"

# Compiled at their first use, because `record` only encodes.
_HEADING: Final = (
    r"(?a)### \[REF:(?P<key>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?(?:\.[0-9a-f]{6,64})?)"
    r":(?P<agent>[^:\]]+):(?P<task>[^:\]]+)\]"
)
_STATUS: Final = r"Status: (?P<status>PASS|FAIL|PARTIAL|UNKNOWN)(?: \((?P<remark>.+)\))?"
_LINE: Final = r"(?P<name>Metrics|Diff|Notes): (?P<value>.+)"


class Reference(NamedTuple):
    """A session's reference entry. `diff` is a path in the workspace; None without a diff."""

    key: Key
    agent: str
    task: str
    status: Status
    remark: str = ""
    metrics: Metrics = NO_METRICS
    diff: str | None = None
    notes: str = ""


def diff_path(key: Key) -> str:
    """Return the path of a session's diff, relative to the workspace.

    If a file system does not allow `:`, the file has the name that `diff_name` returns.
    """
    return f".diffs/{key}.diff"


def reference_of(session: Session) -> Reference:
    """Return the reference entry of a session."""
    return Reference(
        key=session.key,
        agent=session.agent,
        task=session.task,
        status=session.status,
        remark=session.remark,
        metrics=shown_metrics(session),
        diff=diff_path(session.key) if session.patch else None,
        notes=session.notes,
    )


def encode_reference(reference: Reference) -> str:
    """Return a reference entry as text, with the blank line that ends it.

    Raises:
        EncodeError: a field has a value that the entry cannot contain.
    """
    if not is_key(reference.key):
        raise EncodeError(f"not a key: {reference.key!r}", field="key")
    for name, value in (("agent", reference.agent), ("task", reference.task)):
        check_name(value, name)
    for name, value in (("remark", reference.remark), ("notes", reference.notes)):
        if value != one_line(value):
            raise EncodeError(f"is not one line: {value!r}", field=name)
    remark = f" ({reference.remark})" if reference.remark else ""
    notes = f"Notes: {reference.notes}\n" if reference.notes else ""
    return (
        f"### [REF:{reference.key}:{reference.agent}:{reference.task}]\n"
        f"Status: {reference.status}{remark}\n"
        f"Metrics: {encode_metrics(reference.metrics)}\n"
        f"Diff: {reference.diff or NO_DIFF}\n"
        f"{notes}\n"
    )


def decode_reference(lines: list[str]) -> Reference:
    """Decode the lines of a reference entry, the heading first.

    Raises:
        FormatError: they are not a reference entry; its line counts from the heading.
    """
    heading = re.fullmatch(_HEADING, lines[0])
    if heading is None:
        raise FormatError(f"not the heading of a reference entry: {lines[0]!r}", line=1)
    status = re.fullmatch(_STATUS, lines[1]) if len(lines) > 1 else None
    if status is None:
        raise FormatError("the line 'Status: PASS|FAIL|PARTIAL|UNKNOWN' is missing", line=2)
    values: dict[str, str] = {}
    for number, line in enumerate(lines[2:], 3):
        m = re.fullmatch(_LINE, line)
        if m is None or m["name"] in values:
            raise FormatError(f"not a line of a reference entry: {line!r}", line=number)
        values[m["name"]] = m["value"]
    missing = [name for name in ("Metrics", "Diff") if name not in values]
    if missing:
        raise FormatError(f"missing lines: {', '.join(missing)}", line=1)
    return Reference(
        key=Key(heading["key"]),
        agent=heading["agent"],
        task=heading["task"],
        status=cast(Status, status["status"]),
        remark=status["remark"] or "",
        metrics=decode_metrics(values["Metrics"]),
        diff=None if values["Diff"] == NO_DIFF else values["Diff"],
        notes=values.get("Notes", ""),
    )


def decode_references(text: str) -> tuple[list[Reference], list[FormatError]]:
    """Return the reference entries of a file, equal ones once, and an error for each broken one."""
    found: dict[Reference, None] = {}
    errors: list[FormatError] = []
    for start, lines in _blocks(text):
        try:
            found[decode_reference(lines)] = None
        except FormatError as e:
            e.line = start + (e.line or 1) - 1
            errors.append(e)
    return list(found), errors


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the blocks from a level-3 heading to a blank line: (line number, lines)."""
    block: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if line.startswith("### ") or not line:
            if block:
                yield start, block
            block = []
            if line:
                block, start = [line], number
        elif block:
            block.append(line)
    if block:
        yield start, block
