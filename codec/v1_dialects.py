"""How each dialect of a v1 log marks a session, and what its fields are called.

A log marks its sessions by dated lines: headings of one level, or bold lines, or list items, or
headings with a date field below them. `v1_detect` picks the one way that a log uses;
`Dialects.match` then tells for one line whether it begins a session, and what it says.

1. One log marks its sessions in one way: a dated line of another level or kind is content.
2. Several forms of heading may stand side by side at that level (`time | agent | task` beside
   `time - title`). The weak forms, with the date last or in the middle, count only where no
   strong form does.
3. A template (`### [timestamp] | [model]`) names no date, so it matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from codec.errors import FormatError
from codec.timestamps import CLOCK_PATTERN, TIME_PATTERN
from codec.v1_text import Log, decode_text


class Marker(Enum):
    """What kind of line begins a session."""

    HEADING = "heading"
    FIELD = "heading with a date field below"
    BOLD = "bold line"
    BULLET = "list item"
    CUSTOM = "heading pattern"


class Heading(NamedTuple):
    """What a line that begins a session says, as written; empty where it says nothing.

    `name` is its agent or its task: the fields of the entry tell which.
    """

    time: str
    time_end: str = ""
    agent: str = ""
    task: str = ""
    status: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One form of dated line: a pattern over the line's text, with named groups."""

    name: str
    pattern: str
    weak: bool = False
    flags: re.RegexFlag = re.NOFLAG

    def match(self, text: str) -> re.Match[str] | None:
        """The fields of a line's text, if it has this form."""
        return _compiled(self.pattern, self.flags).fullmatch(text)


# The times are atomic: a time is taken whole or not at all, its seconds are no title.
_SPAN = (
    rf"[\[(`]?(?P<time>(?>{TIME_PATTERN}))[\])`]?"
    r"(?:\s*(?:-|–|—|→|\.\.\.?|\bto\b)\s*"
    rf"[\[(`]?(?P<end>(?>{TIME_PATTERN}|{CLOCK_PATTERN}))[\])`]?)?"
)
_SEP = r"\s*(?:\||-{1,2}|–|—|:|·|•|/|,)\s*"
_WORD = (
    r"(?:(?:Agent|Work|Coding|Dev|Development)\s+)?"
    r"(?:Session|Entry|Log|Run|Iteration|Loop|Update|Checkpoint|Day|Date)(?:\s+Log)?"
    r"(?:\s*(?:#|No\.?)?\s*\d+[a-z]?)?"
)
_ID = r"(?:\s*\(Session:?\s*[^)]*\))?"

#: Strong forms first; the first that matches names the fields.
FORMS: Final = (
    Form(name="pipes", pattern=rf"{_SPAN}\s*\|\s*(?P<agent>[^|]*?)\s*\|\s*(?P<task>.*)"),
    Form(
        name="session",
        pattern=(
            rf"{_WORD}(?:{_SEP}|\s+|\s*(?=[(\[])){_SPAN}(?:(?:{_SEP}|\s+)(?P<task>.+?))?{_ID}"
        ),
        flags=re.IGNORECASE,
    ),
    Form(
        name="bracketed",
        pattern=rf"\[?(?P<time>(?>{TIME_PATTERN}))\]\s*[-–—]\s*(?P<name>[\w.+-]+)",
    ),
    Form(name="title", pattern=rf"{_SPAN}(?:{_SEP}|\s+)(?P<task>.+?){_ID}"),
    Form(name="bare", pattern=_SPAN),
    Form(
        name="last",
        pattern=(
            r"(?:(?P<agent>[^|]+?)\s*\|\s*)?(?P<task>.+?)"
            rf"(?:{_SEP}|\s+(?:on\s+|@\s*)?){_SPAN}[.\s]*"
        ),
        weak=True,
    ),
    Form(
        name="middle",
        pattern=rf"(?P<agent>[^|]+?)\s*\|\s*{_SPAN}\s*\|\s*(?P<task>.+?)",
        weak=True,
    ),
    Form(
        name="within",
        pattern=rf"(?P<task>.+?(?:{_SEP}|\s+)){_SPAN}(?:{_SEP}|\s+)(?P<rest>.+?)",
        weak=True,
    ),
)

