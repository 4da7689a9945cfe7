"""Map a v1 entry to its session: a pure function.

1. Nothing is invented: a value that the entry does not state is unknown.
2. A figure that the entry does not declare is counted from its patch, if it has one, and marked as
   counted. A declared figure that the patch contradicts is kept and reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

from codec.errors import FormatError
from codec.kinds import Key
from codec.names import UNNAMED, name_of, one_line
from codec.patches.diff_stat import DiffStat
from codec.records import READER, Metrics, PatchRef, Session, V1Entry
from codec.timestamps import minutes_between
from codec.v1.dates import (
    NO_CLUES,
    Clues,
    DateOrder,
    Timestamp,
    is_clock,
    parse_range,
    parse_range_end,
    parse_timestamp,
)
from codec.v1.entry import Entry
from codec.v1.notes import rendered
from codec.vocabulary import agent_of, status_of

_SENTENCE_ENDS: Final = " .!?…。！？;；:,"
#: Signs between words.
_SIGNS = re.compile(r"(?<!\S)[^\w\s()\[\]`\"']+(?!\S)")
_NOT_NAME = re.compile(r"[^\w.+-]+")
#: Words that must not end a shortened name.
_PARTICLES: Final = frozenset((
    "a", "an", "the", "and", "or", "of", "to", "in", "on", "at", "by", "for", "from", "with",
    "without", "into", "onto", "as", "is", "are", "via", "per", "after", "before", "und", "oder",
    "der", "die", "das", "den", "dem", "des", "ein", "eine", "zu", "zum", "zur", "im", "am",
    "auf", "aus", "bei", "für", "mit", "nach", "von", "vor", "et", "ou", "le", "la", "les", "un",
    "une", "du", "de", "à", "au", "aux", "en", "pour", "par", "sur", "avec", "dans", "y", "o",
    "el", "los", "las", "una", "unos", "del", "al", "por", "para", "con", "sin", "sobre", "e",
    "os", "um", "uma", "do", "da", "dos", "no", "na", "nos", "nas", "em", "com", "sem", "il",
    "lo", "gli", "i", "di", "della", "dei", "delle", "alla", "dal", "nel", "nella", "su", "het",
    "een", "van", "naar", "op", "met", "voor", "bij", "и", "или", "в", "во", "на", "с", "со", "к",
    "ко", "из", "от", "до", "для", "по", "о", "об", "при", "за", "і", "або", "у", "та", "що",
))  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """A session, and the values that were assumed or are contradictory.

    Attributes:
        session: the session; its key is its time until the workspace assigns one.
        assumed_zone: its time does not name a zone.
        unread_zone: a zone that its time names but that was not read; else empty.
        contradictions: (metric, declared value, value counted in the patch).
    """

    session: Session
    assumed_zone: bool
    unread_zone: str
    contradictions: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The options of a mapping.

    Attributes:
        clues: how ambiguous dates and times are read.
        agents: aliases: from the name as written or as mapped, to the name to use.
    """

    clues: Clues = NO_CLUES
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
    """Return the session that an entry records.

    Args:
        entry: the values of the entry.
        source: path of the log, relative to the workspace.
        patch: its patch.
        stat: the lines counted in that patch.
        tokens: tokens of the whole entry, by tokenizer.
        options: how times are read, and aliases.

    Raises:
        FormatError: the entry's time cannot be read.
    """
    start = _start(entry, options)
    metrics, counted = _metrics(entry, start.text, stat, options)
    status, remark = status_of(entry.status)
    title = entry.title or entry.task or entry.first
    if not (title or entry.notes):
        title = remark  # the whole text of the entry
    session = Session(
        key=Key(start.text),
        time=start.text,
        agent=agent_of(entry.agent, options.agents),
        task=_task(entry, title),
        status=status,
        remark=remark,
        title=one_line(title),
        notes=rendered(entry.notes),
        metrics=metrics,
        patch=patch,
        v1=V1Entry(source=source, sha256=entry.sha256, tokens=tokens, counted=counted),
        reader=READER,
    )
    return Mapped(
        session=session,
        assumed_zone=start.assumed and not start.unread,
        unread_zone=start.unread,
        contradictions=_contradictions(entry.declared, stat),
    )


def _start(entry: Entry, options: Options) -> Timestamp:
    """Return the entry's time; its other fields may add the time of day and the zone."""
    start = _heading_time(entry, options.clues)
    if start.assumed and entry.time_end:
        with suppress(FormatError):
            return parse_range(entry.time, entry.time_end, options.clues)[0]
    if entry.started and (start.assumed or "T" not in start.text):
        with suppress(FormatError):
            started = _started(entry, start.text[:10], options.clues)
            if _is_more_exact(start, started):
                return started
    return start


def _started(entry: Entry, day: str, clues: Clues) -> Timestamp:
    """Return the stated time of the start; if it has no zone, the zone of the end may apply.

    Raises:
        FormatError: the time cannot be read.
    """
    if is_clock(entry.started) and entry.finished:
        return parse_range(f"{day} {entry.started}", entry.finished, clues)[0]
    return parse_range_end(entry.time, entry.started, clues)


def _heading_time(entry: Entry, clues: Clues) -> Timestamp:
    """Return the time of the heading; if its date is ambiguous, the date field decides.

    Raises:
        FormatError: the time cannot be read, or no field decides.
    """
    try:
        return parse_timestamp(entry.time, clues)
    except FormatError:
        orders: tuple[DateOrder, ...] = () if clues.dates or not entry.started else ("dmy", "mdy")
        for order in orders:
            with suppress(FormatError):
                day = parse_timestamp(entry.started, clues).text[:10]
                either = parse_timestamp(entry.time, clues._replace(dates=order))
                if either.text[:10] == day:
                    return either
        raise


def _is_more_exact(start: Timestamp, started: Timestamp) -> bool:
    """Return True if a field has a more exact time than the heading, and does not contradict it."""
    if "T" not in started.text:
        return False
    if "T" not in start.text:
        return abs(_days(start.text) - _days(started.text)) <= 1
    return start.assumed and not started.assumed and start.text[13:] == started.text[13:]


def _days(text: str) -> int:
    return date.fromisoformat(text[:10]).toordinal()


def _task(entry: Entry, title: str) -> str:
    """Return the heading's task as written if it is a slug, else the task line cut at a word."""
    for text in (entry.task, title, entry.first):
        name = slug_of(text) if text else UNNAMED
        if name != UNNAMED:
            return name
    return UNNAMED


@lru_cache(maxsize=4096)
def slug_of(text: str) -> str:
    """Return a task's name: words joined by hyphens, without a particle at the end."""
    if " " not in text:
        return name_of(text)
    whole = _SIGNS.sub(" ", text.rstrip(_SENTENCE_ENDS))
    name = name_of(whole)
    if len(name) < len(_NOT_NAME.sub("-", whole).strip("-")):
        words = name.split("-")
        while len(words) > 2 and words[-1].lower() in _PARTICLES:
            words.pop()
        name = "-".join(words)
    return name


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
    """Return the minutes of the range in the heading or the fields."""
    clues = options.clues
    try:
        if entry.time_end:
            first, last = parse_range(entry.time, entry.time_end, clues)
            return minutes_between(first.text, last.text)
        if entry.finished and not entry.started and "T" in start:
            ended = parse_range(entry.time, entry.finished, clues)[1]
            return minutes_between(start, ended.text) or None
        if entry.started and entry.finished:
            began = entry.started
            if is_clock(began):
                began = f"{start[:10]} {began}"
            first, last = parse_range(began, entry.finished, clues)
            return minutes_between(first.text, last.text)
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
