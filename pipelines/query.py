"""Questions about the sessions: filter, group, sum, average.

1. Answers come from the deltas, which tell an unknown number from a known zero; the tokens that
   sessions used, which deltas do not have, come from the metrics table, where 0 is unknown.
2. Unknown numbers are left out of sums and averages. Equal lines are one session.
3. A line that is no delta is a finding, and the rest goes on.
4. Lines stay bytes, and no more of them is taken apart than a question needs: a million sessions
   are a matter of half a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final, Literal

from codec.errors import FormatError
from codec.records import Metrics, key_time
from codec.v2_deltas import SEPARATOR, decode_delta, decode_metrics
from pipelines.answers import Answer, Cell
from pipelines.files import read_bytes
from pipelines.findings import Finding
from pipelines.workspace import DELTAS, METRICS, Workspace

By = Literal["agent", "status", "month", "task"]
Measure = Literal["lines_added", "lines_removed", "commits", "duration_min", "tokens_used"]

COLUMNS: Final = (
    "key", "agent", "task", "status", "lines_added", "lines_removed", "commits", "duration_min",
)  # fmt: skip
MEASURES: Final[tuple[Measure, ...]] = (
    "lines_added", "lines_removed", "commits", "duration_min", "tokens_used",
)  # fmt: skip
BYS: Final[tuple[By, ...]] = ("agent", "status", "month", "task")
_FIELDS: Final = {"month": 0, "agent": 1, "task": 2, "status": 3, "metrics": 4}
_BAR: Final = SEPARATOR.encode()
#: A line that is a delta beyond doubt; one that this does not fit is looked at by itself.
_DELTA: Final = re.compile(
    rb"^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?(?:\.[0-9a-f]{6,64})? \| [\w.+-]+ \| [\w.+-]+"
    rb" \| (?:PASS|FAIL|PARTIAL|UNKNOWN)"
    rb" \| (?:-|(?!\n)(?:L\+\d{1,15}(?:,-[1-9]\d{0,14})?)?(?:,?C:\d{1,15})?(?:,?T:\d{1,15}min)?)\n",
    re.M | re.A,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        agent, task: a name, or a pattern with `*` and `?`; None for all.
        status: one of the four words.
        since, until: times in v2 form or their beginnings, both included.
        last: the newest so many of those that fit.
        by: what to group by.
        sums, averages: what to add up, and what to average.
        count: how many sessions.
    """

    agent: str | None = None
    task: str | None = None
    status: str | None = None
    since: str | None = None
    until: str | None = None
    last: int | None = None
    by: By | None = None
    sums: tuple[Measure, ...] = ()
    averages: tuple[Measure, ...] = ()
    count: bool = False


def query(workspace: Workspace, question: Question) -> Answer:
    """Answer a question from the v2 files of a workspace."""
    data = read_bytes(workspace.path(DELTAS))
    whole = data[: data.rfind(b"\n") + 1]
    lines = dict.fromkeys(whole.split(b"\n"))
    lines.pop(b"", None)
    findings: tuple[Finding, ...] = ()
    if len(_DELTA.findall(whole)) < whole.count(b"\n"):
        lines, findings = _checked(whole)
    return _answer(workspace, question, lines, findings)


def _answer(
    workspace: Workspace,
    question: Question,
    lines: Iterable[bytes],
    findings: tuple[Finding, ...],
) -> Answer:
    fitting = list(_fitting(lines, question))
    if question.last is not None:
        fitting.sort(key=_order)
        fitting = fitting[len(fitting) - min(question.last, len(fitting)) :]
    if not (question.by or question.sums or question.averages or question.count):
        rows = [_row(line) for line in sorted(fitting, key=_order)]
        return Answer(columns=COLUMNS, rows=rows, findings=findings)
    measures = dict.fromkeys((*question.sums, *question.averages))
    tokens = _tokens(workspace) if "tokens_used" in measures else {}
    groups = _grouped(fitting, question.by)
    rows = [
        (*_head(group, question.by), *_measured(members, question, tokens))
        for group, members in sorted(groups.items())
    ]
    columns = (
        *([question.by] if question.by else []),
        *(["sessions"] if question.count or not measures else []),
        *(f"sum_{m}" for m in question.sums),
        *(f"avg_{m}" for m in question.averages),
    )
    return Answer(columns=columns, rows=rows, findings=findings)


