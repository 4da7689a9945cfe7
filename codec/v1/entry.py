"""Read one span of a v1 log as an entry, with its values as written.

1. The patch is removed before anything is parsed.
2. Figures are taken if the entry declares them; nothing is counted or guessed here.
3. The first line that states a field counts: later lines belong to reports inside the entry. If
   they look like entries of their own, `several` is True.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from codec.kinds import Sha256, sha256_of
from codec.lazy_pattern import LazyPattern
from codec.records import Metrics
from codec.v1.agents import is_agent, is_role, stated_agent
from codec.v1.date_patterns import CLOCK_PATTERN
from codec.v1.dialects import date_line
from codec.v1.fields import Fields, read_body
from codec.v1.figures import declared, first_line
from codec.v1.heading import Heading
from codec.v1.labels import place_of
from codec.v1.lines import OTHER, Line
from codec.v1.notes import first_line as text_of
from codec.v1.notes import notes_of
from codec.v1.several import several_sessions
from codec.v1.split import Span
from codec.v1.text import decode_text


class Entry(NamedTuple):
    """The values of one entry of a v1 log, as written; empty if not stated.

    Attributes:
        time, time_end: the time in the heading, and the end of its range.
        started, finished: the times in fields such as `started_at`.
        agent: the agent in the heading, else in a field.
        task: the task in the heading; `title` is the task line, or the sentence in the heading.
        first: the first line or value of the entry, if neither names a task.
        status: the status line, or `exit_code: N`.
        declared: the figures that the entry states.
        notes: (field, text) pairs of the labels in `NOTE_FIELDS`, or of the first sentences.
        sha256: the hash that identifies the entry in later runs; see `entry_hash`.
        several: the text below the heading looks like more than one session.
    """

    time: str
    time_end: str
    started: str
    finished: str
    agent: str
    task: str
    title: str
    first: str
    status: str
    declared: Metrics
    notes: tuple[tuple[str, str], ...]
    sha256: Sha256
    several: bool = False


_HEADING_FIRST = re.compile(r"\s*#{2,6}[ \t]+(?P<text>[^\n]*?)[ \t#]*(?:\n|$)")
_CLOCK_FIRST: Final = LazyPattern(rf"{CLOCK_PATTERN}\s*[-–—:|]?\s+")
#: The last line of an entry that somebody signed.
_SIGNED = re.compile(r"(?:—|–|--|signed(?: by)?:?)\s*(?P<agent>\S[^\n]{0,60})", re.I)
_BETWEEN: Final = LazyPattern(
    rf"(?P<start>{CLOCK_PATTERN})\s*(?:[-–—→~〜]|to|bis)\s*(?P<end>{CLOCK_PATTERN})", re.IGNORECASE
)
_RULES: Final = (b"---", b"***", b"___")


def entry_hash(entry: bytes) -> Sha256:
    """Return the hash that identifies an entry in other versions of its log.

    It is the SHA-256 of its bytes with CRLF as LF and without blank lines and rules at its end, so
    that neither a checkout nor text after the entry changes it.
    """
    if b"\r" in entry:
        entry = entry.replace(b"\r\n", b"\n")
    end = _trimmed(entry, len(entry))
    while entry[end - 3 : end] in _RULES:
        start = entry.rfind(b"\n", 0, end) + 1
        line = entry[start:end].strip()
        if start == 0 or line.strip(line[:1]):
            break
        end = _trimmed(entry, start)
    return sha256_of(memoryview(entry)[:end])


def _trimmed(entry: bytes, end: int) -> int:
    """Return the end of the entry without the white space before `end`."""
    while end and entry[end - 1] in b" \t\n\r\f\v":
        end -= 1
    return end


def read_entry(whole: bytes, span: Span, sha256: Sha256) -> Entry:
    """Read the entry of a session.

    Args:
        whole: its bytes.
        span: their position in the log, with the heading at their beginning.
        sha256: the `entry_hash` of the bytes.
    """
    heading = span.heading
    if heading is None:
        raise ValueError("the span is not a session")
    prose = _prose(whole, span)
    body = read_body(prose)
    fields = body.fields
    figures = declared(fields, body.code)
    if heading.notes:
        body.lines.insert(0, Line("notes", heading.notes))
    agent = stated_agent(first_line(fields, "agent"))
    if not agent:
        agent = stated_agent(first_line(fields, "tool"), known_only=True)
    if not agent and body.lines and (signed := _SIGNED.fullmatch(body.lines[-1].text)):
        agent = signed["agent"] if is_agent(signed["agent"]) else ""
        if agent:
            body.lines.pop()
    body.lines.extend(_unread(fields, figures, has_agent=bool(agent)))
    title = heading.title or first_line(fields, "task")
    stated = _heading_agent(heading, agent, title)
    task = heading.task or heading.name
    if stated and stated in (heading.name, heading.task):
        task = ""
    status = heading.status or _status(fields)
    started = first_line(fields, "started") or first_line(fields, "date")
    between = None
    if ":" in started[:5]:
        between = _BETWEEN.fullmatch(started)
    return Entry(
        time=heading.time,
        time_end=heading.time_end,
        started=between["start"] if between else started,
        finished=first_line(fields, "finished") or (between["end"] if between else ""),
        agent=stated or agent,
        task=task,
        title=title,
        first="" if task or title else _CLOCK_FIRST.sub("", _title_below(prose) or text_of(body)),
        status=status,
        declared=figures,
        notes=tuple(notes_of(body)),
        sha256=sha256,
        several=several_sessions(heading, body, prose),
    )


def _title_below(prose: str) -> str:
    """Return the heading at the beginning of an entry's text, unless it is a label."""
    m = _HEADING_FIRST.match(prose)
    if m is None or place_of(m["text"]).field:
        return ""
    return m["text"].strip(" *_`")


