"""Answer questions about the sessions: filter, group, sum, average.

1. Answers come from the deltas, which distinguish an unknown number from a known zero. Tokens that
   sessions used are not in deltas, but in the metrics table, where 0 is unknown.
2. Unknown numbers are left out of sums and averages; without known numbers, these are unknown.
   Equal lines are one session.
3. A line that is not a delta is a finding, and the others still count.
4. Lines stay bytes, and a question splits only the fields that it needs: a million sessions take
   about three times as long as with awk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from typing import Final, Literal

from codec.names import name_of
from codec.records import Metrics
from codec.v2.deltas import SEPARATOR, decode_metrics, in_order
from codec.vocabulary import agent_of
from pipelines.outcomes.answers import Answer, Cell
from pipelines.outcomes.findings import Finding
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import DELTAS, METRICS, Workspace, read_config
from pipelines.workspace.reading import read_file

By = Literal["agent", "status", "month", "task"]
Measure = Literal["lines_added", "lines_removed", "commits", "duration_min", "tokens_used"]

COLUMNS: Final = (
    "key", "agent", "task", "status", "lines_added", "lines_removed", "commits", "duration_min",
)  # fmt: skip
MEASURES: Final[tuple[Measure, ...]] = (
    "lines_added", "lines_removed", "commits", "duration_min", "tokens_used",
)  # fmt: skip
BYS: Final[tuple[By, ...]] = ("agent", "status", "month", "task")
_FIELDS: Final[dict[By, int]] = {"agent": 1, "task": 2, "status": 3}
_BAR: Final = SEPARATOR.encode()
_WILD: Final = frozenset("*?[")
#: The most known names in a note.
_NAMED: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question about the sessions.

    Attributes:
        agent, task: a name, or a pattern with `*` and `?`; None for all. A name without these is
            normalized as in `record`.
        status: one of the four words, in any case.
        since, until: times in v2 form, or prefixes of such, both included.
        last: the number of newest sessions among those that match.
        by: the field to group by.
        sums, averages: the fields to add up, and to average.
        count: True to count the sessions.
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
    """Return the answer to a question, from the v2 files of a workspace.

    An answer without sessions has a note on each filter that no session matches.
    """
    question = _normalised(question, read_config(workspace).agents)
    deltas = read_deltas(workspace)
    answer = _answer(workspace, question, deltas.lines, deltas.findings)
    if any(cell for row in answer.rows for cell in row):
        return answer
    return answer._replace(findings=(*answer.findings, *_unmatched(workspace, question)))


def _normalised(question: Question, aliases: Mapping[str, str]) -> Question:
    """Return the question with names as the files write them."""
    agent, task = question.agent, question.task
    if agent is not None and not _WILD.intersection(agent):
        agent = agent_of(agent, aliases)
    if task is not None and not _WILD.intersection(task):
        task = name_of(task)
    status = question.status.upper() if question.status is not None else None
    return replace(question, agent=agent, task=task, status=status)


def _unmatched(workspace: Workspace, question: Question) -> Iterator[Finding]:
    """Yield a note for each filter that no session matches by itself."""
    lines = list(read_deltas(workspace).lines)
    for name in ("agent", "task", "status", "since", "until"):
        value = getattr(question, name)
        if value is None or any(True for _ in _fitting(lines, Question(**{name: value}))):
            continue
        hint = None
        if name in _FIELDS:
            known = Counter(_heads(lines, name))
            common = ", ".join(x.decode(errors="replace") for x, _ in known.most_common(_NAMED))
            hint = f"There are: {common}" if common else "There are no sessions"
        yield Finding(
            code="no-match",
            message=f"no session matches --{name} {value!r}",
            file=DELTAS,
            level="note",
            hint=hint,
        )


def _answer(
    workspace: Workspace,
    question: Question,
    lines: Iterable[bytes],
    findings: tuple[Finding, ...],
) -> Answer:
    fitting = _fitting(lines, question)
    if question.last is not None:
        ordered = in_order(fitting, _key)
        fitting = ordered[len(ordered) - min(question.last, len(ordered)) :]
    if not (question.by or question.sums or question.averages or question.count):
        rows = [_row(line) for line in in_order(fitting, _key)]
        return Answer(columns=COLUMNS, rows=rows, findings=findings)
    measures = dict.fromkeys((*question.sums, *question.averages))
    if question.by and not measures:
        counts = Counter(_heads(fitting, question.by))
        rows = [(*_head(group, question.by), count) for group, count in sorted(counts.items())]
    else:
        tokens = _tokens(workspace) if "tokens_used" in measures else {}
        groups = _grouped(list(fitting), question.by)
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


def _fitting(lines: Iterable[bytes], question: Question) -> Iterable[bytes]:
    """Return the lines that match a question."""
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


def _heads(lines: Iterable[bytes], by: By) -> Iterator[bytes]:
    """Yield the value by which each line is grouped."""
    if by == "month":
        return (line[:7] for line in lines)
    place = _FIELDS[by]
    return (line.split(_BAR, place + 1)[place] for line in lines)


def _grouped(lines: list[bytes], by: By | None) -> dict[bytes, list[bytes]]:
    if by is None:
        return {b"": lines}
    groups: dict[bytes, list[bytes]] = {}
    for head, line in zip(_heads(lines, by), lines, strict=True):
        groups.setdefault(head, []).append(line)
    return groups


def _head(group: bytes, by: By | None) -> tuple[Cell, ...]:
    return (group.decode(errors="replace"),) if by else ()


def _measured(lines: list[bytes], question: Question, tokens: dict[str, int]) -> Iterator[Cell]:
    """Yield the count, sums and averages of a group, in the order of the columns."""
    measures = dict.fromkeys((*question.sums, *question.averages))
    if question.count or not measures:
        yield len(lines)
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
        yield sum(known[measure]) if known[measure] else None
    for measure in question.averages:
        values = known[measure]
        yield round(sum(values) / len(values), 2) if values else None


@lru_cache(maxsize=1 << 16)
def _metrics(text: bytes) -> Metrics:
    return decode_metrics(text.decode(errors="replace").rstrip("\n"))


def _row(line: bytes) -> tuple[Cell, ...]:
    key, agent, task, status, metrics = line.decode(errors="replace").split(SEPARATOR)
    m = decode_metrics(metrics.rstrip("\n"))
    return (
        key, agent, task, status, m.lines_added, m.lines_removed, m.commits, m.duration_min,
    )  # fmt: skip


def _key(line: bytes) -> str:
    return line.partition(_BAR)[0].decode(errors="replace")


def _tokens(workspace: Workspace) -> dict[str, int]:
    """Return the used tokens by key, from the metrics table."""
    found: dict[str, int] = {}
    for line in read_file(workspace, METRICS).decode(errors="replace").split("\n"):
        fields = line.split("\t")
        if len(fields) == 9 and fields[8].isascii() and fields[8].isdigit():
            found[fields[0]] = int(fields[8])
    return found
