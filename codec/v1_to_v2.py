"""From what a v1 entry says to the session it was: a pure mapping.

The tables here are published in FORMATS.md.

1. Nothing is invented: what the entry does not say is unknown, and stays so.
2. A figure that the entry does not declare is counted from its patch, if it has one, and is
   marked as counted. A declared figure that the patch contradicts is kept, and reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final

from codec.diffs import DiffStat
from codec.errors import FormatError
from codec.records import (
    UNNAMED,
    Metrics,
    PatchRef,
    Session,
    Status,
    V1Entry,
    name_of,
    one_line,
)
from codec.timestamps import minutes_between, parse_range_end, parse_timestamp
from codec.v1_entry import Entry

#: The first word of a status, in lower case, and what it means. A word that is not here is
#: UNKNOWN, and the whole text becomes the remark.
STATUS_WORDS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(
        ("pass", "passed", "passing", "ok", "success", "successful", "succeeded", "complete",
         "completed", "done", "finished", "merged", "deployed", "shipped", "resolved", "fixed",
         "✅", "✔", "✓", "🎉", "🟢"),
        "PASS",
    ),
    **dict.fromkeys(
        ("fail", "failed", "failing", "failure", "error", "errored", "broken", "aborted",
         "crashed", "❌", "✗", "✘", "🔴"),
        "FAIL",
    ),
    **dict.fromkeys(
        ("partial", "partially", "incomplete", "wip", "in-progress", "in_progress", "ongoing",
         "mixed", "paused", "blocked", "⚠", "🟡", "🚧"),
        "PARTIAL",
    ),
}  # fmt: skip

_STATUS = re.compile(
    r"[\W_]*?(?P<word>[^\W\d_][\w-]*|[✅✔✓🎉🟢❌✗✘🔴⚠🟡🚧])\ufe0f?(?P<rest>.*)", re.S
)
_EXIT_CODE = re.compile(r"exit_code: (?:(?P<zero>[+-]?0+)|-?\d+)\b.*")
_IN_PROGRESS = re.compile(r"in[ _-]progress\b", re.I)
_CHOICE = re.compile(r"[\s]*[|/][\s]*[A-Za-z]+")
_MODEL_ID = re.compile(
    r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d{1,2}))?(?:-\d{8}|-latest)?", re.I
)
_OLD_MODEL_ID = re.compile(
    r"claude-(?P<major>\d)(?:-(?P<minor>\d))?-(?P<family>[a-z]+)(?:-\d{8}|-latest)?", re.I
)
_MODEL_NAME = re.compile(
    r"Claude(?: Code)?[ (]+(?:Claude )?(?P<family>Sonnet|Opus|Haiku)"
    r"[ -](?P<major>\d)(?:\.(?P<minor>\d))?\)?",
    re.I,
)
_REMARK_EDGE = " \t-–—:,;.*_`"


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
    )
    return Mapped(
        session=session,
        assumed_zone=start.assumed,
        contradictions=_contradictions(entry.declared, stat),
    )


@lru_cache(maxsize=4096)
def status_of(text: str) -> tuple[Status, str]:
    """The status that a text states, and the remark that remains of it."""
    text = one_line(text).strip("*_` ")
    m = _EXIT_CODE.fullmatch(text)
    if m:
        return ("PASS", "") if m["zero"] else ("FAIL", text)
    m = _STATUS.fullmatch(_IN_PROGRESS.sub("in-progress", text, count=1))
    if m is None:
        return "UNKNOWN", text
    status = STATUS_WORDS.get(m["word"].lower())
    if status is None or _CHOICE.match(m["rest"]):
        return "UNKNOWN", text
    remark = _remark(m["rest"], status)
    if not m["word"].isalnum() and remark:
        again = _STATUS.fullmatch(remark)  # a sign, and then the word that it stands for
        if again and STATUS_WORDS.get(again["word"].lower()) == status:
            remark = _remark(again["rest"], status)
    return status, remark


def agent_of(text: str, aliases: Mapping[str, str]) -> str:
    """The short name of an agent: an alias, a Claude model's family and version, or the name."""
    text = text.strip()
    if text in aliases:
        return name_of(aliases[text])
    name = _short_name(text)
    return name_of(aliases[name]) if name in aliases else name


@lru_cache(maxsize=4096)
def _short_name(text: str) -> str:
    m = _MODEL_ID.fullmatch(text) or _OLD_MODEL_ID.fullmatch(text) or _MODEL_NAME.fullmatch(text)
    if m is None:
        return name_of(text)
    version = m["major"] + (f".{m['minor']}" if m["minor"] else "")
    return f"{m['family'].lower()}-{version}"


def _task(entry: Entry) -> str:
    """The heading's task as written where it is a slug, else the task line cut at a word."""
    name = name_of(entry.task) if entry.task else UNNAMED
    return name if name != UNNAMED else name_of(entry.title)


def _remark(rest: str, status: Status) -> str:
    """What follows the status word, without brackets, and without signs that say the same."""
    rest = rest.replace("\ufe0f", "").strip(_REMARK_EDGE)
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1].strip()
    rest = rest.strip("*_` ")
    return "" if STATUS_WORDS.get(rest) == status and not rest.isalnum() else rest


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
            metrics = replace(metrics, duration_min=minutes)
    counted: list[str] = []
    if stat is not None:
        if metrics.lines_added is None:
            metrics = replace(metrics, lines_added=stat.added)
            counted.append("lines_added")
        if metrics.lines_removed is None:
            metrics = replace(metrics, lines_removed=stat.removed)
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