def _checked(whole: bytes) -> tuple[dict[bytes, None], tuple[Finding, ...]]:
    """The lines that are deltas, equal ones once, and a finding for each that is none."""
    findings: list[Finding] = []
    good: dict[bytes, None] = {}
    for number, line in enumerate(whole.split(b"\n"), 1):
        try:
            if line and line not in good:
                decode_delta(line.decode(errors="replace"))
                good[line] = None
        except FormatError as e:
            findings.append(
                Finding(
                    code="broken-line", message=e.problem, file=DELTAS, line=number, hint=e.hint
                )
            )
    return good, tuple(findings)


def _fitting(lines: Iterable[bytes], question: Question) -> Iterable[bytes]:
    """The lines that a question is about."""
    tests: list[Callable[[Sequence[bytes]], bool]] = []
    for value, place in ((question.agent, 1), (question.task, 2)):
        if value is not None:
            fits = re.compile(translate(value).encode()).match
            tests.append(lambda f, fits=fits, place=place: fits(f[place]) is not None)  # type: ignore[misc]
    if question.status is not None:
        status = question.status.encode()
        tests.append(lambda f: f[3] == status)
    if question.since is not None:
        since = question.since.encode()
        tests.append(lambda f: f[0] >= since)
    if question.until is not None:
        until = question.until.encode()
        tests.append(lambda f: f[0][: len(until)] <= until)
    if not tests:
        return lines
    return (line for line in lines if all(test(line.split(_BAR, 4)) for test in tests))


def _grouped(lines: list[bytes], by: By | None) -> dict[bytes, list[bytes]]:
    if by is None:
        return {b"": lines}
    place = _FIELDS[by]
    cut = 7 if by == "month" else None
    groups: dict[bytes, list[bytes]] = {}
    for line in lines:
        groups.setdefault(line.split(_BAR, place + 1)[place][:cut], []).append(line)
    return groups


def _head(group: bytes, by: By | None) -> tuple[Cell, ...]:
    return (group.decode(errors="replace"),) if by else ()


def _measured(lines: list[bytes], question: Question, tokens: dict[str, int]) -> Iterator[Cell]:
    """The count, sums and averages of a group, in the order of the columns."""
    measures = dict.fromkeys((*question.sums, *question.averages))
    if question.count or not measures:
        yield len(lines)
    if not measures:
        return
    known: dict[str, list[int]] = {m: [] for m in measures}
    for line in lines:
        fields = line.split(_BAR)
        metrics = _metrics(fields[4])
        for measure, values in known.items():
            if measure == "tokens_used":
                value = tokens.get(fields[0].decode(errors="replace")) or None
            else:
                value = getattr(metrics, measure)
            if value is not None:
                values.append(value)
    for measure in question.sums:
        yield sum(known[measure])
    for measure in question.averages:
        values = known[measure]
        yield round(sum(values) / len(values), 2) if values else None


@lru_cache(maxsize=1 << 16)
def _metrics(text: bytes) -> Metrics:
    return decode_metrics(text.decode(errors="replace"))


def _row(line: bytes) -> tuple[Cell, ...]:
    key, agent, task, status, metrics = line.decode(errors="replace").split(SEPARATOR)
    m = decode_metrics(metrics)
    return (
        key, agent, task, status, m.lines_added, m.lines_removed, m.commits, m.duration_min,
    )  # fmt: skip


def _order(line: bytes) -> tuple[str, str]:
    key = line.partition(_BAR)[0].decode(errors="replace")
    return key_time(key), key


def _tokens(workspace: Workspace) -> dict[str, int]:
    """Tokens used, by key, from the metrics table."""
    found: dict[str, int] = {}
    for line in read_bytes(workspace.path(METRICS)).decode(errors="replace").split("\n"):
        fields = line.split("\t")
        if len(fields) == 9 and fields[8].isascii() and fields[8].isdigit():
            found[fields[0]] = int(fields[8])
    return found
