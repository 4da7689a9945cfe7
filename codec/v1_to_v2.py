"""From what a v1 entry says to the session it was: a pure mapping.

1. Nothing is invented: what the entry does not say is unknown, and stays so.
2. A figure that the entry does not declare is counted from its patch, if it has one, and is
   marked as counted. A declared figure that the patch contradicts is kept, and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from codec.diffs import DiffStat
from codec.errors import FormatError
from codec.records import (
    READER,
    UNNAMED,
    Metrics,
    PatchRef,
    Session,
    V1Entry,
    name_of,
    one_line,
)
from codec.timestamps import minutes_between, parse_range_end, parse_timestamp
from codec.v1_entry import Entry
from codec.vocabulary import agent_of, status_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """A session, and what of it had to be assumed or does not agree.

    Attributes:
        session: the session; its key is its time until the workspace gives it one.
        assumed_zone: its time names no zone.
        contradictions: (metric, declared, counted in the patch).
    """

    session: Session
    assumed_zone: bool
    contradictions: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a mapping may be told.

    Attributes:
        zone: the zone of times that name none.
        agents: aliases, from the name as written or as mapped to the name to use.
    """

    zone: tzinfo = UTC
    agents: Mapping[str, str] = field(default_factory=dict)


def session_of(
    entry: Entry,
    *,
    source: str,
    patch: PatchRef | None,
    stat: DiffStat | None,
    tokens: Mapping[str, int],
    options: Options,
) -> Mapped:
    """The session that an entry records.

    Args:
        entry: what the entry says.
        source: path of the log, relative to the workspace.
        patch: its patch.
        stat: the lines counted in that patch.
        tokens: of the whole entry, by tokenizer.
        options: zone and aliases.

    Raises:
        FormatError: the entry's time cannot be read.
    """
    start = parse_timestamp(entry.time, zone=options.zone)
    metrics, counted = _metrics(entry, start.text, stat, options)
    status, remark = status_of(entry.status)
    session = Session(
        key=start.text,
        time=start.text,
        agent=agent_of(entry.agent, options.agents),
        task=_task(entry),
        status=status,
        remark=remark,
        title=one_line(entry.title or entry.task),
        notes=_notes(entry.notes),
        metrics=metrics,
        patch=patch,
        v1=V1Entry(source=source, sha256=entry.sha256, tokens=tokens, counted=counted),
        reader=READER,
    )
    return Mapped(
        session=session,
        assumed_zone=start.assumed,
        contradictions=_contradictions(entry.declared, stat),
    )


def _task(entry: Entry) -> str:
    """The heading's task as written where it is a slug, else the task line cut at a word."""
    name = name_of(entry.task) if entry.task else UNNAMED
    return name if name != UNNAMED else name_of(entry.title)


def _notes(notes: tuple[tuple[str, str], ...]) -> str:
    """Notes and lessons as they are, blockers and escalation under their names, in one line."""
    return " ".join(
        text if field in ("notes", "lessons") else f"{field.capitalize()}: {text}"
        for field, text in notes
    )


def _metrics(
    entry: Entry, start: str, stat: DiffStat | None, options: Options
) -> tuple[Metrics, tuple[str, ...]]:
    metrics = entry.declared
    if metrics.duration_min is None:
        minutes = _range_minutes(entry, start, options)
        if minutes is not None:
            metrics = metrics._replace(duration_min=minutes)
    counted: list[str] = []
    if stat is not None:
        if metrics.lines_added is None:
            metrics = metrics._replace(lines_added=stat.added)
            counted.append("lines_added")
        if metrics.lines_removed is None:
            metrics = metrics._replace(lines_removed=stat.removed)
            counted.append("lines_removed")
    return metrics, tuple(counted)


def _range_minutes(entry: Entry, start: str, options: Options) -> int | None:
    """Minutes of the range that the heading or the entry's fields give, if both ends are read."""
    try:
        if entry.time_end:
            end = parse_range_end(entry.time, entry.time_end, zone=options.zone)
            return minutes_between(start, end.text)
        if entry.started and entry.finished:
            started = parse_range_end(entry.time, entry.started, zone=options.zone)
            finished = parse_range_end(entry.time, entry.finished, zone=options.zone)
            return minutes_between(started.text, finished.text)
    except FormatError:
        return None  # an end that cannot be read leaves the duration unknown
    return None


def _contradictions(declared: Metrics, stat: DiffStat | None) -> tuple[tuple[str, int, int], ...]:
    if stat is None or (declared.lines_added, declared.lines_removed) == (stat.added, stat.removed):
        return ()
    pairs = (
        ("lines_added", declared.lines_added, stat.added),
        ("lines_removed", declared.lines_removed, stat.removed),
    )
    return tuple((name, said, seen) for name, said, seen in pairs if said not in (None, seen))