#: The labels under which entries write each field, as `label_of` makes them, the best first.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "agent": (
        "agent",
        "ai",
        "owner",
        "harness",
        "model",
        "assistant",
        "author",
        "ai agent",
        "tool",
    ),
    "task": ("task", "title", "goal", "user goal", "objective", "feature", "本轮目标", "目标"),
    "status": ("status", "result", "outcome", "state", "状态"),
    "exit_code": ("exit_code", "exit code"),
    "started": ("started_at", "started", "start", "start time"),
    "finished": ("finished_at", "finished", "ended_at", "end", "end time", "completed_at"),
    "lines_added": ("lines added", "lines_added", "insertions", "additions"),
    "lines_removed": ("lines removed", "lines_removed", "lines deleted", "deletions"),
    "lines": ("lines", "lines changed", "loc"),
    "diff": ("diff",),
    "commits": ("commits", "total commits", "commit count"),
    "duration": ("duration", "time spent", "session duration", "elapsed"),
    "duration_min": ("duration_min", "duration min", "duration (min)", "minutes"),
    "tokens": ("tokens", "tokens used", "tokens_used", "total tokens"),
    "deployment": ("deployment",),
    "notes": ("notes", "note", "notes for next session", "runtime notes"),
    "lessons": ("lessons", "lesson", "lessons learned", "learnings"),
    "blockers": ("blockers", "blocker"),
    "escalation": ("escalation", "escalations"),
}

#: The labels of the line that dates a heading which has no date itself.
DATE_LABELS: Final = (
    "date",
    "timestamp",
    "time",
    "datetime",
    "date/time",
    "when",
    "started",
    "started_at",
    "日期",
    "дата",
)

_BOLD_LINE = re.compile(r"\*\*(?P<text>.+?)\*\*(?P<rest>.*)")
_BULLET_LINE = re.compile(r"[-*+][ \t]+(?P<text>.+)")
_BLANKS = re.compile(r"\s{2,}")
_LEADING_SIGNS = re.compile(r"[\W_]*(?=[\w\[(`])")
_AGENT_NOTE = (
    r"(?P<before>.*?)\(\s*(?:agent|ai|model|owner|author|by)\s*:\s*(?P<agent>[^()]+?)\s*\)"
    r"[\s:–—-]*(?P<after>.*)"
)
_DATE_FIELD: Final = (
    rf"[ \t]*(?:[-*+][ \t]+)?(?:\*\*|__)?(?:{'|'.join(DATE_LABELS)})(?:\*\*|__)?[ \t]*[:：]"
    rf"(?:\*\*|__)?[ \t]*`?(?P<time>{TIME_PATTERN}).*"
)
#: How many lines below a heading a date field may stand and still date the heading.
FIELD_REACH: Final = 8
#: How many characters of a line are looked at.
LINE_LIMIT: Final = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialects:
    """How one log marks its sessions.

    Attributes:
        marker: the kind of line.
        level: 1 to 6 for headings of that level; 7, below every heading, for other lines.
        forms: the forms that count.
        custom: the pattern that a user gave, over a whole line.
    """

    marker: Marker
    level: int
    forms: tuple[Form, ...]
    custom: re.Pattern[str] | None = None

    def match(self, line: str, below: Callable[[], Iterable[str]]) -> Heading | None:
        """What `line` says if it begins a session.

        Args:
            line: one line at column 0, without its line end.
            below: gives the lines below it, of which a date field is looked for in a few.
        """
        if self.custom is not None:
            m = self.custom.fullmatch(line)
            return heading_of(m) if m else None
        if self.marker is Marker.FIELD:
            return field_heading(line, self.level, below)
        text = line_text(line, self.marker, self.level)
        return match_forms(text, self.forms) if text is not None else None


def custom_dialect(pattern: str) -> Dialects:
    """A dialect from a user's own pattern over whole lines, with a group named `time` at least.

    Raises:
        FormatError: it is no regular expression, or has no group `time`.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as e:
        raise FormatError(f"not a regular expression: {e}", field="heading pattern") from None
    if "time" not in compiled.groupindex:
        raise FormatError(
            "has no group named time",
            field="heading pattern",
            hint=r"Name the groups: '## (?P<time>\S+) (?P<agent>\S+): (?P<task>.*)'",
        )
    hashes = re.match(r"\^?(?P<marks>#{1,6})(?!#)", pattern)
    level = len(hashes["marks"]) if hashes else 7
    return Dialects(marker=Marker.CUSTOM, level=level, forms=(), custom=compiled)


@lru_cache(maxsize=64)
def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """A form's pattern, compiled when it is first needed: together they cost more than a start."""
    return re.compile(pattern, flags)