def _unread(fields: Fields, figures: Metrics, *, has_agent: bool) -> Iterator[Line]:
    """Yield field values that do not fit their label and therefore count as text."""
    for field, is_read in (
        ("agent", has_agent),
        ("tool", has_agent),
        ("commits", figures.commits is not None),
        ("duration", figures.duration_min is not None),
        ("lines", figures.lines_added is not None),
        ("diff", figures.lines_added is not None),
    ):
        if field in fields and not is_read and (value := first_line(fields, field)):
            yield Line(OTHER, value, is_item=True, label=field)


def _heading_agent(heading: Heading, agent: str, title: str) -> str:
    """Return the agent in the heading.

    If the entry names a task but no agent, a word in the place of the title is the agent: one that
    follows a time in brackets, or a role.
    """
    if heading.agent:
        return stated_agent(heading.agent)
    if "(" in heading.task and is_role(heading.task) and not agent:
        return heading.task
    if not title or agent:
        return ""
    if heading.name:
        return heading.name
    return heading.task if is_role(heading.task) else ""


def _prose(whole: bytes, span: Span) -> str:
    """Return the entry without its heading line and without its patch, fence lines included.

    Fields in the heading line come first.
    """
    heading = span.heading
    begin = whole.find(b"\n") + 1 or len(whole)
    if span.suspects:  # the text below is that of another session
        whole = whole[: span.suspects[0][0] - span.start]
    if span.patch is not None:
        start = whole.rfind(b"\n", 0, span.patch[0] - span.start - 1) + 1
        end = span.patch[1] - span.start
        if not span.unclosed:
            end = whole.find(b"\n", end) + 1 or len(whole)
        prose = whole[begin:start] + whole[end:]
    else:
        prose = whole[begin:]
    text = decode_text(prose)
    text = text.replace("\r\n", "\n") if "\r" in text else text
    first, _, rest = text.lstrip("\n").partition("\n")
    if heading and first[:1] not in ("", "-", "#") and heading.time in first and date_line(first):
        text = rest  # without the date of the heading
    return f"{heading.fields}\n{text}" if heading and heading.fields else text


def _status(fields: Fields) -> str:
    status = first_line(fields, "status")
    if status:
        return status
    code = first_line(fields, "exit_code")
    return f"exit_code: {code}" if code else ""