def match_forms(text: str, forms: Iterable[Form]) -> Heading | None:
    """What a dated line says: the first form that fits names the fields.

    Of a line that is longer than any heading only the beginning is looked at, and a run of white
    space is one space: the lazy parts of some forms would take their time over more.
    """
    text = _BLANKS.sub(" ", text[:LINE_LIMIT])
    for form in forms:
        m = form.match(text)
        if m:
            return _titled(heading_of(m))
    return None


def _titled(heading: Heading) -> Heading:
    """A heading whose task is a task: `(agent: name)` is its agent, "Session 2" says nothing."""
    task = heading.task
    if heading.agent or not task:
        return heading
    note = _compiled(_AGENT_NOTE, re.IGNORECASE).fullmatch(task) if "(" in task else None
    if note:
        task = f"{note['before']}{note['after']}".strip()
        heading = heading._replace(agent=note["agent"], task=task)
    if task.startswith("(") and task.endswith(")") and task.count("(") == 1:
        task = task[1:-1].strip()
    if _compiled(_WORD, re.IGNORECASE).fullmatch(task):
        task = ""
    return heading._replace(task=task)


def heading_of(m: re.Match[str]) -> Heading:
    """The fields of a match, of a form or of a user's pattern."""
    groups = m.groupdict(default="")
    task = groups.get("task", "")
    if groups.get("rest"):
        task = f"{task}{groups['rest']}"
    return Heading(
        time=groups.get("time", ""),
        time_end=groups.get("end", ""),
        agent=groups.get("agent", "").strip(),
        task=task.strip(),
        status=groups.get("status", "").strip(),
        name=groups.get("name", ""),
    )


def _without_closing_marks(text: str) -> str:
    """A heading's text without the `##` that may close it, which stand behind white space."""
    before = text.rstrip("#")
    return before.rstrip(" \t") if before[-1:] in ("", " ", "\t") else text


def line_text(line: str, marker: Marker, level: int) -> str | None:
    """The text of a line of that kind and level, without marks; None for another kind."""
    if marker in (Marker.HEADING, Marker.FIELD):
        text = line.lstrip("#")
        if len(line) - len(text) != level or text[:1] not in (" ", "\t"):
            return None
        text = _without_closing_marks(text.rstrip(" \t"))
    elif marker is Marker.BOLD:
        m = _BOLD_LINE.fullmatch(line)
        if m is None:
            return None
        text = f"{m['text']}{m['rest']}"
    else:
        m = _BULLET_LINE.fullmatch(line)
        if m is None:
            return None
        text = m["text"]
    text = text.strip()
    if "**" in text:
        text = text.replace("**", "").strip()
    if text[:1].isalnum():
        return text
    signs = _LEADING_SIGNS.match(text)
    return text[signs.end() :] if signs else text


def field_heading(line: str, level: int, below: Callable[[], Iterable[str]]) -> Heading | None:
    """What a heading says that a date field in the lines below it dates."""
    text = line_text(line, Marker.FIELD, level)
    if text is None:
        return None
    for _, following in zip(range(FIELD_REACH), below(), strict=False):
        if following.startswith("#"):
            return None
        m = _compiled(_DATE_FIELD, re.IGNORECASE).fullmatch(following)
        if m:
            text = _BLANKS.sub(" ", text[:LINE_LIMIT])
            numbered = _compiled(rf"{_WORD}(?:{_SEP}(?P<task>.+))?", re.IGNORECASE).fullmatch(text)
            task = numbered["task"] or "" if numbered else text
            return _titled(Heading(time=m["time"], task=task))
    return None


def lines_from(data: Log, at: int) -> Iterable[str]:
    """The lines after the one that ends at `at`, decoded, without line ends."""
    while (start := data.find(b"\n", at) + 1) > 0:
        at = data.find(b"\n", start)
        at = at if at >= 0 else len(data)
        yield decode_text(data[start:at]).rstrip("\r")


@lru_cache(maxsize=4096)
def label_of(text: str) -> str:
    """A field's label as `LABELS` writes it: lower case, one space, no marks."""
    return " ".join(text.lower().replace("*", "").replace("`", "").strip("_").split())
